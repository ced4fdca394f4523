package server

import (
	"math"
	"strconv"
)

// appendFixed appends f with so many decimals. Ratios of nothing to nothing read
// as 0: INFO's readers parse numbers.
func appendFixed(dst []byte, f float64, places int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	return strconv.AppendFloat(dst, f, 'f', places, 64)
}

// humanBytes is a size for people: 100B, 2.00K, 1.50G.
func humanBytes(n uint64) string {
	const units = "KMGTP"
	if n < 1024 {
		return strconv.FormatUint(n, 10) + "B"
	}
	f, u := float64(n)/1024, 0
	for f >= 1024 && u < len(units)-1 {
		f /= 1024
		u++
	}
	return strconv.FormatFloat(f, 'f', 2, 64) + units[u:u+1]
}

// ratio is a/b, 0 when b is.
func ratio(a, b uint64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
