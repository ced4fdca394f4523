package num_test

import (
	"math"
	"math/big"
	"math/rand"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/num"
)

func TestParseInt(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true}, {"7", 7, true}, {"-7", -7, true}, {"10", 10, true},
		{"9223372036854775807", math.MaxInt64, true}, {"-9223372036854775808", math.MinInt64, true},
		{"9223372036854775808", 0, false}, {"-9223372036854775809", 0, false},
		{"18446744073709551615", 0, false}, {"18446744073709551616", 0, false}, {"99999999999999999999", 0, false},
		{"-99999999999999999999", 0, false}, {"123456789012345678901234567890", 0, false},
		{"", 0, false}, {"-", 0, false}, {"+1", 0, false}, {"-0", 0, false}, {"00", 0, false}, {"01", 0, false}, {"-01", 0, false},
		{" 1", 0, false}, {"1 ", 0, false}, {"1.0", 0, false}, {"1e3", 0, false}, {"0x1", 0, false}, {"a", 0, false}, {"--1", 0, false},
		{"1\x00", 0, false}, {"\x00", 0, false}, {"/", 0, false}, {":", 0, false}, {"1:", 0, false},
	}
	for _, tc := range tests {
		t.Run(tc.in, func(t *testing.T) {
			got, ok := num.ParseInt([]byte(tc.in))
			check.Eq(t, ok, tc.ok)
			if ok {
				check.Eq(t, got, tc.want)
			}
		})
	}
}

func TestParseUint(t *testing.T) {
	tests := []struct {
		in   string
		want uint64
		ok   bool
	}{
		{"0", 0, true}, {"007", 7, true}, {"18446744073709551615", math.MaxUint64, true},
		{"000000000000000000000000000000001", 1, true},
		{"18446744073709551616", 0, false}, {"99999999999999999999", 0, false}, {"184467440737095516150", 0, false},
		{"", 0, false}, {"-1", 0, false}, {"+1", 0, false}, {"1 ", 0, false}, {"a", 0, false},
	}
	for _, tc := range tests {
		t.Run(tc.in, func(t *testing.T) {
			got, ok := num.ParseUint([]byte(tc.in))
			check.Eq(t, ok, tc.ok)
			if ok {
				check.Eq(t, got, tc.want)
			}
		})
	}
}

func TestAppendInt(t *testing.T) {
	for _, n := range []int64{0, 1, -1, 9, 10, -10, 99, 100, 999999999, math.MaxInt64, math.MinInt64} {
		want := strconv.FormatInt(n, 10)
		check.Eq(t, string(num.AppendInt([]byte("x"), n)), "x"+want)
		check.Eq(t, num.IntLen(n), len(want))
	}
	check.Eq(t, string(num.AppendUint(nil, math.MaxUint64)), "18446744073709551615")
}

func TestParseFloat(t *testing.T) {
	tests := []struct {
		in   string
		want float64
		ok   bool
	}{
		{"0", 0, true}, {"1.5", 1.5, true}, {"-1.5", -1.5, true}, {"+1.5", 1.5, true}, {".5", 0.5, true}, {"5.", 5, true},
		{"1e3", 1000, true}, {"1E+3", 1000, true}, {"1e-3", 0.001, true}, {"0.1", 0.1, true}, {"3.0e22", 3e22, true}, {"1e23", 1e23, true},
		{"9007199254740993", 9007199254740992, true}, {"123456789012345678901234567890", 123456789012345678901234567890, true},
		{"0.000000000000000000000000000000000000000000001234567890123456789", 1.234567890123456789e-45, true},
		{"1.7976931348623157e308", math.MaxFloat64, true}, {"5e-324", 5e-324, true}, {"0e999999999999999999999", 0, true}, {"0e-99999", 0, true},
		{"inf", math.Inf(1), true}, {"-INF", math.Inf(-1), true}, {"+infinity", math.Inf(1), true}, {"Infinity", math.Inf(1), true},
		{"0x10", 16, true}, {"0X1.8p1", 3, true}, {"-0x.8", -0.5, true}, {"0x1p-2", 0.25, true}, {"00012", 12, true},
		{"1e309", 0, false}, {"-1e309", 0, false}, {"1e-400", 0, false}, {"0x1p-2000", 0, false}, {"0x1p2000", 0, false}, {"1e99999999999999999999", 0, false},
		{"", 0, false}, {".", 0, false}, {"-", 0, false}, {"e5", 0, false}, {"1e", 0, false}, {"1e+", 0, false}, {"1.2.3", 0, false},
		{" 1", 0, false}, {"1 ", 0, false}, {"1_000", 0, false}, {"0x", 0, false}, {"0x.", 0, false}, {"0x_1p0", 0, false}, {"0b1", 0, false},
		{"nan", 0, false}, {"-NaN", 0, false}, {"nan(1)", 0, false}, {"infi", 0, false}, {"1\x00", 0, false}, {"--1", 0, false}, {"0x1p", 0, false}, {"1p2", 0, false},
	}
	for _, tc := range tests {
		t.Run(tc.in, func(t *testing.T) {
			got, ok := num.ParseFloat([]byte(tc.in))
			check.Eq(t, ok, tc.ok)
			if ok {
				check.Eq(t, got, tc.want)
			}
		})
	}
	minusZero, ok := num.ParseFloat([]byte("-0"))
	check.True(t, ok && math.Signbit(minusZero), "-0 keeps its sign")
}

func TestAppendDouble(t *testing.T) {
	tests := []struct {
		f    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "-0"}, {1, "1"}, {-3, "-3"}, {0.1, "0.1"},
		{3.1, "3.1"}, {-0.5, "-0.5"}, {1e15, "1000000000000000"},
		{1e17, "100000000000000000"}, {1e19, "1e+19"}, {1e21, "1e+21"}, {math.MaxFloat64, "1.7976931348623157e+308"},
		{1e-7, "1e-7"}, {0.0001, "0.0001"}, {0.000001, "0.000001"}, {5e-324, "5e-324"},
		{1.5e-10, "1.5e-10"}, {123456.789, "123456.789"}, {1234567890.123456, "1234567890.123456"}, {1234567890.1234567, "1.2345678901234567e+9"},
		{0.0012345678901234567, "0.0012345678901234567"}, {0.00012345678901234567, "1.2345678901234567e-4"},
		{4611686018427387904, "4611686018427387904"}, {9223372036854775808, "9223372036854776000"},
		{1.2345678901234568e22, "12345678901234568000000"}, {math.Inf(1), "inf"}, {math.Inf(-1), "-inf"}, {math.NaN(), "nan"},
	}
	for _, tc := range tests {
		t.Run(tc.want, func(t *testing.T) {
			check.Eq(t, string(num.AppendDouble([]byte("x"), tc.f)), "x"+tc.want)
		})
	}
}

func TestParseMemory(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		err  string
	}{
		{"0", 0, ""}, {"100", 100, ""}, {"100b", 100, ""}, {"1k", 1000, ""}, {"1kb", 1024, ""}, {"1K", 1000, ""}, {"2Mb", 2 << 20, ""}, {"2m", 2000000, ""},
		{"1GB", 1 << 30, ""}, {"3g", 3000000000, ""}, {"0012", 12, ""}, {"", 0, ""}, {"gb", 0, ""}, {"8589934591gb", 8589934591 << 30, ""},
		{"-1", 0, "not a memory size"}, {"1t", 0, "not a memory size"}, {"1 gb", 0, "not a memory size"}, {"1.5g", 0, "not a memory size"}, {"1gbx", 0, "not a memory size"},
		{"8589934592gb", 0, "out of range"}, {"18446744073709551616", 0, "out of range"}, {"9223372036854775808", 0, "out of range"},
	}
	for _, tc := range tests {
		t.Run(tc.in, func(t *testing.T) {
			got, err := num.ParseMemory(tc.in)
			if tc.err != "" {
				check.ErrContains(t, err, tc.err)
				return
			}
			check.NoErr(t, err)
			check.Eq(t, got, tc.want)
		})
	}
}

func TestLongDouble(t *testing.T) {
	tests := []struct {
		a, b, sum string
	}{
		{"0", "0", "0"}, {"10.5", "0.1", "10.6"}, {"5.0e3", "2.0e2", "5200"}, {"0.1", "0.2", "0.3"}, {"-5", "5", "0"}, {"1", "-1.0", "0"},
		{"3", "1e-18", "3"}, {"-0", "-0", "0"}, {"-1e-30", "0", "0"}, {"1e-17", "0", "0.00000000000000001"}, {"6e-18", "0", "0.00000000000000001"}, {"4e-18", "0", "0"},
		{"0.999999999999999999", "0", "1"}, {"9999999999999999999", "0", "9999999999999999999"}, {"1e19", "0", "10000000000000000000"},
		{"18446744073709551615", "1", "18446744073709551616"}, {"18446744073709551616", "1", "18446744073709551616"}, {"1e25", "-1e25", "0"},
		{"1e30", "0", "1000000000000000000024696061952"}, {"-1e40", "0", "-9999999999999999999783686092270256259072"},
		{"0x1p70", "-0x1p70", "0"}, {"0x1.8", "+.5", "2"}, {"00.250", "1E+1", "10.25"},
		{"1e4900", "-1e4900", "0"}, {"3.6451995318824746025e-4951", "0", "0"},
	}
	for _, tc := range tests {
		t.Run(tc.a+"+"+tc.b, func(t *testing.T) {
			a, ok := num.ParseLongDouble([]byte(tc.a))
			check.True(t, ok, "first number")
			b, ok := num.ParseLongDouble([]byte(tc.b))
			check.True(t, ok, "second number")
			for _, pair := range [][2]num.LongDouble{{a, b}, {b, a}} {
				sum, finite := num.AddLongDouble(pair[0], pair[1])
				check.True(t, finite, "the sum is finite")
				check.Eq(t, string(num.AppendLongDouble([]byte("x"), sum)), "x"+tc.sum)
			}
		})
	}
}

func TestParseLongDoubleRefuses(t *testing.T) {
	for _, s := range []string{
		"", " 1", "1 ", "abc", "nan", "1e", "1e5000", "1e4933", "-1e4933", "1e-5000", "1e-4960", "0x1p16384", "0x1p-17000", "0x1p99999999999",
		"1.2.3", "0x", strings.Repeat("1", 5120), "1\x00", "1e99999999999999999999",
	} {
		if d, ok := num.ParseLongDouble([]byte(s)); ok {
			t.Errorf("%.20q was read as %s", s, num.AppendLongDouble(nil, d))
		}
	}
	_, ok := num.ParseLongDouble([]byte("0." + strings.Repeat("1", 5117)))
	check.True(t, ok, "5119 bytes are allowed")
}

func TestLongDoubleInfinity(t *testing.T) {
	inf, ok := num.ParseLongDouble([]byte("-inf"))
	check.True(t, ok && inf.IsInf(), "infinity is a number")
	check.Eq(t, string(num.AppendLongDouble(nil, inf)), "-inf")
	one := num.LongDoubleFromInt(1)
	check.True(t, !one.IsInf(), "one is finite")
	_, finite := num.AddLongDouble(one, inf)
	check.True(t, !finite, "infinity plus one")
	largest, ok := num.ParseLongDouble([]byte("0xf.fffffffffffffffp16380"))
	check.True(t, ok, "the largest long double")
	_, finite = num.AddLongDouble(largest, largest)
	check.True(t, !finite, "overflow")
	sum, finite := num.AddLongDouble(largest, one)
	check.True(t, finite && sum == largest, "one is too small to matter")
}

func TestLongDoubleConversions(t *testing.T) {
	for _, n := range []int64{0, 1, -1, 1000, math.MaxInt64, math.MinInt64} {
		check.Eq(t, string(num.AppendLongDouble(nil, num.LongDoubleFromInt(n))), strconv.FormatInt(n, 10))
	}
}

func TestNumbersAllocateNothing(t *testing.T) {
	dst := make([]byte, 0, 64)
	integer, float := []byte("-1234567890123"), []byte("1234.5678")
	one := num.LongDoubleFromInt(1)
	got := testing.AllocsPerRun(100, func() {
		n, _ := num.ParseInt(integer)
		dst = num.AppendInt(dst[:0], n)
		f, _ := num.ParseFloat(float)
		dst = num.AppendDouble(dst[:0], f)
		d, _ := num.ParseLongDouble(float)
		d, _ = num.AddLongDouble(d, one)
		dst = num.AppendLongDouble(dst[:0], d)
	})
	check.Eq(t, got, 0)
}

// bigFloat is a reference: math/big with the mantissa of a long double.
func bigFloat(s string) (*big.Float, bool) {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, false
	}
	return new(big.Float).SetPrec(64).SetRat(r), true
}

func bigText(f *big.Float) string {
	s := f.Text('f', 17)
	s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	if s == "-0" || s == "" || s == "-" {
		return "0"
	}
	return s
}

// Random sums agree with math/big at the same precision, rounding included.
func TestLongDoubleAgreesWithBigFloat(t *testing.T) {
	rnd := rand.New(rand.NewSource(11))
	for range 50_000 {
		a, b := randomDecimal(rnd), randomDecimal(rnd)
		x, ok := bigFloat(a)
		check.True(t, ok, a)
		y, ok := bigFloat(b)
		check.True(t, ok, b)
		da, ok := num.ParseLongDouble([]byte(a))
		check.True(t, ok, a)
		db, ok := num.ParseLongDouble([]byte(b))
		check.True(t, ok, b)
		check.Eq(t, string(num.AppendLongDouble(nil, da)), bigText(x))
		sum, _ := num.AddLongDouble(da, db)
		if got, want := string(num.AppendLongDouble(nil, sum)), bigText(x.Add(x, y)); got != want {
			t.Fatalf("%s + %s: got %s, want %s", a, b, got, want)
		}
	}
}

// randomDecimal favours the shapes that people use, and has all others.
func randomDecimal(rnd *rand.Rand) string {
	sign := [...]string{"", "-"}[rnd.Intn(2)]
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('0' + rnd.Intn(10))
		}
		return string(b)
	}
	switch rnd.Intn(6) {
	case 0:
		return sign + strconv.Itoa(rnd.Intn(1000))
	case 1:
		return sign + strconv.FormatFloat(math.Abs(rnd.NormFloat64()), 'f', rnd.Intn(8), 64)
	case 2:
		return sign + strconv.FormatFloat(math.Exp(rnd.NormFloat64()*20), 'g', -1, 64)
	case 3:
		return sign + digits(1+rnd.Intn(22)) + "." + digits(1+rnd.Intn(22))
	case 4:
		return sign + digits(1+rnd.Intn(10)) + "." + digits(rnd.Intn(10)) + "e" + strconv.Itoa(rnd.Intn(80)-40)
	}
	return sign + strconv.FormatFloat(rnd.Float64()*math.Pow(10, float64(rnd.Intn(30)-15)), 'e', rnd.Intn(20), 64)
}
