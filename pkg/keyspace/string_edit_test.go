package keyspace_test

import (
	"bytes"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
)

func opSetLen(w *world, i int, db *keyspace.DB) {
	k := w.present(i)
	v, ok := w.find(i, k)
	e, found := db.Write([]byte(k))
	check.Eq(w.t, found, ok)
	if !found {
		return
	}
	b, writable := e.Writable()
	check.Eq(w.t, writable, v.enc != "int")
	if !writable {
		return
	}
	check.EqBytes(w.t, b, []byte(v.text))
	want := []byte(v.text)
	for range 1 + w.rnd.IntN(3) {
		n := w.rnd.IntN(len(want) + 1)
		if w.rnd.IntN(3) > 0 {
			n = len(want) + w.rnd.IntN(300)
		}
		e, b = db.SetLen([]byte(k), e, n)
		want = append(bytes.Clone(want[:min(n, len(want))]), make([]byte, max(n-len(want), 0))...)
		check.EqBytes(w.t, b, want)
		if n > 0 {
			at := w.rnd.IntN(n)
			b[at] = byte(w.rnd.IntN(256))
			want[at] = b[at]
		}
	}
	w.dbs[i][k] = kept{string(want), v.at, "raw"}
}

func opSetComputed(w *world, i int, db *keyspace.DB) {
	k := w.present(i)
	v, ok := w.find(i, k)
	want := bytes.Repeat([]byte(w.value()), 2) // longer than the value of the key, if it has one
	keep := w.rnd.IntN(2) == 0
	at := int64(-1)
	if ok && keep {
		at = v.at
	}
	existed := db.SetComputed([]byte(k), len(want), keep, func(dst []byte) {
		check.Eq(w.t, len(dst), len(want))
		copy(dst, want)
		var scratch [24]byte
		if e, there := db.PeekExpired([]byte(k)); there && ok {
			check.EqBytes(w.t, e.Value(&scratch), []byte(v.text)) // still as it was
		}
	})
	check.Eq(w.t, existed, ok)
	w.dbs[i][k] = kept{string(want), at, "raw"}
}
