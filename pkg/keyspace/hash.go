package keyspace

import (
	"math/rand/v2"
	"unsafe"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// HashValue is a hash: a listpack of fields, each followed by its value, or a hash
// table. It is a handle that Entry.Hash opens: a small value, good as long as the
// key is neither deleted nor overwritten, nor its value changed through another
// handle.
//
// Bytes that methods give lie in the arena or in scratch of the keyspace: they are
// good until the hash changes or another method of a collection is called. Bytes
// that are passed in must not be such. Who changes a hash must have got its entry
// from Write, or have made it in the same turn.
type HashValue struct {
	ks  *Keyspace
	p   unsafe.Pointer // the entry
	ref mem.Ref
	enc Encoding
}

// Hash opens the hash at e, which must be one.
func (e Entry) Hash() HashValue {
	if e.Type() != Hash {
		panic("BUG: keyspace: Hash of another type")
	}
	return HashValue{ks: e.db.ks, p: e.p, ref: e.root(), enc: e.Encoding()}
}

// NewHash makes key, which must not exist, an empty hash without expiry. The caller
// adds to it at once: no command may see a hash without fields.
func (db *DB) NewHash(key []byte) Entry { return db.NewHashFor(key, nil) }

// NewHashFor is NewHash in the encoding and with the room for the fields and values of
// words (in turn), which are about to be set.
func (db *DB) NewHashFor(key []byte, words [][]byte) Entry {
	at, exists := db.find(key)
	if exists {
		panic("BUG: keyspace: NewHash of a key that is there")
	}
	ks := db.ks
	if ks.needTable(words) {
		root := ks.elements.Create()
		d := ks.elements.At(root)
		d.Resize(uint64(len(words) / 2))
		return db.newValue(key, at, Hash, Hashtable, root, 0)
	}
	p := ds.NewPack(ks.arena, packRoom(words))
	return db.newValue(key, at, Hash, Listpack, p.Ref, p.Size())
}

// packRoom is what words take in a listpack; what would be unusually large is to grow
// as it comes.
func packRoom(words [][]byte) int {
	const most = 64 << 10
	n := 0
	for _, w := range words {
		if n += ds.LPSize(w); n > most {
			return 0
		}
	}
	return n
}

// needTable tells whether a hash of these fields and values leaves the compact encoding.
func (ks *Keyspace) needTable(words [][]byte) bool {
	l := &ks.Limits
	if len(words)/2 > l.HashEntries {
		return true
	}
	size := 0
	for _, w := range words {
		if len(w) > l.HashValue {
			return true
		}
		size += len(w)
	}
	return size > ds.LPMaxBytes/2
}

// Encoding is Listpack or Hashtable.
func (h *HashValue) Encoding() Encoding { return h.enc }

func (h *HashValue) pack() ds.Pack { return ds.Pack{Arena: h.ks.arena, Ref: h.ref} }

func (h *HashValue) dict() ds.Dict { return h.ks.elements.At(h.ref) }

// keep notes where the listpack is after a change.
func (h *HashValue) keep(p ds.Pack) {
	h.ref = p.Ref
	Entry{p: h.p}.setRoot(Listpack, p.Ref, p.Size())
}

// Len is the number of fields.
func (h *HashValue) Len() int {
	if h.enc == Listpack {
		return h.pack().View().Count() / 2
	}
	d := h.dict()
	return int(d.Len())
}

// Get is the value of a field.
func (h *HashValue) Get(field []byte) ([]byte, bool) {
	if h.enc == Listpack {
		l := h.pack().View()
		off := l.Find(l.First(), field, 1)
		if off < 0 {
			return nil, false
		}
		return l.Get(l.Next(off)).Bytes(&h.ks.text[1]), true
	}
	d := h.dict()
	r, ok := d.Find(d.Hash(field), field)
	if !ok {
		return nil, false
	}
	return h.ks.pairValue(r), true
}

// Has tells whether there is such a field.
func (h *HashValue) Has(field []byte) bool {
	if h.enc == Listpack {
		l := h.pack().View()
		return l.Find(l.First(), field, 1) >= 0
	}
	d := h.dict()
	_, ok := d.Find(d.Hash(field), field)
	return ok
}

// Set gives a field a value and tells whether the field is new. The hash leaves the
// compact encoding when one of the two is too long for it, or there are too many.
func (h *HashValue) Set(field, value []byte) bool {
	if h.enc == Listpack {
		l := &h.ks.Limits
		if len(field) > l.HashValue || len(value) > l.HashValue {
			h.toTable(0)
		} else if created, fits := h.setInPack(field, value); fits {
			return created
		}
	}
	return h.setInTable(field, value)
}

func (h *HashValue) setInPack(field, value []byte) (created, fits bool) {
	p := h.pack()
	l := p.View()
	if off := l.Find(l.First(), field, 1); off >= 0 {
		if !p.Fits(ds.LPSize(value)) {
			h.toTable(0)
			return false, false
		}
		p.Replace(l.Next(off), value)
		h.keep(p)
		return false, true
	}
	if l.Count()/2 >= h.ks.Limits.HashEntries || !p.Fits(ds.LPSize(field)+ds.LPSize(value)) {
		h.toTable(0)
		return false, false
	}
	p.Append(field)
	p.Append(value)
	h.keep(p)
	return true, true
}

func (h *HashValue) setInTable(field, value []byte) bool {
	d := h.dict()
	hash := d.Hash(field)
	r, ok := d.Find(hash, field)
	if !ok {
		d.Insert(hash, h.ks.newPair(field, value))
		return true
	}
	d.Touch(hash, r)
	if !h.ks.setPairValue(r, value) {
		d.Replace(hash, r, h.ks.newPair(field, value))
		h.ks.freeBlock(r)
	}
	return false
}

// Prepare is called before the fields and values of words (in turn) are set: what
// will need a hash table gets one now, of the right size. Words that repeat fields
// may make it one too early, as in Redis.
func (h *HashValue) Prepare(words [][]byte) {
	if h.enc == Listpack && h.ks.needTable(words) {
		h.toTable(len(words) / 2)
	}
}

// maxExpected is the most elements that a hint makes room for.
const maxExpected = 1 << 24

// Expect says that n fields will be added, by a loader that believes it.
func (h *HashValue) Expect(n int) {
	n += h.Len()
	if h.enc == Listpack && n > h.ks.Limits.HashEntries {
		h.toTable(min(n, maxExpected))
		return
	}
	if h.enc == Hashtable {
		d := h.dict()
		d.Resize(uint64(min(n, maxExpected)))
	}
}

// toTable turns the listpack into a hash table with room for n fields.
func (h *HashValue) toTable(n int) {
	old := h.pack()
	l := old.View()
	h.enc, h.ref = Hashtable, h.ks.elements.Create()
	d := h.dict()
	d.Resize(uint64(max(n, l.Count()/2+1)))
	var name, text [24]byte
	for off := l.First(); off >= 0; {
		field := l.Get(off).Bytes(&name)
		off = l.Next(off)
		d.Insert(d.Hash(field), h.ks.newPair(field, l.Get(off).Bytes(&text)))
		off = l.Next(off)
	}
	Entry{p: h.p}.setRoot(Hashtable, h.ref, 0)
	old.Free()
}

// Delete takes a field out and tells whether it was there. A hash that became empty
// is to be deleted by the caller.
func (h *HashValue) Delete(field []byte) bool {
	if h.enc == Listpack {
		p := h.pack()
		l := p.View()
		off := l.Find(l.First(), field, 1)
		if off < 0 {
			return false
		}
		p.Delete(off, 2)
		h.keep(p)
		return true
	}
	d := h.dict()
	hash := d.Hash(field)
	r, ok := d.Find(hash, field)
	if !ok {
		return false
	}
	d.Delete(hash, r)
	h.ks.freeBlock(r)
	d.ShrinkIfSparse()
	return true
}

// Each calls fn for all fields until it says false, and tells whether it came to the
// end. fn must not change the hash.
func (h *HashValue) Each(fn func(field, value []byte) bool) bool {
	if h.enc == Listpack {
		l := h.pack().View()
		for off := l.First(); off >= 0; {
			at := l.Next(off)
			if !fn(l.Get(off).Bytes(&h.ks.text[0]), l.Get(at).Bytes(&h.ks.text[1])) {
				return false
			}
			off = l.Next(at)
		}
		return true
	}
	d := h.dict()
	return d.Walk(func(r mem.Ref) bool { return fn(h.ks.hashElement(r)) })
}

// Scan calls fn for the fields of the cursor's bucket and returns the next cursor, 0
// at the end; of a listpack all come at once. fn must not change the hash.
func (h *HashValue) Scan(cursor uint64, fn func(field, value []byte)) uint64 {
	if h.enc == Listpack {
		h.Each(func(field, value []byte) bool { fn(field, value); return true })
		return 0
	}
	d := h.dict()
	return d.Scan(cursor, func(r mem.Ref) { fn(h.ks.hashElement(r)) })
}

// Random gives a field by chance, with its value. The hash must not be empty.
func (h *HashValue) Random() (field, value []byte) {
	if h.enc == Listpack {
		l := h.pack().View()
		return h.pair(l, l.Seek(2*rand.IntN(l.Count()/2)))
	}
	d := h.dict()
	r, _ := d.Random()
	return h.ks.hashElement(r)
}

func (h *HashValue) pair(l ds.Listpack, off int) (field, value []byte) {
	return l.Get(off).Bytes(&h.ks.text[0]), l.Get(l.Next(off)).Bytes(&h.ks.text[1])
}

// Draw gives n times a field by chance until fn says false: one may come several
// times. The hash must not be empty; fn must not change it.
func (h *HashValue) Draw(n int, fn func(field, value []byte) bool) {
	if h.enc == Listpack {
		l := h.pack().View()
		drawPack(l, n, 2, func(off int) bool { return fn(h.pair(l, off)) })
		return
	}
	for ; n > 0 && fn(h.Random()); n-- {
	}
}

// Sample gives n different fields by chance, 0 <= n <= Len. fn must not change the
// hash.
func (h *HashValue) Sample(n int, fn func(field, value []byte)) {
	if h.enc == Listpack {
		l := h.pack().View()
		samplePack(l, n, 2, func(off int) { fn(h.pair(l, off)) })
		return
	}
	d := h.dict()
	sampleTable(&d, n, func(r mem.Ref) { fn(h.ks.hashElement(r)) })
}
