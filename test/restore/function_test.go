package restore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// libraries are such that every field of their form is used.
func libraries() []string {
	return []string{
		"#!lua name=plain\nredis.register_function('get', function(keys, args) return redis.call('GET', keys[1]) end)",
		"#!lua name=flags\nredis.register_function{function_name='read', description='with \\0 and \"\\r\\n', callback=function() return 'read' end, " +
			"flags={'no-writes', 'allow-stale', 'allow-oom', 'no-cluster', 'allow-cross-slot-keys'}}\n" +
			"redis.register_function('set', function(keys, args) return redis.call('SET', keys[1], args[1]) end)",
		"#!lua name=long\n--" + strings.NewReplacer("\r", "", "\n", "").Replace(string(noise(200))) + fmt.Sprintf("%070000d", 7) + "\nredis.register_function('long', function() return 'long' end)",
	}
}

func loadLibraries(s *rig.Server) {
	for _, code := range libraries() {
		s.Do("FUNCTION", "LOAD", code)
	}
	s.Do("FCALL", "set", 1, "k", "value")
}

// sameLibraries expects the libraries of both to be alike in every field, and to run.
func sameLibraries(t *testing.T, a, b *rig.Server) {
	t.Helper()
	for _, name := range []string{"plain", "flags", "long"} {
		list := func(s *rig.Server) string {
			return fmt.Sprint(s.Do("FUNCTION", "LIST", "LIBRARYNAME", name, "WITHCODE"))
		}
		want := list(a)
		check.True(t, len(want) > 100, "the library is there")
		for _, s := range []*rig.Server{a, b} {
			// The functions of a library come in no order.
			check.Eq(t, len(list(s)), len(want))
		}
	}
	check.Eq(t, fmt.Sprint(b.Do("FCALL", "get", 1, "k"), b.Do("FCALL_RO", "read", 0), b.Do("FCALL", "long", 0)), "valuereadlong")
}

// TestLibrariesThereAndBack takes libraries of functions from either server to the
// other and back, by each way that there is.
func TestLibrariesThereAndBack(t *testing.T) {
	aof := []string{"--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble"}
	ways := []struct {
		name string
		args []string
		ours []string // of redisd, besides
		// files makes the folder that the next server starts from; nil: FUNCTION DUMP.
		files func(t *testing.T, s *rig.Server) string
	}{
		{"RDB file", nil, nil, func(_ *testing.T, s *rig.Server) string { s.Do("SAVE"); return s.Copy("dump.rdb") }},
		{"AOF as it grew", append(aof, "no"), []string{"--aof-layout", "multipart"}, copyFolder},
		{"AOF rewritten", append(aof, "no"), []string{"--aof-layout", "multipart"}, rewritten},
		{"AOF rewritten with preamble", append(aof, "yes"), []string{"--aof-layout", "multipart"}, rewritten},
		{"FUNCTION DUMP", nil, nil, nil},
	}
	for _, way := range ways {
		start := func(t *testing.T, ours bool, from *rig.Server) *rig.Server {
			o := rig.Options{Args: way.args}
			if from != nil && way.files != nil {
				o.Dir = way.files(t, from)
			}
			if ours {
				o.Args = slices.Concat(way.args, way.ours)
				return rig.Start(t, o)
			}
			return rig.StartRedis(t, o)
		}
		for _, ours := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, from us %v", way.name, ours), func(t *testing.T) {
				t.Parallel()
				s := start(t, ours, nil)
				loadLibraries(s)
				for _, here := range []bool{!ours, ours} {
					next := start(t, here, s)
					if way.files == nil {
						next.Do("FUNCTION", "RESTORE", s.Do("FUNCTION", "DUMP"))
						next.Do("SET", "k", "value")
					}
					sameLibraries(t, s, next)
					s = next
				}
			})
		}
	}
}

func rewritten(t *testing.T, s *rig.Server) string {
	t.Helper()
	s.Do("BGREWRITEAOF")
	s.WaitIdle()
	return copyFolder(t, s)
}
