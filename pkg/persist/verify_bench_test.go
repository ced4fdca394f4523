package persist_test

import (
	"fmt"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist"
)

// BenchmarkRecord is what the loop pays for a string key of a snapshot.
func BenchmarkRecord(b *testing.B) {
	for _, verify := range []bool{false, true} {
		b.Run(fmt.Sprint("verify ", verify), func(b *testing.B) {
			o := saveOptions()
			o.Verify = verify
			j := persist.NewSaveJob(o)
			r := rec(0, "key:000000000001", strings.Repeat("x", 100), -1)
			b.ReportAllocs()
			for b.Loop() {
				j.Record(0, r)
				if p := j.NextChunk(); j.Pending() > 100<<10 {
					j.Consumed(len(p))
				}
			}
		})
	}
}

// BenchmarkChild is a child's whole work on half a million string keys, on this
// machine's disk.
func BenchmarkChild(b *testing.B) {
	for _, preamble := range []bool{false, true} {
		for _, verify := range []bool{false, true} {
			b.Run(fmt.Sprint("preamble ", preamble, " verify ", verify), func(b *testing.B) {
				o := saveOptions()
				o.Dir, o.Verify, o.Preamble = b.TempDir(), verify, preamble
				j := persist.NewRewriteJob(o, true)
				for i := range 500_000 {
					j.Record(0, rec(0, fmt.Sprintf("key:%012d", i), strings.Repeat("x", 100), -1))
				}
				j.SnapshotDone()
				stream := collect(j)
				_, err := j.Control(stopRequest())
				check.NoErr(b, err)
				stream = append(stream, collect(j)...)
				for b.Loop() {
					if code, _ := runOn(vfs.OS(), stream); code != persist.ExitDone {
						b.Fatal(code)
					}
				}
			})
		}
	}
}
