// The check of stream nodes that come from outside.

package ds

import (
	"errors"
	"fmt"
)

// ErrStreamNode is what CheckStreamNode and InspectStreamNode return for a listpack that is no stream node, wrapped
// with where and why.
var ErrStreamNode = errors.New("bad stream node")

// StreamNodeInfo is what InspectStreamNode finds.
type StreamNodeInfo struct {
	Live, Deleted int
	First, Last   StreamID // ids of the first and the last live entry; zero when there is none
}

// CheckStreamNode tells whether b is a valid listpack that has the form of a stream node: what a StreamCursor reads,
// forwards and backwards, and counts that are right. It does not look at ids, InspectStreamNode does.
func CheckStreamNode(b []byte) error {
	_, err := inspect(StreamID{}, b, false)
	return err
}

// InspectStreamNode checks a node with its master id: its form, and that the ids of live entries ascend from the master
// id on.
func InspectStreamNode(master StreamID, b []byte) (StreamNodeInfo, error) {
	return inspect(master, b, true)
}

func inspect(master StreamID, b []byte, ordered bool) (info StreamNodeInfo, err error) {
	if err := CheckListpack(b); err != nil {
		return info, err
	}
	w := nodeCheck{lp: b, off: lpHeader}
	live, deleted, fields := w.number("count"), w.number("deleted"), w.number("fields")
	w.skip(fields)
	if end := w.number("end of the master entry"); end != 0 && w.err == nil {
		w.fail("the master entry ends in %d", end)
	}
	for w.err == nil && w.lp[w.off] != lpEOF {
		ms, seq, gone := w.entry(fields)
		if w.err != nil {
			break
		}
		if gone {
			info.Deleted++
			continue
		}
		info.Live++
		id := master.plus(ms, seq)
		if info.Live == 1 {
			info.First = id
		}
		if ordered && (id.Less(master) || info.Live > 1 && !info.Last.Less(id)) {
			w.fail("id %v is out of order", id)
		}
		info.Last = id
	}
	if w.err == nil && (live != int64(info.Live) || deleted != int64(info.Deleted)) {
		w.fail("counts say %d entries and %d deleted, there are %d and %d", live, deleted, info.Live, info.Deleted)
	}
	return info, w.err
}

// nodeCheck walks through a valid listpack and remembers the first thing that a stream node does not have.
type nodeCheck struct {
	lp  Listpack
	off int
	err error
}

func (w *nodeCheck) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("%w: %s before byte %d", ErrStreamNode, fmt.Sprintf(format, args...), w.off)
	}
}

// number reads the next element, which must be there and be a number.
func (w *nodeCheck) number(what string) int64 {
	if w.err != nil {
		return 0
	}
	if w.lp[w.off] == lpEOF {
		w.fail("no %s", what)
		return 0
	}
	e := w.lp.Get(w.off)
	w.off = w.lp.after(w.off)
	if !e.IsInt {
		w.fail("%s is no number", what)
	}
	return e.Int
}

// skip leaves n elements out, which must be there. n comes from the node: it may be anything.
func (w *nodeCheck) skip(n int64) {
	if n < 0 {
		w.fail("%d fields", n)
	}
	for ; n > 0 && w.err == nil; n-- {
		if w.lp[w.off] == lpEOF {
			w.fail("%d elements too few", n)
			return
		}
		w.off = w.lp.after(w.off)
	}
}

// entry checks one entry. fields is the number of the master entry's.
func (w *nodeCheck) entry(fields int64) (ms, seq int64, gone bool) {
	if code := w.lp[w.off]; code > streamDeleted|streamSameFields {
		w.fail("flags in code %#x", code) // in a longer code than they need they could not be changed in place
	}
	flags := w.number("flags")
	ms, seq = w.number("ms"), w.number("seq")
	elements := fields + 3
	if flags&streamSameFields != 0 {
		w.skip(fields)
	} else {
		n := w.number("number of fields")
		w.skip(n)
		w.skip(n) // and their values
		elements = 2*n + 4
	}
	if n := w.number("number of elements"); n != elements {
		w.fail("an entry of %d elements says %d", elements, n)
	}
	return ms, seq, flags&streamDeleted != 0
}
