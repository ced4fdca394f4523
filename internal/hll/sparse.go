package hll

import "strconv"

const (
	mostZeros  = 64 // registers of a short run of zeros
	mostEqual  = 4  // registers of a run of a value
	mostSparse = 32 // the highest value of a sparse register
	longZeros  = 0x40
	isValue    = 0x80
)

// spans tells how many registers a run's first byte stands for; 0: two bytes do.
var spans = makeSpans()

// values tells what the registers of a run hold.
var values = makeValues()

func makeSpans() (t [256]uint8) {
	for i := range t {
		switch {
		case i&isValue != 0:
			t[i] = uint8(i&3 + 1)
		case i&longZeros == 0:
			t[i] = uint8(i&63 + 1)
		}
	}
	return t
}

func makeValues() (t [256]uint8) {
	for i := isValue; i < len(t); i++ {
		t[i] = uint8(i>>2&31 + 1)
	}
	return t
}

// next reads the run at the start of runs, which is not empty. width is its length in
// bytes, 0 when it is cut off.
func next(runs []byte) (value uint8, span, width int) {
	op := runs[0]
	if span = int(spans[op]); span > 0 {
		return values[op], span, 1
	}
	if len(runs) < 2 {
		return 0, 0, 0
	}
	return 0, int(op&63)<<8 | int(runs[1]) + 1, 2
}

// putZeros writes a run of n zeros, the shorter way, and returns its length.
func putZeros(b []byte, n int) int {
	if n <= mostZeros {
		b[0] = uint8(n - 1)
		return 1
	}
	return putLongZeros(b, n)
}

func putLongZeros(b []byte, n int) int {
	b[0], b[1] = uint8((n-1)>>8)|longZeros, uint8(n-1)
	return 2
}

func equalRun(value uint8, n int) byte { return (value-1)<<2 | uint8(n-1) | isValue }

// AppendRuns writes the runs of the sparse value b for people: z:n and Z:n are n
// zeros, v:x,n is n registers of x. It is false when the last run is cut off.
func AppendRuns(dst, b []byte) ([]byte, bool) {
	for runs := b[HeaderLen:]; len(runs) > 0; {
		value, span, width := next(runs)
		switch {
		case width == 0:
			return dst, false
		case value > 0:
			dst = strconv.AppendInt(append(dst, "v:"...), int64(value), 10)
			dst = append(dst, ',')
		case width == 1:
			dst = append(dst, "z:"...)
		default:
			dst = append(dst, "Z:"...)
		}
		dst = append(strconv.AppendInt(dst, int64(span), 10), ' ')
		runs = runs[width:]
	}
	if n := len(dst); n > 0 && dst[n-1] == ' ' {
		dst = dst[:n-1]
	}
	return dst, true
}
