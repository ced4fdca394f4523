package server_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
)

// tracker is a RESP3 connection with CLIENT TRACKING ON and options.
func (r *rig) tracker(options ...string) *peer {
	r.t.Helper()
	p := r.dial()
	p.ok("HELLO", "3")
	p.ok(append([]string{"CLIENT", "TRACKING", "ON"}, options...)...)
	return p
}

// listener is a RESP2 connection that hears of stale keys in the place of others, and its
// number.
func (r *rig) listener() (p *peer, id string) {
	r.t.Helper()
	p = r.dial()
	id = fmt.Sprint(p.ok("CLIENT", "ID").Int)
	p.ok("SUBSCRIBE", "__redis__:invalidate")
	return p, id
}

// quiet checks that p has heard nothing.
func (p *peer) quiet() {
	p.t.Helper()
	check.Eq(p.t, p.heard(), []string{})
}

func TestAReaderHearsOnceThatItsKeyChanged(t *testing.T) {
	r := startServer(t)
	reader, writer := r.tracker(), r.dial()
	writer.ok("MSET", "a", "1", "b", "1")
	reader.ok("GET", "a")
	reader.ok("GET", "none")
	writer.ok("SET", "b", "2") // nobody read it
	writer.ok("SET", "a", "2")
	writer.ok("SET", "a", "3") // it was told
	writer.ok("SET", "none", "1")
	check.Eq(t, reader.heard(), []string{`>["invalidate" *["a"]]`, `>["invalidate" *["none"]]`})
	reader.ok("GETSET", "a", "4") // a command that writes does not read
	writer.ok("SET", "a", "5")
	reader.quiet()
}

func TestAKeyIsTheSameInAllDatabases(t *testing.T) {
	r := startServer(t)
	reader, writer := r.tracker(), r.dial()
	reader.ok("GET", "a")
	writer.ok("SELECT", "3")
	writer.ok("SET", "a", "1")
	check.Eq(t, reader.next(), `>["invalidate" *["a"]]`)
}

func TestARESP2ConnectionIsToldThroughAnother(t *testing.T) {
	r := startServer(t)
	reader, writer := r.dial(), r.dial()
	ear, id := r.listener()
	check.Eq(t, reader.ok("CLIENT", "GETREDIR").Int, int64(-1))
	reader.ok("CLIENT", "TRACKING", "ON", "REDIRECT", id)
	check.Eq(t, fmt.Sprint(reader.ok("CLIENT", "GETREDIR").Int), id)
	reader.ok("GET", "a")
	writer.ok("SET", "a", "1")
	check.Eq(t, ear.next(), `*["message" "__redis__:invalidate" *["a"]]`)
	reader.quiet()
	writer.ok("FLUSHALL")
	check.Eq(t, ear.next(), `*["message" "__redis__:invalidate" (nil)]`)
	ear.tell("UNSUBSCRIBE")
	ear.next()
	reader.ok("GET", "a")
	writer.ok("SET", "a", "2") // it could not tell the message from a reply
	ear.quiet()
}

func TestMessagesToARESP3EarAreInItsProtocol(t *testing.T) {
	r := startServer(t)
	reader, writer, ear := r.dial(), r.dial(), r.dial()
	ear.ok("HELLO", "3")
	reader.ok("CLIENT", "TRACKING", "ON", "REDIRECT", fmt.Sprint(ear.ok("CLIENT", "ID").Int))
	reader.ok("GET", "a")
	writer.ok("SET", "a", "1")
	writer.ok("FLUSHALL")
	check.Eq(t, ear.told(2), `>["invalidate" *["a"]]`+"\n"+`>["invalidate" (nil)]`)
	// A command of the ear itself that makes a key stale: the message follows the reply.
	reader.ok("MGET", "a", "b")
	ear.tell("MSET", "a", "1", "b", "2")
	check.Eq(t, ear.told(3), "+OK\n"+`>["invalidate" *["a"]]`+"\n"+`>["invalidate" *["b"]]`)
}

func TestWhoseEarIsGoneIsTold(t *testing.T) {
	r := startServer(t)
	writer := r.dial()
	ear, id := r.listener()
	reader := r.tracker("REDIRECT", id)
	reader.ok("GET", "a")
	ear.ok("QUIT")
	writer.ok("SET", "a", "1")
	check.Eq(t, reader.next(), `>["tracking-redir-broken" (integer) `+id+"]")
	check.Contains(t, writer.text("CLIENT", "LIST"), "flags=tRU")
	check.Contains(t, writer.text("CLIENT", "LIST"), " redir="+id+" resp=3")
	check.Eq(t, reader.ok("CLIENT", "TRACKINGINFO").String(), `%["flags" ~["on" "broken_redirect"] "redirect" (integer) `+id+` "prefixes" *[]]`)
	reader.ok("CLIENT", "TRACKING", "ON") // repairs it
	reader.ok("GET", "a")
	writer.ok("SET", "a", "1")
	check.Eq(t, reader.next(), `>["invalidate" *["a"]]`)
	check.Eq(t, reader.refused("CLIENT", "TRACKING", "ON", "REDIRECT", id), "ERR The client ID you want redirect to does not exist")
}

func TestPrefixesAreToldOfAllKeysOnceATurn(t *testing.T) {
	r := startServer(t)
	writer := r.dial()
	users, all := r.tracker("BCAST", "PREFIX", "user:", "PREFIX", "item:"), r.tracker("BCAST")
	writer.ok("MSET", "user:2", "x", "user:1", "x", "other", "x", "item:1", "x")
	check.Eq(t, users.told(2), `>["invalidate" *["item:1"]]`+"\n"+`>["invalidate" *["user:1" "user:2"]]`)
	check.Eq(t, all.next(), `>["invalidate" *["item:1" "other" "user:1" "user:2"]]`)
	check.Eq(t, writer.info("stats")["tracking_total_prefixes"], "3")
	check.Contains(t, writer.text("CLIENT", "LIST"), "flags=tBU")
	check.Eq(t, users.ok("CLIENT", "TRACKINGINFO").String(), `%["flags" ~["on" "bcast"] "redirect" (integer) 0 "prefixes" *["item:" "user:"]]`)
	users.ok("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "other") // comes on top
	writer.ok("SET", "other", "x")
	check.Eq(t, users.next(), `>["invalidate" *["other"]]`)
	users.ok("CLIENT", "TRACKING", "OFF")
	all.conn.Close()
	for writer.info("stats")["tracking_total_prefixes"] != "0" {
	}
	writer.ok("SET", "user:1", "x")
	users.quiet()
}

func TestPrefixesOfOneConnectionMustNotOverlap(t *testing.T) {
	p := startServer(t).dial()
	on := func(prefixes ...string) string {
		words := []string{"CLIENT", "TRACKING", "ON", "BCAST"}
		for _, x := range prefixes {
			words = append(words, "PREFIX", x)
		}
		return p.do(words...).Text
	}
	const only = " Prefixes for a single client must not overlap."
	check.Eq(t, on("foobar", "foo"), "ERR Prefix 'foobar' overlaps with another provided prefix 'foo'."+only)
	check.Eq(t, on("x", "foo", "foobar"), "ERR Prefix 'foo' overlaps with another provided prefix 'foobar'."+only)
	check.Eq(t, on("foo", "bar"), "OK")
	check.Eq(t, on("fo"), "ERR Prefix 'fo' overlaps with an existing prefix 'foo'."+only)
	check.Eq(t, on("barb"), "ERR Prefix 'barb' overlaps with an existing prefix 'bar'."+only)
	check.Eq(t, on("foo"), "ERR Prefix 'foo' overlaps with an existing prefix 'foo'."+only)
}

func TestOptInAndOptOut(t *testing.T) {
	r := startServer(t)
	in, out, writer := r.tracker("OPTIN"), r.tracker("OPTOUT"), r.dial()
	told := func(p *peer) []string {
		writer.ok("MSET", "a", "1", "b", "1")
		return p.heard()
	}
	in.ok("GET", "a")
	out.ok("GET", "b")
	check.Eq(t, told(in), []string{})
	check.Eq(t, out.heard(), []string{`>["invalidate" *["b"]]`})

	// It is for the next command that is no CLIENT.
	in.ok("CLIENT", "CACHING", "YES")
	check.Contains(t, in.ok("CLIENT", "TRACKINGINFO").String(), `~["on" "optin" "caching-yes"]`)
	in.ok("GET", "a")
	in.ok("GET", "b")
	check.Eq(t, told(in), []string{`>["invalidate" *["a"]]`})
	out.ok("CLIENT", "CACHING", "NO")
	check.Contains(t, out.ok("CLIENT", "TRACKINGINFO").String(), `~["on" "optout" "caching-no"]`)
	out.ok("GET", "a")
	out.ok("GET", "b")
	check.Eq(t, told(out), []string{`>["invalidate" *["b"]]`})
	in.ok("CLIENT", "CACHING", "YES")
	in.ok("PING")
	in.ok("GET", "a")
	check.Eq(t, told(in), []string{})

	// Or for the whole transaction that begins.
	in.ok("CLIENT", "CACHING", "YES")
	in.ok("MULTI")
	in.ok("GET", "a")
	in.ok("GET", "b")
	in.ok("EXEC")
	check.Contains(t, in.ok("CLIENT", "TRACKINGINFO").String(), `~["on" "optin"]`)
	check.Eq(t, told(in), []string{`>["invalidate" *["a"]]`, `>["invalidate" *["b"]]`})

	for want, words := range map[string]string{
		"ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.":                                                     "CLIENT CACHING NO",
		"ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.": "CLIENT TRACKING ON OPTOUT",
		"ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.": "CLIENT TRACKING ON BCAST",
		"ERR You can't specify both OPTIN mode and OPTOUT mode":                                                                            "CLIENT TRACKING ON OPTIN OPTOUT",
		"ERR PREFIX option requires BCAST mode to be enabled":                                                                              "CLIENT TRACKING ON PREFIX a",
		"ERR A client can only redirect to a single other client":                                                                          "CLIENT TRACKING ON REDIRECT 1 REDIRECT 1",
	} {
		check.Eq(t, in.refused(strings.Split(words, " ")...), want)
	}
	check.Eq(t, writer.refused("CLIENT", "CACHING", "YES"),
		"ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled")
	check.Eq(t, writer.refused("CLIENT", "TRACKING", "ON", "OPTIN", "BCAST"), "ERR OPTIN and OPTOUT are not compatible with BCAST")
}

func TestWithoutLoopOneHearsOfOthersOnly(t *testing.T) {
	r := startServer(t)
	writer := r.dial()
	for _, options := range [][]string{{}, {"BCAST"}} {
		p := r.tracker(append(options, "NOLOOP")...)
		p.ok("MGET", "mine", "theirs")
		p.ok("SET", "mine", "1")
		writer.ok("SET", "theirs", "1")
		check.Eq(t, p.heard(), []string{`>["invalidate" *["theirs"]]`})
		// Time is nobody's command.
		p.ok("SET", "mine", "1", "PX", "1")
		p.ok("GET", "mine")
		check.Eq(t, p.next(), `>["invalidate" *["mine"]]`)
	}
}

func TestOnesOwnMessagesFollowTheReply(t *testing.T) {
	r := startServer(t)
	p := r.tracker()
	p.ok("MGET", "a", "b")
	p.tell("MSET", "a", "1", "b", "2")
	check.Eq(t, p.told(3), "+OK\n"+`>["invalidate" *["a"]]`+"\n"+`>["invalidate" *["b"]]`)
	p.ok("MGET", "a", "b")
	p.ok("MULTI")
	p.ok("INCR", "a")
	p.ok("GET", "b")
	p.ok("FLUSHDB")
	p.tell("EXEC")
	check.Eq(t, p.told(3), `*[(integer) 2 "2" +OK]`+"\n"+`>["invalidate" *["a"]]`+"\n"+`>["invalidate" (nil)]`)
	// Also when replies are not wanted.
	p.ok("GET", "a")
	p.tell("CLIENT", "REPLY", "OFF")
	p.tell("SET", "a", "1")
	check.Eq(t, p.next(), `>["invalidate" *["a"]]`)
	p.tell("CLIENT", "REPLY", "ON")
	check.Eq(t, p.next(), "+OK")
	// And of a command that waited.
	p.ok("LRANGE", "to", "0", "-1")
	p.tell("BLMOVE", "from", "to", "LEFT", "LEFT", "0")
	other := r.dial()
	for other.info("clients")["blocked_clients"] != "1" {
	}
	other.ok("RPUSH", "from", "x")
	check.Eq(t, p.told(2), `"x"`+"\n"+`>["invalidate" *["to"]]`)
}

func TestKeysOfAScriptAreTrackedWhenItReads(t *testing.T) {
	r := startServer(t)
	p, writer := r.tracker(), r.dial()
	told := func() []string {
		writer.ok("MSET", "a", "1", "b", "1", "undeclared", "1")
		return p.heard()
	}
	p.ok("EVAL", "return redis.call('set', 'c', 1)", "2", "a", "b")
	check.Eq(t, told(), []string{})
	p.ok("EVAL_RO", "return redis.call('get', 'undeclared')", "2", "a", "b")
	check.Eq(t, told(), []string{`>["invalidate" *["a"]]`, `>["invalidate" *["b"]]`})
}

func TestExpiryMakesCopiesStale(t *testing.T) {
	r := startServer(t)
	p, writer := r.tracker(), r.dial()
	writer.ok("SET", "a", "1", "PX", "20")
	p.ok("GET", "a")
	check.Eq(t, p.next(), `>["invalidate" *["a"]]`)
}

func TestEvictionMakesCopiesStaleBeforeTheCommandRuns(t *testing.T) {
	r := startServer(t, "maxmemory-policy volatile-random")
	p := r.tracker()
	p.ok("SET", "big", strings.Repeat("x", 1<<20))
	p.ok("SET", "volatile", "x", "EX", "1000")
	p.ok("GET", "volatile")
	p.ok("CONFIG", "SET", "maxmemory", "1")
	check.Eq(t, p.next(), `>["invalidate" *["volatile"]]`)
	p.ok("CONFIG", "SET", "maxmemory", "0")
	p.ok("SET", "volatile", "y", "EX", "1000")
	p.ok("GET", "volatile")
	// One packet: the round between the turns has no chance to come first.
	p.tell("MULTI")
	p.tell("CONFIG", "SET", "maxmemory", "1")
	p.tell("EXEC")
	p.tell("GET", "volatile")
	check.Eq(t, p.told(3), "+OK\n+QUEUED\n*[+OK]")
	check.Eq(t, p.told(2), `>["invalidate" *["volatile"]]`+"\n(nil)")
}

func TestAllKeysAtOnce(t *testing.T) {
	r := startServer(t)
	p, writer := r.tracker(), r.dial()
	for _, words := range []string{"FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC", "SWAPDB 0 1"} {
		p.ok("GET", "a")
		writer.ok(strings.Split(words, " ")...)
		check.Eq(t, p.next(), `>["invalidate" (nil)]`)
		check.Eq(t, writer.info("stats")["tracking_total_keys"], "0")
		writer.ok("SET", "a", "1")
		p.quiet()
	}
}

func TestTheTableHasALimit(t *testing.T) {
	r := startServer(t)
	p, admin := r.tracker("NOLOOP"), r.dial()
	read := func(n int) {
		words := []string{"EXISTS"}
		for i := range n {
			words = append(words, fmt.Sprint("key:", i))
		}
		p.ok(words...)
	}
	read(2500)
	check.Eq(t, admin.info("stats")["tracking_total_keys"], "2500")
	admin.ok("CONFIG", "SET", "tracking-table-max-keys", "1000")
	lines := p.told(1500) // each key is told when it is forgotten
	check.Eq(t, len(regexp.MustCompile(`>\["invalidate" \*\["key:\d+"\]\]`).FindAllString(lines, -1)), 1500)
	check.Eq(t, admin.info("stats")["tracking_total_keys"], "1000")
	p.ok("GET", "new") // one more than may be: chance chooses
	check.Contains(t, p.next(), "invalidate")
	check.Eq(t, admin.info("stats")["tracking_total_keys"], "1000")
	admin.ok("CONFIG", "SET", "tracking-table-max-keys", "0")
	read(2500)
	check.True(t, admin.info("stats")["tracking_total_keys"] >= "2500", "no limit")
	p.quiet()
}

func TestWhatInfoTellsOfTracking(t *testing.T) {
	r := startServer(t)
	admin := r.dial()
	before := admin.info()
	a, b := r.tracker(), r.tracker()
	words := []string{"EXISTS"}
	for i := range 1000 {
		words = append(words, fmt.Sprint("a key of some length:", i))
	}
	a.ok(words...)
	b.ok(words[:11]...)
	info := admin.info()
	check.Eq(t, info["tracking_clients"]+" "+info["tracking_total_keys"]+" "+info["tracking_total_items"], "2 1000 1010")
	size := func(info map[string]string, field string) int { n, _ := strconv.Atoi(info[field]); return n }
	check.True(t, size(info, "used_memory_overhead")-size(before, "used_memory_overhead") > 1000*30, "it is overhead")
	check.True(t, size(info, "used_memory") > size(before, "used_memory")+1000*30, "it is memory")
	check.Eq(t, info["dataset_bytes"], before["dataset_bytes"])

	a.conn.Close()
	b.ok("CLIENT", "TRACKING", "OFF")
	for admin.info("clients")["tracking_clients"] != "0" {
	}
	check.Eq(t, admin.info("stats")["tracking_total_keys"], "1000") // b may turn it on again
	b.conn.Close()
	for admin.info("stats")["tracking_total_keys"] != "0" {
	}
}

func TestHowTrackingEnds(t *testing.T) {
	r := startServer(t)
	writer := r.dial()
	for name, tt := range map[string]struct {
		end   func(*peer)
		hears bool
	}{
		"OFF":     {func(p *peer) { p.ok("CLIENT", "TRACKING", "OFF") }, false},
		"RESET":   {func(p *peer) { p.ok("RESET"); p.ok("HELLO", "3") }, false},
		"AUTH":    {func(p *peer) { p.ok("HELLO", "3", "SETNAME", "x") }, true},
		"HELLO 2": {func(p *peer) { p.ok("HELLO", "2") }, false}, // it is on, and cannot be told
		"BCAST later on": {func(p *peer) {
			p.ok("CLIENT", "TRACKING", "OFF")
			p.ok("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "x")
		}, false},
	} {
		p := r.tracker()
		p.ok("GET", "a")
		tt.end(p)
		writer.ok("SET", "a", "1")
		want := []string{}
		if tt.hears {
			want = []string{`>["invalidate" *["a"]]`}
		}
		check.Eq(t, append(p.heard(), name), append(want, name))
	}
}
