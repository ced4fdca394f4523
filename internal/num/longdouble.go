// Long doubles: the 80-bit x87 type in which Redis computes INCRBYFLOAT and
// HINCRBYFLOAT. Usual numbers are read, added and printed with 128-bit integer
// arithmetic; longdouble_big.go has the exact way for the rest.

package num

import (
	"math"
	"math/bits"
	"strconv"
)

const (
	// maxLongDoubleLen is Redis's limit on the text of a long double.
	maxLongDoubleLen = 5*1024 - 1
	// maxBinExp is the exponent of the lowest mantissa bit of the largest value.
	maxBinExp = 16384 - 64
	// minBinExp is the exponent of the smallest value, a denormal with one bit.
	minBinExp = -16445
	// fractionDigits is how many digits Redis prints after the point at most.
	fractionDigits = 17
	pow10_17       = 100_000_000_000_000_000
	pow10_19       = 10_000_000_000_000_000_000
)

// LongDouble is an x87 extended precision number: an infinity, or
// mant * 2^exp. The zero value is zero.
type LongDouble struct {
	// mant has its top bit set unless the number is zero, denormals included.
	mant uint64
	exp  int32
	neg  bool
	inf  bool
}

// LongDoubleFromInt converts an integer, always exactly.
func LongDoubleFromInt(n int64) LongDouble {
	if n < 0 {
		return normalized(true, -uint64(n), 0)
	}
	return normalized(false, uint64(n), 0)
}

// LongDoubleFromFloat converts a double, always exactly. f must be a number.
func LongDoubleFromFloat(f float64) LongDouble {
	if math.IsInf(f, 0) {
		return LongDouble{neg: f < 0, inf: true}
	}
	const fraction = 52
	b := math.Float64bits(f)
	exp, mant := int(b>>fraction)&2047, b&(1<<fraction-1)
	if exp != 0 {
		mant |= 1 << fraction
		exp--
	}
	return normalized(b>>63 != 0, mant, exp-1074)
}

// normalized shifts mant up so that its top bit is set.
func normalized(neg bool, mant uint64, exp int) LongDouble {
	if mant == 0 {
		return LongDouble{neg: neg}
	}
	shift := bits.LeadingZeros64(mant)
	return LongDouble{neg: neg, mant: mant << shift, exp: int32(exp - shift)}
}

// rounded makes a number of a normalized 128-bit mantissa, whose upper half
// counts 2^exp; sticky stands for bits below the lower half.
func rounded(neg bool, hi, lo uint64, sticky bool, exp int) LongDouble {
	const half = 1 << 63
	if lo > half || (lo == half && (sticky || hi&1 == 1)) {
		hi++
		if hi == 0 {
			hi, exp = half, exp+1
		}
	}
	if exp > maxBinExp {
		return LongDouble{neg: neg, inf: true}
	}
	return LongDouble{neg: neg, mant: hi, exp: int32(exp)}
}

// IsInf tells whether the number is an infinity of either sign.
func (d LongDouble) IsInf() bool { return d.inf }

// ParseLongDouble reads a number as C's strtold does, under the limits of
// ParseFloat and with at most 5119 bytes. Infinities are accepted.
func ParseLongDouble(b []byte) (LongDouble, bool) {
	if len(b) > maxLongDoubleLen {
		return LongDouble{}, false
	}
	n := scanNumber(b)
	switch n.kind {
	case kindInvalid:
		return LongDouble{}, false
	case kindInf:
		return LongDouble{neg: n.neg, inf: true}, true
	}
	if n.zero {
		return LongDouble{neg: n.neg}, true
	}
	if n.kind == kindDecimal && !n.cut {
		switch {
		case n.exp == 0:
			return normalized(n.neg, n.mant, 0), true
		case n.exp > 0 && n.exp <= maxMantDigits:
			return n.scaleUp(), true
		case n.exp < 0 && n.exp >= -maxPow5:
			return n.scaleDown(), true
		}
	}
	return n.bigLongDouble()
}

// scaleUp multiplies by a power of ten that fits 64 bits.
func (n *number) scaleUp() LongDouble {
	power := uint64(1)
	for range n.exp {
		power *= 10
	}
	hi, lo := bits.Mul64(n.mant, power)
	if hi == 0 {
		return normalized(n.neg, lo, 0)
	}
	shift := bits.LeadingZeros64(hi)
	if shift > 0 {
		hi, lo = hi<<shift|lo>>(64-shift), lo<<shift
	}
	return rounded(n.neg, hi, lo, false, 64-shift)
}

// maxPow5 is the largest power of five that fits 64 bits.
const maxPow5 = 27

// scaleDown divides by 10^k = 5^k * 2^k; the remainder decides the rounding.
func (n *number) scaleDown() LongDouble {
	den := uint64(1)
	for range -n.exp {
		den *= 5
	}
	mantShift, denShift := bits.LeadingZeros64(n.mant), bits.LeadingZeros64(den)
	hi, lo, exp := n.mant<<mantShift, uint64(0), denShift-mantShift-64+int(n.exp)
	den <<= denShift
	if hi >= den {
		hi, lo, exp = hi>>1, hi<<63, exp+1
	}
	q, rem := bits.Div64(hi, lo, den)
	// The next 64 bits of the quotient tell below, at or above the half.
	next, rem := bits.Div64(rem, 0, den)
	return rounded(n.neg, q, next, rem != 0, exp)
}

// AddLongDouble adds two numbers with one rounding. The second result is false
// when the sum is an infinity or not a number; the sum is of no use then.
func AddLongDouble(a, b LongDouble) (LongDouble, bool) {
	if a.inf || b.inf {
		return LongDouble{}, false
	}
	if b.mant == 0 {
		return a, true
	}
	if a.mant == 0 {
		return b, true
	}
	if a.exp < b.exp || (a.exp == b.exp && a.mant < b.mant) {
		a, b = b, a
	}
	hi, lo, sticky := shiftedRight(b.mant, int(a.exp-b.exp))
	exp := int(a.exp)
	if a.neg == b.neg {
		var carry uint64
		hi, carry = bits.Add64(a.mant, hi, 0)
		if carry != 0 {
			sticky = sticky || lo&1 != 0
			hi, lo, exp = 1<<63|hi>>1, hi<<63|lo>>1, exp+1
		}
	} else {
		// Bits below the window make the true difference a little smaller.
		var borrow uint64
		if sticky {
			borrow = 1
		}
		lo, borrow = bits.Sub64(0, lo, borrow)
		hi, _ = bits.Sub64(a.mant, hi, borrow)
		if hi == 0 && lo == 0 {
			return LongDouble{}, true
		}
		if hi == 0 {
			hi, lo, exp = lo, 0, exp-64
		}
		if shift := bits.LeadingZeros64(hi); shift > 0 {
			hi, lo, exp = hi<<shift|lo>>(64-shift), lo<<shift, exp-shift
		}
	}
	sum := rounded(a.neg, hi, lo, sticky, exp)
	return sum, !sum.inf
}

// shiftedRight is m in the upper half of 128 bits, moved down by n; sticky says
// that set bits fell out.
func shiftedRight(m uint64, n int) (hi, lo uint64, sticky bool) {
	switch {
	case n == 0:
		return m, 0, false
	case n < 64:
		return m >> n, m << (64 - n), false
	case n < 128:
		return 0, m >> (n - 64), m<<(128-n) != 0
	}
	return 0, 0, true
}

// AppendLongDouble appends d as Redis prints it for people: no exponent, at
// most 17 digits after the point, no trailing zeros, never "-0".
func AppendLongDouble(dst []byte, d LongDouble) []byte {
	if d.inf {
		if d.neg {
			dst = append(dst, '-')
		}
		return append(dst, "inf"...)
	}
	whole, fraction, ok := d.split()
	if !ok {
		return d.appendBig(dst)
	}
	if d.neg && (whole[0]|whole[1]|fraction) != 0 {
		dst = append(dst, '-')
	}
	if whole[0] == 0 {
		dst = strconv.AppendUint(dst, whole[1], 10)
	} else {
		dst = strconv.AppendUint(dst, whole[0], 10)
		dst = appendPadded(dst, whole[1], maxMantDigits)
	}
	if fraction == 0 {
		return dst
	}
	dst = appendPadded(append(dst, '.'), fraction, fractionDigits)
	end := len(dst)
	for dst[end-1] == '0' {
		end--
	}
	return dst[:end]
}

// split gives the digits before the point, as two limbs of 10^19, and the 17
// after it, rounded. It cannot for numbers from 2^125 on.
func (d LongDouble) split() (whole [2]uint64, fraction uint64, ok bool) {
	switch {
	case d.mant == 0 || d.exp <= -128:
		// Below 2^-64 is below half of the last printed digit.
		return whole, 0, true
	case d.exp >= 62:
		return whole, 0, false
	case d.exp >= 0:
		hi, lo, _ := shiftedRight(d.mant, 64-int(d.exp))
		// The number is below 2^126, so hi is below the divisor.
		whole[0], whole[1] = bits.Div64(hi, lo, pow10_19)
		return whole, 0, true
	}
	shift := uint(-d.exp)
	part := d.mant
	if shift < 64 {
		whole[1] = d.mant >> shift
		part = d.mant & (1<<shift - 1)
	}
	fraction = scaledFraction(part, shift)
	if fraction == pow10_17 {
		whole[1], fraction = whole[1]+1, 0
	}
	return whole, fraction, true
}

// scaledFraction is part * 10^17 / 2^shift, rounded to nearest, ties to even,
// for 0 < shift < 128.
func scaledFraction(part uint64, shift uint) uint64 {
	hi, lo := bits.Mul64(part, pow10_17)
	var q, rest, low uint64
	switch {
	case shift < 64:
		q = hi<<(64-shift) | lo>>shift
		rest = lo << (64 - shift)
	case shift == 64:
		q, rest = hi, lo
	default:
		q = hi >> (shift - 64)
		rest = hi<<(128-shift) | lo>>(shift-64)
		low = lo << (128 - shift)
	}
	const half = 1 << 63
	if rest > half || (rest == half && (low != 0 || q&1 == 1)) {
		q++
	}
	return q
}

// appendPadded appends n with leading zeros up to width digits, at most 19.
func appendPadded(dst []byte, n uint64, width int) []byte {
	var scratch [20]byte
	text := strconv.AppendUint(scratch[:0], n, 10)
	for i := len(text); i < width; i++ {
		dst = append(dst, '0')
	}
	return append(dst, text...)
}

// ScaledUp is d * by, rounded as a long double, then up to the next integer. It is
// false when that is above the largest int64; what is below the smallest counts as
// the smallest.
func (d LongDouble) ScaledUp(by uint64) (int64, bool) {
	if d.inf {
		return math.MinInt64, d.neg
	}
	hi, lo := bits.Mul64(d.mant, by)
	exp := int(d.exp)
	if hi == 0 {
		d = normalized(d.neg, lo, exp)
	} else {
		shift := bits.LeadingZeros64(hi)
		if shift > 0 {
			hi, lo = hi<<shift|lo>>(64-shift), lo<<shift
		}
		d = rounded(d.neg, hi, lo, false, exp+64-shift)
	}
	switch {
	case !d.inf && d.mant == 0:
		return 0, true
	case d.inf || d.exp >= 0:
		return math.MinInt64, d.neg
	}
	drop := uint(-d.exp)
	whole := d.mant >> drop // zero when all is dropped
	rest := whole<<drop != d.mant
	switch {
	case d.neg:
		return -int64(whole), true
	case !rest:
		return int64(whole), true
	}
	return int64(whole) + 1, whole < math.MaxInt64
}
