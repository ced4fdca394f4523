package hll

import "encoding/binary"

// Outcome says what raising a register of a sparse value comes to.
type Outcome uint8

// The outcomes.
const (
	Same      Outcome = iota // it is as high already
	Changes                  // the edit must be applied
	Dense                    // the value must become dense first
	Corrupted                // the runs end before the register
)

// Cursor is a place among the runs of a sparse value, from which Locate searches. The
// zero value is the start. One that Locate or Apply gave is good for registers that
// are not before the one it was given for.
type Cursor struct {
	at, first int // offset of a run, and its first register
	before    int // offset of the run before it plus one, 0 for none
}

// Edit is how a run of a sparse value changes when a register in it is raised.
type Edit struct {
	at, old int // offset of the run among the runs, and its length
	runs    [5]byte
	n       int // bytes of runs that take its place
	joinAt  int // offset of the run before it, or its own when it is the first
}

// Growth is by how many bytes the value grows: -1 to 3.
func (e *Edit) Growth() int { return e.n - e.old }

// Locate finds out how to raise register index of the sparse value b to run. longest
// is the length that a sparse value may grow to. at is set for the next search.
func Locate(b []byte, at *Cursor, index int, run uint8, longest int) (e Edit, o Outcome) {
	if run > mostSparse {
		return e, Dense
	}
	runs := b[HeaderLen:]
	here, last := *at, *at // the run at hand, and the one before it
	var span, width int
	for {
		skipShort(runs, &here, &last, index)
		if here.at == len(runs) {
			return e, Corrupted
		}
		if _, span, width = next(runs[here.at:]); width == 0 {
			return e, Corrupted
		}
		if index < here.first+span {
			break
		}
		last = here
		here = Cursor{here.at + width, here.first + span, here.at + 1}
	}
	e = Edit{at: here.at, old: width, joinAt: max(here.before-1, 0)}
	if here == *at {
		last = Cursor{} // the run before may swallow this one, and where that begins is not known
	}
	*at = last
	value := values[runs[here.at]]
	if value >= run {
		return e, Same
	}
	e.split(value, run, index-here.first, here.first+span-1-index)
	if e.Growth() > 0 && len(b)+e.Growth() > longest {
		return e, Dense
	}
	return e, Changes
}

// skipShort passes over runs before register index, eight at a time, as long as all
// eight are one byte long: where the time of sparse values is spent.
func skipShort(runs []byte, here, last *Cursor, index int) {
	const ones = 0x0101010101010101
	i, first := here.at, here.first
	for len(runs)-i >= 8 {
		w := binary.LittleEndian.Uint64(runs[i:])
		value := w >> 7 & ones
		if w>>6&ones&^value != 0 {
			break // long zeros
		}
		spans := w&(0x3f*ones-value*0x3c) + ones // six bits of zeros, two of a value
		pairs := spans&0x00ff00ff00ff00ff + spans>>8&0x00ff00ff00ff00ff
		sum := int(pairs * 0x0001000100010001 >> 48)
		if first+sum > index {
			break
		}
		i += 8
		first += sum
		*last = Cursor{i - 1, first - int(spans>>56), i - 1}
		*here = Cursor{i, first, i}
	}
}

// split replaces a run by one that holds run in a single register, and what is left
// of it: so many registers before and behind.
func (e *Edit) split(value, run uint8, before, behind int) {
	part := func(n int) {
		switch {
		case n == 0:
		case value == 0:
			e.n += putZeros(e.runs[e.n:], n)
		default:
			e.runs[e.n] = equalRun(value, n)
			e.n++
		}
	}
	part(before)
	e.runs[e.n] = equalRun(run, 1)
	e.n++
	part(behind)
}

// Apply carries the edit out on the value in the first n bytes of b, which has room
// for its growth, and returns the new length; the count is out of date then.
func (e *Edit) Apply(b []byte, n int) int {
	Invalidate(b)
	runs := b[HeaderLen:]
	n -= HeaderLen
	copy(runs[e.at+e.n:n+e.Growth()], runs[e.at+e.old:n])
	copy(runs[e.at:], e.runs[:e.n])
	n += e.Growth()
	return HeaderLen + e.join(runs, n)
}

// mostJoined is how many runs Redis looks at from the one before the edit on.
const mostJoined = 5

// join makes one of neighbouring runs of the same value, near the edit, and returns
// the new length of the runs.
func (e *Edit) join(runs []byte, n int) int {
	i := e.joinAt
	for k := 0; k < mostJoined && i < n; k++ {
		op := runs[i]
		if op&isValue == 0 {
			i++
			if spans[op] == 0 {
				i++
			}
			continue
		}
		if i+1 < n && runs[i+1]&isValue != 0 && values[op] == values[runs[i+1]] {
			if both := int(spans[op]) + int(spans[runs[i+1]]); both <= mostEqual {
				runs[i+1] = equalRun(values[op], both)
				copy(runs[i:n-1], runs[i+1:n])
				n--
				continue
			}
		}
		i++
	}
	return n
}
