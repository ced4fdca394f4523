//go:build invariants

package mem_test

import (
	"fmt"
	"runtime"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/mem"
)

func TestMisuseIsFound(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(a *mem.Arena)
		want string
	}{
		{"double free", func(a *mem.Arena) {
			r := a.Alloc(mem.Entry, 50)
			a.Free(mem.Entry, r)
			a.Free(mem.Entry, r)
		}, "double free of"},
		{"double free of a slot", func(a *mem.Arena) {
			r := a.Alloc(mem.Entry, 50000)
			a.Free(mem.Entry, r)
			a.Free(mem.Entry, r)
		}, "no block at"},
		{"double free of a run", func(a *mem.Arena) {
			r := a.Alloc(mem.Entry, 5000000)
			a.Free(mem.Entry, r)
			a.Free(mem.Entry, r)
		}, "no block at"},
		{"wrong purpose", func(a *mem.Arena) {
			a.Free(mem.Value, a.Alloc(mem.Table, 50))
		}, "is table, not value"},
		{"wrong purpose in Resize", func(a *mem.Arena) {
			a.Resize(mem.Value, a.Alloc(mem.Table, 50), 10, 51)
		}, "is table, not value"},
		{"inside a block", func(a *mem.Arena) {
			a.Free(mem.Value, a.Alloc(mem.Value, 50)+8)
		}, "no block at"},
		{"not a reference", func(a *mem.Arena) {
			a.Free(mem.Value, 12345)
		}, "is no reference"},
		{"beyond the range", func(a *mem.Arena) {
			a.Free(mem.Value, 1<<42)
		}, "is no reference"},
		{"negative size", func(a *mem.Arena) {
			a.Alloc(mem.Value, -1)
		}, "size -1"},
		{"no purpose", func(a *mem.Arena) {
			a.Alloc(mem.Purposes, 1)
		}, "purpose 8"},
		{"write after free", func(a *mem.Arena) {
			r := a.Alloc(mem.Entry, 50)
			a.Free(mem.Entry, r)
			a.Bytes(r, 50)[17] = 1
			a.Alloc(mem.Entry, 50)
		}, "was written at +17 after it was freed"},
		{"write to the start after free", func(a *mem.Arena) {
			x, r := a.Alloc(mem.Entry, 50), a.Alloc(mem.Entry, 50)
			a.Free(mem.Entry, x)
			a.Free(mem.Entry, r)
			a.Bytes(r, 50)[0]++
			a.Alloc(mem.Entry, 50)
		}, "was written at +0 after it was freed"},
		{"write to a kept slot", func(a *mem.Arena) {
			r := a.Alloc(mem.Value, 50000)
			a.Free(mem.Value, r)
			a.Bytes(r, 50000)[40000] = 1
			a.Alloc(mem.Value, 50000)
		}, "was written at +40000 after it was freed"},
		{"write to a slot that was given back", func(a *mem.Arena) {
			r := a.Alloc(mem.Value, 50000)
			a.Free(mem.Value, r)
			a.Trim()
			a.Bytes(r, 50000)[40000] = 1
			a.Alloc(mem.Value, 50000)
		}, "was touched after it was freed"},
		{"write to a run", func(a *mem.Arena) {
			r := a.Alloc(mem.Value, 5000000)
			a.Free(mem.Value, r)
			a.Bytes(r, 5000000)[40000] = 1
			a.Alloc(mem.Value, 5000000)
		}, "was touched after it was freed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newArena(t, mem.Config{Reserve: 1 << 30})
			got := fmt.Sprint(caught(func() { tc.do(a) }))
			check.Contains(t, got, "BUG: mem: ")
			check.Contains(t, got, tc.want)
		})
	}
}

func TestOwnerIsAsserted(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	a := newArena(t, mem.Config{Reserve: 64 << 20})
	elsewhere := func(fn func()) any {
		got := make(chan any)
		// This goroutine is locked to its thread, so another one runs on another.
		go func() { got <- caught(fn) }()
		return <-got
	}
	var r mem.Ref
	check.True(t, elsewhere(func() { r = a.Alloc(mem.Entry, 8) }) == nil, "no owner yet")
	a.Own()
	a.Free(mem.Entry, r)
	r = a.Alloc(mem.Entry, 8)
	for _, fn := range []func(){
		func() { a.Alloc(mem.Entry, 8) },
		func() { a.AllocZero(mem.Entry, 1<<20) },
		func() { a.Free(mem.Entry, r) },
		func() { a.Resize(mem.Entry, r, 8, 8) },
	} {
		check.Contains(t, fmt.Sprint(elsewhere(fn)), "does not own the arena")
	}
	a.Disown()
	check.True(t, elsewhere(func() { a.Free(mem.Entry, r) }) == nil, "owned by nobody again")
}

func TestLeaksAreNamed(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 1 << 30})
	for range 6 {
		a.Alloc(mem.Node, 100)
	}
	r := a.Alloc(mem.Value, 1<<20)
	s := a.Alloc(mem.Table, 3<<20)
	err := a.CheckLeaks()
	check.ErrContains(t, err, "node: 6 blocks in all")
	check.ErrContains(t, err, fmt.Sprintf("value %#x, 1048576 bytes", uint64(r)))
	check.ErrContains(t, err, fmt.Sprintf("table %#x, 3145728 bytes", uint64(s)))
}
