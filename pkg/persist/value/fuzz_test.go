package value_test

import (
	"errors"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
)

// FuzzLoad: a value is refused, and then nothing stays of it, or it is loaded, and
// then it is written as the same value. What is judged to be sound is loaded:
// RESTORE counts on that when it replaces a key.
func FuzzLoad(f *testing.F) {
	seeds := newWorld(f)
	seeds.fill()
	for _, key := range seeds.keys() {
		typ, b := body(seeds.entry(key), false)
		if len(b) < 4<<10 {
			f.Add(typ, b)
		}
	}
	f.Fuzz(func(t *testing.T, typ byte, b []byte) {
		if !rdb.KnownType(typ) || typ == rdb.TypeModule || typ == rdb.TypeModule2 {
			return
		}
		var d rdb.Decoder
		d.ResetBytes(b)
		judged := d.Judge(typ)
		size := d.Offset()
		w := newWorld(t)
		for _, l := range []keyspace.Limits{keyspace.DefaultLimits(), {}} {
			w.ks.Limits = l
			for _, s := range []rdb.Scrutiny{rdb.Packs, rdb.Structure} {
				err := w.load("key", typ, b, s)
				if judged == nil {
					check.NoErr(t, err)
				}
				if err != nil {
					check.True(t, judged != nil, "judged as it is loaded")
					check.Eq(t, w.db.Len(), 0)
					continue
				}
				wtyp, again := body(w.entry("key"), true)
				if s == rdb.Packs {
					check.Eq(t, tellBytes(t, wtyp, again), tellBytes(t, typ, b[:size]))
				}
			}
		}
		check.True(t, judged == nil || !errors.Is(judged, rdb.ErrEmptyKey) || w.db.Len() == 0, "nothing is no key")
		w.empty()
	})
}
