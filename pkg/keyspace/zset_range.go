package keyspace

import (
	"bytes"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Ranges of sorted sets. A range of scores or of members is turned into ranks, in
// O(log n) for the Skiplist encoding; cursors start at a rank.

// ScoreRange is a range of scores; an end may be left out.
type ScoreRange struct {
	Min, Max     float64
	MinEx, MaxEx bool
}

// Empty tells whether no score is in the range.
func (r *ScoreRange) Empty() bool {
	return r.Min > r.Max || r.Min == r.Max && (r.MinEx || r.MaxEx)
}

func (r *ScoreRange) below(s float64) bool { return s < r.Min || r.MinEx && s == r.Min }
func (r *ScoreRange) above(s float64) bool { return s > r.Max || r.MaxEx && s == r.Max }

// LexBound is an end of a range of members.
type LexBound struct {
	Kind LexKind
	Text []byte // of LexText
	Ex   bool   // the end itself is left out, as lowest and highest always are
}

// LexKind says what a LexBound is.
type LexKind int8

// The kinds, in order.
const (
	LexLowest  LexKind = iota - 1 // before any text
	LexText                       // Text
	LexHighest                    // after any text
)

// LexRange is a range of members.
type LexRange struct{ Min, Max LexBound }

// compare orders bound and member.
func (b *LexBound) compare(member []byte) int {
	if b.Kind != LexText {
		return int(b.Kind)
	}
	return bytes.Compare(b.Text, member)
}

// Empty tells whether no member can be in the range.
func (r *LexRange) Empty() bool {
	c := int(r.Min.Kind) - int(r.Max.Kind)
	if c == 0 && r.Min.Kind == LexText {
		c = bytes.Compare(r.Min.Text, r.Max.Text)
	}
	return c > 0 || c == 0 && (r.Min.Ex || r.Max.Ex)
}

func (r *LexRange) below(member []byte) bool {
	c := r.Min.compare(member)
	return c > 0 || r.Min.Ex && c == 0
}

func (r *LexRange) above(member []byte) bool {
	c := r.Max.compare(member)
	return c < 0 || r.Max.Ex && c == 0
}

// ScoreRanks is the rank of the first member in the range, and how many are in it.
func (z *SortedSet) ScoreRanks(r *ScoreRange) (from, n int) {
	if r.Empty() {
		return 0, 0
	}
	if z.root == 0 {
		return z.scoreRanksPacked(r)
	}
	tie := beforeAll
	if r.MinEx {
		tie = behindAll
	}
	first, _ := z.t.Rank(orderedBits(r.Min), 0, tie)
	tie = behindAll
	if r.MaxEx {
		tie = beforeAll
	}
	end, _ := z.t.Rank(orderedBits(r.Max), 0, tie)
	return int(first), int(end - first)
}

// LexRanks is ScoreRanks for a range of members, in a set whose scores are all the
// same. Otherwise what is in the range is undefined, as in Redis, but for an end that
// is lowest or highest. reverse says that it will be walked from its end.
func (z *SortedSet) LexRanks(r *LexRange, reverse bool) (from, n int) {
	if r.Empty() {
		return 0, 0
	}
	if z.root == 0 {
		return z.lexRanksPacked(r, reverse)
	}
	first := z.t.Partition(func(_, lo uint64) bool { return r.below(z.ks.member(mem.Ref(lo))) })
	end := z.t.Partition(func(_, lo uint64) bool { return !r.above(z.ks.member(mem.Ref(lo))) })
	if end <= first {
		return 0, 0
	}
	return int(first), int(end - first)
}

// ZCursor walks over the members of a sorted set in one direction. It is good until
// the set changes.
type ZCursor struct {
	ks      *Keyspace
	reverse bool
	c       ds.TreeCursor
	l       ds.Listpack // nil for the Skiplist encoding
	off     int         // of the member in l, -1 at the end
	scratch [24]byte
}

// At is a cursor at the member with rank before it: counted from the end when
// reverse, the way in which the cursor goes then.
func (z *SortedSet) At(rank int, reverse bool) ZCursor {
	c := ZCursor{ks: z.ks, reverse: reverse, off: -1}
	if rank < 0 || rank >= z.Len() {
		return c
	}
	if z.root == 0 {
		c.l = z.view()
		c.off = 2 * rank
		if reverse {
			c.off = -2 - 2*rank
		}
		c.off = c.l.Seek(c.off)
		return c
	}
	switch {
	case rank == 0 && !reverse:
		c.c = z.t.First()
	case rank == 0:
		c.c = z.t.Last()
	case reverse:
		c.c = z.t.Nth(z.t.Len() - 1 - uint64(rank))
	default:
		c.c = z.t.Nth(uint64(rank))
	}
	return c
}

// FromScore is a cursor at the lowest member whose score is not below min.
func (z *SortedSet) FromScore(min float64) ZCursor {
	c := ZCursor{ks: z.ks, off: -1}
	if z.root != 0 {
		c.c = z.t.Seek(orderedBits(min), 0, beforeAll)
		return c
	}
	c.l = z.view()
	c.off = c.l.First()
	for c.off >= 0 && packScore(c.l, c.l.Next(c.off)) < min {
		c.Next()
	}
	return c
}

// Valid tells whether the cursor is at a member. Nothing else may be called when it
// is not.
func (c *ZCursor) Valid() bool { return c.off >= 0 || c.c.Valid() }

// Member is the member: memory of the set, or of the cursor until it moves.
func (c *ZCursor) Member() []byte {
	if c.l != nil {
		return c.l.Get(c.off).Bytes(&c.scratch)
	}
	_, lo := c.c.Key()
	return c.ks.member(mem.Ref(lo))
}

// Place names the member until the set changes; see MemberAt.
func (c *ZCursor) Place() uint64 {
	if c.l != nil {
		return uint64(c.off)
	}
	_, lo := c.c.Key()
	return lo
}

// MemberAt is the member with the place that a cursor gave: memory of the set, or of
// z until the next call.
func (z *SortedSet) MemberAt(place uint64) []byte {
	if z.root == 0 {
		return z.view().Get(int(place)).Bytes(&z.scratch)
	}
	return z.ks.member(mem.Ref(place))
}

// Score is the member's score.
func (c *ZCursor) Score() float64 {
	if c.l != nil {
		return packScore(c.l, c.l.Next(c.off))
	}
	hi, lo := c.c.Key()
	if hi == zeroBits { // minus zero lies there too
		return *c.ks.score(mem.Ref(lo))
	}
	return scoreOf(hi)
}

// Next moves on, in the cursor's direction.
func (c *ZCursor) Next() {
	switch {
	case c.l == nil && c.reverse:
		c.c.Prev()
	case c.l == nil:
		c.c.Next()
	case c.reverse:
		if c.off = c.l.Prev(c.off); c.off >= 0 {
			c.off = c.l.Prev(c.off)
		}
	default:
		c.off = c.l.Next(c.l.Next(c.off))
	}
}

// RemoveRange takes n members out, from rank from on, both within the set. A set
// that is empty then is for the caller to delete.
func (z *SortedSet) RemoveRange(from, n int) {
	if n <= 0 {
		return
	}
	if z.root != 0 {
		z.removeRangeTable(from, n)
		return
	}
	p := z.openPack()
	p.Delete(p.View().Seek(2*from), 2*n)
	z.closePack(p)
}
