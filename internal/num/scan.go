// The grammar of C's strtod, shared by doubles and long doubles: an optional
// sign, then a decimal number, a hexadecimal number or an infinity word.

package num

// maxExponent bounds exponents while they are read; anything near it is out of
// every format's range, whatever the mantissa.
const maxExponent = 1 << 40

// maxMantDigits decimal digits always fit a uint64.
const maxMantDigits = 19

type numberKind uint8

const (
	kindInvalid numberKind = iota
	kindDecimal
	kindHex
	kindInf
)

// number is a number as it was written: mant * base^exp, exact unless cut.
type number struct {
	kind numberKind
	neg  bool
	// cut says that mant lacks digits which are not all zero; exp still gives
	// the right magnitude.
	cut bool
	// zero says that every digit is zero.
	zero bool
	mant uint64
	// exp is the power of ten (decimal) or two (hexadecimal) to apply to mant.
	exp int64
	// body is the text after the sign and the 0x prefix; digits is the part of
	// it before the exponent.
	body, digits []byte
	// power is the written exponent alone.
	power int64
}

// scanNumber reads all of b. Not-a-number words give kindInvalid: Redis accepts
// them nowhere.
func scanNumber(b []byte) number {
	var n number
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		n.neg = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 {
		return n
	}
	switch {
	case isWord(b, "inf") || isWord(b, "infinity"):
		n.kind = kindInf
	case len(b) > 2 && b[0] == '0' && lower(b[1]) == 'x':
		n.scanDigits(b[2:], 16)
	default:
		n.scanDigits(b, 10)
	}
	return n
}

// scanDigits reads digits, point and exponent of base 10 or 16. The exponent's
// letter is e or p.
func (n *number) scanDigits(b []byte, base uint64) {
	letter, perDigit, limit := byte('e'), int64(1), maxMantDigits
	if base == 16 {
		letter, perDigit, limit = 'p', 4, 16
	}
	i, kept, seen, point := 0, 0, false, false
	n.zero = true
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' && !point {
			point = true
			continue
		}
		d := digitValue(c)
		if d >= base {
			break
		}
		seen = true
		n.zero = n.zero && d == 0
		switch {
		case n.zero:
			kept = 0
		case kept < limit:
			n.mant = n.mant*base + d
			kept++
		default:
			n.cut = n.cut || d != 0
			n.exp += perDigit
		}
		if point {
			n.exp -= perDigit
		}
	}
	n.body, n.digits = b, b[:i]
	if !seen || !n.scanExponent(b[i:], letter) {
		return
	}
	n.kind = kindDecimal
	if base == 16 {
		n.kind = kindHex
	}
}

// scanExponent reads what follows the digits: nothing, or letter, sign, digits.
func (n *number) scanExponent(b []byte, letter byte) bool {
	if len(b) == 0 {
		return true
	}
	if lower(b[0]) != letter {
		return false
	}
	b = b[1:]
	negative := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 {
		return false
	}
	for _, c := range b {
		d := int64(c - '0')
		if d > 9 {
			return false
		}
		if n.power < maxExponent {
			n.power = n.power*10 + d
		}
	}
	if negative {
		n.power = -n.power
	}
	n.exp += n.power
	return true
}

// digitValue is the value of a hexadecimal digit, or a large number.
func digitValue(c byte) uint64 {
	switch {
	case c >= '0' && c <= '9':
		return uint64(c - '0')
	case lower(c) >= 'a' && lower(c) <= 'f':
		return uint64(lower(c)-'a') + 10
	}
	return 255
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// isWord compares b with a lower-case word, without regard to case.
func isWord(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if lower(c) != word[i] {
			return false
		}
	}
	return true
}
