package keyspace

import (
	"math/rand/v2"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Elements by chance. Draw gives each element of a collection at each turn with
// the same chance, so one may come several times; Sample gives different ones, each
// choice of so many being as likely as any other.

// choice tells, asked once for each of the total elements in turn, whether that one
// is among the count that are wanted (Knuth's selection sampling).
type choice struct{ count, total int }

func (c *choice) next() bool {
	take := rand.IntN(c.total) < c.count
	c.total--
	if take {
		c.count--
	}
	return take
}

// sampleShare: a sample of less than one in so many is drawn, of more it is chosen
// in a walk through all.
const sampleShare = 3

// sampleTable gives n different entries of d, at most as many as there are.
func sampleTable(d *ds.Dict, n int, fn func(mem.Ref)) {
	total := int(d.Len())
	if n*sampleShare > total {
		c := choice{min(n, total), total}
		d.Walk(func(r mem.Ref) bool {
			if c.next() {
				fn(r)
			}
			return c.count > 0
		})
		return
	}
	seen := make(map[mem.Ref]struct{}, n)
	for len(seen) < n {
		r, _ := d.Random()
		if _, twice := seen[r]; !twice {
			seen[r] = struct{}{}
			fn(r)
		}
	}
}

// samplePack gives the offsets of n different elements of a listpack that stand at
// a multiple of step, in order.
func samplePack(l ds.Listpack, n, step int, fn func(off int)) {
	total := l.Count() / step
	c := choice{min(n, total), total}
	for off := l.First(); c.count > 0; off = skip(l, off, step) {
		if c.next() {
			fn(off)
		}
	}
}

// drawPack gives n times the offset of one of the elements that stand at a multiple
// of step, until fn says false.
func drawPack(l ds.Listpack, n, step int, fn func(off int) bool) {
	total := l.Count() / step
	if n < total/4 {
		for ; n > 0 && fn(l.Seek(rand.IntN(total)*step)); n-- {
		}
		return
	}
	offs := make([]int32, 0, total)
	for off := l.First(); off >= 0; off = skip(l, off, step) {
		offs = append(offs, int32(off))
	}
	for ; n > 0 && fn(int(offs[rand.IntN(total)])); n-- {
	}
}

// skip is the offset n elements behind off, or -1.
func skip(l ds.Listpack, off, n int) int {
	for ; n > 0 && off >= 0; n-- {
		off = l.Next(off)
	}
	return off
}
