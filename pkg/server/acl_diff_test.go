package server_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
)

// Random rules go to Redis 7.0 and to us: the replies, what GETUSER tells and what
// DRYRUN says must be the same. 7.0 tells rules about commands in another form, and in
// the order of its hash table, so there the comparison is what Redis makes of our text.
func TestRandomRulesEqualRedis(t *testing.T) {
	oracle, here := startOracle(t), startServer(t).dial()
	rounds := 3000
	if testing.Short() {
		rounds = 400
	}
	for seed := range uint64(rounds) {
		g := ruleGen{rand.New(rand.NewPCG(seed, 7))}
		user := fmt.Sprint("u", seed%50) // users change several times
		rules := g.rules(1 + g.IntN(8))
		words := append([]string{"ACL", "SETUSER", user}, rules...)
		want, got := oracle.do(words...), here.do(words...)
		if want.String() != got.String() {
			t.Fatalf("seed %d: %q\n   %s\nRedis\n   %s", seed, words, got, want)
		}
		compareUsers(t, seed, user, oracle, here)
		for range 6 {
			call := append([]string{"ACL", "DRYRUN", user}, g.call()...)
			theirs, ours := oracle.do(call...), here.do(call...)
			if user := strings.Replace(theirs.Text, "This user", "User "+user, 1); user != ours.Text {
				t.Fatalf("seed %d: %q\n   %s\nRedis\n   %s\nuser %s", seed, call, ours, theirs, here.do("ACL", "GETUSER", user))
			}
		}
	}
}

// compareUsers compares what GETUSER tells about a user on both sides.
func compareUsers(t *testing.T, seed uint64, name string, oracle, here *peer) {
	t.Helper()
	want, got := oracle.do("ACL", "GETUSER", name), here.do("ACL", "GETUSER", name)
	if len(want.Elems) == 0 || len(got.Elems) == 0 {
		check.Eq(t, got.String(), want.String())
		return
	}
	theirs, ours := asMap(want), asMap(got)
	flags := func(r resp.Reply) string {
		// 7.2 shows the default, 7.0 only when it was set.
		return strings.Replace(strings.Replace(r.String(), ` "sanitize-payload"`, "", 1), `"sanitize-payload" `, "", 1)
	}
	line := ""
	for _, l := range here.ok("ACL", "LIST").Elems {
		if strings.HasPrefix(l.Text, "user "+name+" ") {
			line = strings.TrimPrefix(l.Text, "user "+name+" ")
		}
	}
	oracle.ok(append([]string{"ACL", "SETUSER", "again", "reset"}, strings.Split(line, " ")...)...)
	again := asMap(oracle.ok("ACL", "GETUSER", "again"))
	for _, p := range []struct{ part, got, want string }{
		{"flags", flags(ours["flags"]), flags(theirs["flags"])},
		{"passwords", ours["passwords"].String(), theirs["passwords"].String()},
		{"rights", rights(ours, false), rights(theirs, false)},
		{"rights from our text", rights(again, true), rights(theirs, true)},
	} {
		if p.got != p.want {
			t.Fatalf("seed %d: %s of %s\n   %s\nRedis\n   %s\n%s", seed, p.part, name, p.got, p.want, line)
		}
	}
}

// rights shows keys and channels of all selectors, and with commands the rules about
// these, in an order of their own.
func rights(user map[string]resp.Reply, commands bool) string {
	var b strings.Builder
	all := []map[string]resp.Reply{user}
	for _, s := range user["selectors"].Elems {
		all = append(all, asMap(s))
	}
	for _, m := range all {
		fmt.Fprintf(&b, "[%s %s", m["keys"].Text, m["channels"].Text)
		if commands {
			words := strings.Fields(m["commands"].Text)
			slices.Sort(words)
			fmt.Fprintf(&b, " %s", words)
		}
		b.WriteString("]")
	}
	return b.String()
}

// ruleGen makes rules and calls.
type ruleGen struct{ *rand.Rand }

func (g ruleGen) pick(words ...string) string { return words[g.IntN(len(words))] }

func (g ruleGen) rules(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = g.rule()
	}
	return list
}

func (g ruleGen) rule() string {
	switch g.IntN(12) {
	case 0:
		return g.pick("on", "off", "nopass", "resetpass", "sanitize-payload", "skip-sanitize-payload", "OFF", "")
	case 1:
		return g.pick(">", "<", ">", "") + g.pick("a", "b", "") + g.pick("", "#2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b")
	case 2:
		return g.pick("reset", "clearselectors", "resetkeys", "resetchannels", "allkeys", "allchannels", "allcommands", "nocommands", "+@all", "-@all", "~*", "&*", "RESETKEYS")
	case 3:
		return "&" + g.pick("news", "n*", "x", "?", "")
	case 4:
		return g.pick("+@none", "+nosuch", "-config|nosuch", "+get|a|b", "+config|get|x", "%~x", "%", "~a b", "nonsense", "#00", "!0", "<zzz", "+config|", ")", "%RRW~a")
	case 5:
		if g.IntN(2) == 0 {
			return "(" + strings.Join(g.selectorRules(), " ") + ")"
		}
	}
	return g.selectorRule()
}

func (g ruleGen) selectorRules() []string {
	list := make([]string, g.IntN(4))
	for i := range list {
		list[i] = g.selectorRule()
	}
	return list
}

func (g ruleGen) selectorRule() string {
	switch sign := g.pick("+", "-"); g.IntN(5) {
	case 0:
		return sign + "@" + g.pick("read", "write", "string", "set", "list", "hash", "admin", "dangerous", "fast", "slow", "keyspace", "connection", "ALL")
	case 1:
		return sign + g.pick("get", "set", "mget", "del", "sort", "config", "client", "object", "memory", "select", "GET", "bitfield", "xread", "migrate", "zadd", "copy", "getex", "sort_ro", "xreadgroup")
	case 2:
		return sign + g.pick("config|get", "config|set", "client|id", "client|kill", "object|encoding", "memory|usage", "CONFIG|GET")
	case 3:
		if g.IntN(3) == 0 {
			return "+" + g.pick("select|0", "select|1", "get|a", "debug|object")
		}
	}
	return g.pick("~", "~", "%R~", "%W~", "%RW~", "%w~") + g.pick("a", "b", "k*", "?", "", "[ab]")
}

func (g ruleGen) key() string { return g.pick("a", "b", "key", "k", "x") }

// call is a command with words that are mostly right.
func (g ruleGen) call() []string {
	k := g.key
	switch g.IntN(32) {
	case 0:
		return []string{"GET", k()}
	case 1:
		return []string{"SET", k(), "v"}
	case 2:
		return []string{"SET", k(), "v", "GET"}
	case 3:
		return []string{"MGET", k(), k(), k()}
	case 4:
		return []string{"COPY", k(), k()}
	case 5:
		return []string{"SORT", k(), "BY", "x*", "GET", k(), "STORE", k()}
	case 6:
		return []string{"SORT_RO", k(), "GET", "#"}
	case 7:
		return []string{"BITFIELD", k(), "GET", "u8", "0"}
	case 8:
		return []string{"BITFIELD", k(), "SET", "u8", "0", "1"}
	case 9:
		return []string{"XREAD", "COUNT", "1", "STREAMS", k(), k(), "0", "0"}
	case 10:
		return []string{"XREADGROUP", "GROUP", k(), "c", "STREAMS", k(), ">"}
	case 11:
		return []string{"MIGRATE", "h", "1", k(), "0", "10"}
	case 12:
		return []string{"MIGRATE", "h", "1", "", "0", "10", g.pick("AUTH", "COPY"), "KEYS", k(), k()}
	case 13:
		return []string{"MIGRATE", "h", "1", "", "0", "10", "AUTH2", "KEYS", k(), "KEYS", k()}
	case 14:
		return []string{"ZUNIONSTORE", k(), "2", k(), k()}
	case 15:
		return []string{"ZINTERCARD", g.pick("1", "2", "9", "-1", "x"), k(), k()}
	case 16:
		return []string{"GEORADIUS", k(), "1", "1", "1", "m", g.pick("STORE", "STOREDIST"), k()}
	case 17:
		return []string{"CONFIG", g.pick("GET", "SET", "REWRITE"), "maxmemory", "1"}[:2+g.IntN(3)]
	case 18:
		return []string{"CLIENT", g.pick("ID", "KILL", "NOSUCH"), "ID", "1"}[:2+g.IntN(3)]
	case 19:
		return []string{"SELECT", g.pick("0", "1")}
	case 20:
		return []string{"OBJECT", g.pick("ENCODING", "FREQ"), k()}
	case 21:
		return []string{"MEMORY", "USAGE", k()}
	case 22:
		return []string{"LMPOP", g.pick("1", "2"), k(), k(), "LEFT"}
	case 23:
		return []string{"RENAME", k(), k()}
	case 24:
		return []string{"BLMOVE", k(), k(), "LEFT", "RIGHT", "1"}
	case 25:
		return []string{"DEBUG", g.pick("OBJECT", "SLEEP"), k()}
	case 26:
		return []string{g.pick("AUTH", "PING", "QUIT", "HELLO", "RESET")}
	case 27:
		return []string{"EXISTS", k(), k()}
	case 28:
		return []string{"MSET", k(), "1", k(), "2", "x"}[:4+g.IntN(3)]
	case 29:
		return []string{"GETEX", k(), "PERSIST"}
	case 30:
		return []string{"SINTERSTORE", k(), k(), k()}
	}
	return []string{g.pick("INFO", "NOSUCH", "GET", "DBSIZE", "KEYS")}
}
