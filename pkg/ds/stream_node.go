// The nodes of a stream, the reading half: a listpack that holds the entries of one stretch of ids.

package ds

// Flags of an entry in a node; together they fit the shortest code of a number, so that setting one moves nothing.
const (
	streamDeleted    = 1 << 0 // the entry is gone, its bytes stay
	streamSameFields = 1 << 1 // it has the fields of the master entry, and only its values are here
)

// StreamNode is a view of one node: a listpack in Redis's format, and the master id that the ids of its entries are
// differences to. It is what an RDB file holds, byte for byte. The listpack is
//
//	master entry   live, deleted, number of fields, field ..., 0
//	entry          flags, ms and seq as differences, (number of fields,) value ... or field, value ..., elements so far
//
// where the last element of an entry counts those before it, so that a walk can go backwards, and the 0 of the master
// entry stops it. Fields stand in an entry only when they are not the master entry's. The view must be valid
// (CheckStreamNode says so of foreign bytes).
type StreamNode struct {
	LP     Listpack
	Master StreamID
	// Info is what InspectStreamNode says, where somebody has asked already; else nil.
	Info *StreamNodeInfo
}

// skip is after with the short codes in front.
func (l Listpack) skip(off int) int {
	h := l[off]
	if h < 0x80 {
		return off + 2
	}
	if h < 0xc0 {
		return off + 2 + int(h&0x3f)
	}
	return l.after(off)
}

// int reads the number at off and returns what follows it.
func (l Listpack) int(off int) (n int64, next int) {
	if h := l[off]; h < 0x80 {
		return int64(h), off + 2
	}
	return l.Get(off).Int, l.after(off)
}

// Live is the number of entries that are there.
func (n StreamNode) Live() int {
	live, _ := n.LP.int(lpHeader)
	return int(live)
}

// Counts is the number of entries that are there, and of those that were deleted and still take room.
func (n StreamNode) Counts() (live, deleted int) {
	l, off := n.LP.int(lpHeader)
	d, _ := n.LP.int(off)
	return int(l), int(d)
}

// master finds the master entry's fields: their number, and where they start.
func (n StreamNode) master() (fields, first int) {
	off := n.LP.skip(n.LP.skip(lpHeader))
	f, off := n.LP.int(off)
	return int(f), off
}

// StreamCursor walks through the entries of one node, deleted ones included. ID, Deleted and Fields tell about the
// entry it is at. It is good until the node changes; marking entries as deleted is no change to it.
type StreamCursor struct {
	ID      StreamID
	Fields  int // pairs of field and value
	Deleted bool

	same   bool // the fields are the master entry's
	lp     Listpack
	master StreamID
	fields int // number of the master entry's fields
	first  int // where they start

	flags int // where the entry starts
	name  int // where the next field is
	at    int // the next element of the entry that was not read
	left  int // pairs that were not read
}

// Begin returns a cursor before the first entry.
func (n StreamNode) Begin() StreamCursor {
	c := StreamCursor{lp: n.LP, master: n.Master}
	c.fields, c.first = n.master()
	c.at = c.first
	for range c.fields {
		c.at = c.lp.skip(c.at)
	}
	return c
}

// End returns a cursor behind the last entry.
func (n StreamNode) End() StreamCursor {
	c := StreamCursor{lp: n.LP, master: n.Master, flags: n.LP.End()}
	c.fields, c.first = n.master()
	return c
}

// Next goes to the next entry, or returns false when there is none.
func (c *StreamCursor) Next() bool {
	more := c.left
	if !c.same {
		more *= 2
	}
	for ; more > 0; more-- {
		c.at = c.lp.skip(c.at)
	}
	off := c.lp.skip(c.at) // the number that ends an entry, or the 0 that ends the master entry
	if c.lp[off] == lpEOF {
		c.left = 0
		return false
	}
	c.load(off)
	return true
}

// Prev goes to the entry before, or returns false when there is none.
func (c *StreamCursor) Prev() bool {
	off := c.lp.Prev(c.flags)
	n, _ := c.lp.int(off)
	if n == 0 {
		return false
	}
	for ; n > 0; n-- {
		off = c.lp.Prev(off)
	}
	c.load(off)
	return true
}

// load reads the head of the entry at off.
func (c *StreamCursor) load(off int) {
	c.flags = off
	flags, off := c.lp.int(off)
	ms, off := c.lp.int(off)
	seq, off := c.lp.int(off)
	c.ID = c.master.plus(ms, seq)
	c.Deleted = flags&streamDeleted != 0
	c.same = flags&streamSameFields != 0
	c.Fields, c.name = c.fields, c.first
	if !c.same {
		var n int64
		n, off = c.lp.int(off)
		c.Fields = int(n)
	}
	c.left, c.at = c.Fields, off
}

// Field reads the next field of the entry and its value. It may be called Fields times.
func (c *StreamCursor) Field() (name, value LPElem) {
	c.left--
	if c.same {
		name = c.lp.Get(c.name)
		c.name = c.lp.skip(c.name)
	} else {
		name = c.lp.Get(c.at)
		c.at = c.lp.skip(c.at)
	}
	value = c.lp.Get(c.at)
	c.at = c.lp.skip(c.at)
	return name, value
}

// MarkDeleted marks the entry as deleted, in place; it must not be yet. The node's counts are the caller's to change,
// with SetCounts.
func (c *StreamCursor) MarkDeleted() {
	c.lp[c.flags] |= streamDeleted
	c.Deleted = true
}
