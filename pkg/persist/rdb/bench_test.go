package rdb_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/persist/rdb"
)

// benchRecords are 10,000 keys of 16 bytes with values of the given size, half
// of it text that repeats.
func benchRecords(size int) (records []rdb.Record) {
	for i := range 10000 {
		v := fmt.Sprintf("%d,%x,", i, i*7919)
		v = (v + strings.Repeat("some text, ", size/22) + strings.Repeat(fmt.Sprint(i), size))[:size]
		records = append(records, record(fmt.Sprintf("key:%012d", i), v))
	}
	return records
}

func BenchmarkEncode(b *testing.B) {
	for _, size := range []int{10, 64, 1024} {
		records := benchRecords(size)
		for name, add := range map[string]func([]byte, *rdb.Record) []byte{
			"raw":   rdb.AppendRawRecord,
			"small": func(dst []byte, r *rdb.Record) []byte { return rdb.AppendRecord(dst, r, false) },
			"LZF":   func(dst []byte, r *rdb.Record) []byte { return rdb.AppendRecord(dst, r, true) },
		} {
			b.Run(fmt.Sprint(name, " ", size), func(b *testing.B) {
				buf := make([]byte, 0, 1<<20)
				b.SetBytes(int64(len(records) * (16 + size)))
				b.ReportAllocs()
				for b.Loop() {
					for i := range records {
						if buf = add(buf, &records[i]); len(buf) > 256<<10 {
							buf = buf[:0]
						}
					}
				}
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, size := range []int{10, 64, 1024} {
		records := benchRecords(size)
		for _, compress := range []bool{false, true} {
			in := write(records, compress, true)
			for _, sum := range []bool{false, true} {
				b.Run(fmt.Sprintf("%d LZF=%t checksum=%t", size, compress, sum), func(b *testing.B) {
					src := bytes.NewReader(in)
					d := rdb.NewDecoder(src)
					b.SetBytes(int64(len(records) * (16 + size)))
					b.ReportAllocs()
					for b.Loop() {
						src.Reset(in)
						d.Reset(src)
						_, err := d.Load(rdb.Options{Checksum: sum}, silent{})
						check.NoErr(b, err)
					}
				})
			}
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	in := write(benchRecords(64), true, true)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		check.True(b, sound(in, io.Discard, rdb.CheckOptions{}), "sound")
	}
}
