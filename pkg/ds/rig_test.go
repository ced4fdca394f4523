package ds_test

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

const keyOff = 5

// rig is a dict with its arena, and the Go map it must agree with.
type rig struct {
	t      testing.TB
	arena  *mem.Arena
	policy ds.ResizePolicy
	d      *ds.Dict
	model  map[string]mem.Ref
	keys   []string // of the model, for picking one by chance
	place  map[string]int

	typ  *ds.DictType // of a dict whose state lies in the arena; nil otherwise
	root mem.Ref
}

func newRig(t testing.TB) *rig {
	t.Helper()
	a, err := mem.New(mem.Config{Reserve: 4 << 30})
	check.NoErr(t, err)
	t.Cleanup(func() { check.NoErr(t, a.Close()) })
	r := &rig{t: t, arena: a, model: map[string]mem.Ref{}, place: map[string]int{}}
	r.d = ds.NewDict(a, maphash.MakeSeed(), keyOff, &r.policy)
	return r
}

// newRootRig is newRig with a dict that lies in the arena.
func newRootRig(t testing.TB) *rig {
	t.Helper()
	r := newRig(t)
	r.typ = &ds.DictType{Arena: r.arena, Seed: maphash.MakeSeed(), KeyOff: keyOff, Policy: &r.policy}
	r.root = r.typ.Create()
	r.reopen()
	return r
}

// reopen makes a new handle of a dict in the arena: nothing may be kept in the old one.
func (r *rig) reopen() {
	if r.typ != nil {
		*r.d = r.typ.At(r.root)
	}
}

func (r *rig) entry(key []byte) mem.Ref {
	size := keyOff + ds.KeySize(len(key))
	e := r.arena.Alloc(mem.Entry, size)
	ds.PutKey(r.arena.Bytes(e, size)[keyOff:], key)
	return e
}

func (r *rig) find(key string) (mem.Ref, bool) {
	b := []byte(key)
	return r.d.Find(r.d.Hash(b), b)
}

// put inserts key, or gives it another entry when it is there.
func (r *rig) put(key string) {
	b := []byte(key)
	h := r.d.Hash(b)
	old, ok := r.d.Find(h, b)
	e := r.entry(b)
	if ok {
		r.d.Touch(h, old)
		r.d.Replace(h, old, e)
		r.arena.Free(mem.Entry, old)
	} else {
		r.d.Insert(h, e)
		r.place[key] = len(r.keys)
		r.keys = append(r.keys, key)
	}
	r.model[key] = e
}

func (r *rig) del(key string) bool {
	e, ok := r.find(key)
	if !ok {
		return false
	}
	r.d.Delete(r.d.Hash([]byte(key)), e)
	r.arena.Free(mem.Entry, e)
	i, last := r.place[key], r.keys[len(r.keys)-1]
	r.keys[i], r.place[last] = last, i
	r.keys = r.keys[:len(r.keys)-1]
	delete(r.place, key)
	delete(r.model, key)
	return true
}

// agree stops the test unless dict and model hold the same.
func (r *rig) agree() {
	r.t.Helper()
	check.NoErr(r.t, r.d.Check())
	check.Eq(r.t, r.d.Len(), uint64(len(r.model)))
	r.d.Each(func(e mem.Ref) {
		key := string(r.key(e))
		if want, ok := r.model[key]; !ok || want != e {
			r.t.Fatalf("key %q: entry %#x, want %#x", key, e, want)
		}
	})
}

func (r *rig) key(e mem.Ref) []byte { return ds.KeyAt(r.arena.Ptr(e), keyOff) }

// drain empties the dict as a flush does and looks that nothing is left.
func (r *rig) drain() {
	r.t.Helper()
	for pos, done := uint64(0), false; !done; {
		pos, done = r.d.Drain(pos, 7, func(e mem.Ref) { r.arena.Free(mem.Entry, e) })
	}
	check.Eq(r.t, r.d.Len(), 0)
	check.NoErr(r.t, r.d.Check())
	check.NoErr(r.t, r.arena.CheckLeaks())
	check.Eq(r.t, r.arena.Used(), 0)
	r.model, r.keys, r.place = map[string]mem.Ref{}, nil, map[string]int{}
}

// randomKey has any length from 0 to 300, often one at the border of the two
// forms that a length is written in.
func randomKey(rnd *rand.Rand, pool int) string {
	n := rnd.IntN(pool)
	length := [...]int{0, 1, 2, 9, 16, 40, 252, 253, 254, 255, 256, 300}[n%12]
	if n%5 == 0 {
		length = n % 301
	}
	k := fmt.Appendf(nil, "%d", n)
	if length < len(k) {
		return string(k[:length])
	}
	return string(append(k, bytes.Repeat([]byte{'x'}, length-len(k))...))
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// copyOf is what bucket i of table gen holds, as text.
func (r *rig) copyOf(gen, i uint64) string {
	var b []byte
	r.d.EachIn(gen, i, func(e mem.Ref) { b = fmt.Appendf(b, "%q %x;", r.key(e), e) })
	return string(b)
}
