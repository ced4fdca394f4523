package keyspace

import (
	"math/rand/v2"
	"unsafe"

	"redisd/internal/num"
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// SetValue is a set: an intset, a listpack of members, or a hash table. It is a
// handle, of the set at a key (Entry.Set) or of one that no key has yet
// (Keyspace.BuildSet); what HashValue says about handles, bytes and changes holds
// here too.
type SetValue struct {
	ks  *Keyspace
	p   unsafe.Pointer // the entry; nil while no key has the set
	ref mem.Ref
	enc Encoding
}

// Set opens the set at e, which must be one.
func (e Entry) Set() SetValue {
	if e.Type() != Set {
		panic("BUG: keyspace: Set of another type")
	}
	return SetValue{ks: e.db.ks, p: e.p, ref: e.root(), enc: e.Encoding()}
}

// NewSet makes key, which must not exist, an empty set without expiry, in the
// encoding that suits its first member and the number of members that are about to
// be added. The caller adds at once: no command may see a set without members.
func (db *DB) NewSet(key, first []byte, n int) Entry {
	return db.newSet(key, db.ks.newSet(db.ks.setEncoding(first, n), n, 0))
}

// NewSetFor is NewSet with room for the given members, of which there must be one.
func (db *DB) NewSetFor(key []byte, members [][]byte) Entry {
	enc, room := db.ks.setEncoding(members[0], len(members)), 0
	if enc == Listpack {
		room = packRoom(members)
	}
	return db.newSet(key, db.ks.newSet(enc, len(members), room))
}

func (db *DB) newSet(key []byte, s SetValue) Entry {
	at, exists := db.find(key)
	if exists {
		panic("BUG: keyspace: NewSet of a key that is there")
	}
	return db.newValue(key, at, Set, s.enc, s.ref, s.blobSize())
}

// setEncoding is that of a new set, as Redis chooses it.
func (ks *Keyspace) setEncoding(first []byte, n int) Encoding {
	_, isInt := num.ParseInt(first)
	switch l := &ks.Limits; {
	case isInt && n <= l.SetIntset:
		return Intset
	case n <= l.SetEntries:
		return Listpack
	}
	return Hashtable
}

// BuildSet makes an empty set that no key has, in the given encoding; a hash table has
// room for n members. It goes to a key with DB.StoreSet, or back with Free.
func (ks *Keyspace) BuildSet(enc Encoding, n int) SetValue { return ks.newSet(enc, n, 0) }

// newSet makes a set in the given encoding: an intset or a table with room for n
// members, a listpack with room for so many bytes.
func (ks *Keyspace) newSet(enc Encoding, n, room int) SetValue {
	s := SetValue{ks: ks, enc: enc}
	switch enc {
	case Intset:
		s.ref = ds.NewInts(ks.arena, 0, min(n, smallInts)).Ref
	case Listpack:
		s.ref = ds.NewPack(ks.arena, room).Ref
	default:
		s.ref = ks.elements.Create()
		d := s.dict()
		d.Resize(uint64(min(n, maxExpected)))
	}
	return s
}

// smallInts is the most numbers, of two bytes, that a new intset has room for.
const smallInts = 64

// StoreSet gives a set that BuildSet made, and that is not empty, to key, overwriting
// what is there, expiry included, and tells whether there was something. The handle
// stays good.
func (db *DB) StoreSet(key []byte, s *SetValue) (existed bool) {
	old, exists := db.find(key)
	e := db.room(key, old, exists, noExpiry, outsideSize)
	e.setHead(Set, s.enc)
	e.setFlags(e.flags() | flagOutside)
	e.setOutside(s.ref, s.blobSize())
	db.finish(e, exists)
	s.p = e.p
	return exists
}

// Free gives back a set that BuildSet made and no key got.
func (s *SetValue) Free() {
	if s.p != nil {
		panic("BUG: keyspace: Free of a key's set")
	}
	s.ks.free(value{Set, s.enc, s.ref})
}

// Encoding is Intset, Listpack or Hashtable.
func (s *SetValue) Encoding() Encoding { return s.enc }

// Same tells whether both are the set at the same key.
func (s *SetValue) Same(o *SetValue) bool { return s.ref == o.ref }

func (s *SetValue) ints() ds.Ints { return ds.Ints{Arena: s.ks.arena, Ref: s.ref} }

func (s *SetValue) pack() ds.Pack { return ds.Pack{Arena: s.ks.arena, Ref: s.ref} }

func (s *SetValue) dict() ds.Dict { return s.ks.elements.At(s.ref) }

// blobSize is the length of a compact encoding in bytes, 0 of a hash table.
func (s *SetValue) blobSize() int {
	switch s.enc {
	case Intset:
		return s.ints().Size()
	case Listpack:
		return s.pack().Size()
	}
	return 0
}

// keep notes where the set is after a change that may have moved it.
func (s *SetValue) keep(enc Encoding, r mem.Ref) {
	s.enc, s.ref = enc, r
	if s.p != nil {
		Entry{p: s.p}.setRoot(enc, r, s.blobSize())
	}
}

// Len is the number of members.
func (s *SetValue) Len() int {
	switch s.enc {
	case Intset:
		return s.ints().View().Len()
	case Listpack:
		return s.pack().View().Count()
	}
	d := s.dict()
	return int(d.Len())
}

// Has tells whether m is a member.
func (s *SetValue) Has(m []byte) bool {
	switch s.enc {
	case Intset:
		n, isInt := num.ParseInt(m)
		if !isInt {
			return false
		}
		_, found := s.ints().View().Find(n)
		return found
	case Listpack:
		l := s.pack().View()
		return l.Find(l.First(), m, 0) >= 0
	}
	d := s.dict()
	_, found := d.Find(d.Hash(m), m)
	return found
}

// HasElem is Has for a member of another set as EachElem gives it.
func (s *SetValue) HasElem(m ds.LPElem) bool {
	if m.IsInt && s.enc == Intset {
		_, found := s.ints().View().Find(m.Int)
		return found
	}
	var text [24]byte
	return s.Has(m.Bytes(&text))
}

// Add makes m a member and tells whether it was none before. The set changes its
// encoding when m does not suit it.
func (s *SetValue) Add(m []byte) bool {
	switch s.enc {
	case Intset:
		return s.addToInts(m)
	case Listpack:
		return s.addToPack(m)
	}
	d := s.dict()
	h := d.Hash(m)
	if _, found := d.Find(h, m); found {
		return false
	}
	d.Insert(h, s.ks.newMember(m))
	return true
}

// AddElem is Add for a member of another set as EachElem gives it. It must not lie
// in this set.
func (s *SetValue) AddElem(m ds.LPElem) bool {
	if m.IsInt && s.enc == Intset {
		return s.addInt(m.Int)
	}
	var text [24]byte
	return s.Add(m.Bytes(&text))
}

func (s *SetValue) addToInts(m []byte) bool {
	if n, isInt := num.ParseInt(m); isInt {
		return s.addInt(n)
	}
	if s.intsFitPack(m) {
		s.toPack(ds.LPSize(m))
		return s.addToPack(m)
	}
	s.toTable(0)
	return s.Add(m)
}

func (s *SetValue) addInt(n int64) bool {
	v := s.ints()
	if !v.Add(n) {
		return false
	}
	s.keep(Intset, v.Ref)
	if v.View().Len() > min(s.ks.Limits.SetIntset, maxIntset) {
		s.toTable(0)
	}
	return true
}

// maxIntset is Redis's bound on intsets, whatever the directive says.
const maxIntset = 1 << 30

// intsFitPack tells whether the intset may become a listpack that m joins.
func (s *SetValue) intsFitPack(m []byte) bool {
	l, v := &s.ks.Limits, s.ints().View()
	n := v.Len()
	if n >= l.SetEntries || len(m) > l.SetValue {
		return false
	}
	if n == 0 {
		return true
	}
	least, most := v.At(0), v.At(n-1)
	size := max(ds.LPSizeInt(least), ds.LPSizeInt(most)) // at least what any in between takes
	return max(num.IntLen(least), num.IntLen(most)) <= l.SetValue && n*size+ds.LPSize(m) < ds.LPMaxBytes
}

func (s *SetValue) addToPack(m []byte) bool {
	p := s.pack()
	l := p.View()
	if l.Find(l.First(), m, 0) >= 0 {
		return false
	}
	if l.Count() >= s.ks.Limits.SetEntries || len(m) > s.ks.Limits.SetValue || !p.Fits(ds.LPSize(m)) {
		s.toTable(0)
		return s.Add(m)
	}
	p.Append(m)
	s.keep(Listpack, p.Ref)
	return true
}

// Expect says that up to n members are about to be added. More than a compact
// encoding takes give the set a hash table at once.
func (s *SetValue) Expect(n int) {
	l := &s.ks.Limits
	if s.enc == Listpack && n > l.SetEntries || s.enc == Intset && n > l.SetIntset {
		s.toTable(min(n, maxExpected))
	}
}

// Remove takes m out and tells whether it was a member. A set that became empty is
// to be deleted by the caller.
func (s *SetValue) Remove(m []byte) bool {
	switch s.enc {
	case Intset:
		v := s.ints()
		n, isInt := num.ParseInt(m)
		if !isInt || !v.Remove(n) {
			return false
		}
		s.keep(Intset, v.Ref)
		return true
	case Listpack:
		p := s.pack()
		l := p.View()
		off := l.Find(l.First(), m, 0)
		if off < 0 {
			return false
		}
		p.Delete(off, 1)
		s.keep(Listpack, p.Ref)
		return true
	}
	d := s.dict()
	h := d.Hash(m)
	r, found := d.Find(h, m)
	if !found {
		return false
	}
	d.Delete(h, r)
	s.ks.freeBlock(r)
	d.ShrinkIfSparse()
	return true
}

// EachElem calls fn for all members until it says false, and tells whether it came
// to the end. fn must not change the set.
func (s *SetValue) EachElem(fn func(ds.LPElem) bool) bool {
	switch s.enc {
	case Intset:
		v := s.ints().View()
		for i := range v.Len() {
			if !fn(ds.LPElem{Int: v.At(i), IsInt: true}) {
				return false
			}
		}
		return true
	case Listpack:
		l := s.pack().View()
		for off := l.First(); off >= 0; off = l.Next(off) {
			if !fn(l.Get(off)) {
				return false
			}
		}
		return true
	}
	d := s.dict()
	return d.Walk(func(r mem.Ref) bool { return fn(ds.LPElem{Str: s.ks.blockKey(r)}) })
}

// Each is EachElem with the members' bytes.
func (s *SetValue) Each(fn func(m []byte) bool) bool {
	return s.EachElem(func(m ds.LPElem) bool { return fn(m.Bytes(&s.ks.text[0])) })
}

// Scan calls fn for the members in the cursor's bucket and returns the next cursor,
// 0 at the end; of the compact encodings all come at once. fn must not change the set.
func (s *SetValue) Scan(cursor uint64, fn func(m []byte)) uint64 {
	if s.enc != Hashtable {
		s.Each(func(m []byte) bool { fn(m); return true })
		return 0
	}
	d := s.dict()
	return d.Scan(cursor, func(r mem.Ref) { fn(s.ks.blockKey(r)) })
}

// Random gives a member by chance. The set must not be empty.
func (s *SetValue) Random() []byte {
	switch s.enc {
	case Intset:
		v := s.ints().View()
		return num.AppendInt(s.ks.text[0][:0], v.At(rand.IntN(v.Len())))
	case Listpack:
		l := s.pack().View()
		return l.Get(l.Seek(rand.IntN(l.Count()))).Bytes(&s.ks.text[0])
	}
	d := s.dict()
	r, _ := d.Random()
	return s.ks.blockKey(r)
}

// Draw gives n times a member by chance until fn says false: one may come several
// times. The set must not be empty; fn must not change it.
func (s *SetValue) Draw(n int, fn func(m []byte) bool) {
	if s.enc == Listpack {
		l := s.pack().View()
		drawPack(l, n, 1, func(off int) bool { return fn(l.Get(off).Bytes(&s.ks.text[0])) })
		return
	}
	for ; n > 0 && fn(s.Random()); n-- {
	}
}

// Sample gives n different members by chance, 0 <= n <= Len. fn must not change the
// set.
func (s *SetValue) Sample(n int, fn func(m []byte)) {
	if s.enc == Hashtable {
		d := s.dict()
		sampleTable(&d, n, func(r mem.Ref) { fn(s.ks.blockKey(r)) })
		return
	}
	total := s.Len()
	c := choice{min(n, total), total}
	s.Each(func(m []byte) bool {
		if c.count > 0 && c.next() {
			fn(m)
		}
		return c.count > 0
	})
}
