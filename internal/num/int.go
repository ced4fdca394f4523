// Integers: the strict form that can be stored as a number and printed again
// without any change, and plain unsigned numbers.

package num

import (
	"math"
	"strconv"
)

const (
	// maxIntLen is the length of the longest number an int64 prints, with its sign.
	maxIntLen = 20
	// safeDigits decimal digits can never overflow an int64 or uint64.
	safeDigits = 18
)

// ParseInt reads a signed decimal number. It is strict: no spaces, no plus
// sign, no leading zeros, no "-0", so that printing the result gives b back.
// The second result is false when b is anything else or out of int64's range.
func ParseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > maxIntLen {
		return 0, false
	}
	if len(b) == 1 {
		d := b[0] - '0'
		return int64(d), d <= 9
	}
	digits, negative := b, b[0] == '-'
	if negative {
		digits = b[1:]
	}
	if digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	v, ok := ParseUint(digits)
	if !ok {
		return 0, false
	}
	if negative {
		if v > uint64(math.MaxInt64)+1 {
			return 0, false
		}
		return -int64(v), true
	}
	return int64(v), v <= math.MaxInt64
}

// ParseUint reads an unsigned decimal number: digits only, leading zeros
// allowed. The second result is false when b is empty, holds anything but
// digits or does not fit 64 bits.
func ParseUint(b []byte) (uint64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	var v uint64
	for _, c := range b[:min(len(b), safeDigits)] {
		d := uint64(c - '0')
		if d > 9 {
			return 0, false
		}
		v = v*10 + d
	}
	if len(b) <= safeDigits {
		return v, true
	}
	for _, c := range b[safeDigits:] {
		d := uint64(c - '0')
		if d > 9 || v > math.MaxUint64/10 || v*10 > math.MaxUint64-d {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}

// AppendInt appends n in decimal to dst.
func AppendInt(dst []byte, n int64) []byte {
	return strconv.AppendInt(dst, n, 10)
}

// AppendUint appends n in decimal to dst.
func AppendUint(dst []byte, n uint64) []byte {
	return strconv.AppendUint(dst, n, 10)
}

// IntLen is the number of bytes AppendInt writes for n, the sign included.
func IntLen(n int64) int {
	size, u := 1, uint64(n)
	if n < 0 {
		size, u = 2, -u
	}
	for ; u >= 10; u /= 10 {
		size++
	}
	return size
}
