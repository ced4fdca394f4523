package num_test

import (
	"math"
	"testing"

	"redisd/internal/check"
	"redisd/internal/num"
)

// Seconds to milliseconds, as the timeouts of blocking commands.
func TestScaledUp(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true}, {"-0", 0, true}, {"1", 1000, true}, {"1.5", 1500, true}, {"0.001", 1, true}, {"0.0001", 1, true},
		{"0.0011", 2, true}, {"1e-9", 1, true}, {"1e-4940", 1, true}, {"0.1", 100, true}, {"1700000000.001", 1700000000001, true},
		{"-0.5", -500, true}, {"-0.0005", 0, true}, {"-1", -1000, true}, {"-1e30", math.MinInt64, true}, {"-inf", math.MinInt64, true},
		{"9223372036854775.807", math.MaxInt64, true}, {"9223372036854775.8", 9223372036854775800, true},
		{"9223372036854775.808", 0, false}, {"1e16", 0, false}, {"1e4932", 0, false}, {"inf", 0, false}, {"0x7FFFFFFFFFFFFFFF", 0, false},
	}
	for _, tc := range tests {
		t.Run(tc.in, func(t *testing.T) {
			d, ok := num.ParseLongDouble([]byte(tc.in))
			check.True(t, ok, "is a number")
			got, ok := d.ScaledUp(1000)
			check.Eq(t, ok, tc.ok)
			if ok {
				check.Eq(t, got, tc.want)
			}
		})
	}
}

// What C prints with %.17Lf, zeros at the end cut.
func TestLongDoubleFromFloat(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 1: "1", -1.5: "-1.5", 0.1: "0.10000000000000001", 13.361389338970184: "13.36138933897018433",
		1e22: "10000000000000000000000", -85.05112878: "-85.0511287799999991", 5e-324: "0",
		math.Inf(1): "inf", math.Inf(-1): "-inf",
	} {
		check.Eq(t, string(num.AppendLongDouble(nil, num.LongDoubleFromFloat(f))), want)
	}
}
