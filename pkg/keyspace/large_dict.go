package keyspace

import (
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// dictParts sends a set, a hash or a sorted set by the buckets of its table: the
// order of their elements does not matter.
type dictParts struct {
	coverage
	handle ds.Dict
	list   []Element // used again for each part
}

// dictOf opens the table that holds the value's elements.
func (ks *Keyspace) dictOf(v value) ds.Dict {
	if v.enc == Skiplist {
		return ks.scored.At(ks.zsetDict(v.ref))
	}
	return ks.elements.At(v.ref)
}

func (ks *Keyspace) newDictParts(l *Large) *dictParts {
	p := &dictParts{handle: ks.dictOf(l.value)}
	p.coverage = newCoverage(&p.handle)
	l.keys[1] = p.handle.Root() // what the barrier names; of a sorted set not its root
	return p
}

// largeDict tells whether the elements are too many or too big for one piece.
func (ks *Keyspace) largeDict(v value) bool {
	d := ks.dictOf(v)
	if d.Len() > uint64(ks.parting.elements) {
		return true
	}
	size := 0
	d.Each(func(r mem.Ref) {
		e := ks.element(v.t, r)
		size += len(e.Member) + len(e.Value)
	})
	return size > ks.parting.bytes
}

// element reads the element in block r of a value of type t.
func (ks *Keyspace) element(t Type, r mem.Ref) (e Element) {
	p := ks.arena.Ptr(r)
	switch t {
	case Set:
		e.Member = ds.KeyAt(p, 0)
	case Hash:
		e.Member, e.Value = ks.hashElement(r)
	default:
		e.Member = ds.KeyAt(p, scoreSize)
		e.Score = *(*float64)(p)
	}
	return e
}

func (p *dictParts) pump(s *Snapshot, l *Large, n int) bool {
	for looks := 64 * n; n > 0 && looks > 0; looks-- {
		gen, i, more := p.advance()
		if !more {
			return true
		}
		if p.claim(gen, i) {
			n -= p.send(s, l, gen, i)
		}
	}
	return false
}

// send gives the elements of a bucket that was claimed to the sink, and tells how
// many there were.
func (p *dictParts) send(s *Snapshot, l *Large, gen, i uint64) int {
	p.list = p.list[:0]
	p.dict.EachIn(gen, i, func(r mem.Ref) { p.list = append(p.list, s.ks.element(l.Type, r)) })
	if len(p.list) > 0 {
		s.piece = Part{Kind: PartElements, Elements: p.list}
		s.part(l, &s.piece)
	}
	return len(p.list)
}

// beforeBucket is the barrier of the tables of collections.
func (ks *Keyspace) beforeBucket(root mem.Ref, gen, i uint64) {
	s := ks.snap
	l := s.open[root]
	if l == nil {
		return
	}
	if p := l.parts.(*dictParts); p.claim(gen, i) {
		s.late(func() { p.send(s, l, gen, i) })
	}
}
