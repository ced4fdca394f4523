package value

import (
	"bytes"
	"hash/maphash"
	"math/bits"

	"redisd/pkg/ds"
)

// The largest set that is gathered, in members and about in bytes.
const (
	mostGathered      = 256
	mostGatheredBytes = 1 << 20
)

// gather takes the members of a small set that come one by one, and makes its listpack of
// them in the end: growing the one in the arena member by member would look through it,
// and move it, for each.
type gather struct {
	on    bool
	seed  maphash.Seed
	build ds.LPBuilder
	text  []byte
	ends  []int
	slots [4 * mostGathered]uint16 // number of a member, from 1, by its hash
	mask  uint64
}

// start gets ready for n members.
func (g *gather) start(n int) {
	if g.seed == (maphash.Seed{}) {
		g.seed = maphash.MakeSeed()
	}
	g.on, g.text, g.ends = true, g.text[:0], g.ends[:0]
	g.build.Reset()
	size := 1 << bits.Len(uint(2*n))
	g.mask = uint64(size - 1)
	clear(g.slots[:size])
}

// add takes a member, not more of them than start was told; false when it is there
// already.
func (g *gather) add(b []byte) bool {
	for i := maphash.Bytes(g.seed, b) & g.mask; ; i = (i + 1) & g.mask {
		n := g.slots[i]
		if n == 0 {
			g.text = append(g.text, b...)
			g.ends = append(g.ends, len(g.text))
			g.slots[i] = uint16(len(g.ends))
			g.build.Add(b)
			return true
		}
		if bytes.Equal(g.member(int(n)-1), b) {
			return false
		}
	}
}

func (g *gather) member(i int) []byte {
	from := 0
	if i > 0 {
		from = g.ends[i-1]
	}
	return g.text[from:g.ends[i]]
}
