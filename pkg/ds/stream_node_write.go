// The nodes of a stream, the writing half.

package ds

import "encoding/binary"

// lpSlack is the most that an element takes beside the bytes of its text: a code of five bytes and a length of five.
const lpSlack = 10

// StreamEntryBound is not less than the bytes that a node grows by when an entry with these fields and values, one
// after another, is appended.
func StreamEntryBound(pairs [][]byte) int {
	n := 8 * lpSlack // flags, two differences, number of fields, number of elements, and a count that gets longer
	for _, p := range pairs {
		n += len(p) + lpSlack
	}
	return n
}

// StreamNodeSize is the bytes of a new node with one entry.
func StreamNodeSize(pairs [][]byte) int {
	n := len(pairs) / 2
	size := lpEmpty + LPSizeInt(1) + LPSizeInt(0) + LPSizeInt(int64(n)) + LPSizeInt(0)
	for i := 0; i < len(pairs); i += 2 {
		size += LPSize(pairs[i])
	}
	return size + entrySize(0, 0, pairs, true)
}

// PutStreamNode writes a node with one entry, that of the master id, into b and returns its size. b must have
// StreamNodeSize bytes at least.
func PutStreamNode(b []byte, pairs [][]byte) int {
	n := len(pairs) / 2
	at := lpAddInt(b, lpHeader, 1)
	at = lpAddInt(b, at, 0)
	at = lpAddInt(b, at, int64(n))
	for i := 0; i < len(pairs); i += 2 {
		at = lpAdd(b, at, pairs[i])
	}
	at = lpAddInt(b, at, 0)
	at, elements := addEntry(b, at, 0, 0, pairs, true)
	b[at] = lpEOF
	lpSetHeader(b, at+1, 4+n+elements)
	return at + 1
}

// AppendSize is the bytes that the node grows by when the entry is appended.
func (n StreamNode) AppendSize(id StreamID, pairs [][]byte) int {
	live, end := n.LP.int(lpHeader)
	size := LPSizeInt(live+1) - (end - lpHeader)
	return size + entrySize(int64(id.Ms-n.Master.Ms), int64(id.Seq-n.Master.Seq), pairs, n.hasFields(pairs))
}

// Append adds an entry behind the others and returns the node's new size. b is the node with room behind it: as many
// bytes as AppendSize or StreamEntryBound says. id must come after the ids of all entries that are there.
func (n StreamNode) Append(b []byte, id StreamID, pairs [][]byte) int {
	same := n.hasFields(pairs)
	live, _ := n.LP.int(lpHeader)
	size := lpReplaceInt(b, len(n.LP), lpHeader, live+1)
	at, elements := addEntry(b, size-1, int64(id.Ms-n.Master.Ms), int64(id.Seq-n.Master.Seq), pairs, same)
	b[at] = lpEOF
	count := int(binary.LittleEndian.Uint16(b[4:]))
	if count != lpUnknown {
		count += elements
	}
	lpSetHeader(b, at+1, count)
	return at + 1
}

// hasFields tells whether the master entry has exactly these fields.
func (n StreamNode) hasFields(pairs [][]byte) bool {
	fields, off := n.master()
	if len(pairs) != 2*fields {
		return false
	}
	for i := 0; i < len(pairs); i += 2 {
		if !n.LP.Get(off).Equal(pairs[i]) {
			return false
		}
		off = n.LP.skip(off)
	}
	return true
}

// addEntry writes an entry at b[at:] and returns the offset behind it and the number of its elements.
func addEntry(b []byte, at int, ms, seq int64, pairs [][]byte, same bool) (end, elements int) {
	n := len(pairs) / 2
	if same {
		at = lpAddInt(b, at, streamSameFields)
		at = lpAddInt(b, at, ms)
		at = lpAddInt(b, at, seq)
		for i := 1; i < len(pairs); i += 2 {
			at = lpAdd(b, at, pairs[i])
		}
		elements = n + 3
	} else {
		at = lpAddInt(b, at, 0)
		at = lpAddInt(b, at, ms)
		at = lpAddInt(b, at, seq)
		at = lpAddInt(b, at, int64(n))
		for _, p := range pairs {
			at = lpAdd(b, at, p)
		}
		elements = 2*n + 4
	}
	return lpAddInt(b, at, int64(elements)), elements + 1
}

// entrySize is the number of bytes that addEntry writes.
func entrySize(ms, seq int64, pairs [][]byte, same bool) int {
	n := len(pairs) / 2
	size := LPSizeInt(0) + LPSizeInt(ms) + LPSizeInt(seq)
	if same {
		for i := 1; i < len(pairs); i += 2 {
			size += LPSize(pairs[i])
		}
		return size + LPSizeInt(int64(n)+3)
	}
	for _, p := range pairs {
		size += LPSize(p)
	}
	return size + LPSizeInt(int64(n)) + LPSizeInt(2*int64(n)+4)
}

// CountsSize is the bytes that the node grows by, which may be less than 0, when its counts are set.
func (n StreamNode) CountsSize(live, deleted int) int {
	end := n.LP.skip(n.LP.skip(lpHeader))
	return LPSizeInt(int64(live)) + LPSizeInt(int64(deleted)) - (end - lpHeader)
}

// SetCounts writes how many entries are there and how many are deleted, and returns the node's new size. b is the node
// with room behind it for what CountsSize says.
func (n StreamNode) SetCounts(b []byte, live, deleted int) int {
	size := lpReplaceInt(b, len(n.LP), lpHeader, int64(live))
	size = lpReplaceInt(b, size, Listpack(b).skip(lpHeader), int64(deleted))
	binary.LittleEndian.PutUint32(b, uint32(size))
	return size
}

// lpAddInt writes a number at b[at:] and returns the offset behind it.
func lpAddInt(b []byte, at int, n int64) int {
	if uint64(n) < 128 {
		b[at], b[at+1] = byte(n), 1
		return at + 2
	}
	return lpAddBack(b, at, lpPutInt(b[at:], n))
}

// lpAdd writes a text at b[at:], as a number if it reads as one, and returns the offset behind it.
func lpAdd(b []byte, at int, val []byte) int {
	e := LPValue(val)
	if e.IsInt {
		return lpAddInt(b, at, e.Int)
	}
	return lpAddBack(b, at, lpPutStr(b[at:], val))
}

// lpAddBack writes the length of the n bytes at b[at:] behind them.
func lpAddBack(b []byte, at, n int) int {
	at += n
	if n < 128 {
		b[at] = byte(n)
		return at + 1
	}
	lpPutBack(b[at:], n)
	return at + lpBackSize(n)
}

// lpReplaceInt changes the number at off of the listpack b[:size] and returns its new size. Only the elements move: the
// header is the caller's.
func lpReplaceInt(b []byte, size, off int, n int64) int {
	end := Listpack(b).skip(off)
	to := off + LPSizeInt(n)
	if to != end {
		copy(b[to:], b[end:size])
	}
	lpAddInt(b, off, n)
	return size + to - end
}
