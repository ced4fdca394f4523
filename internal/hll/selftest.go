package hll

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// selfTestElements is how many elements SelfTest adds.
const selfTestElements = 1_000_000

// SelfTest checks registers, and estimates of random elements by dense and sparse
// values against each other and against the true number. longest is the length that a
// sparse value may grow to. It takes a fraction of a second. The error's text is for
// clients.
func SelfTest(r *rand.Rand, longest int) error {
	var b [DenseLen]byte
	PutEmpty(b[:])
	var u Union
	u.Promote(b[:], b[:])
	if err := testRegisters(r, b[:]); err != nil {
		return err
	}
	clear(b[HeaderLen:])
	other := make([]byte, EmptyLen, max(longest, DenseLen)+EmptyLen)
	PutEmpty(other)
	seed := r.Uint64()
	checkpoint := uint64(1)
	for i := uint64(1); i <= selfTestElements; i++ {
		var element [8]byte
		binary.LittleEndian.PutUint64(element[:], i^seed)
		index, run := Place(element[:])
		DenseSet(b[:], index, run)
		other = grown(other, index, run, longest)
		if i != checkpoint {
			continue
		}
		if err := testEstimate(b[:], other, i, longest); err != nil {
			return err
		}
		checkpoint *= 10
	}
	return nil
}

// grown is b with a register raised: where a command would change the string.
func grown(b []byte, index int, run uint8, longest int) []byte {
	if IsDense(b) {
		DenseSet(b, index, run)
		return b
	}
	var at Cursor
	e, o := Locate(b, &at, index, run, longest)
	switch o {
	case Changes:
		n := len(b)
		return b[:e.Apply(b[:n+max(e.Growth(), 0)], n)]
	case Dense:
		var u Union
		u.Merge(b)
		u.Promote(b[:DenseLen], b)
		DenseSet(b[:DenseLen], index, run)
		return b[:DenseLen]
	}
	return b
}

func testRegisters(r *rand.Rand, b []byte) error {
	var want [Registers]uint8
	for range 100 {
		for i := range want {
			have := DenseGet(b, i)
			want[i] = max(have, uint8(r.UintN(sixBits+1)))
			DenseSet(b, i, want[i])
		}
		for i, w := range want {
			if got := DenseGet(b, i); got != w {
				return fmt.Errorf("TESTFAILED Register %d should be %d but is %d", i, w, got)
			}
		}
		clear(b[HeaderLen:])
	}
	return nil
}

// testEstimate allows six times the standard error, and where that is too little for
// collisions, one.
func testEstimate(b, other []byte, n uint64, longest int) error {
	got, _ := Count(b)
	again, ok := Count(other)
	switch {
	case n < uint64(longest)/2 && IsDense(other):
		return fmt.Errorf("TESTFAILED sparse encoding not used")
	case !ok || got != again:
		return fmt.Errorf("TESTFAILED dense/sparse disagree")
	}
	most := max(math.Ceil(1.04/128*6*float64(n)), 1)
	if off := math.Abs(float64(n) - float64(got)); off > most {
		return fmt.Errorf("TESTFAILED Too big error. card:%d abserr:%.0f", n, off)
	}
	return nil
}
