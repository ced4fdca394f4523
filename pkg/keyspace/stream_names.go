package keyspace

import (
	"bytes"
	"unsafe"

	"redisd/pkg/mem"
)

// nameTable is a table of blocks that have a name, in the order of the names: the groups of a stream, the consumers of
// a group. It is one arena block, of purpose mem.Node: how many there are, 8 bytes, then their references. 0 is an empty
// table. They are few: a binary search finds one, and adding one moves those behind it.
//
// A block begins with the length of its name, 4 bytes; where the name is, the kind of block says (head).
type nameTable mem.Ref

const nameTableHead = 8

func (t nameTable) count(ks *Keyspace) *uint64 { return (*uint64)(ks.arena.Ptr(mem.Ref(t))) }

// refs is what the table refers to.
func (t nameTable) refs(ks *Keyspace) []mem.Ref {
	if t == 0 {
		return nil
	}
	return t.slots(ks, int(*t.count(ks)))
}

func (t nameTable) slots(ks *Keyspace, n int) []mem.Ref {
	return unsafe.Slice((*mem.Ref)(ks.arena.Ptr(mem.Ref(t)+nameTableHead)), n)
}

// nameOf is the name of a block.
func (ks *Keyspace) nameOf(r mem.Ref, head uintptr) []byte {
	return ks.arena.Bytes(r+mem.Ref(head), int(*(*uint32)(ks.arena.Ptr(r))))
}

// newNamed gives a block of zeros with a name behind its head.
func (ks *Keyspace) newNamed(name []byte, head uintptr) mem.Ref {
	size := int(head) + len(name)
	r := ks.arena.Alloc(mem.Node, size)
	b := ks.arena.Bytes(r, size)
	clear(b[:head])
	copy(b[head:], name)
	*(*uint32)(ks.arena.Ptr(r)) = uint32(len(name))
	return r
}

// find gives the place of a name, and whether it is there.
func (t nameTable) find(ks *Keyspace, name []byte, head uintptr) (int, bool) {
	refs := t.refs(ks)
	from, to := 0, len(refs)
	for from < to {
		mid := int(uint(from+to) >> 1)
		switch c := bytes.Compare(ks.nameOf(refs[mid], head), name); {
		case c == 0:
			return mid, true
		case c < 0:
			from = mid + 1
		default:
			to = mid
		}
	}
	return from, false
}

// insert puts a block at place i and returns where the table is now.
func (t nameTable) insert(ks *Keyspace, i int, r mem.Ref) nameTable {
	if t == 0 {
		t = nameTable(ks.arena.AllocZero(mem.Node, nameTableHead+8))
	}
	n := int(*t.count(ks))
	if size := nameTableHead + 8*(n+1); size > ks.arena.Usable(mem.Ref(t)) {
		// Half as much again, so that many that come one after another do not move each time.
		t = nameTable(ks.arena.Resize(mem.Node, mem.Ref(t), nameTableHead+8*n, size+4*n))
	}
	refs := t.slots(ks, n+1)
	copy(refs[i+1:], refs[i:])
	refs[i] = r
	*t.count(ks)++
	return t
}

// remove takes the block at place i out and returns where the table is now.
func (t nameTable) remove(ks *Keyspace, i int) nameTable {
	refs := t.refs(ks)
	copy(refs[i:], refs[i+1:])
	*t.count(ks)--
	if len(refs) == 1 {
		ks.arena.Free(mem.Node, mem.Ref(t))
		return 0
	}
	if size := nameTableHead + 8*(len(refs)-1); size < ks.arena.Usable(mem.Ref(t))/2 {
		t = nameTable(ks.arena.Resize(mem.Node, mem.Ref(t), size, size))
	}
	return t
}
