package hll

import "math"

// histogram counts registers by what they hold. It is four tables that are summed up
// in the end, so that equal neighbours do not wait for one another.
type histogram [4][64]uint32

// add counts the registers in eight bytes.
func (h *histogram) add(w uint64) {
	h[0][w&sixBits]++
	h[1][w>>8&sixBits]++
	h[2][w>>16&sixBits]++
	h[3][w>>24&sixBits]++
	h[0][w>>32&sixBits]++
	h[1][w>>40&sixBits]++
	h[2][w>>48&sixBits]++
	h[3][w>>56&sixBits]++
}

// Count estimates how many distinct elements the value b saw, without its cached
// count. It is false when b is sparse and its runs do not make up the registers.
func Count(b []byte) (uint64, bool) {
	var h histogram
	if IsDense(b) {
		for b = b[HeaderLen:]; len(b) >= 12; b = b[12:] {
			first, second := sixteen(b)
			h.add(first)
			h.add(second)
		}
		return h.estimate(), true
	}
	at := 0
	for runs := b[HeaderLen:]; len(runs) > 0; {
		value, span, width := next(runs)
		if width == 0 || at+span > Registers {
			return 0, false
		}
		at += span
		h[0][value&sixBits] += uint32(span)
		runs = runs[width:]
	}
	if at != Registers {
		return 0, false
	}
	return h.estimate(), true
}

// estimate is the estimator of O. Ertl, "New cardinality estimation algorithms for
// HyperLogLog sketches" (arXiv:1702.01284), which Redis uses. Products are rounded
// before they are added, so that the result does not depend on the processor.
func (h *histogram) estimate() uint64 {
	const m = float64(Registers)
	const alpha = 0.721347520444481703680 // 1/(2 ln 2)
	sum := func(i int) float64 { return float64(h[0][i] + h[1][i] + h[2][i] + h[3][i]) }
	z := float64(m * tau((m-sum(mostRun))/m))
	for i := mostRun - 1; i >= 1; i-- {
		z += sum(i)
		z *= 0.5
	}
	z += float64(m * sigma(sum(0)/m))
	n := math.Round(alpha * m * m / z)
	if n >= 1<<63 {
		return 1 << 63 // no register that a hash could leave: what C makes of such a number
	}
	return uint64(n)
}

// sigma corrects for registers that are zero; x is their share.
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += float64(x * y)
		y += y
		if z == before {
			return z
		}
	}
}

// tau corrects for registers that are full; x is the share of the others.
func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		z -= float64((1 - x) * (1 - x) * y)
		if z == before {
			return z / 3
		}
	}
}
