// Doubles: reading by strtod's rules, printing the shortest text that reads
// back as the same value, and the older 17-digit form.

package num

import (
	"math"
	"strconv"
)

// exactMant is the limit up to which every integer is a double.
const exactMant = 1 << 53

// integerLimit bounds the doubles that are printed as integers: half of int64's
// range, as Redis does, far from where the conversion itself gets unsafe.
const integerLimit = math.MaxInt64 / 2

// maxPlainZeros is how many zeros a whole number may need after its significant
// digits before it is printed with an exponent.
const maxPlainZeros = 7

// ParseFloat reads a double as C's strtod does: decimal or hexadecimal, "inf"
// and "infinity" with any sign and in any case. The second result is false for
// anything else: not-a-number, spaces, rests, and values that overflow or turn
// into zero.
func ParseFloat(b []byte) (float64, bool) {
	n := scanNumber(b)
	switch n.kind {
	case kindInf:
		return math.Inf(n.sign()), true
	case kindDecimal:
		if f, ok := n.exactFloat(); ok {
			return f, true
		}
		return n.checked(strconv.ParseFloat(string(b), 64))
	case kindHex:
		text := make([]byte, 0, len(b)+4)
		if n.neg {
			text = append(text, '-')
		}
		text = append(append(text, "0x"...), n.body...)
		if len(n.digits) == len(n.body) {
			// Go wants the exponent that C lets out.
			text = append(text, "p0"...)
		}
		return n.checked(strconv.ParseFloat(string(text), 64))
	}
	return 0, false
}

func (n *number) sign() int {
	if n.neg {
		return -1
	}
	return 1
}

// exactFloat converts when both the digits and the power of ten are exact
// doubles: then a single rounding gives the right result.
func (n *number) exactFloat() (float64, bool) {
	if n.cut || n.mant > exactMant || n.exp < -22 || n.exp > 22 {
		return 0, false
	}
	f := float64(n.mant)
	if n.exp >= 0 {
		f *= powerOfTen(n.exp)
	} else {
		f /= powerOfTen(-n.exp)
	}
	if n.neg {
		f = -f
	}
	return f, true
}

// powerOfTen is exact for 0 <= e <= 22.
func powerOfTen(e int64) float64 {
	return [...]float64{
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
	}[e]
}

// checked refuses what strtod reports as out of range.
func (n *number) checked(f float64, err error) (float64, bool) {
	if err != nil || (f == 0 && !n.zero) {
		return 0, false
	}
	return f, true
}

// AppendDouble appends f as Redis 7.2 prints scores and doubles: whole numbers
// as integers, otherwise the shortest digits that read back as f, with an
// exponent when the number is very large or small; "inf", "-inf", "nan", "-0".
func AppendDouble(dst []byte, f float64) []byte {
	if dst, ok := appendSpecial(dst, f); ok {
		return dst
	}
	if f >= -integerLimit && f <= integerLimit && f == math.Trunc(f) {
		return strconv.AppendInt(dst, int64(f), 10)
	}
	var scratch [32]byte
	text := strconv.AppendFloat(scratch[:0], f, 'e', -1, 64)
	if text[0] == '-' {
		dst = append(dst, '-')
		text = text[1:]
	}
	// text is d[.ddd]e±xx: close the gap of the point to get the bare digits.
	mark := len(text) - 1
	for text[mark] != 'e' {
		mark--
	}
	exp := 0
	for _, c := range text[mark+2:] {
		exp = exp*10 + int(c-'0')
	}
	if text[mark+1] == '-' {
		exp = -exp
	}
	digits := text[:1]
	if mark > 1 {
		digits = append(digits, text[2:mark]...)
	}
	return appendDigits(dst, digits, exp)
}

// appendDigits lays out digits whose first one counts 10^exp.
func appendDigits(dst, digits []byte, exp int) []byte {
	zeros := exp + 1 - len(digits)
	switch {
	case zeros >= 0 && zeros <= maxPlainZeros:
		dst = append(dst, digits...)
		for ; zeros > 0; zeros-- {
			dst = append(dst, '0')
		}
		return dst
	case zeros < 0 && exp >= 0 && (zeros > -7 || exp < 4):
		dst = append(dst, digits[:exp+1]...)
		dst = append(dst, '.')
		return append(dst, digits[exp+1:]...)
	case zeros < 0 && exp < 0 && (zeros > -7 || exp > -4):
		dst = append(dst, "0."...)
		for ; exp < -1; exp++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(dst, '.')
		dst = append(dst, digits[1:]...)
	}
	dst = append(dst, 'e')
	if exp >= 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, int64(exp), 10)
}

// appendSpecial prints the values that have no digits of their own.
func appendSpecial(dst []byte, f float64) ([]byte, bool) {
	switch {
	case f != f:
		return append(dst, "nan"...), true
	case math.IsInf(f, 1):
		return append(dst, "inf"...), true
	case math.IsInf(f, -1):
		return append(dst, "-inf"...), true
	case f == 0 && math.Signbit(f):
		return append(dst, "-0"...), true
	case f == 0:
		return append(dst, '0'), true
	}
	return dst, false
}

// AppendG17 appends f as C prints it with "%.17g", which DEBUG DIGEST hashes.
func AppendG17(dst []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	}
	return strconv.AppendFloat(dst, f, 'g', 17, 64)
}
