package keyspace

import (
	"math/rand/v2"

	"redisd/internal/num"
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Members that leave a set by chance, and the changes of its encoding.

// Pop takes a member out by chance and gives it to fn before it is gone. The set must
// not be empty; one that became empty is to be deleted by the caller.
func (s *SetValue) Pop(fn func(m []byte)) {
	switch s.enc {
	case Intset:
		v := s.ints()
		i := rand.IntN(v.View().Len())
		fn(num.AppendInt(s.ks.text[0][:0], v.View().At(i)))
		v.RemoveAt(i)
		s.keep(Intset, v.Ref)
	case Listpack:
		p := s.pack()
		l := p.View()
		off := l.Seek(rand.IntN(l.Count()))
		fn(l.Get(off).Bytes(&s.ks.text[0]))
		p.Delete(off, 1)
		s.keep(Listpack, p.Ref)
	default:
		d := s.dict()
		s.popFrom(&d, fn)
	}
}

func (s *SetValue) popFrom(d *ds.Dict, fn func(m []byte)) {
	r, _ := d.PopRandom()
	fn(s.ks.blockKey(r))
	s.ks.freeBlock(r)
	d.ShrinkIfSparse()
}

// popShare: less than one in so many members are popped one by one, more in a walk
// through all.
const popShare = 5

// PopSome takes n different members out by chance, 0 <= n < Len, and gives each to fn
// before it is gone.
func (s *SetValue) PopSome(n int, fn func(m []byte)) {
	total := s.Len()
	c := choice{min(n, total), total}
	switch s.enc {
	case Intset:
		v := s.ints()
		v.Sweep(func(n int64) bool {
			if c.count == 0 || !c.next() {
				return false
			}
			fn(num.AppendInt(s.ks.text[0][:0], n))
			return true
		})
		s.keep(Intset, v.Ref)
	case Listpack:
		s.popFromPack(&c, fn)
	default:
		d := s.dict()
		if n*popShare < total {
			for range n {
				s.popFrom(&d, fn)
			}
			return
		}
		d.Sweep(func(mem.Ref) bool { return c.count > 0 && c.next() }, func(r mem.Ref) {
			fn(s.ks.blockKey(r))
			s.ks.freeBlock(r)
		})
		d.ShrinkIfSparse()
	}
}

// popFromPack copies what stays to a new listpack: deleting in place moves all that
// follows each time.
func (s *SetValue) popFromPack(c *choice, fn func(m []byte)) {
	old := s.pack()
	l := old.View()
	p := ds.NewPack(s.ks.arena, len(l)*(c.total-c.count)/c.total)
	for off := l.First(); off >= 0; off = l.Next(off) {
		m := l.Get(off)
		if c.count > 0 && c.next() {
			fn(m.Bytes(&s.ks.text[0]))
		} else {
			p.InsertElem(p.Size()-1, m)
		}
	}
	s.keep(Listpack, p.Ref)
	old.Free()
}

// toTable turns a compact set into a hash table with room for n members.
func (s *SetValue) toTable(n int) {
	old := *s
	r := s.ks.elements.Create()
	d := s.ks.elements.At(r)
	d.Resize(uint64(max(n, s.Len()+1)))
	var text [24]byte
	old.EachElem(func(m ds.LPElem) bool {
		key := m.Bytes(&text)
		d.Insert(d.Hash(key), s.ks.newMember(key))
		return true
	})
	s.keep(Hashtable, r)
	s.ks.arena.Free(mem.Value, old.ref)
}

// toPack turns an intset into a listpack with room for so many bytes more.
func (s *SetValue) toPack(more int) {
	old := s.ints()
	v := old.View()
	size := more
	for i := range v.Len() {
		size += ds.LPSizeInt(v.At(i))
	}
	p := ds.NewPack(s.ks.arena, size)
	for i := range v.Len() {
		p.AppendInt(v.At(i))
	}
	s.keep(Listpack, p.Ref)
	old.Free()
}

// ToInts turns a set whose members are all numbers into an intset, unless there are
// too many for one. For results that were built in another encoding.
func (s *SetValue) ToInts() {
	n := s.Len()
	if s.enc == Intset || n == 0 || n > min(s.ks.Limits.SetIntset, maxIntset) {
		return
	}
	old := *s
	v := ds.NewInts(s.ks.arena, 0, n)
	old.EachElem(func(m ds.LPElem) bool {
		k, isInt := m.Number()
		if !isInt {
			panic("BUG: keyspace: ToInts of a set that has other members than numbers")
		}
		v.Add(k)
		return true
	})
	s.keep(Intset, v.Ref)
	s.ks.free(value{Set, old.enc, old.ref})
}
