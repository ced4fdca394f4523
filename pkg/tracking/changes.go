package tracking

import (
	"bytes"
	"slices"
)

// changes are keys that changed, with who changed them last. A key may stand in it
// several times until tidy: to look for it at each change would cost more than to sort
// once.
type changes struct {
	keys  []byte // one after the other
	list  []change
	worth int    // length of list from which on it is tidied on the way
	spare []byte // the other buffer of tidy
}

type change struct {
	at, n int // where in keys the key is
	by    uint64
}

// tidyFrom is the shortest list that is tidied before it is delivered: a script that
// changes one key a million times must not keep a million notes of it.
const tidyFrom = 4096

func (c *changes) key(ch change) []byte { return c.keys[ch.at : ch.at+ch.n] }

func (c *changes) add(key []byte, by uint64) {
	if n := len(c.list); n >= tidyFrom && n >= c.worth {
		c.tidy()
		c.worth = 2 * len(c.list)
	}
	c.list = append(c.list, change{len(c.keys), len(key), by})
	c.keys = append(c.keys, key...)
}

// tidy sorts the keys and keeps the last change of each.
func (c *changes) tidy() {
	if len(c.list) < 2 {
		return
	}
	slices.SortStableFunc(c.list, func(a, b change) int { return bytes.Compare(c.key(a), c.key(b)) })
	kept, keys := c.list[:0], c.spare[:0]
	for i, ch := range c.list {
		if i+1 < len(c.list) && bytes.Equal(c.key(ch), c.key(c.list[i+1])) {
			continue
		}
		at := len(keys)
		keys = append(keys, c.key(ch)...)
		kept = append(kept, change{at, ch.n, ch.by})
	}
	c.list = kept
	c.keys, c.spare = keys, c.keys
}

// reset forgets the changes; buffers that grew large are not kept.
func (c *changes) reset() {
	if cap(c.keys)+cap(c.spare) > keepBytes || cap(c.list) > tidyFrom {
		*c = changes{}
		return
	}
	c.keys, c.list, c.worth = c.keys[:0], c.list[:0], 0
}
