package keyspace

import (
	"bytes"
	"math"

	"redisd/internal/num"
	"redisd/pkg/ds"
)

// Sorted sets in the Listpack encoding.

// view is the listpack, good until the next change.
func (z *SortedSet) view() ds.Listpack { return ds.Listpack(z.e.Blob()) }

// openPack opens the listpack for a change, closePack ends it: every change of one
// lies between the two.
func (z *SortedSet) openPack() ds.Pack { return ds.Pack{Arena: z.ks.arena, Ref: z.e.root()} }

func (z *SortedSet) closePack(p ds.Pack) { z.e.setRoot(Listpack, p.Ref, p.Size()) }

// packScore reads the score at off.
func packScore(l ds.Listpack, off int) float64 {
	e := l.Get(off)
	if e.IsInt {
		return float64(e.Int)
	}
	f, _ := num.ParseFloat(e.Str)
	return f
}

// scoreElem is how a score lies in a listpack: a whole number as one, anything else
// as text, in scratch. Minus zero becomes zero by that.
func scoreElem(score float64, scratch *[32]byte) ds.LPElem {
	const whole = math.MaxInt64 / 2
	if score >= -whole && score <= whole && score == math.Trunc(score) {
		return ds.LPElem{Int: int64(score), IsInt: true}
	}
	return ds.LPValue(num.AppendDouble(scratch[:0], score))
}

// putPacked is Put in the Listpack encoding; ok is false when the set must be
// converted first.
func (z *SortedSet) putPacked(member []byte, score float64, how ZAdd) (result float64, done ZDone, ok bool) {
	l := z.view()
	off := l.Find(l.First(), member, 1)
	if off < 0 {
		if how&ZXX != 0 {
			return 0, ZNothing, true
		}
		limits := &z.ks.Limits
		if l.Count()/2+1 > limits.ZSetEntries || len(member) > limits.ZSetValue || len(l)+len(member) > ds.LPMaxBytes {
			return 0, ZNothing, false
		}
		z.insertPacked(z.openPack(), member, score)
		return score, ZAdded, true
	}
	result, done = decide(packScore(l, l.Next(off)), score, how)
	if done == ZUpdated {
		p := z.openPack()
		p.Delete(off, 2)
		z.insertPacked(p, member, result)
	}
	return result, done, true
}

func (z *SortedSet) insertPacked(p ds.Pack, member []byte, score float64) {
	var text [32]byte
	off := z.packPlace(p.View(), member, score)
	p.InsertElem(off, scoreElem(score, &text))
	p.Insert(off, member)
	z.closePack(p)
}

// packPlace is the offset before which a member that is not there belongs.
func (z *SortedSet) packPlace(l ds.Listpack, member []byte, score float64) int {
	off := l.First()
	if off >= 0 && packScore(l, l.Last()) < score {
		return l.End() // scores often grow
	}
	for off >= 0 {
		at := l.Next(off)
		s := packScore(l, at)
		if s > score || s == score && bytes.Compare(l.Get(off).Bytes(&z.scratch), member) > 0 {
			return off
		}
		off = l.Next(at)
	}
	return l.End()
}

// scoreRanksPacked counts the members below the range and those in it.
func (z *SortedSet) scoreRanksPacked(r *ScoreRange) (from, n int) {
	l := z.view()
	for off := l.First(); off >= 0; {
		at := l.Next(off)
		s := packScore(l, at)
		switch {
		case r.below(s):
			from++
		case r.above(s):
			return from, n
		default:
			n++
		}
		off = l.Next(at)
	}
	return from, n
}

// lexRanksPacked is LexRanks in the Listpack encoding. Where scores differ the
// members are in no order, and what the range holds depends on the side that one
// comes from; it is what Redis finds.
func (z *SortedSet) lexRanksPacked(r *LexRange, reverse bool) (from, n int) {
	l := z.view()
	member := func(off int) []byte { return l.Get(off).Bytes(&z.scratch) }
	first, last := l.First(), l.Seek(-2)
	if first < 0 || r.Empty() || r.below(member(last)) || r.above(member(first)) {
		return 0, 0
	}
	if !reverse {
		off := first
		for ; off >= 0 && r.below(member(off)); off = l.Next(l.Next(off)) {
			from++
		}
		for ; off >= 0 && !r.above(member(off)); off = l.Next(l.Next(off)) {
			n++
		}
		return from, n
	}
	off, rank := last, l.Count()/2-1
	before := func(off int) int {
		if off = l.Prev(off); off >= 0 {
			off = l.Prev(off)
		}
		return off
	}
	for ; off >= 0 && r.above(member(off)); off = before(off) {
		rank--
	}
	for ; off >= 0 && !r.below(member(off)); off = before(off) {
		n++
		rank--
	}
	return rank + 1, n
}
