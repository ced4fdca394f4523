package persist_test

import (
	"fmt"
	"strings"
	"testing"

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
