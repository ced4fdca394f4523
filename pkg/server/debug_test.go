package server_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
)

// debugging starts a server that allows DEBUG.
func debugging(t *testing.T, directives ...string) *peer {
	t.Helper()
	return startServer(t, append([]string{"enable-debug-command yes"}, directives...)...).dial()
}

// same runs a command on both and wants one reply.
func same(t *testing.T, oracle, us *peer, words ...string) {
	t.Helper()
	check.Eq(t, fmt.Sprint(words, us.do(words...)), fmt.Sprint(words, oracle.do(words...)))
}

// fill makes strings of all encodings in three databases.
func fill(p *peer) {
	future := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli()/1e6*1e6, 10)
	for i, words := range [][]string{
		{"SET", "int", "12345"}, {"SET", "small", "7"}, {"SET", "long", "123456789012345678"}, {"SET", "neg", "-129"},
		{"SET", "short", "abc"}, {"SET", "embstr", strings.Repeat("e", 44)}, {"SET", "raw", strings.Repeat("r", 45)},
		{"SET", "mixed", "The quick brown fox jumps over the lazy dog, 42 times."}, {"SET", "empty", ""},
		{"SET", "big", strings.Repeat("0123456789", 5000)}, {"APPEND", "appended", "12"}, {"SETRANGE", "range", "3", "x"},
		{"SET", "ttl", "v", "PXAT", future}, {"SET", "bin\x00\xff", "\x00\x01\r\n"},
		{"SELECT", "3"}, {"SET", "int", "12345"}, {"SELECT", "9"}, {"SET", "other", "value"}, {"SELECT", "0"},
	} {
		if r := p.do(words...); r.Err() != nil {
			p.t.Fatalf("%d: %v: %s", i, words, r)
		}
	}
}

var filled = []string{"int", "small", "long", "neg", "short", "embstr", "raw", "mixed", "empty", "big", "appended", "range", "ttl", "bin\x00\xff"}

func TestDebugDigestIsThatOfRedis(t *testing.T) {
	oracle, us := startOracle(t, "--enable-debug-command", "yes"), debugging(t)
	same(t, oracle, us, "DEBUG", "DIGEST")
	fill(oracle)
	fill(us)
	same(t, oracle, us, "DEBUG", "DIGEST")
	same(t, oracle, us, append([]string{"DEBUG", "DIGEST-VALUE", "missing"}, filled...)...)
	same(t, oracle, us, "DEBUG", "DIGEST-VALUE")
	// A key whose time has passed counts until it is deleted.
	for _, p := range []*peer{oracle, us} {
		p.ok("DEBUG", "SET-ACTIVE-EXPIRE", "0")
		p.ok("SELECT", "5")
		p.ok("SET", "gone", "x", "PX", "1")
		for p.ok("PTTL", "int").Int > 0 {
		}
		p.ok("DEBUG", "SLEEP", "0.01")
	}
	same(t, oracle, us, "DEBUG", "DIGEST-VALUE", "gone")
	same(t, oracle, us, "DBSIZE")
	same(t, oracle, us, "DEBUG", "DIGEST")
	same(t, oracle, us, "GET", "gone")
	same(t, oracle, us, "DEBUG", "DIGEST")
	same(t, oracle, us, "DBSIZE")
}

func TestDebugObjectIsThatOfRedis(t *testing.T) {
	oracle, us := startOracle(t, "--enable-debug-command", "yes"), debugging(t)
	fill(oracle)
	fill(us)
	// What may differ: the address, within a second the clock, and that Redis
	// shares small integers.
	view := func(p *peer, key string) string {
		var keep []string
		for i, word := range strings.Fields(p.text("DEBUG", "OBJECT", key)) {
			name, value, _ := strings.Cut(word, ":")
			switch {
			case name == "at" && strings.HasPrefix(value, "0x"), name == "lru":
				word = name
			case name == "lru_seconds_idle" && (value == "0" || value == "1"), name == "refcount" && (value == "1" || value == "2147483647"):
				word = name
			}
			keep = append(keep, fmt.Sprint(i, " ", word))
		}
		return fmt.Sprint(key, keep)
	}
	for _, compress := range []string{"yes", "no"} {
		oracle.ok("CONFIG", "SET", "rdbcompression", compress)
		us.ok("CONFIG", "SET", "rdbcompression", compress)
		for _, key := range filled {
			if compress == "yes" && (key == "embstr" || key == "raw" || key == "big") {
				continue // LZF packs the same text in more than one way
			}
			check.Eq(t, view(us, key), view(oracle, key))
		}
	}
	same(t, oracle, us, "DEBUG", "OBJECT", "missing")
	// An INCR changes the value in place, and the test suite looks at that.
	before := strings.Fields(us.text("DEBUG", "OBJECT", "int"))[1]
	us.ok("INCR", "int")
	check.Eq(t, strings.Fields(us.text("DEBUG", "OBJECT", "int"))[1], before)
	lru, _ := strconv.ParseInt(strings.TrimPrefix(strings.Fields(us.text("DEBUG", "OBJECT", "int"))[5], "lru:"), 10, 64)
	check.True(t, time.Now().Unix()&0xffffff-lru < 60, "lru is the clock's last 24 bits")
}

func TestDebugErrorsAreThoseOfRedis(t *testing.T) {
	oracle, us := startOracle(t, "--enable-debug-command", "yes"), debugging(t)
	for _, words := range [][]string{
		{"DEBUG"},
		{"DEBUG", "NOSUCH"},
		{"DEBUG", "nosuch", "arg"},
		{"DEBUG", strings.Repeat("x", 200)},
		{"DEBUG", "SLEEP"},
		{"DEBUG", "SLEEP", "x"},
		{"DEBUG", "SLEEP", "-1"},
		{"DEBUG", "OBJECT"},
		{"DEBUG", "OBJECT", "missing"},
		{"DEBUG", "OBJECT", "a", "b"},
		{"DEBUG", "SDSLEN", "missing"},
		{"DEBUG", "POPULATE"},
		{"DEBUG", "POPULATE", "x"},
		{"DEBUG", "POPULATE", "-1"},
		{"DEBUG", "POPULATE", "1", "p", "x"},
		{"DEBUG", "POPULATE", "1", "p", "-1"},
		{"DEBUG", "POPULATE", "1", "p", "1", "more"},
		{"DEBUG", "RELOAD", "nothing"},
		{"DEBUG", "RELOAD", "MERGE", "x"},
		{"DEBUG", "HTSTATS", "x"},
		{"DEBUG", "HTSTATS", "-1"},
		{"DEBUG", "HTSTATS", "16"},
		{"DEBUG", "HTSTATS-KEY", "missing"},
		{"DEBUG", "PROTOCOL", "nothing"},
		{"DEBUG", "ERROR", "ERR made up"},
		{"DEBUG", "ERROR", "two\r\nlines"},
		{"DEBUG", "ERROR", ""},
		{"DEBUG", "LOG", "a line"},
		{"DEBUG", "CHANGE-REPL-ID"},
		{"DEBUG", "SET-ACTIVE-EXPIRE", "1"},
		{"DEBUG", "SET-DISABLE-DENY-SCRIPTS", "1"},
		{"DEBUG", "AOF-FLUSH-SLEEP", "0"},
		{"DEBUG", "PAUSE-CRON", "0"},
		{"DEBUG", "REPLYBUFFER", "PEAK-RESET-TIME", "100"},
		{"DEBUG", "REPLYBUFFER", "peak-reset-time", "x"},
		{"DEBUG", "REPLYBUFFER", "PEAK-RESET-TIME", "never"},
		{"DEBUG", "REPLYBUFFER", "PEAK-RESET-TIME", "reset"},
		{"DEBUG", "REPLYBUFFER", "RESIZING", "0"},
		{"DEBUG", "REPLYBUFFER", "nothing", "0"},
		{"DEBUG", "DIGEST", "x"},
		{"SET", "string", "v"},
		{"DEBUG", "HTSTATS-KEY", "string"},
		{"SET", "int", "1"},
		{"DEBUG", "SDSLEN", "int"},
	} {
		same(t, oracle, us, words...)
	}
}

func TestDebugProtocolIsThatOfRedis(t *testing.T) {
	oracle, us := startOracle(t, "--enable-debug-command", "yes"), debugging(t)
	for _, version := range []string{"2", "3"} {
		oracle.ok("HELLO", version)
		us.ok("HELLO", version)
		for kind := range strings.SplitSeq("string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false", "|") {
			if kind == "double" && version == "2" {
				check.Eq(t, us.text("DEBUG", "PROTOCOL", kind), "3.141") // 7.0 prints 17 digits, 7.2 the shortest
				continue
			}
			same(t, oracle, us, "DEBUG", "PROTOCOL", kind)
			if kind == "push" && version == "3" {
				check.Eq(t, us.reply().String(), oracle.reply().String())
			}
		}
	}
}

func TestDebugPopulateIsThatOfRedis(t *testing.T) {
	oracle, us := startOracle(t, "--enable-debug-command", "yes"), debugging(t, "appendonly yes")
	size := us.info("persistence")["aof_current_size"]
	for _, words := range [][]string{
		{"SET", "key:3", "kept"},
		{"DEBUG", "POPULATE", "10"},
		{"DEBUG", "POPULATE", "3", "short", "4"},
		{"DEBUG", "POPULATE", "1000", "long", "100"},
		{"DEBUG", "POPULATE", "2", "exact", "7"},
		{"DEBUG", "POPULATE", "0"},
		{"DBSIZE"}, {"GET", "key:3"}, {"GET", "short:1"}, {"GET", "long:999"}, {"GET", "key:9"}, {"DEBUG", "DIGEST"},
	} {
		same(t, oracle, us, words...)
	}
	check.Eq(t, us.info("persistence")["rdb_changes_since_last_save"], "1") // the SET
	check.True(t, us.info("persistence")["aof_current_size"] != size, "the SET was logged")
	us.ok("DEBUG", "LOADAOF")
	check.Eq(t, us.ok("DBSIZE").Int, int64(1))
}

func TestDebugReloadKeepsTheData(t *testing.T) {
	us := debugging(t, "enable-protected-configs yes")
	fill(us)
	digest := us.text("DEBUG", "DIGEST")
	// In one write: the replies before and behind it come in order.
	us.send("PING before\r\nDEBUG RELOAD\r\nGET short\r\n")
	check.Eq(t, us.reply().Text, "before")
	check.Eq(t, us.reply().Text, "OK")
	check.Eq(t, us.reply().Text, "abc")
	check.Eq(t, us.text("DEBUG", "DIGEST"), digest)
	check.Eq(t, us.info("persistence")["rdb_changes_since_last_save"], "0")

	us.ok("SET", "short", "changed")
	us.ok("SET", "new", "v")
	us.ok("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE")
	check.Eq(t, us.text("GET", "short"), "abc")
	check.Eq(t, us.text("GET", "new"), "v")
	check.Eq(t, us.refused("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH"), "ERR Error trying to load the RDB dump, check server logs.")
	check.Eq(t, us.text("GET", "new"), "v")
	us.ok("FLUSHALL") // without save points the file stays
	us.ok("DEBUG", "RELOAD", "nosave", "noflush")
	check.Eq(t, us.text("DEBUG", "DIGEST"), digest)
	us.ok("SET", "new", "v")
	us.ok("DEBUG", "RELOAD", "NOSAVE")
	check.Eq(t, us.text("DEBUG", "DIGEST"), digest)

	// Nothing to load: what is in memory stays.
	check.NoErr(t, os.Remove("dump.rdb"))
	us.refused("DEBUG", "RELOAD", "NOSAVE")
	check.Eq(t, us.text("DEBUG", "DIGEST"), digest)
	// A file that cannot be written: the same.
	check.NoErr(t, os.Mkdir("dump.rdb", 0o755))
	us.refused("DEBUG", "RELOAD")
	check.Eq(t, us.text("DEBUG", "DIGEST"), digest)
	// No RDB at all: it is read behind the flush, as in Redis.
	check.NoErr(t, os.Remove("dump.rdb"))
	check.NoErr(t, os.WriteFile("dump.rdb", []byte("REDIX0010"), 0o644))
	us.refused("DEBUG", "RELOAD", "NOSAVE")
	check.Eq(t, us.text("PING"), "PONG")
}

func TestDebugReloadLoadsInRedis(t *testing.T) {
	us := debugging(t)
	fill(us)
	us.ok("DEBUG", "RELOAD")
	dump, err := os.ReadFile("dump.rdb")
	check.NoErr(t, err)
	oracle := startOracle(t, "--enable-debug-command", "yes", "--dbfilename", "copy.rdb")
	dir := oracle.ok("CONFIG", "GET", "dir").Elems[1].Text
	check.NoErr(t, os.WriteFile(dir+"/copy.rdb", dump, 0o644))
	oracle.ok("DEBUG", "RELOAD", "NOSAVE")
	same(t, oracle, us, "DEBUG", "DIGEST")
}

func TestDebugLoadAOF(t *testing.T) {
	for _, policy := range []string{"always", "everysec", "no"} {
		t.Run(policy, func(t *testing.T) {
			us := debugging(t, "appendonly yes", "appendfsync "+policy)
			fill(us)
			us.ok("SET", "counter", "1")
			us.ok("PEXPIRE", "short", "1000000")
			digest := us.text("DEBUG", "DIGEST")
			size := us.info("persistence")["aof_current_size"]
			// The SETs of the same write are only in the buffer when LOADAOF begins.
			us.send("INCR counter\r\nDEBUG LOADAOF\r\nINCR counter\r\nSELECT 9\r\nGET other\r\nSELECT 0\r\n")
			check.Eq(t, us.reply().Int, int64(2))
			check.Eq(t, us.reply().Text, "OK")
			check.Eq(t, us.reply().Int, int64(3))
			us.reply()
			check.Eq(t, us.reply().Text, "value")
			us.reply()
			us.ok("SET", "counter", "1")
			check.Eq(t, us.text("DEBUG", "DIGEST"), digest)
			check.True(t, size != us.info("persistence")["aof_current_size"], "the log goes on")
			us.ok("DEBUG", "LOADAOF")
			check.Eq(t, us.text("DEBUG", "DIGEST"), digest)
			check.Eq(t, us.info("persistence")["rdb_changes_since_last_save"], "0")
		})
	}
}

func TestDebugLoadAOFWithoutALogKeepsTheData(t *testing.T) {
	us := debugging(t)
	fill(us)
	digest := us.text("DEBUG", "DIGEST")
	us.refused("DEBUG", "LOADAOF")
	check.Eq(t, us.text("DEBUG", "DIGEST"), digest)
}

func TestDebugLoadAOFOfAnEmptyLog(t *testing.T) {
	us := debugging(t, "appendonly yes")
	us.ok("DEBUG", "LOADAOF")
	us.ok("DEBUG", "POPULATE", "5")
	us.ok("DEBUG", "LOADAOF")
	check.Eq(t, us.ok("DBSIZE").Int, int64(0))
}

func TestDebugSwitches(t *testing.T) {
	us := debugging(t)
	us.ok("DEBUG", "SET-ACTIVE-EXPIRE", "0")
	us.ok("SET", "k", "v", "PX", "1")
	us.ok("DEBUG", "SLEEP", "0.25") // several beats and turns
	us.ok("PING")
	check.Eq(t, us.ok("DBSIZE").Int, int64(1))
	us.ok("DEBUG", "SET-ACTIVE-EXPIRE", "1")
	for us.ok("DBSIZE").Int > 0 {
	}

	id := us.info("replication")["master_replid"]
	us.ok("DEBUG", "CHANGE-REPL-ID")
	check.True(t, us.info("replication")["master_replid"] != id, "a new replication id")

	check.Eq(t, us.ok("DEBUG", "STRINGMATCH-LEN", "h?l*", "hello").Int, int64(1))
	check.Eq(t, us.ok("DEBUG", "STRINGMATCH-LEN", "h?l", "hello").Int, int64(0))
	check.True(t, strings.HasPrefix(us.text("DEBUG", "STRUCTSIZE"), "bits:64 "), "STRUCTSIZE begins as in Redis")

	us.ok("DEBUG", "POPULATE", "1000")
	stats := us.text("DEBUG", "HTSTATS", "0")
	check.True(t, strings.Contains(stats, "[Dictionary HT]\nHash table 0 stats (main hash table):\n table size: "), stats)
	check.True(t, strings.Contains(stats, " number of elements: 1000\n"), stats)
	check.True(t, strings.Contains(stats, "[Expires HT]\nHash table 0 stats (main hash table):\nNo stats available for empty dictionaries\n"), stats)

	us.ok("SET", "s", strings.Repeat("x", 5000))
	check.True(t, strings.HasPrefix(us.text("DEBUG", "SDSLEN", "s"), "key_sds_len:1, key_sds_avail:0, key_zmalloc: 1, val_sds_len:5000, "), us.text("DEBUG", "SDSLEN", "s"))

	help := us.ok("DEBUG", "HELP")
	check.Eq(t, help.Elems[0].Text, "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	check.Eq(t, help.Elems[len(help.Elems)-1].Text, "    Print this help.")
}

func TestDebugPauseCron(t *testing.T) {
	us := debugging(t, "hz 100")
	us.ok("DEBUG", "PAUSE-CRON", "1")
	us.ok("CONFIG", "SET", "timeout", "1")
	us.ok("DEBUG", "SLEEP", "2.2")
	check.Eq(t, us.text("PING"), "PONG") // cron would have closed it before this
	us.ok("DEBUG", "PAUSE-CRON", "0")
}

func TestDebugNeedsPermission(t *testing.T) {
	oracle, us := startOracle(t), startServer(t).dial()
	same(t, oracle, us, "DEBUG", "SLEEP", "0")
	us = startServer(t, "enable-debug-command local").dial()
	check.Eq(t, us.text("DEBUG", "SLEEP", "0"), "OK")
}
