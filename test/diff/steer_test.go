package diff

import (
	"slices"
	"strconv"
	"strings"
)

// Here: commands that choose by chance. What redisd chose is brought about on the
// other side, so that the two stay equal.

// steered tells whether a command needs that.
func (c *comparison) steered(args []string) bool {
	return strings.EqualFold(args[0], "spop") || strings.EqualFold(args[0], "randomkey")
}

// steer runs one. When SPOP takes all, or nothing, both sides do the same by
// themselves; otherwise the other side gets an SREM of what was popped.
func (c *comparison) steer(args []string) {
	if strings.EqualFold(args[0], "randomkey") {
		c.purge() // which expired keys it comes upon is chance
		c.run([][]string{args})
		return
	}
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
