package keyspace

import (
	"math"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// The two encodings of lists: turning one into the other, loading, and what the
// keyspace asks of values outside of their entries.

// growing makes the list ready for values to come: a listpack that would get too big
// with them becomes a quicklist. As in Redis it is the bytes of the values that
// count.
func (l *ListHandle) growing(vals [][]byte) {
	if l.linked() {
		return
	}
	size := l.entry().outsideLen()
	for _, v := range vals {
		size += len(v)
	}
	if l.exceeds(size, len(vals)) {
		l.link()
	}
}

func (l *ListHandle) exceeds(size, more int) bool {
	fill := l.db.ks.Limits.ListSize
	if fill < 0 {
		return ds.QuickExceeds(fill, size, 0) // without counting the elements
	}
	return ds.QuickExceeds(fill, size, l.view().Count()+more)
}

// link makes the list a quicklist.
func (l *ListHandle) link() {
	q := l.db.ks.newList()
	q.Adopt(l.pack())
	l.root = q.Root()
	l.entry().setRoot(Quicklist, l.root, 0)
}

// newList makes an empty quicklist with the limits of now.
func (ks *Keyspace) newList() ds.Quicklist {
	ks.lists.Fill, ks.lists.Depth = ks.Limits.ListSize, ks.Limits.ListCompress
	return ks.lists.At(ks.lists.Create())
}

// SetListPlain says from how many bytes on an element of a list in the Quicklist
// encoding gets a node of its own; 0 is ds.QuicklistPlain. For tests of such nodes.
func (ks *Keyspace) SetListPlain(size int) { ks.lists.Plain = size }

// shrunk makes a quicklist that has become small a listpack.
func (l *ListHandle) shrunk() { l.unlink(2) }

// Settle gives a list that was made piece by piece the encoding that it should have.
func (l *ListHandle) Settle() { l.unlink(1) }

// unlink makes a quicklist of one packed node a listpack, if it has at most the
// part-th part of what a node may have. While a snapshot has parts to send a list
// stays what it is.
func (l *ListHandle) unlink(part int) {
	if !l.linked() || l.db.ks.lists.Barrier != nil {
		return
	}
	size, ok := l.q().Single()
	if !ok {
		return
	}
	maxSize, maxCount := math.MaxUint32, math.MaxUint32
	if fill := l.db.ks.Limits.ListSize; fill < 0 {
		maxSize = ds.QuickBytes(fill)
	} else {
		maxCount = max(fill, 1)
	}
	if size > maxSize/part || l.q().Len() > maxCount/part {
		return
	}
	p := l.q().Unwrap()
	l.root = 0
	l.keep(p)
}

// LoadListpack adds the elements of a valid listpack at the tail, as they lie. For
// loaders, which call Settle at the end.
func (l *ListHandle) LoadListpack(blob ds.Listpack) {
	if !l.linked() {
		l.link()
	}
	l.q().AppendListpack(blob)
}

// LoadPlain adds a large element at the tail. For loaders, which call Settle at the
// end.
func (l *ListHandle) LoadPlain(v []byte) {
	if !l.linked() {
		l.link()
	}
	l.q().AppendPlain(v)
}

// EachNode calls fn for the list's elements a node at a time, in order, until it
// says false: a listpack, or with packed false the bytes of one element. data is
// good until fn returns, and fn must not change the list. For the codec.
func (l *ListHandle) EachNode(fn func(packed bool, data []byte) bool) {
	if !l.linked() {
		fn(true, l.view())
		return
	}
	var scratch []byte
	for n := l.q().FirstNode(); n != 0; n = l.q().NextNode(n) {
		packed, data := l.q().NodeData(n, &scratch)
		if !fn(packed, data) {
			return
		}
	}
}

// Chain is the list in the Quicklist encoding, for looking at; false when it has
// another.
func (l *ListHandle) Chain() (q ds.Quicklist, ok bool) {
	if !l.linked() {
		return q, false
	}
	return l.q(), true
}

// Nodes is how many times EachNode calls back.
func (l *ListHandle) Nodes() int {
	if !l.linked() {
		return 1
	}
	return l.q().Nodes()
}

func (ks *Keyspace) freeList(v value) { ks.lists.At(v.ref).Free() }

func (ks *Keyspace) freeListSome(v value, n int) bool { return ks.lists.At(v.ref).FreeSome(n) }

// listEffort is the number of nodes.
func (ks *Keyspace) listEffort(v value) int { return ks.lists.At(v.ref).Nodes() }

func (ks *Keyspace) dupList(v value) mem.Ref { return ks.lists.At(v.ref).Dup() }

func (ks *Keyspace) listBytes(v value) int { return ks.lists.At(v.ref).MemUsage(listSamples) }

// listSamples is how many nodes are measured for the size of a list.
const listSamples = 64
