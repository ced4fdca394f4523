package restore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestFilesKeepUse: how often keys were used, or how long ago, comes through every file
// and both ways between redis-server and the daemon, for values of all types and sizes.
// Under a policy that does not ask for it nobody writes it.
func TestFilesKeepUse(t *testing.T) {
	policies := []struct {
		name, field string
		kept, all   bool // all ways, or the first alone
	}{
		{"allkeys-lru", "IDLETIME", true, true},
		{"allkeys-lfu", "FREQ", true, true},
		{"volatile-lru", "IDLETIME", true, false},
		{"volatile-lfu", "FREQ", true, false},
		{"noeviction", "IDLETIME", false, false},
	}
	restart := func(t *testing.T, s *rig.Server, _ []string) *rig.Server {
		s.Stop()
		s.Restart()
		return s
	}
	after := func(job string) func(t *testing.T, s *rig.Server, args []string) *rig.Server {
		return func(t *testing.T, s *rig.Server, args []string) *rig.Server {
			s.Do(job)
			s.WaitIdle()
			return restart(t, s, args)
		}
	}
	ways := []struct {
		name  string
		redis bool // the first server is redis-server
		args  []string
		goes  func(t *testing.T, from *rig.Server, args []string) *rig.Server
	}{
		{"SAVE and restart", false, nil, after("SAVE")},
		{"BGSAVE and restart", false, nil, after("BGSAVE")},
		{"DEBUG RELOAD", false, nil, func(t *testing.T, s *rig.Server, _ []string) *rig.Server {
			s.Do("DEBUG", "RELOAD")
			return s
		}},
		{"rewrite and restart", false, []string{"--appendonly", "yes"}, after("BGREWRITEAOF")},
		{"rewrite in a folder and restart", false, []string{"--appendonly", "yes", "--aof-layout", "multipart"}, after("BGREWRITEAOF")},
		{"our RDB in redis-server", false, nil, func(t *testing.T, s *rig.Server, args []string) *rig.Server {
			s.Do("BGSAVE")
			s.WaitIdle()
			return rig.StartRedis(t, rig.Options{Dir: s.Copy("dump.rdb"), Args: args})
		}},
		{"our rewritten folder in redis-server", false, []string{"--appendonly", "yes", "--aof-layout", "multipart"}, func(t *testing.T, s *rig.Server, args []string) *rig.Server {
			s.Do("BGREWRITEAOF")
			s.WaitIdle()
			return rig.StartRedis(t, rig.Options{Dir: copyFolder(t, s), Args: slices.Concat(args[:len(args)-4], []string{"--appendonly", "yes"})})
		}},
		{"redis-server's RDB here", true, nil, func(t *testing.T, r *rig.Server, args []string) *rig.Server {
			r.Do("SAVE")
			return rig.Start(t, rig.Options{Dir: r.Copy("dump.rdb"), Args: args})
		}},
		{"redis-server's rewritten folder here", true, []string{"--appendonly", "yes"}, func(t *testing.T, r *rig.Server, args []string) *rig.Server {
			rig.Eventually(t, "rewrite", func() bool { return r.Client().BgRewriteAOF(context.Background()).Err() == nil })
			r.WaitIdle()
			return rig.Start(t, rig.Options{Dir: copyFolder(t, r), Args: args})
		}},
	}
	for _, p := range policies {
		for i, way := range ways {
			if i > 0 && !p.all {
				break
			}
			t.Run(p.name+", "+way.name, func(t *testing.T) {
				t.Parallel()
				args := append([]string{"--maxmemory-policy", p.name, "--lfu-decay-time", "0"}, way.args...)
				start := rig.Start
				if way.redis {
					start = rig.StartRedis
				}
				from := start(t, rig.Options{Args: args})
				given := giveUse(t, from, p.field)
				to := way.goes(t, from, args)
				check.Eq(t, len(keys(t, to, 0)), len(given))
				for k, want := range given {
					if !p.kept {
						want = 0
					}
					got := to.Do("OBJECT", p.field, k).(int64)
					// Times go on.
					check.True(t, got == want || p.field == "IDLETIME" && got > want && got < want+200, fmt.Sprintf("%.40q: %d, want %d", k, got, want))
				}
			})
		}
	}
}

// giveUse fills a server and tells it of each key how it was used; it returns what it told.
func giveUse(t *testing.T, s *rig.Server, field string) map[string]int64 {
	t.Helper()
	ctx := context.Background()
	p := s.Client().Pipeline()
	for _, v := range []string{"12", "short", strings.Repeat("long", 30), string(noise(300_000))} {
		p.Set(ctx, fmt.Sprint("string of ", len(v)), v, 0)
	}
	collections(p)
	_, _ = p.Exec(ctx) // a read that finds nothing is an error to it; what is there is looked at
	given := map[string]int64{}
	for i, k := range keys(t, s, 0) {
		n := int64(3 + i*5)
		if field == "IDLETIME" {
			n *= 1000
		}
		s.Do("RESTORE", k, 0, s.Do("DUMP", k), "REPLACE", field, n)
		given[k] = n
	}
	check.True(t, len(given) > 20 && len(given) < 50, "keys of all types, and few enough for counters to differ")
	return given
}
