package keyspace_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
)

// listRig is a list at one key, and the slice that it must agree with.
type listRig struct {
	t     testing.TB
	arena *mem.Arena
	ks    *keyspace.Keyspace
	db    *keyspace.DB
	rnd   *rand.Rand
	model []string
}

var listKey = []byte("list")

func newListRig(t testing.TB, seed uint64, size, depth, plain int) *listRig {
	a := newArena(t)
	ks := keyspace.New(keyspace.Config{Databases: 1, Arena: a})
	ks.Limits.ListSize, ks.Limits.ListCompress = size, depth
	ks.SetListPlain(plain)
	return &listRig{t: t, arena: a, ks: ks, db: ks.DB(0), rnd: rand.New(rand.NewPCG(seed, 5))}
}

// list is the list; it is made when it is not there.
func (r *listRig) list() keyspace.ListHandle {
	e, ok := r.db.Write(listKey)
	if !ok {
		e = r.db.NewList(listKey)
	}
	return e.List()
}

func (r *listRig) encoding() string {
	e, ok := r.db.Peek(listKey)
	check.True(r.t, ok, "there is a list")
	return e.Encoding().String()
}

// settle deletes an empty list, as commands do.
func (r *listRig) settle() {
	if len(r.model) == 0 {
		r.db.Delete(listKey)
	}
}

func (r *listRig) value() string {
	switch r.rnd.IntN(4) {
	case 0:
		return strconv.Itoa(r.rnd.IntN(20) - 10)
	case 1:
		return strconv.Itoa(r.rnd.Int() >> r.rnd.IntN(60))
	}
	return string(bytes.Repeat([]byte{byte('a' + r.rnd.IntN(3))}, r.rnd.IntN(1+r.rnd.IntN(70))))
}

func (r *listRig) values() (vals [][]byte) {
	for range 1 + r.rnd.IntN(4) {
		vals = append(vals, []byte(r.value()))
	}
	return vals
}

func (r *listRig) agree() {
	r.t.Helper()
	if len(r.model) == 0 {
		return
	}
	l := r.list()
	check.Eq(r.t, l.Len(), len(r.model))
	var got, nodes []string
	l.Each(func(v []byte) bool {
		got = append(got, string(v))
		return true
	})
	check.True(r.t, slices.Equal(got, r.model), "list and model hold the same")
	l.EachNode(func(packed bool, data []byte) bool {
		if !packed {
			nodes = append(nodes, string(data))
			return true
		}
		check.NoErr(r.t, ds.CheckListpack(data))
		for v, off := ds.Listpack(data), ds.Listpack(data).First(); off >= 0; off = v.Next(off) {
			nodes = append(nodes, string(v.Get(off).Append(nil)))
		}
		return true
	})
	check.True(r.t, slices.Equal(nodes, r.model), "so do the nodes")
}

func (r *listRig) step(grow int) {
	n := len(r.model)
	l := r.list()
	if r.rnd.IntN(100) < grow || n == 0 {
		vals := r.values()
		tail := r.rnd.IntN(2) == 0
		l.Push(tail, vals...)
		for _, v := range vals {
			if tail {
				r.model = append(r.model, string(v))
			} else {
				r.model = slices.Insert(r.model, 0, string(v))
			}
		}
		return
	}
	i := r.rnd.IntN(n)
	v, other := r.model[i], r.value()
	switch r.rnd.IntN(6) {
	case 0:
		tail, k := r.rnd.IntN(2) == 0, min(n, 1+r.rnd.IntN(3))
		check.Eq(r.t, string(l.End(true).Append(nil)), r.model[n-1])
		check.Eq(r.t, string(l.End(false).Append(nil)), r.model[0])
		l.Drop(tail, k)
		if tail {
			r.model = r.model[:n-k]
		} else {
			r.model = slices.Delete(r.model, 0, k)
		}
	case 1:
		at := i - n*r.rnd.IntN(2)
		check.True(r.t, l.Set(at, []byte(other)), "there is such an element")
		check.Eq(r.t, l.Set(n, []byte(other)), false)
		r.model[i] = other
	case 2:
		r.insert(&l, v, other)
	case 3:
		r.remove(&l, v)
	case 4:
		k := r.rnd.IntN(20)
		l.DeleteRange(i, k)
		r.model = slices.Delete(r.model, i, min(n, i+k))
	case 5:
		back := r.rnd.IntN(2) == 0
		c := l.At(i, back)
		check.Eq(r.t, string(c.Value().Append(nil)), v)
		c.Next()
		check.Eq(r.t, c.Valid(), !back && i < n-1 || back && i > 0)
		c.Close()
	}
	r.settle()
}

func (r *listRig) insert(l *keyspace.ListHandle, pivot, v string) {
	behind := r.rnd.IntN(2) == 0
	check.True(r.t, l.Insert([]byte(pivot), []byte(v), behind), "the pivot is there")
	check.Eq(r.t, l.Insert([]byte("not there"), []byte(v), behind), false)
	at := slices.Index(r.model, pivot)
	if behind {
		at++
	}
	r.model = slices.Insert(r.model, at, v)
}

func (r *listRig) remove(l *keyspace.ListHandle, v string) {
	back, k := r.rnd.IntN(2) == 0, r.rnd.IntN(4)
	removed := l.Remove([]byte(v), k, back)
	if back {
		slices.Reverse(r.model)
	}
	want := 0
	r.model = slices.DeleteFunc(r.model, func(s string) bool {
		if s != v || k > 0 && want == k {
			return false
		}
		want++
		return true
	})
	if back {
		slices.Reverse(r.model)
	}
	check.Eq(r.t, removed, want)
	check.Eq(r.t, l.Remove([]byte("not there"), 0, back), 0)
}

func TestListAgainstModel(t *testing.T) {
	limits := []struct{ size, depth, plain int }{{-2, 0, 0}, {-1, 1, 0}, {10, 0, 0}, {4, 1, 0}, {1, 0, 0}, {60, 0, 40}, {0, 2, 1}}
	const ops = 100_000
	for i, limit := range limits {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			r := newListRig(t, uint64(i), limit.size, limit.depth, limit.plain)
			grow := 60
			for op := range ops / len(limits) {
				if op%1000 == 0 {
					grow = 25 + r.rnd.IntN(25)
				}
				r.step(grow)
				if op%250 == 0 {
					r.agree()
				}
			}
			r.agree()
			r.db.Copy(listKey, r.db, []byte("copy"))
			r.db.Delete(listKey)
			if len(r.model) > 0 {
				check.True(t, r.db.Rename([]byte("copy"), listKey), "the copy is there")
				r.agree()
				r.db.Unlink(listKey)
			}
			for r.ks.LazyFree() {
			}
			check.Eq(t, r.arena.UsedBy(mem.Value)+r.arena.UsedBy(mem.Node)+r.arena.UsedBy(mem.Entry), 0)
		})
	}
}

// The encoding follows Redis 7.2's: over the limit a list is a quicklist, and a listpack again at half of it.
func TestListEncoding(t *testing.T) {
	push := func(n int, v string) func(l *keyspace.ListHandle) {
		return func(l *keyspace.ListHandle) {
			for range n {
				l.PushTail([]byte(v))
			}
		}
	}
	tests := []struct {
		name  string
		size  int
		plain int
		steps []func(l *keyspace.ListHandle)
		want  []string
	}{
		{"elements", 4, 0, []func(*keyspace.ListHandle){
			push(4, "a"), push(1, "a"), func(l *keyspace.ListHandle) { l.Drop(true, 2) }, func(l *keyspace.ListHandle) { l.Drop(false, 1) },
		}, []string{"listpack", "quicklist", "quicklist", "listpack"}},
		{"bytes", -1, 0, []func(*keyspace.ListHandle){
			push(40, string(make([]byte, 97))), push(1, string(make([]byte, 97))),
			func(l *keyspace.ListHandle) { l.DeleteRange(20, 21) }, func(l *keyspace.ListHandle) { l.Push(true, make([]byte, 97), make([]byte, 2000)) },
		}, []string{"listpack", "quicklist", "listpack", "quicklist"}},
		{"one large value", -2, 0, []func(*keyspace.ListHandle){
			push(1, string(make([]byte, 8200))), push(1, "a"), func(l *keyspace.ListHandle) { l.Set(0, []byte("b")) },
			func(l *keyspace.ListHandle) { l.Drop(false, 1) },
		}, []string{"quicklist", "quicklist", "quicklist", "listpack"}},
		{"plain elements stay", -2, 10, []func(*keyspace.ListHandle){
			push(1, string(make([]byte, 8200))), func(l *keyspace.ListHandle) { l.Set(0, []byte("0123456789")) },
			func(l *keyspace.ListHandle) { l.Set(0, []byte("b")) },
		}, []string{"quicklist", "quicklist", "listpack"}},
		{"all that are pushed count", 4, 0, []func(*keyspace.ListHandle){
			func(l *keyspace.ListHandle) {
				l.Push(false, []byte("a"), []byte("b"), []byte("c"), []byte("d"), []byte("e"))
			},
			func(l *keyspace.ListHandle) { l.Remove([]byte("c"), 0, false) },
			func(l *keyspace.ListHandle) { l.Remove([]byte("d"), 0, true); l.Remove([]byte("e"), 0, true) },
			func(l *keyspace.ListHandle) { l.Insert([]byte("b"), []byte("x"), true) },
			func(l *keyspace.ListHandle) { l.Push(true, []byte("1"), []byte("2")) },
		}, []string{"quicklist", "quicklist", "listpack", "listpack", "quicklist"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newListRig(t, 0, tt.size, 0, tt.plain)
			for i, step := range tt.steps {
				l := r.list()
				step(&l)
				check.Eq(t, r.encoding(), tt.want[i])
			}
		})
	}
}

func TestListLoading(t *testing.T) {
	tests := []struct {
		name string
		load func(l *keyspace.ListHandle)
		enc  string
		want []string
	}{
		{"one node", func(l *keyspace.ListHandle) { l.LoadListpack(ds.AppendLP(nil, []byte("a"), []byte("1"))) },
			"listpack", []string{"a", "1"}},
		{"two nodes", func(l *keyspace.ListHandle) {
			l.LoadListpack(ds.AppendLP(nil, []byte("a")))
			l.LoadListpack(ds.AppendLP(nil, []byte("1")))
		}, "quicklist", []string{"a", "1"}},
		{"plain", func(l *keyspace.ListHandle) { l.LoadPlain([]byte("a")) }, "quicklist", []string{"a"}},
		{"pushed, then a node", func(l *keyspace.ListHandle) {
			l.PushTail([]byte("x"))
			l.LoadListpack(ds.AppendLP(nil, []byte("a")))
		}, "quicklist", []string{"x", "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newListRig(t, 0, -2, 0, 0)
			l := r.list()
			tt.load(&l)
			l.Settle()
			check.Eq(t, r.encoding(), tt.enc)
			r.model = tt.want
			r.agree()
			check.True(t, l.Nodes() > 0, "there are nodes")
		})
	}
}
