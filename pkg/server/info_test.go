package server_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
)

// notHere are fields of redis-server's INFO that redisd does not have, with the
// reason.
var notHere = map[string]string{
	"gcc_version":   "no C compiler; go_version tells the compiler",
	"atomicvar_api": "no C atomics",
	"db0":           "is there when there are keys",
	"cmdstat_set":   "is there when the command was called",
	"errorstat_ERR": "is there when an error was replied",
}

func TestInfoHasRedisFields(t *testing.T) {
	oracle := startOracle(t, "--appendonly", "yes")
	here := startServer(t, "appendonly yes").dial()
	want := oracle.info("everything")
	got := here.info("everything")
	for name := range want {
		if _, ok := got[name]; !ok && notHere[name] == "" && !strings.HasPrefix(name, "cmdstat_") &&
			!strings.HasPrefix(name, "latency_percentiles_usec_") {
			t.Errorf("INFO lacks %s", name)
		}
	}
	for _, name := range []string{
		"redisd_version", "listener0", "current_save_keys_processed", "current_save_keys_total", "current_fork_perc",
		"latest_fork_usec", "total_forks", "rdb_saves", "aof_rewrites", "rdb_last_load_keys_expired", "rdb_last_load_keys_loaded",
		"aof_rewrite_buffer_length", "snapshot_pending_bytes", "snapshot_pending_peak", "snapshot_barriers",
		"snapshot_longest_slice_usec", "child_last_exit", "rdb_last_bgsave_error", "aof_last_bgrewrite_error",
		"go_heap_bytes", "dataset_bytes", "eventloop_cycles", "eventloop_duration_sum", "acl_access_denied_auth",
	} {
		if _, ok := got[name]; !ok {
			t.Errorf("INFO lacks %s", name)
		}
	}
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
