package lzf

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

const (
	maxLiteral  = 32
	maxDistance = 1 << 13
	minMatch    = 3
	maxMatch    = 264

	// MaxRatio is the largest possible len(unpacked)/len(packed): three bytes
	// stand for at most 264. A claimed length beyond it is corrupt.
	MaxRatio = 88
)

// ErrCorrupt is returned by Decompress for a stream that is cut short, refers
// to bytes before its start, or does not unpack to exactly the wanted length.
var ErrCorrupt = errors.New("lzf: corrupt input")

// Compress packs src into dst and returns the number of bytes written, or 0
// when the result would not fit in dst (or src is too short to gain anything).
// dst and src must not overlap; dst may hold rubbish after a 0.
func Compress(dst, src []byte) int {
	// The table of seen positions lives on the stack; three sizes, because
	// clearing a large one would cost more than packing a short string.
	switch {
	case len(src) <= minMatch || len(dst) == 0:
		return 0
	case len(src) <= 256:
		return compressTiny(dst, src)
	case len(src) <= 4096:
		return compressSmall(dst, src)
	default:
		return compressLarge(dst, src)
	}
}

//go:noinline
func compressTiny(dst, src []byte) int {
	var table [1 << 8]uint16
	return compress(dst, src, table[:], 32-8)
}

//go:noinline
func compressSmall(dst, src []byte) int {
	var table [1 << 11]uint16
	return compress(dst, src, table[:], 32-11)
}

//go:noinline
func compressLarge(dst, src []byte) int {
	var table [1 << 14]uint16
	return compress(dst, src, table[:], 32-14)
}

func hash(v uint32, shift uint8) uint32 { return (v << 8) * 2654435761 >> shift }

// compress holds positions modulo 64 Ki in table. A slot that was never set or
// is stale gives some distance too, which does no harm: a match is taken only
// when the bytes at that distance are really equal.
func compress(dst, src []byte, table []uint16, shift uint8) int {
	var (
		ip, op int
		start  int            // first byte not written yet
		limit  = len(src) - 4 // last position where four bytes can be loaded
		misses = 32
		mask   = uint32(len(table) - 1)
	)
	for ip <= limit {
		v := binary.LittleEndian.Uint32(src[ip:])
		slot := &table[hash(v, shift)&mask]
		dist := int(uint16(ip) - *slot)
		*slot = uint16(ip)
		if dist == 0 || dist > maxDistance || dist > ip ||
			(binary.LittleEndian.Uint32(src[ip-dist:])^v)<<8 != 0 {
			// Data that does not repeat is walked in growing steps, so that
			// pictures and other packed values cost little.
			ip += misses >> 5
			misses++
			continue
		}
		misses = 32
		n := minMatch + matchLen(src, ip-dist+minMatch, ip+minMatch, maxMatch-minMatch)
		if op = literals(dst, op, src[start:ip]); op < 0 {
			return 0
		}
		if op+copySize(n) > len(dst) {
			return 0
		}
		op += putCopy(dst[op:], n, dist)
		ip += n
		start = ip
		if ip <= limit {
			// The two positions before the next one, so that a run of
			// copies finds its continuation.
			w := binary.LittleEndian.Uint32(src[ip-2:])
			table[hash(w, shift)&mask] = uint16(ip - 2)
			w = binary.LittleEndian.Uint32(src[ip-1:])
			table[hash(w, shift)&mask] = uint16(ip - 1)
		}
	}
	if op = literals(dst, op, src[start:]); op < 0 {
		return 0
	}
	return op
}

// matchLen counts equal bytes from src[a:] and src[b:] (a < b), at most limit.
func matchLen(src []byte, a, b, limit int) int {
	limit = min(limit, len(src)-b)
	n := 0
	for ; n+8 <= limit; n += 8 {
		x := binary.LittleEndian.Uint64(src[a+n:]) ^ binary.LittleEndian.Uint64(src[b+n:])
		if x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
	}
	for n < limit && src[a+n] == src[b+n] {
		n++
	}
	return n
}

// longMatch is the first match length that needs a byte of its own.
const longMatch = 9

func copySize(n int) int {
	if n < longMatch {
		return 2
	}
	return 3
}

func putCopy(dst []byte, n, dist int) int {
	dist--
	if n < longMatch {
		dst[0] = byte((n-2)<<5 | dist>>8)
		dst[1] = byte(dist)
		return 2
	}
	dst[0] = byte(7<<5 | dist>>8)
	dst[1] = byte(n - longMatch)
	dst[2] = byte(dist)
	return 3
}

// literals writes lit at dst[op:] in runs; -1 when it does not fit.
func literals(dst []byte, op int, lit []byte) int {
	runs := (len(lit) + maxLiteral - 1) / maxLiteral
	if op+len(lit)+runs > len(dst) {
		return -1
	}
	for len(lit) > 0 {
		n := min(len(lit), maxLiteral)
		dst[op] = byte(n - 1)
		copy(dst[op+1:], lit[:n])
		op += n + 1
		lit = lit[n:]
	}
	return op
}

// Decompress unpacks src into dst, which must have exactly the length of the
// original. dst and src must not overlap; after an error dst holds rubbish.
func Decompress(dst, src []byte) error {
	op, ip := 0, 0
	for ip < len(src) {
		c := int(src[ip])
		ip++
		if c < maxLiteral {
			n := c + 1
			if n > len(src)-ip || n > len(dst)-op {
				return ErrCorrupt
			}
			copy(dst[op:op+n], src[ip:ip+n])
			ip += n
			op += n
			continue
		}
		n := c>>5 + 2
		if n == longMatch && ip < len(src) {
			n += int(src[ip])
			ip++
		}
		if ip >= len(src) {
			return ErrCorrupt
		}
		from := op - (c&31<<8 | int(src[ip])) - 1
		ip++
		if from < 0 || n > len(dst)-op {
			return ErrCorrupt
		}
		copyBack(dst, from, op, n)
		op += n
	}
	if op != len(dst) {
		return ErrCorrupt
	}
	return nil
}

// copyBack copies n bytes from dst[from:] to dst[to:], from < to. An overlap
// repeats the bytes between the two, so each round doubles what can be copied.
func copyBack(dst []byte, from, to, n int) {
	for n > 0 {
		m := copy(dst[to:to+n], dst[from:to])
		to += m
		n -= m
	}
}
