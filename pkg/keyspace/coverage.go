package keyspace

import "redisd/pkg/ds"

// coverage is which buckets of a dict, as it was at the cut, have been sent: a bit
// each, and where the pump goes on.
type coverage struct {
	dict *ds.Dict
	gen  [2]uint64
	size [2]uint64
	sent [2][]uint64
	tab  int    // where the pump goes on
	pos  uint64 // bucket in that table
}

func newCoverage(d *ds.Dict) coverage {
	c := coverage{dict: d}
	c.gen, c.size = d.Tables()
	for n, size := range c.size {
		c.sent[n] = make([]uint64, (size+63)/64)
	}
	return c
}

// claim marks bucket i of table gen as sent, and tells whether the caller has to
// send it now. A table younger than the cut holds nothing that was not sent: its
// entries came there through the barrier.
func (c *coverage) claim(gen, i uint64) bool {
	for n := range c.gen {
		if c.gen[n] != gen || c.size[n] == 0 {
			continue
		}
		word, bit := &c.sent[n][i/64], uint64(1)<<(i%64)
		if *word&bit != 0 {
			return false
		}
		*word |= bit
		return true
	}
	return false
}

// advance gives the next bucket for the pump to look at; false at the end.
func (c *coverage) advance() (gen, i uint64, more bool) {
	for ; c.tab < len(c.gen); c.tab, c.pos = c.tab+1, 0 {
		// A table that is gone was emptied through the barrier.
		if c.pos >= c.size[c.tab] || !c.dict.Has(c.gen[c.tab]) {
			continue
		}
		c.pos++
		return c.gen[c.tab], c.pos - 1, true
	}
	return 0, 0, false
}
