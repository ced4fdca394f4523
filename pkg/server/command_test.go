package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
)

// newer are the differences between 7.2, which redisd follows, and the 7.0 that
// the tests compare with: command and what differs, with the reason.
var newer = map[string]string{
	"command|getkeys arity":         "7.2: a command without arguments is refused by its arity",
	"command|getkeysandflags arity": "7.2: as above",
	"config|resetstat tips":         "7.2 has them",
	"config|rewrite tips":           "7.2 has them",
	"client|setname tips":           "7.2 has them",
	"scan tips":                     "7.2 has a response policy",
	"msetnx tips":                   "7.2 took them away: the keys cannot be in several shards",
	"zrank arity":                   "7.2: WITHSCORE",
	"zrevrank arity":                "7.2: WITHSCORE",
}

// asMap reads the reply of a map, RESP2 or RESP3.
func asMap(r resp.Reply) map[string]resp.Reply {
	m := map[string]resp.Reply{}
	for i := 0; i+1 < len(r.Elems); i += 2 {
		m[r.Elems[i].Text] = r.Elems[i+1]
	}
	return m
}

// sorted shows a reply in one line, its elements in order, for sets.
func sorted(r resp.Reply) string {
	var words []string
	for _, e := range r.Elems {
		words = append(words, e.String())
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// describe gathers COMMAND INFO by full name, subcommands included.
func describe(into map[string]resp.Reply, r resp.Reply) {
	for _, e := range r.Elems {
		if len(e.Elems) < 10 {
			continue
		}
		into[e.Elems[0].Text] = e
		describe(into, e.Elems[9])
	}
}

func TestCommandInfoEqualsRedis(t *testing.T) {
	oracle, here := startOracle(t), startServer(t).dial()
	for _, proto := range []string{"2", "3"} {
		oracle.ok("HELLO", proto)
		here.ok("HELLO", proto)
		want, got := map[string]resp.Reply{}, map[string]resp.Reply{}
		describe(want, oracle.ok("COMMAND"))
		describe(got, here.ok("COMMAND"))
		for name, mine := range got {
			theirs, ok := want[name]
			if !ok {
				if newCommands[name] == "" {
					t.Errorf("%s is not in Redis", name)
				}
				continue
			}
			compareCommand(t, name, mine, theirs)
		}
	}
}

// newCommands are in 7.2 and not in 7.0.
var newCommands = map[string]string{
	"cluster|myshardid": "7.2",
	"client|setinfo":    "7.2",
	"client|no-touch":   "7.2",
	"waitaof":           "7.2",
}

func compareCommand(t *testing.T, name string, mine, theirs resp.Reply) {
	t.Helper()
	parts := []string{"name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "key specs"}
	for i, part := range parts {
		if newer[name+" "+part] != "" {
			continue
		}
		a, b := mine.Elems[i], theirs.Elems[i]
		if a.Kind != b.Kind {
			t.Errorf("%s: %s is sent as %q, Redis sends %q", name, part, a.Kind, b.Kind)
		}
		if part == "key specs" {
			if a.String() != b.String() {
				t.Errorf("%s: %s are %s, Redis's are %s", name, part, a, b)
			}
			continue
		}
		if len(a.Elems) > 0 || len(b.Elems) > 0 {
			if sorted(a) != sorted(b) {
				t.Errorf("%s: %s are %s, Redis's are %s", name, part, sorted(a), sorted(b))
			}
			for j := range min(len(a.Elems), len(b.Elems)) {
				if a.Elems[j].Kind != b.Elems[j].Kind {
					t.Errorf("%s: an element of %s is sent as %q, Redis sends %q", name, part, a.Elems[j].Kind, b.Elems[j].Kind)
				}
			}
			continue
		}
		if a.String() != b.String() {
			t.Errorf("%s: %s is %s, Redis's is %s", name, part, a, b)
		}
	}
	if got, want := mine.Elems[9].Kind, theirs.Elems[9].Kind; got != want && len(theirs.Elems[9].Elems) > 0 && len(mine.Elems[9].Elems) > 0 {
		t.Errorf("%s: subcommands are sent as %q, Redis sends %q", name, got, want)
	}
}

// newerDocs are differences of the documentation, "command field" or "command
// field argument".
var newerDocs = map[string]string{
	"quit":                              "7.2: deprecated",
	"setnx replaced_by":                 "7.2: deprecated",
	"setex replaced_by":                 "7.2: deprecated",
	"psetex replaced_by":                "7.2: deprecated",
	"psetex deprecated_since":           "7.2: deprecated",
	"setex deprecated_since":            "7.2: deprecated",
	"setnx deprecated_since":            "7.2: deprecated",
	"client|pause since":                "7.2: the stable version instead of the one under development",
	"command|getkeys arguments":         "7.2 has them",
	"command|getkeysandflags arguments": "7.2 has them",
	"mset arguments":                    renamed,
	"msetnx arguments":                  renamed,
	"hello arguments":                   renamed,
	"shutdown arguments":                renamed,
	"flushdb arguments":                 renamed,
	"flushall arguments":                renamed,
	"lcs arguments":                     renamed,
	"client|reply arguments":            renamed,
	"client|kill arguments":             "7.2: named anew, and one-of instead of strings with slashes",
	"client|list arguments":             renamed,
	"zrank arguments":                   "7.2: WITHSCORE",
	"zrank history":                     "7.2: WITHSCORE",
	"zrevrank arguments":                "7.2: WITHSCORE",
	"zrevrank history":                  "7.2: WITHSCORE",
	"acl|log history":                   "7.2: more fields",
	"acl|cat arguments":                 renamed,
	"client|unblock arguments":          renamed,
	"migrate arguments":                 "7.2 quotes the token of an empty key",
	"xinfo|stream history":              "7.2: active-time",
	"xinfo|consumers history":           "7.2: inactive",
}

const renamed = "7.2: some are named anew"

func TestCommandDocsEqualRedis(t *testing.T) {
	oracle, here := startOracle(t), startServer(t).dial()
	want, got := asMap(oracle.ok("COMMAND", "DOCS")), asMap(here.ok("COMMAND", "DOCS"))
	for name, mine := range got {
		if theirs, ok := want[name]; ok {
			compareDocs(t, name, mine, theirs)
		}
	}
}

func compareDocs(t *testing.T, name string, mine, theirs resp.Reply) {
	t.Helper()
	if newerDocs[name] != "" {
		return
	}
	a, b := asMap(mine), asMap(theirs)
	for _, field := range []string{"since", "group", "deprecated_since", "replaced_by"} {
		if a[field].Text != b[field].Text && newerDocs[name+" "+field] == "" {
			t.Errorf("%s: %s is %q, Redis's is %q", name, field, a[field].Text, b[field].Text)
		}
	}
	if a["summary"].Text == "" {
		t.Errorf("%s has no summary", name)
	}
	// History tells when options came; the words are our own.
	if newerDocs[name+" history"] == "" {
		if x, y := versions(a["history"]), versions(b["history"]); x != y {
			t.Errorf("%s: history of %s, Redis's of %s", name, x, y)
		}
	}
	if newerDocs[name+" arguments"] == "" {
		if x, y := shape(a["arguments"]), shape(b["arguments"]); x != y {
			t.Errorf("%s: arguments\n   %s\nRedis's\n   %s", name, x, y)
		}
	}
	subs := asMap(b["subcommands"])
	for sub, docs := range asMap(a["subcommands"]) {
		if other, ok := subs[sub]; ok {
			compareDocs(t, sub, docs, other)
		}
	}
}

func versions(r resp.Reply) string {
	var v []string
	for _, e := range r.Elems {
		if len(e.Elems) > 0 {
			v = append(v, e.Elems[0].Text)
		}
	}
	slices.Sort(v)
	return strings.Join(v, " ")
}

// shape shows arguments in one line: name:type/TOKEN@since#key[flags](sub).
func shape(r resp.Reply) string {
	var b strings.Builder
	for _, e := range r.Elems {
		m := asMap(e)
		fmt.Fprintf(&b, " %s:%s", m["name"].Text, m["type"].Text)
		if tok, ok := m["token"]; ok {
			fmt.Fprintf(&b, "/%q", tok.Text)
		}
		if since, ok := m["since"]; ok {
			fmt.Fprintf(&b, "@%s", since.Text)
		}
		if key, ok := m["key_spec_index"]; ok {
			fmt.Fprintf(&b, "#%d", key.Int)
		}
		if flags, ok := m["flags"]; ok {
			fmt.Fprintf(&b, "[%s]", sorted(flags))
		}
		if subs, ok := m["arguments"]; ok {
			fmt.Fprintf(&b, "(%s )", shape(subs))
		}
	}
	return b.String()
}

// The replies to these are the same, errors included.
func TestCommandRepliesEqualRedis(t *testing.T) {
	oracle, here := startOracle(t), startServer(t).dial()
	for _, line := range []string{
		"COMMAND GETKEYS", "COMMAND GETKEYS GET", "COMMAND GETKEYS GET k", "COMMAND GETKEYS MSET a 1 b 2", "COMMAND GETKEYS MSET a",
		"COMMAND GETKEYS MSET a 1 b", "COMMAND GETKEYS PING", "COMMAND GETKEYS NOSUCH a", "COMMAND GETKEYS DEL a b c",
		"COMMAND GETKEYS MEMORY USAGE k", "COMMAND GETKEYS OBJECT ENCODING k", "COMMAND GETKEYS SET k v GET",
		"COMMAND GETKEYS RENAME a b", "COMMAND GETKEYS COPY a b", "COMMAND GETKEYS LCS a b",
		"COMMAND GETKEYSANDFLAGS SET k v", "COMMAND GETKEYSANDFLAGS SET k v GET", "COMMAND GETKEYSANDFLAGS SET k v get px 1",
		"COMMAND GETKEYSANDFLAGS MSET a 1 b 2", "COMMAND GETKEYSANDFLAGS RENAME a b", "COMMAND GETKEYSANDFLAGS GET a",
		"COMMAND GETKEYSANDFLAGS DEL a b", "COMMAND GETKEYSANDFLAGS GETDEL a", "COMMAND GETKEYSANDFLAGS COPY a b",
		"COMMAND LIST x", "COMMAND LIST FILTERBY x", "COMMAND LIST FILTERBY x y", "COMMAND LIST FILTERBY ACLCAT nonsense",
		"COMMAND LIST FILTERBY MODULE x", "COMMAND LIST FILTERBY PATTERN nonsense*", "COMMAND LIST FILTERBY PATTERN GET",
		"COMMAND INFO nonsense", "COMMAND INFO get|key", "COMMAND INFO config|get|key", "COMMAND DOCS nonsense", "COMMAND COUNT x",
		"COMMAND NOSUCH", "COMMAND HELP x",
	} {
		words := strings.Fields(line)
		want, got := oracle.do(words...), here.do(words...)
		if got.String() != want.String() && !sameArity(line) {
			t.Errorf("%s\n   %s\nRedis\n   %s", line, got, want)
		}
	}
	count := len(here.ok("COMMAND").Elems)
	check.Eq(t, here.ok("COMMAND", "COUNT").Int, int64(count))
	check.Eq(t, len(here.ok("COMMAND", "INFO").Elems), count)
	check.Eq(t, here.ok("COMMAND", "LIST", "FILTERBY", "PATTERN", "config|re*").String() != "[]", true)
}

// sameArity are calls that 7.2 refuses otherwise than 7.0.
func sameArity(line string) bool {
	switch line {
	case "COMMAND GETKEYS GET", "COMMAND GETKEYS PING":
		return true
	}
	return false
}

func TestHelp(t *testing.T) {
	here := startServer(t).dial()
	for _, name := range []string{"CONFIG", "COMMAND", "LATENCY", "MEMORY", "SLOWLOG"} {
		lines := here.ok(name, "HELP").Elems
		check.Eq(t, lines[0].Text, name+" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
		check.Contains(t, here.refused(name, "HELP", "x"), "wrong number of arguments for '"+strings.ToLower(name)+"|help' command")
		check.Contains(t, here.refused(name, "NOSUCH"), "unknown subcommand 'NOSUCH'. Try "+name+" HELP.")
		check.Contains(t, here.refused(name+"X"), "unknown command")
	}
}

// TestGetKeysAndFlagsIsRedis: which words are keys, and what is done with them, for
// commands whose keys lie in a row, are counted, or are where an option says.
func TestGetKeysAndFlagsIsRedis(t *testing.T) {
	oracle, here := startOracle(t), startServer(t).dial()
	for _, line := range []string{
		"GET k", "SET k v", "SET k v GET", "SET k v EX 10 GET", "MSET a 1 b 2", "DEL a b c", "UNLINK a", "RENAME a b", "COPY a b",
		"LMOVE a b LEFT RIGHT", "BLPOP a b 0", "BLMPOP 0 2 a b LEFT", "LMPOP 1 a LEFT", "ZMPOP 2 a b MIN", "ZUNIONSTORE d 2 a b", "ZUNION 2 a b",
		"ZINTERCARD 2 a b", "SINTERCARD 1 a", "SINTERSTORE d a b", "SORT a", "SORT a STORE b", "SORT a BY w* GET # STORE b", "SORT_RO a",
		"GEORADIUS g 0 0 1 m STORE d", "GEORADIUS g 0 0 1 m STOREDIST d", "GEOSEARCHSTORE d g FROMMEMBER m BYRADIUS 1 m",
		"XREAD COUNT 1 STREAMS a b 0 0", "XREADGROUP GROUP g c STREAMS a 0", "XADD s * f v", "XGROUP CREATE s g 0", "XINFO STREAM s",
		"EVAL x 2 a b c", "EVAL_RO x 1 a", "EVALSHA x 0", "FCALL f 1 a", "MIGRATE h 1 k 0 5", "MIGRATE h 1  0 5", "OBJECT ENCODING k",
		"BITFIELD k GET u8 0", "BITFIELD k SET u8 0 1", "BITOP AND d a b", "PFCOUNT a b", "PFMERGE d a b", "MEMORY USAGE k", "DUMP k",
		"RESTORE k 0 x", "EXPIRE k 1", "TOUCH a b", "WATCH a b", "NOSUCH a", "PING x", "EVAL x 5 a", "ZUNION 0 a", "PUBLISH c m", "SPUBLISH c m",
		"LCS a b", "HSET h f v", "SPOP s", "GETDEL k", "GETEX k", "APPEND k v", "PFADD k a", "INCR k", "LPUSH l a", "ZADD z 1 a", "OBJECT HELP",
	} {
		for _, sub := range []string{"GETKEYSANDFLAGS", "GETKEYS"} {
			words := append([]string{"COMMAND", sub}, strings.Split(line, " ")...)
			if want, got := oracle.do(words...), here.do(words...); got.String() != want.String() {
				t.Errorf("%q\n   %s\nRedis\n   %s", words, got, want)
			}
		}
	}
}
