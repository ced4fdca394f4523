package diff

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redisd/pkg/keyspace"
	"redisd/pkg/resp"
)

// comparison runs commands on both sides and stops the test at the first
// difference.
type comparison struct {
	t       *testing.T
	our     *ours
	their   *theirs
	mirror  *theirs // a redis-server that gets what redisd logged
	replica *ours   // gets it too, as if a file were loaded
	g       generator
	seed    int64
	proto   int
	n       int        // commands of the round so far
	past    [][]string // them
	careful bool       // compares the dirty counter and the data after every batch
	astray  bool       // the data is known to differ for the moment
}

func (c *comparison) fatalf(args []string, format string, a ...any) {
	c.t.Helper()
	c.t.Fatalf("seed %d, command %d, db %d, RESP%d: %q\n%s\nbefore it, on the same keys:\n%s", c.seed, c.n, c.our.ctx.DB.Index(),
		c.proto, args, fmt.Sprintf(format, a...), c.story(args))
}

// story gives the last commands that name a word of args, apart from its first.
func (c *comparison) story(args []string) string {
	keys := c.g.allKeys()
	var lines []string
	for i := len(c.past) - 1; i >= 0 && len(lines) < 20; i-- {
		if len(args) > 1 && len(c.past[i]) < 40 && slices.ContainsFunc(args[1:], func(w string) bool {
			return slices.Contains(keys, w) && slices.Contains(c.past[i], w)
		}) {
			lines = append(lines, fmt.Sprintf("  %.300q", c.past[i]))
		}
	}
	slices.Reverse(lines)
	for _, w := range args {
		if slices.Contains(keys, w) {
			lines = append(lines, fmt.Sprintf("  %q has become %.600s", w, show(c.their, w)))
		}
	}
	return strings.Join(lines, "\n")
}

// begin makes both sides empty, with the limits and the protocol of the round.
func (c *comparison) begin() {
	c.past = nil
	for _, s := range []side{c.our, c.their, c.replica} {
		s.do("select", "0")
		s.do("flushall")
	}
	c.setLimits()
	c.their.do("hello", strconv.Itoa(c.proto))
	c.our.out.Proto = c.proto
	_, _ = c.their.takeLog()
	c.their.takeDirty()
	c.our.dirty, c.our.events, c.our.log, c.our.logDB = 0, nil, nil, nil
	clear(c.our.extra)
}

// together is how many commands are sent at once.
const together = 16

func (c *comparison) step() {
	switch c.g.Intn(30) {
	case 0:
		c.scanAll()
	case 1:
		c.exchange()
	case 2:
		c.both("select", c.g.pick("0", "0", "0", "0", "1", "2"))
	case 3:
		c.iterate()
	default:
		var batch [][]string
		for range together {
			args := c.g.next()
			if c.steered(args) {
				c.run(batch)
				batch = nil
				c.steer(args)
				continue
			}
			batch = append(batch, args)
		}
		c.run(batch)
		return
	}
	c.n++
}

// run sends commands to both sides and compares replies and events.
func (c *comparison) run(commands [][]string) {
	replies, events := c.their.play(commands)
	for i, args := range commands {
		c.n++
		got := c.our.do(args...)
		c.compare(args, got, replies[i])
		c.compareEvents(args, events[i])
		c.past = append(c.past, args)
	}
	if c.careful && !c.astray {
		c.compareDirty(commands)
		c.compareData(commands)
		c.compareEncodings(commands)
	}
}

// compareEncodings compares the encodings of all keys of the database.
func (c *comparison) compareEncodings(after [][]string) {
	for _, e := range decode(c.their.do("keys", "*")).Elems {
		args := []string{"object", "encoding", e.Text}
		got, want := decode(c.our.do(args...)), decode(c.their.do(args...))
		if got.Text != want.Text && !excused(c, args, got, want) {
			c.past = append(c.past, after...)
			c.fatalf(args, "encoding\n got %s\nwant %s", got, want)
		}
	}
	_, _ = c.their.play([][]string{{"ping"}})
	c.our.events = nil
}

func (c *comparison) compareDirty(commands [][]string) {
	got, want := c.our.dirty, c.their.takeDirty()
	c.our.dirty = 0
	if got != want {
		c.fatalf(nil, "dirty counter grew by %d, want %d\n%q", got, want, commands)
	}
}

func (c *comparison) compare(args []string, got, want []byte) {
	if bytes.Equal(got, want) {
		return
	}
	g, w := normal(args, decode(got)), normal(args, decode(want))
	if !alike(args, g, w) && !excused(c, args, g, w) {
		c.fatalf(args, "reply\n got %q\nwant %q", got, want)
	}
}

func decode(raw []byte) resp.Reply {
	m, err := resp.ReadReply(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		panic(fmt.Sprintf("%q: %v", raw, err))
	}
	return m
}

func (c *comparison) compareEvents(args, want []string) {
	got := c.our.events
	c.our.events = nil
	// redisd tells of all keys that a command found expired before the rest.
	slices.SortStableFunc(want, func(a, b string) int { return rank(a) - rank(b) })
	if !slices.Equal(got, want) && !slices.Equal(normalEvents(args, got), normalEvents(args, want)) {
		c.fatalf(args, "events\n got %q\nwant %q", got, want)
	}
}

func rank(event string) int {
	if strings.Contains(event, ":expired ") {
		return 0
	}
	return 1
}

// both sends a command to both sides and compares as run does.
func (c *comparison) both(args ...string) {
	c.run([][]string{args})
	c.n--
}

// purge lets both sides drop what has expired, in the same order.
func (c *comparison) purge() {
	c.both(append(append([]string{"exists"}, c.g.allKeys()...), wrongWords()...)...)
}

// scanAll compares a whole iteration: where the cursor goes differs, what it finds
// must not.
func (c *comparison) scanAll() {
	c.purge()
	c.cursor([]string{"scan"}, c.g.scanOptions())
}

// iterate does the same inside of a collection.
func (c *comparison) iterate() {
	name := c.g.pick("hscan", "sscan", "zscan")
	if c.our.table.Lookup([]byte(name)) == nil {
		return
	}
	prefix := map[string]string{"hscan": "h", "sscan": "t", "zscan": "z"}[name]
	key := c.g.pick(prefix+":1", prefix+":2", prefix+":3", c.g.key())
	var options []string
	for range c.g.Intn(3) {
		options = append(options, c.g.pick("count", "MATCH"), c.g.pick("1", "5", "1000", "*", "m*", "[0-9]*", "0", "x"))
	}
	c.cursor([]string{name, key}, options)
}

func (c *comparison) cursor(command, options []string) {
	pairs := command[0] == "hscan" || command[0] == "zscan"
	all := func(s side) []string {
		found := map[string]bool{}
		for cursor := "0"; ; {
			m := decode(s.do(append(append(slices.Clone(command), cursor), options...)...))
			if m.Err() != nil {
				return []string{m.Text}
			}
			elems := m.Elems[1].Elems
			for i := 0; i < len(elems); i++ {
				text := elems[i].Text
				if pairs && i+1 < len(elems) {
					i++
					text += " = " + canonical(elems[i].Text)
				}
				found[text] = true
			}
			if cursor = m.Elems[0].Text; cursor == "0" {
				var keys []string
				for k := range found {
					keys = append(keys, k)
				}
				slices.Sort(keys)
				return keys
			}
		}
	}
	args := append(slices.Clone(command), options...)
	got, want := all(c.our), all(c.their)
	if !slices.Equal(got, want) {
		c.fatalf(args, "\n got %q\nwant %q", got, want)
	}
	_, events := c.their.play([][]string{{"ping"}})
	// How many calls it took differs, and each reports a missing key.
	c.our.events = slices.Compact(c.our.events)
	c.compareEvents(args, slices.Compact(events[0]))
}

// exchange dumps a key on either side, and restores both dumps on both.
func (c *comparison) exchange() {
	from, to := c.g.key(), c.g.key()
	if c.hasMinusZero(from) {
		return
	}
	got, want := c.our.do("dump", from), c.their.do("dump", from)
	c.our.events = nil
	c.their.play([][]string{{"ping"}})
	g, w := decode(got), decode(want)
	if g.Null != w.Null || g.Kind != w.Kind {
		c.fatalf([]string{"dump", from}, "\n got %.300q\nwant %.300q", got, want)
	}
	if g.Null {
		return
	}
	ttl := c.g.pick("0", "1000000000")
	for _, payload := range []string{g.Text, w.Text} {
		if reply := c.our.do("restore", to, ttl, payload, "replace"); string(reply) != "+OK\r\n" {
			c.fatalf([]string{"restore", from, to}, "our own: %t: %q of %q", payload == g.Text, reply, payload)
		}
		if reply := c.their.do("restore", to, ttl, payload, "replace"); string(reply) != "+OK\r\n" {
			c.fatalf([]string{"restore", from, to}, "theirs, payload ours: %t: %q of %q", payload == g.Text, reply, payload)
		}
		_, events := c.their.play([][]string{{"ping"}})
		c.compareEvents([]string{"restore", to}, events[0])
		c.past = append(c.past, []string{"restore", from, to, payload})
		c.compareValue(to)
	}
	c.both("object", "encoding", to)
}

// compareValue compares the value of one key.
func (c *comparison) compareValue(key string) {
	want := decode(c.their.do("debug", "digest-value", key)).Elems[0].Text
	e, ok := c.our.ctx.DB.Peek([]byte(key))
	if !ok {
		c.fatalf([]string{"digest", key}, "the key is missing, Redis has %s", show(c.their, key))
	}
	d := e.ValueDigest()
	if got := fmt.Sprintf("%x", d[:]); got != want {
		c.fatalf([]string{"digest", key}, "\n got %s\nwant %s, which is %s\nours %s", got, want, show(c.their, key), show(c.our, key))
	}
}

// show tells what a key holds.
func show(s side, key string) string {
	read := map[string][]string{"string": {"get", key}, "list": {"lrange", key, "0", "-1"}, "set": {"smembers", key},
		"zset": {"zrange", key, "0", "-1", "withscores"}, "hash": {"hgetall", key}, "stream": {"xinfo", "stream", key, "full"}}
	kind := decode(s.do("type", key)).Text
	if read[kind] == nil {
		return kind
	}
	return kind + " " + decode(s.do("object", "encoding", key)).Text + " " + decode(s.do(read[kind]...)).String()
}

// end compares what a round left behind.
func (c *comparison) end() {
	for db := range 16 {
		was := c.our.ctx.DB.Index()
		c.both("select", strconv.Itoa(db))
		c.purge()
		c.both("keys", "*")
		c.both("select", strconv.Itoa(was))
	}
	c.compareData(nil)
	c.compareDirty(nil)
	c.compareLog()
	c.replay()
}

// compareData compares the whole dataset.
func (c *comparison) compareData(after [][]string) {
	d := c.our.ks.Digest()
	got, want := fmt.Sprintf("%x", d[:]), decode(c.their.do("debug", "digest")).Text
	if got == want {
		return
	}
	c.past = append(c.past, after...)
	for db := range 16 {
		c.their.do("select", strconv.Itoa(db))
		c.our.do("select", strconv.Itoa(db))
		for _, e := range decode(c.their.do("keys", "*")).Elems {
			c.compareValue(e.Text)
		}
	}
	c.fatalf([]string{"debug", "digest"}, "\n got %s\nwant %s\nafter %q", got, want, after)
}

// compareLog compares what was logged, in order.
func (c *comparison) compareLog() {
	theirLog, theirDBs := c.their.takeLog()
	want, dbs := without(theirLog, theirDBs, nil)
	got, ours := without(c.our.log, c.our.logDB, c.our.extra)
	for i, w := range want {
		if i >= len(got) {
			c.fatalf(w, "the log ends before it")
		}
		if ours[i] != dbs[i] || !sameLog(got[i], w) {
			c.fatalf(w, "log entry %d\n got db %d %q\nwant db %d %q\nbefore it %q", i, ours[i], got[i], dbs[i], w, want[max(0, i-3):i])
		}
	}
	if len(got) > len(want) {
		c.fatalf(got[len(want)], "logged, which redis-server does not")
	}
}

// without leaves out what only one of the two logs.
func without(log [][]string, dbs []int, extra map[int]bool) (kept [][]string, in []int) {
	for i, words := range log {
		if !extra[i] && !onlyOneLogs(words) {
			kept, in = append(kept, words), append(in, dbs[i])
		}
	}
	return kept, in
}

// replay brings the replica and the mirror up to date with the log; they must end
// up the same.
func (c *comparison) replay() {
	for i, words := range c.our.log {
		c.replica.ctx.DB = c.replica.ks.DB(c.our.logDB[i])
		if reply := c.replica.do(words...); reply[0] == '-' && !c.our.extra[i] {
			c.fatalf(words, "replayed: %q", reply)
		}
		c.replica.events, c.replica.log, c.replica.logDB = nil, nil, nil
	}
	d, r := c.our.ks.Digest(), c.replica.ks.Digest()
	if r != d {
		c.fatalf(nil, "the log does not bring back the dataset: %x\n%s", r[:], c.apart())
	}
	if reply := string(c.mirror.load(c.our.log, c.our.logDB)); reply != "+OK\r\n" {
		c.fatalf(nil, "redis-server loads the log: %q", reply)
	}
	if got, want := decode(c.mirror.do("debug", "digest")).Text, fmt.Sprintf("%x", d[:]); got != want {
		c.fatalf(nil, "redis-server makes something else of the log: %s, want %s\n%s", got, want, c.mirrorApart())
	}
}

// apart tells which keys of the replica are not as ours, and what was logged of them.
func (c *comparison) apart() string {
	return c.differing(func(db int, key string) string {
		e, ok := c.replica.ks.DB(db).Peek([]byte(key))
		if !ok {
			return ""
		}
		d := e.ValueDigest()
		return fmt.Sprintf("%x", d[:])
	})
}

// mirrorApart is apart for the mirror.
func (c *comparison) mirrorApart() string {
	return c.differing(func(db int, key string) string {
		c.mirror.do("select", strconv.Itoa(db))
		return decode(c.mirror.do("debug", "digest-value", key)).Elems[0].Text
	})
}

// differing tells which of our keys have another digest than the one given, and what
// was logged of them.
func (c *comparison) differing(digest func(db int, key string) string) string {
	var b strings.Builder
	for db := range 16 {
		c.our.ks.DB(db).Each(func(e keyspace.Entry) {
			d, key := e.ValueDigest(), string(e.Key())
			if digest(db, key) == fmt.Sprintf("%x", d[:]) {
				return
			}
			c.our.ctx.DB = c.our.ks.DB(db)
			fmt.Fprintf(&b, "db %d %q: %.1000s\n", db, key, show(c.our, key))
			for i, words := range c.our.log {
				if slices.Contains(words, key) {
					fmt.Fprintf(&b, "    db %d %.300q\n", c.our.logDB[i], words)
				}
			}
		})
	}
	return b.String()
}
