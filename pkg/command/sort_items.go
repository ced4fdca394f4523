package command

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"redisd/internal/num"
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
)

// sortItem is one element of what is sorted. Its bytes and those of what it is sorted
// by lie in the call's text: without pointers, millions of items are nothing for the
// garbage collector to look at.
type sortItem struct {
	at, by int     // offsets in text; at grows from element to element
	n, byN int32   // lengths; byN is -1 when BY found nothing
	score  float64 // of a numeric sort
}

// keep appends an element to the text.
func (o *sortCall) keep(element []byte) sortItem {
	at := len(o.text)
	o.text = append(o.text, element...)
	return sortItem{at: at, n: int32(len(element)), byN: -1}
}

func (o *sortCall) element(it *sortItem) []byte { return o.text[it.at : it.at+int(it.n)] }

func sortLen(e keyspace.Entry) int {
	switch e.Type() {
	case keyspace.List:
		l := e.List()
		return l.Len()
	case keyspace.Set:
		s := e.Set()
		return s.Len()
	default:
		z := e.ZSet()
		return z.Len()
	}
}

// load takes the elements from to to-1 of e into items: in the order of a list or a
// sorted set, turned round when the sort is descending.
func (o *sortCall) load(e keyspace.Entry, from, to int) {
	o.items = make([]sortItem, 0, to-from)
	back := o.desc && o.unsorted
	switch e.Type() {
	case keyspace.List:
		l := e.List()
		if back {
			from = l.Len() - 1 - from
		}
		cur := l.At(from, back)
		defer cur.Close()
		for ; len(o.items) < cap(o.items); cur.Next() {
			o.add(cur.Value())
		}
	case keyspace.Set:
		s := e.Set()
		s.EachElem(func(m ds.LPElem) bool { o.add(m); return true })
	case keyspace.ZSet:
		z := e.ZSet()
		for cur := z.At(from, back); len(o.items) < cap(o.items); cur.Next() {
			o.items = append(o.items, o.keep(cur.Member()))
		}
	}
}

func (o *sortCall) add(m ds.LPElem) {
	var digits [24]byte
	o.items = append(o.items, o.keep(m.Bytes(&digits)))
}

// weigh finds out what each item is sorted by; false when a number was wanted and
// something else is there.
func (c *Ctx) weigh(o *sortCall) bool {
	if o.by == nil && o.alpha {
		return true
	}
	good := true
	for i := range o.items {
		it := &o.items[i]
		val, found := o.element(it), true
		if o.by != nil {
			val, found = c.followPattern(o, o.by, val)
		}
		switch {
		case !found:
		case o.alpha:
			it.by, it.byN = len(o.text), int32(len(val))
			o.text = append(o.text, val...)
		default:
			var ok bool
			it.score, ok = sortScore(val)
			good = good && ok // the other lookups are made all the same, as in Redis
		}
	}
	return good
}

// sortScore reads a number as strtod does: nothing counts as 0, blanks may stand
// before it, and what is out of a double's range is no good.
func sortScore(b []byte) (float64, bool) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if len(b) == 0 {
		return 0, true
	}
	f, ok := num.ParseFloat(bytes.TrimLeft(b, " \t\n\v\f\r"))
	const leastNormal = 0x1p-1022
	return f, ok && (f == 0 || math.Abs(f) >= leastNormal)
}

// compare orders two items. Equal ones keep the order they came in, or when that means
// nothing, have that of their bytes.
func (o *sortCall) compare(a, b *sortItem) int {
	r := 0
	switch {
	case !o.alpha && a.score < b.score:
		r = -1
	case !o.alpha && a.score > b.score:
		r = 1
	case !o.alpha:
		r = bytes.Compare(o.element(a), o.element(b))
	case o.by == nil:
		r = bytes.Compare(o.element(a), o.element(b))
	case a.byN < 0 || b.byN < 0:
		r = cmp.Compare(min(a.byN, 0), min(b.byN, 0))
	default:
		r = bytes.Compare(o.text[a.by:a.by+int(a.byN)], o.text[b.by:b.by+int(b.byN)])
	}
	if r == 0 && o.unordered {
		r = bytes.Compare(o.element(a), o.element(b))
	}
	if o.desc {
		r = -r
	}
	if r == 0 {
		r = cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.n, b.n)) // empty ones lie where the next begins
	}
	return r
}

// fewItems is how small a part of the items must be wanted for a selection to be
// faster than sorting all.
const fewItems = 8

// sort brings the items from to to-1 to their places; the others may lie anywhere.
func (o *sortCall) sort(from, to int) {
	items := o.items
	if from < to && to <= len(items)/fewItems {
		o.selectFirst(to)
		items = items[:to]
	}
	if from < to {
		slices.SortFunc(items, func(a, b sortItem) int { return o.compare(&a, &b) })
	}
}

// selectFirst brings the n lowest items to the front: a heap of the lowest ones so
// far, the highest of them on top.
func (o *sortCall) selectFirst(n int) {
	heap := o.items[:n]
	for i := n/2 - 1; i >= 0; i-- {
		o.sink(heap, i)
	}
	for i := n; i < len(o.items); i++ {
		if o.compare(&o.items[i], &heap[0]) < 0 {
			o.items[i], heap[0] = heap[0], o.items[i]
			o.sink(heap, 0)
		}
	}
}

// sink moves item i down to where it belongs in the heap.
func (o *sortCall) sink(heap []sortItem, i int) {
	for {
		child := 2*i + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && o.compare(&heap[child+1], &heap[child]) > 0 {
			child++
		}
		if o.compare(&heap[i], &heap[child]) >= 0 {
			return
		}
		heap[i], heap[child] = heap[child], heap[i]
		i = child
	}
}
