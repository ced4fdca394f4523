package diff

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	"redisd/pkg/keyspace"
)

// Here: commands that choose by chance, and those after which 7.0 has less than 7.2.
// What redisd has then is brought about on the other side, so that the two stay equal.

// steered tells whether a command needs that.
func (c *comparison) steered(args []string) bool {
	switch strings.ToLower(args[0]) {
	case "spop", "randomkey", "xclaim", "xautoclaim", "xreadgroup":
		return true
	}
	return byName(args) || storesDistances(args) || searchesPlaces(args) || sorts(args)
}

func sorts(args []string) bool { return strings.HasPrefix(strings.ToLower(args[0]), "sort") }

// clearErrno is a command that fails without a trace. Redis takes an errno that an
// earlier command left behind for one of SORT's; this one clears it.
func clearErrno() []string { return []string{"zincrby", "k", "abc", "m"} }

// takesAny tells a SORT that does not sort and replies a part.
func takesAny(args []string) bool {
	if !sorts(args) || slices.Contains(args, "STORE") {
		return false
	}
	i := slices.Index(args, "BY")
	return i > 0 && i+1 < len(args) && !strings.Contains(args[i+1], "*")
}

// freeToDiffer tells a SORT that need not give the same on both sides: a part of a
// set, which has no order; texts with zero bytes, where the C library's order ends; and
// one that makes a packed sorted set a skiplist in Redis, for nothing.
func (c *comparison) freeToDiffer(args []string) (free bool) {
	if len(args) < 2 {
		return false
	}
	e, found := c.our.ctx.DB.Peek([]byte(args[1]))
	if !found {
		return false
	}
	look := func(v []byte) bool {
		free = free || bytes.IndexByte(v, 0) >= 0
		return true
	}
	switch e.Type() {
	case keyspace.List:
		l := e.List()
		l.Each(look)
	case keyspace.Set:
		s := e.Set()
		s.Each(look)
		free = free || takesAny(args)
	case keyspace.ZSet:
		z := e.ZSet()
		z.Each(func(m []byte, _ float64) bool { return look(m) })
		free = free || e.Encoding() == keyspace.Listpack
	}
	return free
}

// searchesPlaces tells a command that sorts places by distance. Which of two at the
// same place comes first is free.
func searchesPlaces(args []string) bool {
	name := strings.ToLower(args[0])
	return strings.HasPrefix(name, "geosearch") || strings.HasPrefix(name, "georadius")
}

// allApart tells whether the places that a command searches are all different ones.
func (c *comparison) allApart(args []string) bool {
	i := 1
	if strings.EqualFold(args[0], "geosearchstore") {
		i = 2
	}
	seen := map[float64]bool{}
	n := c.eachScore(args, i, func(score float64) { seen[score] = true })
	return n == len(seen)
}

// eachScore calls fn for the scores of the sorted set that the i-th word names, if
// it is one, and gives their number.
func (c *comparison) eachScore(args []string, i int, fn func(score float64)) (n int) {
	if i >= len(args) {
		return 0
	}
	e, found := c.our.ctx.DB.Peek([]byte(args[i]))
	if !found || e.Type() != keyspace.ZSet {
		return 0
	}
	z := e.ZSet()
	z.Each(func(_ []byte, score float64) bool {
		fn(score)
		n++
		return true
	})
	return n
}

// storesDistances tells a command after which a key holds distances. Their last
// digits depend on the sines of the C library.
func storesDistances(args []string) bool {
	return slices.ContainsFunc(args, func(w string) bool { return strings.EqualFold(w, "STOREDIST") })
}

// forgetDistances runs such a command, compares the distances, and deletes them.
func (c *comparison) forgetDistances(args []string) {
	c.astray = true
	c.run([][]string{args})
	c.astray = false
	dst := args[1]
	for i, w := range args[:len(args)-1] {
		if strings.EqualFold(w, "STOREDIST") && !strings.EqualFold(args[0], "geosearchstore") {
			dst = args[i+1]
		}
	}
	scores := func(s side) map[string]float64 {
		m, found := decode(s.do("zrange", dst, "0", "-1", "withscores")), map[string]float64{}
		elems := m.Elems
		if c.proto == 3 {
			elems = nil
			for _, e := range m.Elems {
				elems = append(elems, e.Elems...)
			}
		}
		for i := 0; i+1 < len(elems); i += 2 {
			found[elems[i].Text], _ = elems[i+1].Double()
		}
		return found
	}
	got, want := scores(c.our), scores(c.their)
	for m, d := range want {
		if g, ok := got[m]; !ok || math.Abs(g-d) > 1e-9*math.Abs(d)+1e-9 {
			c.fatalf(args, "distance of %q\n got %v\nwant %v", m, got, want)
		}
	}
	c.our.events = nil
	c.their.play([][]string{{"ping"}})
	c.run([][]string{{"del", dst}})
}

// byName tells a command about a range of a sorted set by name. Its result means
// something only when all scores are the same.
func byName(args []string) bool {
	return strings.Contains(strings.ToLower(args[0]), "lex") ||
		slices.ContainsFunc(args, func(w string) bool { return strings.EqualFold(w, "BYLEX") })
}

// oneScore tells whether a command by name is on a key where that makes sense.
func (c *comparison) oneScore(args []string) bool {
	i := 1
	if strings.EqualFold(args[0], "zrangestore") {
		i = 2
	}
	seen := map[float64]bool{}
	c.eachScore(args, i, func(score float64) { seen[score] = true })
	return len(seen) < 2
}

func (c *comparison) steer(args []string) {
	if sorts(args) && c.freeToDiffer(args) || byName(args) && !c.oneScore(args) || searchesPlaces(args) && !c.allApart(args) {
		return
	}
	if storesDistances(args) {
		c.forgetDistances(args)
		return
	}
	if sorts(args) {
		c.their.play([][]string{clearErrno()})
	}
	if byName(args) || searchesPlaces(args) || sorts(args) {
		c.run([][]string{args})
		return
	}
	switch strings.ToLower(args[0]) {
	case "randomkey":
		c.purge() // which expired keys it comes upon is chance
		c.run([][]string{args})
	case "spop":
		c.pop(args)
	default:
		c.withConsumer(args)
	}
}

// withConsumer runs a command that names a consumer. 7.2 creates it in any case, 7.0
// only when it gets something.
func (c *comparison) withConsumer(args []string) {
	const created = ":xgroup-createconsumer "
	c.n++
	got := c.our.do(args...)
	mine := c.our.events
	c.our.events = nil
	replies, events := c.their.play([][]string{args})
	c.compare(args, got, replies[0])
	theirs := events[0]
	for _, e := range mine {
		_, key, found := strings.Cut(e, created)
		if !found || slices.Contains(theirs, e) {
			continue
		}
		group, consumer := args[2], args[3] // they stand there in all three
		_, more := c.their.play([][]string{{"XGROUP", "CREATECONSUMER", key, group, consumer}})
		theirs = append(theirs, more[0]...)
	}
	slices.Sort(mine)
	slices.Sort(theirs)
	if !slices.Equal(mine, theirs) {
		c.fatalf(args, "events\n got %q\nwant %q", mine, theirs)
	}
	c.past = append(c.past, args)
}

// pop runs an SPOP. When it takes all, or nothing, both sides do the same by
// themselves; otherwise the other side gets an SREM of what was popped.
func (c *comparison) pop(args []string) {
	c.n++
	c.past = append(c.past, args)
	size := 0
	if len(args) > 1 {
		if m := decode(c.our.do("scard", args[1])); m.Err() == nil {
			size = int(m.Int)
		}
	}
	c.our.events = nil
	got := c.our.do(args...)
	m := decode(got)
	popped := m.Elems
	if m.Kind == '$' && !m.Null {
		popped = append(popped, m)
	}
	if m.Err() != nil || len(popped) == 0 || len(popped) == size {
		replies, events := c.their.play([][]string{args})
		sortElems(nil, &m)
		w := decode(replies[0])
		sortElems(nil, &w)
		if !alike(args, m, w) {
			c.fatalf(args, "reply\n got %q\nwant %q", got, replies[0])
		}
		c.compareEvents(args, events[0])
		return
	}
	rem := []string{"srem", args[1]}
	for _, e := range popped {
		rem = append(rem, e.Text)
	}
	replies, events := c.their.play([][]string{rem})
	if n := strconv.Itoa(len(popped)); string(replies[0]) != ":"+n+"\r\n" {
		c.fatalf(args, "popped %q, of which Redis has %s", got, replies[0])
	}
	for i, e := range events[0] {
		events[0][i] = strings.Replace(e, ":srem ", ":spop ", 1)
	}
	c.compareEvents(args, slices.Clone(events[0]))
}

// hasMinusZero tells whether a score of a sorted set is -0. A packed set makes 0 of
// it, on both sides; when a set is loaded that a long member behind it keeps from being
// packed, redisd has packed what came before.
func (c *comparison) hasMinusZero(key string) (has bool) {
	c.eachScore([]string{key}, 0, func(score float64) { has = has || score == 0 && math.Signbit(score) })
	return has
}
