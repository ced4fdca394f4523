package digest

import (
	"math"

	"redisd/internal/num"
	"redisd/pkg/ds"
	"redisd/pkg/persist/rdb"
)

// Digester sums up one key after another: Start, the pieces of its value, Sum. It is an
// rdb.Visitor. It allocates nothing.
type Digester struct {
	// Unpacked takes packed forms apart, as the package tells.
	Unpacked bool
	// Next, if not nil, gets everything that the visitor methods get: then a value
	// need be visited once only.
	Next rdb.Visitor

	key   uint64 // the key's hash
	t     byte   // what Begin said
	index uint64 // of a list's next element
	sum   uint64
}

var _ rdb.Visitor = (*Digester)(nil)

// The kinds of pieces, which are part of their seeds.
const (
	kindExpire uint64 = iota + 1
	kindString
	kindElement
	kindPair
	kindMember
	kindPack
	kindEntry
	kindInfo
	kindGroup
	kindPending
	kindConsumers
	kindConsumer
	kindOwned
)

// class is the type of a value whatever its form.
func class(t byte) uint64 {
	switch t {
	case rdb.TypeString:
		return 1
	case rdb.TypeList, rdb.TypeListZiplist, rdb.TypeListQuicklist, rdb.TypeListQuicklist2:
		return 2
	case rdb.TypeSet, rdb.TypeSetIntset, rdb.TypeSetListpack:
		return 3
	case rdb.TypeZset, rdb.TypeZset2, rdb.TypeZsetZiplist, rdb.TypeZsetListpack:
		return 4
	case rdb.TypeHash, rdb.TypeHashZipmap, rdb.TypeHashZiplist, rdb.TypeHashListpack:
		return 5
	}
	return 6
}

// Start begins a key with a value of type t (one of rdb's) that expires at that Unix
// time in milliseconds, -1 for never.
func (d *Digester) Start(key []byte, t byte, expireAt int64) {
	d.Resume(Bytes(class(t), key), t)
	d.sum = d.key * c3
	if expireAt != -1 {
		d.Expire(expireAt)
	}
}

// Expire adds the expiry of the key in hand.
func (d *Digester) Expire(at int64) { d.sum += number(d.seed(kindExpire), uint64(at)) }

// Key identifies the key in hand for Resume.
func (d *Digester) Key() uint64 { return d.key }

// Resume goes on with a key that was started, with a sum of zero: further parts of a
// value of type t are added.
func (d *Digester) Resume(key uint64, t byte) { d.key, d.t, d.index, d.sum = key, t, 0, 0 }

// Sum is that of the key in hand since Start or Resume.
func (d *Digester) Sum() uint64 { return d.sum }

func (d *Digester) seed(kind uint64) uint64 { return seed(d.key, kind) }

func seed(key, kind uint64) uint64 { return key + kind*c4 }

// String adds the whole value of a string key.
func (d *Digester) String(b []byte) { d.sum += text(d.seed(kindString), b) }

// Piece adds the part at off, a multiple of Piece, of a string or of a packed value.
func (d *Digester) Piece(off uint64, b []byte) {
	kind := kindPack
	if d.t == rdb.TypeString {
		kind = kindString
	}
	d.sum += piece(d.seed(kind), off, b)
}

// Begin implements rdb.Visitor.
func (d *Digester) Begin(t byte, n uint64) error {
	d.t, d.index = t, 0
	if d.Next != nil {
		return d.Next.Begin(t, n)
	}
	return nil
}

// Continue goes on in the middle of a value that Begin calls t.
func (d *Digester) Continue(t byte) {
	d.t = t
	if w, ok := d.Next.(*rdb.Writer); ok {
		w.Continue(t)
	}
}

// Element implements rdb.Visitor.
func (d *Digester) Element(b []byte) error {
	d.element(b)
	if d.Next != nil {
		return d.Next.Element(b)
	}
	return nil
}

func (d *Digester) element(b []byte) {
	switch {
	case d.t == rdb.TypeString:
		d.String(b)
	case d.Unpacked && class(d.t) == 2:
		d.index++
		d.sum += text(d.seed(kindElement)+d.index*c3, b)
	default:
		d.sum += text(d.seed(kindElement), b)
	}
}

// Pair implements rdb.Visitor.
func (d *Digester) Pair(field, value []byte) error {
	d.pair(field, value)
	if d.Next != nil {
		return d.Next.Pair(field, value)
	}
	return nil
}

func (d *Digester) pair(field, value []byte) {
	d.sum += text(text(d.seed(kindPair), field), value)
}

// Member implements rdb.Visitor.
func (d *Digester) Member(member []byte, score float64) error {
	d.member(member, score)
	if d.Next != nil {
		return d.Next.Member(member, score)
	}
	return nil
}

func (d *Digester) member(member []byte, score float64) {
	d.sum += number(text(d.seed(kindMember), member), math.Float64bits(score))
}

// Pack implements rdb.Visitor.
func (d *Digester) Pack(b []byte) error {
	switch {
	case d.Unpacked && d.t == rdb.TypeSetIntset:
		d.intset(b)
	case d.Unpacked, d.t == rdb.TypeSetListpack:
		d.unpack(b)
	default:
		d.sum += text(d.seed(kindPack), b)
	}
	if d.Next != nil {
		return d.Next.Pack(b)
	}
	return nil
}

// unpack adds the elements of a listpack.
func (d *Digester) unpack(b []byte) {
	var first, second [24]byte
	l := ds.Listpack(b)
	for off := l.First(); off >= 0; off = l.Next(off) {
		e := l.Get(off).Bytes(&first)
		switch d.t {
		case rdb.TypeHashListpack:
			off = l.Next(off)
			d.pair(e, l.Get(off).Bytes(&second))
		case rdb.TypeZsetListpack:
			off = l.Next(off)
			score, _ := num.ParseFloat(l.Get(off).Bytes(&second)) // the decoder has looked at it
			d.member(e, score)
		default:
			d.element(e)
		}
	}
}

func (d *Digester) intset(b []byte) {
	var scratch [24]byte
	s := ds.Intset(b)
	for i := range s.Len() {
		d.element(num.AppendInt(scratch[:0], s.At(i)))
	}
}

// End implements rdb.Visitor.
func (d *Digester) End() error {
	if d.Next != nil {
		return d.Next.End()
	}
	return nil
}
