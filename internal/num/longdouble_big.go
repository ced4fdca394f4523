// The exact way for long doubles that 128 bits do not hold: many digits, large
// exponents, hexadecimal, denormals. Slow, and bounded by the length limit.

package num

import (
	"bytes"
	"math/big"
)

const (
	// maxDecimalExp and minDecimalExp lie safely outside the decimal range of a
	// long double (about 1e-4951 to 1e4932), so that no huge power is computed.
	maxDecimalExp = 5000
	minDecimalExp = -5000
)

// bigLongDouble converts any finite non-zero number that was scanned.
func (n *number) bigLongDouble() (LongDouble, bool) {
	text := bytes.ReplaceAll(n.digits, []byte{'.'}, nil)
	base := 10
	if n.kind == kindHex {
		base = 16
	}
	m, ok := new(big.Int).SetString(string(text), base)
	if !ok {
		return LongDouble{}, false
	}
	places := int64(0)
	if i := bytes.IndexByte(n.digits, '.'); i >= 0 {
		places = int64(len(n.digits) - i - 1)
	}
	if n.kind == kindHex {
		exp := n.power - 4*places
		if exp > 1<<16 || exp < -1<<16 {
			return LongDouble{}, false
		}
		return bigRound(n.neg, m, false, int(exp))
	}
	exp := n.power - places
	if magnitude := exp + int64(len(m.String())); magnitude > maxDecimalExp || magnitude < minDecimalExp {
		return LongDouble{}, false
	}
	if exp >= 0 {
		return bigRound(n.neg, m.Mul(m, bigPow10(exp)), false, 0)
	}
	den := bigPow10(-exp)
	// Scale so that the quotient has two bits more than a mantissa at least.
	shift := max(0, 66-(m.BitLen()-den.BitLen()))
	q, rem := m.QuoRem(m.Lsh(m, uint(shift)), den, new(big.Int))
	return bigRound(n.neg, q, rem.Sign() != 0, -shift)
}

func bigPow10(e int64) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(e), nil)
}

// bigRound rounds m * 2^exp to the format; sticky stands for a positive rest
// below m's last bit. It reports false for an overflow, and for a zero that is
// not exact.
func bigRound(neg bool, m *big.Int, sticky bool, exp int) (LongDouble, bool) {
	drop := max(m.BitLen()-64, minBinExp-exp)
	if drop > 0 {
		half := m.Bit(drop-1) == 1
		below := sticky || int(m.TrailingZeroBits()) < drop-1
		m.Rsh(m, uint(drop))
		exp += drop
		if half && (below || m.Bit(0) == 1) {
			m.Add(m, big.NewInt(1))
		}
		if m.BitLen() > 64 {
			m.Rsh(m, 1)
			exp++
		}
	}
	if m.Sign() == 0 {
		return LongDouble{}, false
	}
	d := normalized(neg, m.Uint64(), exp)
	return d, d.exp <= maxBinExp
}

// appendBig prints a number from 2^125 on: such a number has no fraction.
func (d LongDouble) appendBig(dst []byte) []byte {
	m := new(big.Int).SetUint64(d.mant)
	if d.neg {
		m.Neg(m)
	}
	return m.Lsh(m, uint(d.exp)).Append(dst, 10)
}
