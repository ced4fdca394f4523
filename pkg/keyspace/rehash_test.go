package keyspace_test

import (
	"fmt"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
)

// TestRehashWaitsForItsPages: idle rehashing leaves a fresh table alone until the background
// has brought its pages in, and goes on then.
func TestRehashWaitsForItsPages(t *testing.T) {
	var later []func()
	a, err := mem.New(mem.Config{Reserve: 8 << 30, HugePages: true, Background: func(work, done func()) {
		later = append(later, func() { work(); done() })
	}})
	check.NoErr(t, err)
	background := func() {
		for len(later) > 0 {
			fn := later[0]
			later = later[1:]
			fn()
		}
	}
	ks := keyspace.New(keyspace.Config{Databases: 1, Arena: a})
	db := ks.DB(0)
	for i := 0; !a.Incoming() || !db.Rehashing(); i++ {
		db.SetString(fmt.Appendf(nil, "key:%d", i), nil, -1)
	}
	check.True(t, !ks.RehashStep(true), "nothing to do yet")
	check.True(t, db.Rehashing(), "the move is not over")
	background()
	check.True(t, ks.RehashStep(true), "more is to do")
	for ks.RehashStep(true) {
		background()
	}
	check.True(t, !db.Rehashing(), "it is over")
	ks.FlushAll(false)
	background()
	check.NoErr(t, a.Close())
}
