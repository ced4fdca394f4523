package keyspace_test

import (
	"strconv"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
)

// ops is every way to look at a key or to change one.
var ops = []op{
	{"read", 10, opRead},
	{"set", 14, opSet},
	{"set, keep the expiry", 4, opSetKeep},
	{"set a number", 4, opSetInt},
	{"store a number", 4, opStoreInt},
	{"change bytes", 6, opMutable},
	{"change the length", 4, opSetLen},
	{"compute", 3, opSetComputed},
	{"set raw", 3, opSetRaw},
	{"set text", 2, opSetText},
	{"delete", 8, opDelete},
	{"delete, expired or not", 2, opDeleteExpired},
	{"rename", 4, opRename},
	{"move", 3, opMove},
	{"copy", 4, opCopy},
	{"expire", 6, opExpire},
	{"persist", 3, opPersist},
	{"random key", 2, opRandomKey},
	{"scan", 1, opScan},
	{"time passes", 2, opTime},
	{"active expiry", 1, opActiveExpire},
	{"rehash", 2, opRehash},
	{"lazy free", 2, opLazyFree},
}

// rare are the operations after which little is left.
var rare = []op{
	{"swap", 6, opSwap},
	{"flush", 2, opFlush},
	{"flush all", 1, opFlushAll},
	{"expiry mode", 4, opMode},
	{"reserve", 1, opReserve},
}

func opRead(w *world, i int, db *keyspace.DB) {
	k := w.present(i)
	if w.rnd.IntN(4) == 0 {
		v, want := w.dbs[i][k]
		e, ok := db.PeekExpired([]byte(k))
		w.same(e, ok, v, want)
		return
	}
	v, want := w.find(i, k)
	before := w.ks.Stats
	var e keyspace.Entry
	var ok bool
	switch w.rnd.IntN(3) {
	case 0:
		e, ok = db.Peek([]byte(k))
		before.Expired = w.ks.Stats.Expired
		check.Eq(w.t, w.ks.Stats, before)
		w.same(e, ok, v, want)
		return
	case 1:
		e, ok = db.ReadQuietly([]byte(k))
	case 2:
		e, ok = db.Read([]byte(k))
	}
	w.same(e, ok, v, want)
	hits := w.ks.Stats.Hits - before.Hits
	check.Eq(w.t, hits == 1, want)
	check.Eq(w.t, hits+w.ks.Stats.Misses-before.Misses, 1)
}

func opSet(w *world, i int, db *keyspace.DB) {
	k, v, at := w.present(i), w.value(), w.expiry()
	_, want := w.find(i, k)
	check.Eq(w.t, db.SetString([]byte(k), []byte(v), at), want)
	w.dbs[i][k] = kept{v, at, encodingOf(v)}
}

func opSetKeep(w *world, i int, db *keyspace.DB) {
	k, v := w.present(i), w.value()
	at := w.expiryOf(i, k)
	db.SetKeepTTL([]byte(k), []byte(v))
	w.dbs[i][k] = kept{v, at, encodingOf(v)}
}

// expiryOf is the expiry that an operation keeps.
func (w *world) expiryOf(i int, k string) int64 {
	if v, ok := w.find(i, k); ok {
		return v.at
	}
	return -1
}

func opSetInt(w *world, i int, db *keyspace.DB) {
	k, n := w.present(i), int64(w.rnd.Uint64())>>w.rnd.IntN(64)
	at := w.expiryOf(i, k)
	db.SetInt([]byte(k), n)
	w.dbs[i][k] = kept{strconv.FormatInt(n, 10), at, "int"}
}

func opStoreInt(w *world, i int, db *keyspace.DB) {
	k := w.present(i)
	v, want := w.find(i, k)
	e, ok := db.Write([]byte(k))
	w.same(e, ok, v, want)
	if ok && e.Encoding() == keyspace.Int {
		n, _ := e.Int()
		e.StoreInt(n + 1)
		w.dbs[i][k] = kept{strconv.FormatInt(n+1, 10), v.at, "int"}
	}
}

func opMutable(w *world, i int, db *keyspace.DB) {
	k := w.present(i)
	v, ok := w.find(i, k)
	if !ok {
		v.at = -1
	}
	n := len(v.text)
	switch w.rnd.IntN(4) {
	case 0:
		n += w.rnd.IntN(40)
	case 1:
		n += sizes[w.rnd.IntN(len(sizes))]
	case 2:
		n = w.rnd.IntN(n + 1)
	}
	want := make([]byte, max(n, len(v.text)))
	copy(want, v.text)
	from, to := 0, len(want)
	var b []byte
	if w.rnd.IntN(2) == 0 || to == 0 {
		b = db.Mutable([]byte(k), n)
	} else {
		from = w.rnd.IntN(to)
		to = from + 1 + w.rnd.IntN(to-from)
		b = db.MutableAt([]byte(k), n, from, to)
	}
	check.EqBytes(w.t, b, want)
	for range min(to-from, 3) {
		at := from + w.rnd.IntN(to-from)
		b[at] = byte(w.rnd.IntN(256))
		want[at] = b[at]
	}
	w.dbs[i][k] = kept{string(want), v.at, "raw"}
}

func opSetRaw(w *world, i int, db *keyspace.DB) {
	k, v := w.present(i), w.value()
	at := w.expiryOf(i, k)
	db.SetRaw([]byte(k), []byte(v))
	w.dbs[i][k] = kept{v, at, "raw"}
}

func opSetText(w *world, i int, db *keyspace.DB) {
	k, v := w.present(i), w.value()
	at := w.expiryOf(i, k)
	db.SetText([]byte(k), []byte(v))
	w.dbs[i][k] = kept{v, at, textEncoding(v)}
}

func opDelete(w *world, i int, db *keyspace.DB) {
	k := w.present(i)
	_, want := w.find(i, k)
	check.Eq(w.t, db.Delete([]byte(k)), want)
	if want {
		delete(w.dbs[i], k)
	}
}

func opDeleteExpired(w *world, i int, db *keyspace.DB) {
	k := w.present(i)
	_, want := w.dbs[i][k]
	check.Eq(w.t, db.DeleteExpired([]byte(k)), want)
	delete(w.dbs[i], k)
}

func opRename(w *world, i int, db *keyspace.DB) {
	src, dst := w.present(i), w.present(i)
	if src == dst {
		return
	}
	v, want := w.find(i, src)
	if want {
		w.find(i, dst)
		delete(w.dbs[i], src)
		w.dbs[i][dst] = v
	}
	check.Eq(w.t, db.Rename([]byte(src), []byte(dst)), want)
}

func opMove(w *world, i int, db *keyspace.DB) {
	k, to := w.present(i), w.rnd.IntN(len(w.dbs))
	if to == i {
		return
	}
	v, want := w.find(i, k)
	if want {
		if _, there := w.find(to, k); there {
			want = false
		} else {
			delete(w.dbs[i], k)
			w.dbs[to][k] = v
		}
	}
	check.Eq(w.t, db.Move([]byte(k), w.ks.DB(to)), want)
}

func opCopy(w *world, i int, db *keyspace.DB) {
	src, dst, to := w.present(i), w.key(), w.rnd.IntN(len(w.dbs))
	if to == i && src == dst {
		return
	}
	v, want := w.find(i, src)
	if want {
		w.find(to, dst)
		w.dbs[to][dst] = v
	}
	check.Eq(w.t, db.Copy([]byte(src), w.ks.DB(to), []byte(dst)), want)
}

func opExpire(w *world, i int, db *keyspace.DB) {
	k, at := w.present(i), max(0, w.expiry())
	v, want := w.find(i, k)
	check.Eq(w.t, db.SetExpire([]byte(k), at), want)
	if want {
		v.at = at
		w.dbs[i][k] = v
	}
}

func opPersist(w *world, i int, db *keyspace.DB) {
	k := w.present(i)
	v, ok := w.find(i, k)
	check.Eq(w.t, db.Persist([]byte(k)), ok && v.at >= 0)
	if ok {
		v.at = -1
		w.dbs[i][k] = v
	}
}

func opRandomKey(w *world, i int, db *keyspace.DB) {
	w.loose = true
	k, ok := db.RandomKey()
	w.settle()
	check.Eq(w.t, ok, len(w.dbs[i]) > 0)
	if !ok {
		return
	}
	v, there := w.dbs[i][string(k)]
	check.True(w.t, there, "a key that is there")
	if w.mode == keyspace.ExpiryDeletes {
		check.True(w.t, !w.expired(v), "a key that is alive")
	}
}

func opScan(w *world, i int, db *keyspace.DB) {
	cursor := uint64(0)
	for range 1 + w.rnd.IntN(20) {
		cursor = db.Scan(cursor, func(e keyspace.Entry) {
			v, ok := w.dbs[i][string(e.Key())]
			w.same(e, true, v, ok)
		})
	}
}

func opTime(w *world, _ int, _ *keyspace.DB) {
	w.now += int64(w.rnd.IntN(400))
	w.ks.SetNow(w.now)
}

func opActiveExpire(w *world, _ int, _ *keyspace.DB) {
	w.loose = true
	w.ks.ActiveExpire(w.rnd.IntN(2) == 0, 1+w.rnd.IntN(10), 10, func() int64 {
		w.micro += int64(w.rnd.IntN(300))
		return w.micro
	})
}

func opRehash(w *world, _ int, _ *keyspace.DB) { w.ks.RehashStep(w.rnd.IntN(4) > 0) }

func opLazyFree(w *world, _ int, _ *keyspace.DB) {
	pending := w.ks.LazyPending()
	freed := w.ks.Stats.LazyFreed
	w.ks.LazyFree()
	check.Eq(w.t, w.ks.Stats.LazyFreed-freed, uint64(pending-w.ks.LazyPending()))
}

func opSwap(w *world, i int, _ *keyspace.DB) {
	j := w.rnd.IntN(len(w.dbs))
	w.ks.SwapDB(i, j)
	w.dbs[i], w.dbs[j] = w.dbs[j], w.dbs[i]
}

func opFlush(w *world, i int, db *keyspace.DB) {
	check.Eq(w.t, db.Flush(w.rnd.IntN(2) == 0), len(w.dbs[i]))
	w.dbs[i] = map[string]kept{}
}

func opFlushAll(w *world, _ int, _ *keyspace.DB) {
	n := 0
	for i := range w.dbs {
		n += len(w.dbs[i])
		w.dbs[i] = map[string]kept{}
	}
	check.Eq(w.t, w.ks.FlushAll(w.rnd.IntN(2) == 0), n)
}

func opMode(w *world, _ int, _ *keyspace.DB) {
	w.mode = []keyspace.Expiry{keyspace.ExpiryDeletes, keyspace.ExpiryDeletes, keyspace.ExpiryHides, keyspace.ExpiryIgnored}[w.rnd.IntN(4)]
	w.ks.SetExpiry(w.mode)
}

func opReserve(w *world, _ int, db *keyspace.DB) {
	db.Reserve(uint64(w.rnd.IntN(20_000)), uint64(w.rnd.IntN(5000)))
}
