package ds_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// qlRig is a quicklist and the Go slice it must agree with.
type qlRig struct {
	t     testing.TB
	typ   *ds.QuicklistType
	q     ds.Quicklist
	model []string
}

func newQlRig(t testing.TB, typ ds.QuicklistType) *qlRig {
	t.Helper()
	typ.Arena = newArena(t)
	r := &qlRig{t: t, typ: &typ}
	r.q = r.typ.At(r.typ.Create())
	return r
}

func (r *qlRig) elements(back bool) []string {
	at := 0
	if back {
		at = -1
	}
	var got []string
	c := r.q.Seek(at, back)
	for ; c.Valid(); c.Next() {
		got = append(got, string(c.Value().Append(nil)))
	}
	c.Close()
	if back {
		slices.Reverse(got)
	}
	return got
}

func (r *qlRig) agree() {
	r.t.Helper()
	check.NoErr(r.t, r.q.Check())
	check.Eq(r.t, r.q.Len(), len(r.model))
	for _, back := range []bool{false, true} {
		if got := r.elements(back); !slices.Equal(got, r.model) {
			r.t.Fatalf("back %v\ngot  %q\nwant %q", back, got, r.model)
		}
	}
}

// step makes one random change and the same in the model. grow of 100 changes add elements.
func (r *qlRig) step(rnd *rand.Rand, grow int, v []byte) {
	n := len(r.model)
	i := rnd.IntN(n + 1)
	kind := rnd.IntN(5)
	if n == 0 || rnd.IntN(100) < grow {
		switch {
		case kind == 0 || n == 0:
			r.q.PushHead(v)
			r.model = slices.Insert(r.model, 0, string(v))
		case kind == 1 || i == n:
			r.q.PushTail(v)
			r.model = append(r.model, string(v))
		default:
			behind := kind == 2
			c := r.q.Seek(i, rnd.IntN(2) == 0)
			c.Insert(v, behind)
			if behind {
				i++
			}
			r.model = slices.Insert(r.model, i, string(v))
		}
		return
	}
	i = min(i, n-1)
	switch kind {
	case 0:
		check.Eq(r.t, string(r.q.Head().Append(nil)), r.model[0])
		r.q.DropHead()
		r.model = slices.Delete(r.model, 0, 1)
	case 1:
		check.Eq(r.t, string(r.q.Tail().Append(nil)), r.model[n-1])
		r.q.DropTail()
		r.model = r.model[:n-1]
	case 2:
		at := i
		if rnd.IntN(2) == 0 {
			at -= n
		}
		check.True(r.t, r.q.Set(at, v), "there is such an element")
		r.model[i] = string(v)
	case 3:
		k := 1 + rnd.IntN(1+rnd.IntN(40))
		r.q.DeleteRange(i, k)
		r.model = slices.Delete(r.model, i, min(i+k, n))
	case 4:
		r.deleteSome(rnd, i)
	}
}

// deleteSome removes about half of the elements from i on, at most six, in either direction.
func (r *qlRig) deleteSome(rnd *rand.Rand, i int) {
	back := rnd.IntN(2) == 0
	c := r.q.Seek(i, back)
	for range 6 {
		if !c.Valid() {
			break
		}
		check.Eq(r.t, string(c.Value().Append(nil)), r.model[i])
		if rnd.IntN(2) == 0 {
			c.Delete()
			r.model = slices.Delete(r.model, i, i+1)
			if back {
				i--
			}
		} else {
			c.Next()
			if back {
				i--
			} else {
				i++
			}
		}
		check.Eq(r.t, c.Valid(), i >= 0 && i < len(r.model))
	}
	c.Close()
}

func TestQuicklistAgainstModel(t *testing.T) {
	types := []ds.QuicklistType{
		{Fill: -2}, {Fill: -1, Depth: 1}, {Fill: -5, Depth: 2}, {Fill: 0}, {Fill: 1, Depth: 1}, {Fill: 2}, {Fill: 5, Depth: 3},
		{Fill: 32, Plain: 50}, {Fill: 16, Depth: 1, Plain: 50}, {Fill: 128, Depth: 1}, {Fill: 1000},
	}
	const ops = 100_000
	for i, typ := range types {
		t.Run(fmt.Sprintf("fill %d depth %d plain %d", typ.Fill, typ.Depth, typ.Plain), func(t *testing.T) {
			rnd := seeded(uint64(i))
			r := newQlRig(t, typ)
			grow := 60
			for op := range ops / len(types) {
				if len(r.model) > 2500 {
					grow = 35
				} else if len(r.model) < 30 {
					grow = 65
				}
				r.step(rnd, grow, lpRandomElement(rnd))
				if op%200 == 0 {
					r.agree()
				}
			}
			r.agree()
			dup := r.typ.At(r.q.Dup())
			check.NoErr(t, dup.Check())
			r.q.Free()
			r.q = dup
			r.agree()
			for !r.q.FreeSome(7) {
			}
		})
	}
}

// cut is a reader of a list as it was: what a snapshot does with it.
type cut struct {
	r       *qlRig
	want    []string
	next    mem.Ref // the node to send next
	parts   map[int64][]string
	scratch []byte
}

func (r *qlRig) open() *cut {
	r.q.Order()
	r.typ.Cut++
	c := &cut{r: r, want: slices.Clone(r.model), next: r.q.FirstNode(), parts: map[int64][]string{}}
	r.typ.Barrier = func(root, node mem.Ref) {
		check.Eq(r.t, root, r.q.Root())
		c.send(node)
		if c.next == node {
			c.next = r.q.NextNode(node)
		}
	}
	return c
}

// send takes what a node holds unless it has gone out or is new.
func (c *cut) send(node mem.Ref) {
	q := c.r.q
	if q.NodeMark(node) == c.r.typ.Cut {
		return
	}
	q.SetNodeMark(node, c.r.typ.Cut)
	packed, data := q.NodeData(node, &c.scratch)
	part := []string{string(data)}
	if packed {
		part = lpElements(c.r.t, data)
	}
	_, twice := c.parts[q.NodeLabel(node)]
	check.True(c.r.t, !twice, "no two nodes of the cut have the same label")
	c.parts[q.NodeLabel(node)] = part
}

func (c *cut) pump() bool {
	if c.next == 0 {
		return false
	}
	c.send(c.next)
	c.next = c.r.q.NextNode(c.next)
	return true
}

func (c *cut) close() {
	for c.pump() {
	}
	c.r.typ.Barrier = nil
	var labels []int64
	for l := range c.parts {
		labels = append(labels, l)
	}
	slices.Sort(labels)
	var got []string
	for _, l := range labels {
		got = append(got, c.parts[l]...)
	}
	check.True(c.r.t, slices.Equal(got, c.want), "the parts make up the list as it was at the cut")
}

// A reader that takes nodes one by one, and each that is about to change before that, sees the list as it was.
func TestQuicklistKeepsWhatWasAtTheCut(t *testing.T) {
	for i, typ := range []ds.QuicklistType{{Fill: 4}, {Fill: 7, Depth: 1}, {Fill: -1}, {Fill: 3, Plain: 40}} {
		rnd := seeded(uint64(100 + i))
		r := newQlRig(t, typ)
		for range 60 {
			for range 100 {
				r.step(rnd, 55, lpRandomElement(rnd))
			}
			if len(r.model) == 0 {
				continue
			}
			c := r.open()
			for range 300 {
				r.step(rnd, 55, lpRandomElement(rnd))
				if rnd.IntN(4) == 0 {
					c.pump()
				}
			}
			c.close()
			r.agree()
		}
		r.q.Free()
	}
}

// Inserting at one place again and again uses the labels up; while a reader is there they are left alone.
func TestQuicklistLabelsRunOut(t *testing.T) {
	r := newQlRig(t, ds.QuicklistType{Fill: 2})
	insert := func(n int) {
		for i := range n {
			v := strconv.Itoa(i)
			c := r.q.Seek(len(r.model)/2, false)
			c.Insert([]byte(v), false)
			r.model = slices.Insert(r.model, len(r.model)/2, v)
		}
	}
	r.q.PushTail([]byte("a"))
	r.q.PushTail([]byte("b"))
	r.model = []string{"a", "b"}
	insert(200)
	r.agree()
	for range 3 {
		c := r.open()
		insert(200)
		c.close()
		r.agree()
	}
	r.q.Free()
}

func TestQuicklistNodes(t *testing.T) {
	push := func(r *qlRig, n, size int) {
		for range n {
			v := bytes.Repeat([]byte("x"), size)
			r.q.PushTail(v)
			r.model = append(r.model, string(v))
		}
	}
	tests := []struct {
		name        string
		typ         ds.QuicklistType
		elems, size int
		nodes       int
	}{
		{"a number of elements", ds.QuicklistType{Fill: 3}, 10, 5, 4},
		{"0 is 1", ds.QuicklistType{Fill: 0}, 10, 5, 10},
		{"a number of elements, but 8 KB", ds.QuicklistType{Fill: 1000}, 100, 1000, 13},
		{"4 KB", ds.QuicklistType{Fill: -1}, 100, 100, 3},
		{"8 KB", ds.QuicklistType{Fill: -2}, 100, 100, 2},
		{"64 KB", ds.QuicklistType{Fill: -5}, 6000, 10, 2},
		{"64 KB at most", ds.QuicklistType{Fill: -9}, 6000, 10, 2},
		{"elements larger than a node", ds.QuicklistType{Fill: -2}, 5, 10000, 5},
		{"plain elements", ds.QuicklistType{Fill: -2, Plain: 20}, 5, 20, 5},
		{"no plain elements", ds.QuicklistType{Fill: -2, Plain: 20}, 5, 19, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newQlRig(t, tt.typ)
			push(r, tt.elems, tt.size)
			check.Eq(t, r.q.Nodes(), tt.nodes)
			r.agree()
			check.Eq(t, uint64(r.q.MemUsage(0)), r.typ.Arena.Used())
			r.q.Free()
		})
	}
}

func TestQuicklistCompresses(t *testing.T) {
	r := newQlRig(t, ds.QuicklistType{Fill: -1, Depth: 1})
	for i := range 4000 {
		r.q.PushTail(fmt.Appendf(nil, "some text and a number: %d", i))
		r.model = append(r.model, fmt.Sprintf("some text and a number: %d", i))
	}
	check.True(t, r.typ.Arena.Used() < 4000*30/3, fmt.Sprintf("%d bytes for 116000", r.typ.Arena.Used()))
	r.agree()
	c := r.q.Seek(0, false)
	for i := 0; c.Valid(); i++ { // every third element goes
		if i%3 == 0 {
			c.Delete()
		} else {
			c.Next()
		}
	}
	c.Close()
	check.True(t, r.typ.Arena.Used() < 4000*20/3, fmt.Sprintf("%d bytes for 77000", r.typ.Arena.Used()))
	check.NoErr(t, r.q.Check())
	check.Eq(t, r.q.Len(), 2666)
	for r.q.Len() > 0 {
		r.q.DropHead()
		if r.q.Len()%100 == 0 {
			check.NoErr(t, r.q.Check())
		}
	}
	check.Eq(t, r.q.Nodes(), 0)
	r.q.Free()
}

func TestQuicklistOfParts(t *testing.T) {
	r := newQlRig(t, ds.QuicklistType{Fill: -2})
	r.q.AppendListpack(ds.AppendLP(nil))
	r.q.AppendListpack(ds.AppendLP(nil, []byte("a"), []byte("5")))
	r.q.AppendPlain([]byte("plain"))
	var many ds.LPBuilder
	r.model = []string{"a", "5", "plain"}
	for i := range 70000 {
		many.AddInt(int64(i % 10))
		r.model = append(r.model, strconv.Itoa(i%10))
	}
	r.q.AppendListpack(many.Blob())
	r.agree()
	r.q.Free()

	for _, n := range []int{0, 3, 70000} {
		r.q, r.model = r.typ.At(r.typ.Create()), nil
		p := ds.NewPack(r.typ.Arena, 0)
		for i := range n {
			p.AppendInt(int64(i))
			r.model = append(r.model, strconv.Itoa(i))
		}
		r.q.Adopt(p)
		r.agree()
		r.q.Free()
	}
}

func TestQuicklistBecomesListpack(t *testing.T) {
	r := newQlRig(t, ds.QuicklistType{Fill: 4})
	for i := range 9 {
		r.q.PushHead([]byte{byte('a' + i)})
	}
	_, ok := r.q.Single()
	check.Eq(t, ok, false)
	for range 4 {
		r.q.DropHead()
	}
	_, ok = r.q.Single()
	check.Eq(t, ok, false)
	for range 4 {
		r.q.DropTail()
	}
	size, ok := r.q.Single()
	check.Eq(t, ok, true)
	p := r.q.Unwrap()
	check.Eq(t, lpElements(t, p.View()), []string{"e"})
	check.Eq(t, len(p.View()), size)
	p.Free()
}

func TestQuicklistAllocatesNothing(t *testing.T) {
	r := newQlRig(t, ds.QuicklistType{Fill: -2})
	v := []byte("some value")
	check.Eq(t, testing.AllocsPerRun(1000, func() {
		r.q.PushHead(v)
		r.q.PushTail(v)
		r.q.PushTail(v)
		r.q.DropHead()
		c := r.q.Seek(r.q.Len()/2, false)
		for i := 0; i < 100 && c.Valid(); i++ {
			c.Value()
			c.Next()
		}
		c.Close()
	}), 0)
	r.q.Free()
}

func TestQuicklistSetsNothingThatIsNotThere(t *testing.T) {
	r := newQlRig(t, ds.QuicklistType{Fill: -2})
	check.Eq(t, r.q.Set(0, []byte("x")), false)
	r.q.PushTail([]byte("x"))
	check.Eq(t, r.q.Set(1, []byte("x")), false)
	check.Eq(t, r.q.Set(-2, []byte("x")), false)
	r.q.DeleteRange(1, 5)
	r.q.DeleteRange(0, 0)
	check.Eq(t, r.q.Len(), 1)
	r.q.Free()
}

// FuzzQuicklist: changes as the fuzzer likes them, checked against a slice.
func FuzzQuicklist(f *testing.F) {
	f.Add(int8(-2), uint8(0), uint8(0), []byte("a list of changes, more or less"))
	f.Add(int8(2), uint8(1), uint8(30), bytes.Repeat([]byte{0, 7, 200, 13, 90, 255}, 50))
	f.Fuzz(func(t *testing.T, fill int8, depth, plain uint8, script []byte) {
		r := newQlRig(t, ds.QuicklistType{Fill: int(fill), Depth: int(depth % 4), Plain: int(plain)})
		for i, b := range script[:min(len(script), 2000)] {
			rnd := seeded(uint64(b) | uint64(i%4)<<8)
			r.step(rnd, 60, lpRandomElement(rnd))
		}
		r.agree()
		c := r.open()
		for _, b := range script[:min(len(script), 500)] {
			rnd := seeded(uint64(b))
			r.step(rnd, 40, lpRandomElement(rnd))
		}
		c.close()
		r.agree()
		r.q.Free()
	})
}
