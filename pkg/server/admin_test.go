package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
)

// The replies to these are the same, errors included.
func TestServerRepliesEqualRedis(t *testing.T) {
	oracle, here := startOracle(t), startServer(t).dial()
	for _, p := range []*peer{oracle, here} {
		p.ok("CONFIG", "SET", "slowlog-log-slower-than", "-1")
		p.ok("SLOWLOG", "RESET")
		p.ok("SET", "k", "v")
	}
	for _, line := range []string{
		"ROLE", "ROLE x", "TIME x", "SLOWLOG", "SLOWLOG GET", "SLOWLOG GET x", "SLOWLOG GET -2", "SLOWLOG GET -1", "SLOWLOG GET 1 2",
		"SLOWLOG LEN", "SLOWLOG LEN x", "SLOWLOG RESET", "SLOWLOG NOSUCH", "WAIT", "WAIT a 1", "WAIT 0 0", "WAIT 0 a", "WAIT 0 -1",
		"LATENCY", "LATENCY LATEST", "LATENCY LATEST x", "LATENCY HISTORY x", "LATENCY HISTORY", "LATENCY GRAPH x", "LATENCY RESET",
		"LATENCY RESET x", "LATENCY HISTOGRAM nonsense", "LATENCY NOSUCH", "MEMORY", "MEMORY USAGE", "MEMORY USAGE nothing",
		"MEMORY USAGE k SAMPLES", "MEMORY USAGE k SAMPLES x", "MEMORY USAGE k SAMPLES -1", "MEMORY USAGE k NOSUCH 1", "MEMORY PURGE",
		"ACL", "ACL NOSUCH", "ACL HELP x", "ACL CAT", "ACL CAT nonsense", "ACL CAT a b", "ACL WHOAMI", "ACL WHOAMI x", "ACL USERS", "ACL USERS x",
		"ACL GETUSER", "ACL GETUSER nobody", "ACL GETUSER a b", "ACL DELUSER", "ACL DELUSER nobody", "ACL DELUSER nobody default", "ACL GENPASS x",
		"ACL GENPASS 0", "ACL GENPASS 1 2", "ACL LOG", "ACL LOG x", "ACL LOG 1 2", "ACL LOG RESET", "ACL LOAD", "ACL SAVE", "ACL LOAD x",
		"ACL SETUSER", "ACL SETUSER joe ( +get", "ACL SETUSER joe (+get", "ACL SETUSER joe )", "ACL DRYRUN default", "ACL DRYRUN nobody get a",
		"ACL DRYRUN default nosuch", "ACL DRYRUN default get", "ACL DRYRUN default get a", "ACL DRYRUN default config", "ACL DRYRUN default config nosuch",
		"AUTH", "AUTH x", "AUTH a b c", "AUTH nobody x",
		"MEMORY PURGE x", "MEMORY STATS x", "MEMORY NOSUCH", "LOLWUT VERSION x",
	} {
		words := strings.Fields(line)
		want, got := oracle.do(words...), here.do(words...)
		if got.String() != want.String() {
			t.Errorf("%s\n   %s\nRedis\n   %s", line, got, want)
		}
	}
}

func TestMemoryStatsHasRedisFields(t *testing.T) {
	oracle, here := startOracle(t), startServer(t).dial()
	for _, proto := range []string{"2", "3"} {
		for _, p := range []*peer{oracle, here} {
			p.ok("HELLO", proto)
			p.ok("SET", "k", "v")
		}
		want, got := asMap(oracle.ok("MEMORY", "STATS")), asMap(here.ok("MEMORY", "STATS"))
		for name, value := range want {
			mine, ok := got[name]
			if !ok {
				t.Errorf("MEMORY STATS lacks %s", name)
			} else if mine.Kind != value.Kind {
				t.Errorf("%s is sent as %q, Redis sends %q", name, mine.Kind, value.Kind)
			}
		}
		check.Eq(t, got["keys.count"].Int, 1)
	}
	check.True(t, here.ok("MEMORY", "USAGE", "k").Int > 0, "a key takes memory")
	check.True(t, here.ok("MEMORY", "USAGE", "k", "SAMPLES", "0").Int > 0, "a key takes memory")
	check.Contains(t, here.text("MEMORY", "MALLOC-STATS"), "chunks of small blocks")
	check.Contains(t, here.text("MEMORY", "DOCTOR"), "little or no data")
}

func TestSlowlogKeepsWhatTookLong(t *testing.T) {
	r := startServer(t, "slowlog-log-slower-than 0", "slowlog-max-len 4")
	here := r.dial()
	here.ok("CLIENT", "SETNAME", "me")
	here.ok("SLOWLOG", "RESET")
	here.ok("SET", "k", strings.Repeat("x", 200))
	many := []string{"DEL"}
	for i := range 40 {
		many = append(many, fmt.Sprint(i))
	}
	here.ok(many...)
	entries := here.ok("SLOWLOG", "GET").Elems
	check.Eq(t, len(entries), 3)
	words := entries[0].Elems[3].Elems
	check.Eq(t, len(words), 32)
	check.Eq(t, words[31].Text, "... (10 more arguments)")
	check.Eq(t, entries[1].Elems[3].Elems[2].Text, strings.Repeat("x", 128)+"... (72 more bytes)")
	check.Eq(t, entries[2].Elems[3].String(), entries[2].Elems[3].String())
	check.Eq(t, entries[0].Elems[5].Text, "me")
	check.Eq(t, entries[0].Elems[4].Text, r.socket+":0")
	check.Eq(t, entries[0].Elems[0].Int, entries[1].Elems[0].Int+1)
	check.Eq(t, len(here.ok("SLOWLOG", "GET", "2").Elems), 2)
	for range 9 {
		here.ok("PING")
	}
	check.Eq(t, here.ok("SLOWLOG", "LEN").Int, 4)
	check.Eq(t, len(here.ok("SLOWLOG", "GET", "-1").Elems), 4)
	here.ok("CONFIG", "SET", "slowlog-log-slower-than", "-1")
	here.ok("SLOWLOG", "RESET")
	here.ok("PING")
	check.Eq(t, here.ok("SLOWLOG", "LEN").Int, 0)
}

func TestLatencyMonitor(t *testing.T) {
	here := startServer(t, "latency-monitor-threshold 20", "enable-debug-command yes").dial()
	check.Contains(t, here.text("LATENCY", "DOCTOR"), "Nothing took 20 milliseconds")
	here.ok("DEBUG", "SLEEP", "0.05")
	latest := here.ok("LATENCY", "LATEST").Elems
	check.Eq(t, len(latest), 1)
	check.Eq(t, latest[0].Elems[0].Text, "command")
	check.True(t, latest[0].Elems[2].Int >= 50, "the sleep took 50 ms")
	history := here.ok("LATENCY", "HISTORY", "command").Elems
	check.Eq(t, len(history), 1)
	check.Eq(t, history[0].Elems[1].Int, latest[0].Elems[2].Int)
	check.Contains(t, here.text("LATENCY", "GRAPH", "command"), "command - high ")
	report := here.text("LATENCY", "DOCTOR")
	check.Contains(t, report, "1. command: 1 latency spikes (average ")
	check.Contains(t, report, "SLOWLOG GET")
	check.Eq(t, here.ok("LATENCY", "RESET", "nonsense").Int, 0)
	check.Eq(t, here.ok("LATENCY", "RESET", "COMMAND").Int, 1)
	check.Eq(t, len(here.ok("LATENCY", "LATEST").Elems), 0)
	here.ok("CONFIG", "SET", "latency-monitor-threshold", "0")
	check.Contains(t, here.text("LATENCY", "DOCTOR"), "is off")
}

func TestLatencyHistogram(t *testing.T) {
	here := startServer(t).dial()
	here.ok("CONFIG", "RESETSTAT")
	all := asMap(here.ok("LATENCY", "HISTOGRAM"))
	check.Eq(t, keysOf(all), []string{"config|resetstat"})
	for range 3 {
		here.ok("SET", "a", "b")
	}
	here.ok("CLIENT", "ID")
	set := asMap(asMap(here.ok("LATENCY", "HISTOGRAM", "nonsense", "set"))["set"])
	check.Eq(t, set["calls"].Int, 3)
	buckets := set["histogram_usec"].Elems
	check.Eq(t, buckets[len(buckets)-1].Int, 3)
	check.Eq(t, keysOf(asMap(here.ok("LATENCY", "HISTOGRAM", "client"))), []string{"client|id"})
	here.ok("CONFIG", "SET", "latency-tracking", "no")
	here.ok("CONFIG", "RESETSTAT")
	here.ok("SET", "a", "b")
	check.Eq(t, len(here.ok("LATENCY", "HISTOGRAM").Elems), 0)
}

func keysOf(m map[string]resp.Reply) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func TestTimeAndLolwut(t *testing.T) {
	here := startServer(t).dial()
	check.Eq(t, len(here.ok("TIME").Elems), 2)
	check.Contains(t, here.text("LOLWUT"), "Redis ver. 7.2.4")
	check.Contains(t, here.text("LOLWUT", "VERSION", "5", "1", "1"), "Redis ver. 7.2.4")
}
