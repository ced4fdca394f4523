package num_test

import (
	"testing"

	"redisd/internal/num"
)

func BenchmarkParseInt(b *testing.B) {
	in := []byte("1234567890")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := num.ParseInt(in); !ok {
			b.Fatal("refused")
		}
	}
}

func BenchmarkParseFloat(b *testing.B) {
	in := []byte("1234.5678")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := num.ParseFloat(in); !ok {
			b.Fatal("refused")
		}
	}
}

func BenchmarkAppendDouble(b *testing.B) {
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = num.AppendDouble(dst[:0], 1234.5678)
	}
}

func BenchmarkIncrByFloat(b *testing.B) {
	in, step := []byte("1234.5678"), []byte("0.1")
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		x, _ := num.ParseLongDouble(in)
		y, _ := num.ParseLongDouble(step)
		sum, _ := num.AddLongDouble(x, y)
		dst = num.AppendLongDouble(dst[:0], sum)
	}
}
