package ds

import (
	"math"

	"redisd/internal/num"
)

// StreamID is the id of a stream's entry: milliseconds, and a number among the entries of one millisecond. The zero
// StreamID comes before all entries, no entry has it.
type StreamID struct{ Ms, Seq uint64 }

// MaxStreamID is the last id there can be.
func MaxStreamID() StreamID { return StreamID{math.MaxUint64, math.MaxUint64} }

// Compare is negative when a comes before b, positive when after, 0 when they are equal.
func (a StreamID) Compare(b StreamID) int {
	switch {
	case a == b:
		return 0
	case a.Less(b):
		return -1
	}
	return 1
}

// Less tells whether a comes before b.
func (a StreamID) Less(b StreamID) bool { return a.Ms < b.Ms || a.Ms == b.Ms && a.Seq < b.Seq }

// IsZero tells whether the id is 0-0.
func (a StreamID) IsZero() bool { return a == StreamID{} }

// Next is the id behind a; behind the last one comes 0-0, and ok is false.
func (a StreamID) Next() (next StreamID, ok bool) {
	if a.Seq++; a.Seq == 0 {
		if a.Ms++; a.Ms == 0 {
			return a, false
		}
	}
	return a, true
}

// Prev is the id before a; before 0-0 comes the last one, and ok is false.
func (a StreamID) Prev() (prev StreamID, ok bool) {
	ok = !a.IsZero()
	if a.Seq--; a.Seq == math.MaxUint64 {
		a.Ms--
	}
	return a, ok
}

// Append appends the id's text, such as 1526919030474-55.
func (a StreamID) Append(dst []byte) []byte {
	dst = append(num.AppendUint(dst, a.Ms), '-')
	return num.AppendUint(dst, a.Seq)
}

// String is the id's text.
func (a StreamID) String() string { return string(a.Append(nil)) }

// plus adds the difference that a node stores; the sums wrap.
func (a StreamID) plus(ms, seq int64) StreamID {
	return StreamID{a.Ms + uint64(ms), a.Seq + uint64(seq)}
}
