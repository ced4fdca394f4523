package crc64_test

import (
	"math/rand/v2"
	"testing"

	"redisd/internal/check"
	"redisd/internal/crc64"
)

func TestUpdate(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want uint64
	}{
		{"nothing", "", 0},
		{"check value", "123456789", 0xe9c6d914c4b8d9ca},
		{"zero bytes do not count from zero", "\x00\x00\x00", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check.Eq(t, crc64.Update(0, []byte(tt.in)), tt.want)
		})
	}
}

// bitwise is the definition, one bit at a time.
func bitwise(crc uint64, p []byte) uint64 {
	for _, b := range p {
		for i := range 8 {
			bit := crc>>63 ^ uint64(b>>i&1)
			crc <<= 1
			if bit != 0 {
				crc ^= 0xad93d23594c935a9
			}
		}
	}
	return crc
}

// reversed lets bitwise, which works on the register the other way round, be
// compared with the reflected algorithm.
func reversed(v uint64) (out uint64) {
	for i := range 64 {
		out |= v >> i & 1 << (63 - i)
	}
	return out
}

func TestUpdateIsTheDefinition(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		p := make([]byte, rnd.IntN(70))
		for i := range p {
			p[i] = byte(rnd.Uint32())
		}
		check.Eq(t, crc64.Update(0, p), reversed(bitwise(0, p)))
	}
}

func TestUpdateInParts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	p := make([]byte, 1000)
	for i := range p {
		p[i] = byte(rnd.Uint32())
	}
	want := crc64.Update(0, p)
	for cut := range p {
		check.Eq(t, crc64.Update(crc64.Update(0, p[:cut]), p[cut:]), want)
	}
	check.Eq(t, testing.AllocsPerRun(100, func() { crc64.Update(0, p) }), 0)
}

func BenchmarkUpdate(b *testing.B) {
	p := make([]byte, 64<<10)
	b.SetBytes(int64(len(p)))
	var crc uint64
	for b.Loop() {
		crc = crc64.Update(crc, p)
	}
	if crc == 1 {
		b.Log(crc)
	}
}
