package keyspace

import (
	"unsafe"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Lists. A small one is a listpack, a larger one a quicklist, as in Redis 7.2: a
// list grows over when it would be more than a node of list-max-listpack-size, and
// comes back when it is a single node of at most half of that.

// ListHandle is a list as an Entry leads to it: good as long as the Entry, whatever
// changes in the list through the handle. Values passed in must not be memory of
// the same list.
type ListHandle struct {
	db   *DB
	p    unsafe.Pointer // the entry
	root mem.Ref        // of the quicklist; 0: a listpack
}

// List is the list of an entry that holds one.
func (e Entry) List() ListHandle {
	l := ListHandle{db: e.db, p: e.p}
	if e.Encoding() == Quicklist {
		l.root = e.root()
	}
	return l
}

// NewList makes key, which must not exist, an empty list without expiry; the caller
// adds to it at once.
func (db *DB) NewList(key []byte) Entry {
	at, exists := db.find(key)
	if exists {
		panic("BUG: keyspace: NewList of a key that is there")
	}
	p := ds.NewPack(db.ks.arena, 0)
	return db.newValue(key, at, List, Listpack, p.Ref, p.Size())
}

func (l *ListHandle) entry() Entry      { return Entry{db: l.db, p: l.p} }
func (l *ListHandle) linked() bool      { return l.root != 0 }
func (l *ListHandle) q() ds.Quicklist   { return l.db.ks.lists.At(l.root) }
func (l *ListHandle) pack() ds.Pack     { return ds.Pack{Arena: l.db.ks.arena, Ref: l.entry().root()} }
func (l *ListHandle) view() ds.Listpack { return l.entry().Blob() }

// keep stores where the listpack is after a change.
func (l *ListHandle) keep(p ds.Pack) { l.entry().setRoot(Listpack, p.Ref, p.Size()) }

// Len is the number of elements.
func (l *ListHandle) Len() int {
	if l.linked() {
		return l.q().Len()
	}
	return l.view().Count()
}

// Push adds the values at the tail, or each before the one before it at the head.
func (l *ListHandle) Push(tail bool, vals ...[]byte) {
	l.growing(vals)
	if l.linked() {
		for _, v := range vals {
			if tail {
				l.q().PushTail(v)
			} else {
				l.q().PushHead(v)
			}
		}
		return
	}
	p := l.pack()
	for _, v := range vals {
		if tail {
			p.Append(v)
		} else {
			p.Prepend(v)
		}
	}
	l.keep(p)
}

// PushHead puts a value before all others.
func (l *ListHandle) PushHead(v []byte) { l.Push(false, v) }

// PushTail puts a value behind all others.
func (l *ListHandle) PushTail(v []byte) { l.Push(true, v) }

// End is the last element, or the first, of a list that is not empty: good until
// the next change.
func (l *ListHandle) End(tail bool) ds.LPElem {
	if l.linked() {
		if tail {
			return l.q().Tail()
		}
		return l.q().Head()
	}
	v := l.view()
	if tail {
		return v.Get(v.Last())
	}
	return v.Get(v.First())
}

// Drop removes n elements, which are there, from the tail or from the head. A list
// that is empty then is for the caller to delete.
func (l *ListHandle) Drop(tail bool, n int) {
	switch {
	case n != 1 && tail:
		l.DeleteRange(l.Len()-n, n)
		return
	case n != 1:
		l.DeleteRange(0, n)
		return
	case !l.linked():
		p := l.pack()
		v := p.View()
		off := v.First()
		if tail {
			off = v.Last()
		}
		p.Delete(off, 1)
		l.keep(p)
		return
	case tail:
		l.q().DropTail()
	default:
		l.q().DropHead()
	}
	l.shrunk()
}

// At is a cursor on the element with this index, which goes to the tail, or back to
// the head; -1 is the last element. It is for reading, and for Insert. The caller
// closes it.
func (l *ListHandle) At(index int, back bool) ds.QuickCursor {
	if l.linked() {
		return l.q().Seek(index, back)
	}
	return ds.LPCursor(l.view(), index, back)
}

// Each calls fn for the elements in order until it says false; v is good until it
// returns. fn must not change the list.
func (l *ListHandle) Each(fn func(v []byte) bool) {
	var scratch [24]byte
	c := l.At(0, false)
	defer c.Close()
	for ; c.Valid(); c.Next() {
		e := c.Value()
		if !fn(e.Bytes(&scratch)) {
			return
		}
	}
}

// Set puts a value in the place of the element with this index, and tells whether
// there is such an element.
func (l *ListHandle) Set(index int, val []byte) bool {
	if n := l.Len(); index >= n || index < -n {
		return false
	}
	l.growing([][]byte{val})
	if l.linked() {
		l.q().Set(index, val)
		l.shrunk()
		return true
	}
	p := l.pack()
	p.Replace(p.View().Seek(index), val)
	l.keep(p)
	return true
}

// Insert puts a value before or behind the first element equal to pivot, and tells
// whether there is one.
func (l *ListHandle) Insert(pivot, val []byte, behind bool) bool {
	l.growing([][]byte{val})
	if !l.linked() {
		p := l.pack()
		v := p.View()
		off := v.Find(v.First(), pivot, 0)
		if off < 0 {
			return false
		}
		if behind {
			if off = v.Next(off); off < 0 {
				off = v.End()
			}
		}
		p.Insert(off, val)
		l.keep(p)
		return true
	}
	m := ds.LPMatch(pivot)
	c := l.q().Seek(0, false)
	for ; c.Valid(); c.Next() {
		if m.Equal(c.Value()) {
			c.Insert(val, behind)
			return true
		}
	}
	c.Close()
	return false
}

// Remove removes up to n elements equal to val, seen from the head, or with back
// from the tail; n of 0 removes all. It returns how many there were. A list that is
// empty then is for the caller to delete.
func (l *ListHandle) Remove(val []byte, n int, back bool) (removed int) {
	if !l.linked() {
		return l.removePacked(val, n, back)
	}
	m := ds.LPMatch(val)
	first := 0
	if back {
		first = -1
	}
	c := l.q().Seek(first, back)
	for c.Valid() {
		if !m.Equal(c.Value()) {
			c.Next()
			continue
		}
		c.Delete()
		if removed++; removed == n {
			break
		}
	}
	c.Close()
	l.shrunk()
	return removed
}

func (l *ListHandle) removePacked(val []byte, n int, back bool) (removed int) {
	p := l.pack()
	m := ds.LPMatch(val)
	v := p.View()
	off := v.First()
	if back {
		off = v.Last()
	}
	for off >= 0 {
		next := v.Next(off)
		if back {
			next = v.Prev(off)
		}
		if m.Equal(v.Get(off)) {
			at := p.Delete(off, 1)
			if v = p.View(); !back {
				next = at
			}
			if removed++; removed == n {
				break
			}
		}
		off = next
	}
	l.keep(p)
	return removed
}

// DeleteRange removes up to n elements, from index start >= 0 on. A list that is
// empty then is for the caller to delete.
func (l *ListHandle) DeleteRange(start, n int) {
	if n <= 0 {
		return
	}
	if l.linked() {
		l.q().DeleteRange(start, n)
		l.shrunk()
		return
	}
	p := l.pack()
	if off := p.View().Seek(start); off >= 0 {
		p.Delete(off, n)
		l.keep(p)
	}
}

// Trim removes all elements but n, from index from on. A list that is empty then is
// for the caller to delete.
func (l *ListHandle) Trim(from, n int) {
	l.DeleteRange(from+n, l.Len())
	l.DeleteRange(0, from)
}
