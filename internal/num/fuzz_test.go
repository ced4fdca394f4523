package num_test

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/num"
)

// FuzzInt: what is accepted prints back as it was, and nothing that strconv
// prints is refused.
func FuzzInt(f *testing.F) {
	for _, s := range []string{"0", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "01", "-0", "x"} {
		f.Add([]byte(s), int64(len(s)))
	}
	f.Fuzz(func(t *testing.T, b []byte, n int64) {
		v, ok := num.ParseInt(b)
		want, err := strconv.ParseInt(string(b), 10, 64)
		canonical := err == nil && strconv.FormatInt(want, 10) == string(b)
		check.Eq(t, ok, canonical)
		if ok {
			check.Eq(t, v, want)
		}
		u, ok := num.ParseUint(b)
		wantU, err := strconv.ParseUint(string(b), 10, 64)
		check.Eq(t, ok, err == nil)
		if ok {
			check.Eq(t, u, wantU)
		}
		text := num.AppendInt(nil, n)
		check.Eq(t, len(text), num.IntLen(n))
		back, ok := num.ParseInt(text)
		check.True(t, ok && back == n, "an integer reads back")
	})
}

// FuzzFloat: decimal numbers mean what strconv reads, and every double reads
// back from both printed forms.
func FuzzFloat(f *testing.F) {
	for _, s := range []string{"0", "1.5e-7", "inf", "0x1.8p3", "1e400", "1e-400", "123456789012345678901234567890.5", ".", "1_0", "NaN"} {
		f.Add([]byte(s), uint64(len(s))<<54)
	}
	f.Add([]byte("1e22"), math.Float64bits(0.000001))
	f.Fuzz(func(t *testing.T, b []byte, bits uint64) {
		got, ok := num.ParseFloat(b)
		want, err := strconv.ParseFloat(string(b), 64)
		if ok && err == nil && got != want {
			t.Fatalf("%q: got %v, want %v", b, got, want)
		}
		plain := strings.Trim(string(b), "0123456789.eE+-") == ""
		if plain && err == nil && !ok && want != 0 {
			t.Fatalf("%q was refused", b)
		}
		if ok && err != nil && !strings.ContainsAny(string(b), "xX") {
			t.Fatalf("%q was accepted", b)
		}
		d := math.Float64frombits(bits)
		if d != d {
			return
		}
		text := num.AppendDouble(nil, d)
		back, ok := num.ParseFloat(text)
		if !ok || math.Float64bits(back) != bits {
			t.Fatalf("%v printed as %q reads back as %v, %t", d, text, back, ok)
		}
	})
}

// FuzzLongDouble: reading, printing and adding agree with math/big at the same
// precision, within its exponent range.
func FuzzLongDouble(f *testing.F) {
	for _, s := range []string{"0", "0.1", "-1.5", "1e4932", "1e-4951", "18446744073709551616.5", "0.5e-17", "1.00000000000000000000000001", "0x.1p-3", "12e-27"} {
		f.Add(s, "1e-3")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)+len(b) > 300 {
			return
		}
		x, ok1 := num.ParseLongDouble([]byte(a))
		y, ok2 := num.ParseLongDouble([]byte(b))
		if !ok1 || !ok2 || x.IsInf() || y.IsInf() {
			return
		}
		bx, by := reference(t, a), reference(t, b)
		if bx == nil || by == nil {
			return
		}
		check.Eq(t, string(num.AppendLongDouble(nil, x)), bigText(bx))
		check.Eq(t, string(num.AppendLongDouble(nil, y)), bigText(by))
		if sum, finite := num.AddLongDouble(x, y); finite {
			check.Eq(t, string(num.AppendLongDouble(nil, sum)), bigText(bx.Add(bx, by)))
		}
	})
}

// reference reads s with math/big; nil when that would be expensive, or when the
// number is a denormal, which math/big does not have.
func reference(t *testing.T, s string) *big.Float {
	t.Helper()
	lower := strings.ToLower(s)
	if strings.Contains(lower, "x") {
		if !strings.Contains(lower, "p") {
			lower += "p0"
		}
	}
	mant, exp, _ := strings.Cut(lower, "e")
	if strings.Contains(lower, "x") {
		mant, exp, _ = strings.Cut(lower, "p")
	}
	if n, err := strconv.Atoi(exp); exp != "" && (err != nil || n > 20000 || n < -20000) {
		return nil
	}
	if strings.Contains(lower, "x") {
		// big.Rat wants digits around the point.
		mant = strings.Replace(mant, "x.", "x0.", 1)
		lower = strings.TrimSuffix(mant, ".") + "p" + exp
	}
	f, ok := bigFloat(strings.TrimPrefix(lower, "+"))
	if !ok {
		t.Fatalf("%q is a number to redisd only", s)
	}
	if e := f.MantExp(nil); f.Sign() != 0 && e < -16381 {
		return nil
	}
	return f
}
