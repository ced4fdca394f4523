package value_test

import (
	"bytes"
	"errors"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/persist/value"
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

// filler is an rdb.Handler that loads everything.
type filler struct {
	w      *world
	loader *value.Loader
}

func (f filler) Aux(_, _ []byte) error      { return nil }
func (f filler) SelectDB(int) error         { return nil }
func (f filler) ResizeDB(_, _ uint64) error { return nil }
func (f filler) FunctionLib(_ []byte) error { return nil }
func (f filler) ModuleAux(_ string) error   { return nil }
func (f filler) Record(r *rdb.Record) error {
	f.w.db.SetString(r.Key, r.Str, r.ExpireAt)
	return nil
}

func (f filler) Value(r *rdb.Record, d rdb.Source) error {
	err := f.loader.Load(f.w.db, r.Key, r.Type, r.ExpireAt, d, rdb.Structure)
	if errors.Is(err, rdb.ErrEmptyKey) {
		return nil
	}
	return err
}

// FuzzLoadFile: a file is loaded, or refused at some place; either way the keyspace is
// sound and can be written and emptied.
func FuzzLoadFile(f *testing.F) {
	seeds := newWorld(f)
	seeds.fill()
	b := rdb.AppendSelectDB(rdb.AppendHeader(nil), 0)
	for _, key := range seeds.keys() {
		if typ, v := body(seeds.entry(key), true); len(v) < 1<<10 {
			rec := rdb.Record{Key: []byte(key), Type: typ, ExpireAt: -1, Idle: -1, Freq: -1}
			b = append(rdb.AppendRecordHead(b, &rec, true), v...)
		}
	}
	f.Add(rdb.AppendEOF(b, 0))
	f.Fuzz(func(t *testing.T, in []byte) {
		w := newWorld(t)
		_, _ = rdb.Load(bytes.NewReader(in), rdb.Options{Size: int64(len(in))}, filler{w, value.NewLoader(w.ks)})
		for _, key := range w.keys() {
			typ, b := body(w.entry(key), false)
			if err := w.load("\xff copy", typ, b, rdb.Packs); err == nil {
				check.Eq(t, tellEntry(w.entry("\xff copy")), tellEntry(w.entry(key)))
			}
			w.db.Delete([]byte("\xff copy"))
		}
		w.empty()
	})
}
