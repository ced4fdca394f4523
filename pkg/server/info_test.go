package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
)

// notHere are fields of redis-server's INFO that redisd does not have, with the
// reason.
var notHere = map[string]string{
	"gcc_version":   "no C compiler; go_version tells the compiler",
	"atomicvar_api": "no C atomics",
}

// notThere are fields of redisd's INFO that redis-server 7.0 does not have, with the
// reason. A name that ends in * stands for all that begin so.
var notThere = map[string]string{
	"redisd_version": "redis_version is that of the Redis that is followed", "go_version": "in the place of gcc_version",
	"listener0": "7.2", "total_blocking_keys": "7.2", "total_blocking_keys_on_nokey": "7.2", "evicted_scripts": "7.4",
	"eventloop_*": "7.2", "instantaneous_eventloop_*": "7.2", "acl_access_denied_*": "7.2",
	"held_clients": "clients whose replies wait for the log", "protocol_errors": "told apart from other errors",
	"dataset_*": "the arena", "go_heap_bytes": "the Go heap", "go_system_bytes": "the Go heap", "snapshot_*": "there is a snapshot, and no fork", "child_*": "the child of a job and those before",
	"aof_layout": "there are two", "aof_unsynced_bytes": "what a power failure would lose",
	"rdb_last_bgsave_error": "why it failed", "aof_last_bgrewrite_error": "why it failed", "aof_rewrite_buffer_length": "6.2: there is a difference",
}

// infoSectionFields gives the names of INFO's fields by section. Those that are named
// by commands and errors are left out: they are there when something was called.
func infoSectionFields(text string) map[string][]string {
	fields, section := map[string][]string{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "# "); ok {
			section = title
			fields[section] = nil
		} else if name, _, ok := strings.Cut(line, ":"); ok && !strings.HasSuffix(section, "stats") || section == "Stats" && ok {
			fields[section] = append(fields[section], name)
		}
	}
	return fields
}

// TestInfoFieldsAreRedis compares the names of the fields, section by section and both
// ways, with the append-only file on and keys in two databases.
func TestInfoFieldsAreRedis(t *testing.T) {
	oracle := startOracle(t, "--appendonly", "yes")
	here := startServer(t, "appendonly yes").dial()
	for _, c := range []*peer{oracle, here} {
		c.ok("SET", "k", "v")
		c.ok("SELECT", "3")
		c.ok("SET", "k", "v")
	}
	want, got := infoSectionFields(oracle.text("INFO", "everything")), infoSectionFields(here.text("INFO", "everything"))
	check.True(t, len(want["Server"]) > 10 && len(want["Stats"]) > 30 && len(want["Keyspace"]) == 2, "the test reads sections")
	used := map[string]bool{}
	for section, names := range want {
		for _, name := range names {
			if slices.Contains(got[section], name) {
				check.Eq(t, notHere[name], "") // the table is not out of date
			} else if notHere[name] == "" {
				t.Errorf("section %s lacks %s", section, name)
			}
		}
		for _, name := range got[section] {
			if slices.Contains(names, name) {
				continue
			}
			key := explained(name)
			if used[key] = true; key == "" {
				t.Errorf("section %s has %s, which redis-server has not", section, name)
			}
		}
	}
	for name := range notThere {
		check.True(t, used[name], "redisd has no longer "+name+", or Redis has it too")
	}
}

// explained is the row of notThere that is about a field, or "".
func explained(name string) string {
	if notThere[name] != "" {
		return name
	}
	for row := range notThere {
		if prefix, all := strings.CutSuffix(row, "*"); all && strings.HasPrefix(name, prefix) {
			return row
		}
	}
	return ""
}

func TestInfoNamesTheDaemon(t *testing.T) {
	got := startServer(t).dial().info()
	check.Eq(t, got["redis_version"], "7.2.4")
	check.Eq(t, got["mem_allocator"], "redisd-arena")
}

// Fields that are numbers in Redis are numbers here too.
func TestInfoFieldsHaveRedisForm(t *testing.T) {
	oracle := startOracle(t)
	here := startServer(t).dial()
	want, got := oracle.info(), here.info()
	for name, value := range want {
		mine, ok := got[name]
		if !ok {
			continue
		}
		_, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
		_, errMine := strconv.ParseFloat(strings.TrimSuffix(mine, "%"), 64)
		hex := strings.Contains(name, "id") || strings.Contains(name, "sha1")
		if (err == nil) != (errMine == nil) && !hex {
			t.Errorf("%s is %q here and %q in Redis", name, mine, value)
		}
		if strings.HasSuffix(value, "%") != strings.HasSuffix(mine, "%") {
			t.Errorf("%s is %q here and %q in Redis", name, mine, value)
		}
	}
}

func sectionsOf(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(line, "# "); ok {
			names = append(names, strings.TrimSpace(title))
		}
	}
	return names
}

func TestInfoSections(t *testing.T) {
	oracle := startOracle(t)
	here := startServer(t).dial()
	for _, words := range [][]string{
		{}, {"default"}, {"all"}, {"everything"}, {"server"}, {"SERVER"}, {"cpu", "memory"}, {"memory", "cpu"},
		{"cpu", "cpu"}, {"nonsense"}, {"cpu", "default"}, {"keyspace", "all"}, {"commandSTATS"}, {"latencystats", "cluster"},
	} {
		cmd := append([]string{"INFO"}, words...)
		want, got := sectionsOf(oracle.text(cmd...)), sectionsOf(here.text(cmd...))
		if !slices.Equal(got, want) {
			t.Errorf("INFO %v has %v, Redis's has %v", words, got, want)
		}
	}
}

func TestInfoCounts(t *testing.T) {
	here := startServer(t).dial()
	here.ok("SET", "a", "1")
	here.ok("SET", "b", "1", "EX", "100")
	here.ok("GET", "a")
	here.do("GET", "nothing")
	here.refused("INCR", "a", "b")
	here.refused("NOSUCHCOMMAND")
	got := here.info("everything")
	check.Contains(t, got["db0"], "keys=2,expires=1,avg_ttl=")
	check.Eq(t, got["keyspace_hits"], "1")
	check.Eq(t, got["keyspace_misses"], "1")
	check.Eq(t, got["total_error_replies"], "2")
	check.Eq(t, got["errorstat_ERR"], "count=2")
	check.Contains(t, got["cmdstat_set"], "calls=2,usec=")
	check.Contains(t, got["cmdstat_incr"], "calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0")
	check.Contains(t, got["latency_percentiles_usec_set"], "p50=")
	check.Eq(t, got["rdb_changes_since_last_save"], "2")
	check.Eq(t, got["connected_clients"], "2")
	dataset, err := strconv.Atoi(got["dataset_bytes"])
	check.NoErr(t, err)
	check.True(t, dataset > 0, "dataset_bytes with two keys")

	here.ok("CONFIG", "RESETSTAT")
	got = here.info("everything")
	check.Eq(t, got["total_error_replies"], "0")
	check.Eq(t, got["keyspace_hits"], "0")
	check.Contains(t, got["cmdstat_config|resetstat"], "calls=1,")
	_, there := got["cmdstat_set"]
	check.True(t, !there, "RESETSTAT forgets the commands")

	here.ok("FLUSHALL")
	dataset, err = strconv.Atoi(here.info("memory")["dataset_bytes"])
	check.NoErr(t, err)
	check.True(t, dataset <= 4096, "after FLUSHALL dataset_bytes is "+strconv.Itoa(dataset))
}

func TestInfoRESP3IsVerbatim(t *testing.T) {
	here := startServer(t).dial()
	here.ok("HELLO", "3")
	check.Eq(t, here.ok("INFO", "server").Kind, byte('='))
}

// TestMemoryStatsTellsOfScripts: what scripts and libraries take is in there, as in INFO.
func TestMemoryStatsTellsOfScripts(t *testing.T) {
	here := startServer(t).dial()
	stats := func() map[string]string {
		r, fields := here.ok("MEMORY", "STATS"), map[string]string{}
		for i := 0; i+1 < len(r.Elems); i += 2 {
			fields[r.Elems[i].Text] = r.Elems[i+1].String()
		}
		return fields
	}
	check.Eq(t, stats()["lua.caches"], "(integer) 0")
	here.ok("EVAL", "return 1", "0")
	here.ok("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)")
	got, info := stats(), here.info("memory")
	check.True(t, got["lua.caches"] != "(integer) 0" && got["functions.caches"] != "(integer) 0", "scripts take memory")
	check.Eq(t, got["lua.caches"], "(integer) "+info["used_memory_scripts_eval"])
	check.Eq(t, got["functions.caches"], "(integer) "+info["used_memory_functions"])
}

// TestFailuresOfTheLogAreCounted: a command of the append-only file that fails has not
// failed when it was logged. The load goes on, as in Redis, and tells.
func TestFailuresOfTheLogAreCounted(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "appendonly.aof")
	log := resp.AppendCommandStrings(nil, "SET", "k", "v")
	log = resp.AppendCommandStrings(log, "LPUSH", "k", "a")
	log = resp.AppendCommandStrings(log, "SET", "n", "1")
	check.NoErr(t, os.WriteFile(file, log, 0o644))
	s := startServerAs(t, rigOptions{dir: dir}, "appendonly yes")
	here := s.dial()
	check.Eq(t, here.info("stats")["unexpected_error_replies"], "1")
	check.Eq(t, here.text("GET", "n"), "1")
	check.Contains(t, s.log.String(), "== CRITICAL == This server is sending an error to its AOF-loading-client: "+
		"'WRONGTYPE Operation against a key holding the wrong kind of value' after processing the command 'lpush'")
}

// What a connection makes the daemon keep shows in mem_clients_normal and in MEMORY STATS,
// with and without a limit that has clients accounted, and not as data.
func TestMemoryOfClientsIsNotData(t *testing.T) {
	for _, directive := range []string{"maxmemory 0", "maxmemory 1gb"} {
		r := startServer(t, directive)
		admin, _ := r.dial(), r.dial()
		for _, tt := range []struct {
			name  string
			keeps int64 // bytes at least, and less than four times as many
			words func(i int) []string
			n     int
		}{
			{"a transaction", 100 * 100_000, func(i int) []string { return []string{"SET", "k", strings.Repeat("x", 100_000)} }, 100},
			{"subscriptions", 10_000 * 100, func(i int) []string { return []string{"SUBSCRIBE", fmt.Sprintf("channel %092d", i)} }, 10_000},
			{"patterns", 10_000 * 100, func(i int) []string { return []string{"PSUBSCRIBE", fmt.Sprintf("pattern %092d", i)} }, 10_000},
			{"watched keys", 10_000 * 100, func(i int) []string { return []string{"WATCH", fmt.Sprintf("watched %092d", i)} }, 10_000},
		} {
			before, stats := admin.info("memory"), asMap(admin.ok("MEMORY", "STATS"))
			c := r.dial()
			if tt.name == "a transaction" {
				c.ok("MULTI")
			}
			c.pipeline(tt.n, tt.words)
			after, statsAfter := admin.info("memory"), asMap(admin.ok("MEMORY", "STATS"))
			grown := func(field string) int64 { return number(t, after, field) - number(t, before, field) }
			name := fmt.Sprintf("%s, %s: ", directive, tt.name)
			clients := grown("mem_clients_normal")
			check.True(t, clients >= tt.keeps && clients < 4*tt.keeps, fmt.Sprint(name, clients, " bytes of clients"))
			data := grown("used_memory_dataset")
			check.True(t, data > -tt.keeps/10 && data < tt.keeps/10, fmt.Sprint(name, data, " bytes of data"))
			check.True(t, grown("used_memory") >= tt.keeps, fmt.Sprint(name, grown("used_memory"), " bytes in all"))
			told := statsAfter["clients.normal"].Int - stats["clients.normal"].Int
			check.True(t, told > clients*9/10 && told < clients*11/10, fmt.Sprint(name, told, " bytes of clients in MEMORY STATS"))
			check.NoErr(t, c.conn.Close())
			admin.eventually(name+"what it kept is gone", func() bool {
				return admin.figure("memory", "mem_clients_normal")-number(t, before, "mem_clients_normal") < tt.keeps/10
			})
		}
	}
}
