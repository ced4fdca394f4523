package rdb

import (
	"encoding/binary"
	"math"

	"redisd/pkg/ds"
)

// Writer is a Visitor that writes the encoding of values, without type byte and key:
// what Visit reads as WrittenType(t).
type Writer struct {
	// Buf is where it appends.
	Buf *[]byte
	// Compress packs long strings with LZF.
	Compress bool
	// Raw leaves strings as they are, and the type that Begin tells too: for the
	// pipe, whose other end picks the smallest form. Compress means nothing then.
	Raw bool
	// Added, if not nil, is called after each string, when Buf may be emptied: so a
	// value of any size passes through a bounded buffer. Its error ends the visit.
	Added func() error
	// Long, if not nil, is called with Raw instead of appending a string that is
	// longer than LongText: so it need not be copied into Buf, whose bytes come
	// before it.
	Long func(b []byte) error

	t byte
}

// LongText is the longest string that a Writer with a Long appends itself.
const LongText = 64 << 10

// Continue makes the Writer go on in the middle of a value that Begin calls t.
func (w *Writer) Continue(t byte) { w.t = t }

// WrittenType is the type under which a Writer writes a value that Begin calls t, or
// a decoder finds as t: one that Redis 7.0 reads.
func WrittenType(t byte) byte {
	switch t {
	case TypeSetListpack:
		return TypeSet
	case TypeZset:
		return TypeZset2
	case TypeListZiplist:
		return TypeList
	case TypeHashZipmap:
		return TypeHash
	case TypeListQuicklist:
		return TypeListQuicklist2
	case TypeStreamListpacks, TypeStreamListpacks3:
		return TypeStreamListpacks2
	}
	return packedAs(t)
}

var _ Visitor = (*Writer)(nil)

// Begin implements Visitor.
func (w *Writer) Begin(t byte, n uint64) error {
	w.t = t
	switch t {
	case TypeString, TypeSetIntset, TypeHashListpack, TypeZsetListpack:
		return nil // one string
	case TypeSetListpack:
		if w.Raw {
			return nil
		}
	}
	return w.length(n)
}

// AppendPackedNode appends what comes before the listpack of a list that is one
// node, and before that listpack's length.
func AppendPackedNode(dst []byte) []byte { return append(dst, 1, ListPacked) }

// Element implements Visitor.
func (w *Writer) Element(b []byte) error {
	if w.t == TypeListQuicklist2 {
		*w.Buf = AppendLen(*w.Buf, ListPlain)
	}
	return w.text(b)
}

// Pair implements Visitor.
func (w *Writer) Pair(field, value []byte) error {
	if err := w.text(field); err != nil {
		return err
	}
	return w.text(value)
}

// Member implements Visitor.
func (w *Writer) Member(member []byte, score float64) error {
	if err := w.text(member); err != nil {
		return err
	}
	*w.Buf = binary.LittleEndian.AppendUint64(*w.Buf, math.Float64bits(score))
	return nil
}

// Pack implements Visitor. A set's listpack, which Redis 7.0 does not know, is
// written as its members.
func (w *Writer) Pack(b []byte) error {
	if w.t == TypeListQuicklist2 {
		*w.Buf = AppendLen(*w.Buf, ListPacked)
	}
	if w.t != TypeSetListpack || w.Raw {
		return w.text(b)
	}
	var scratch [24]byte
	l := ds.Listpack(b)
	for off := l.First(); off >= 0; off = l.Next(off) {
		if err := w.text(l.Get(off).Bytes(&scratch)); err != nil {
			return err
		}
	}
	return nil
}

// End implements Visitor.
func (w *Writer) End() error { return nil }

func (w *Writer) text(b []byte) error {
	if w.Raw {
		if w.Long != nil && len(b) > LongText {
			*w.Buf = AppendLen(*w.Buf, uint64(len(b)))
			return w.Long(b)
		}
		*w.Buf = AppendRawString(*w.Buf, b)
	} else {
		*w.Buf = AppendString(*w.Buf, b, w.Compress)
	}
	if w.Added == nil {
		return nil
	}
	return w.Added()
}

func (w *Writer) length(n ...uint64) error {
	for _, n := range n {
		*w.Buf = AppendLen(*w.Buf, n)
	}
	return nil
}

// id appends an ID, which has no length before it, and lets the buffer be emptied.
func (w *Writer) id(id ds.StreamID) error {
	*w.Buf = appendID(*w.Buf, id)
	if w.Added == nil {
		return nil
	}
	return w.Added()
}

func (w *Writer) millis(ms int64) {
	*w.Buf = binary.LittleEndian.AppendUint64(*w.Buf, uint64(ms))
}

// Node implements StreamVisitor.
func (w *Writer) Node(n ds.StreamNode) error {
	*w.Buf = appendID(AppendLen(*w.Buf, 16), n.Master) // a string, too short for LZF
	return w.text(n.LP)
}

// Info implements StreamVisitor.
func (w *Writer) Info(s *StreamInfo) error {
	return w.length(s.Length, s.Last.Ms, s.Last.Seq, s.First.Ms, s.First.Seq, s.MaxDeleted.Ms, s.MaxDeleted.Seq, s.Added, s.Groups)
}

// Group implements StreamVisitor.
func (w *Writer) Group(g *StreamGroup) error {
	if err := w.text(g.Name); err != nil {
		return err
	}
	return w.length(g.Last.Ms, g.Last.Seq, uint64(g.Read), g.Pending)
}

// Pending implements StreamVisitor.
func (w *Writer) Pending(p *StreamPending) error {
	err := w.id(p.ID)
	w.millis(p.Time)
	*w.Buf = AppendLen(*w.Buf, p.Count)
	return err
}

// Consumers implements StreamVisitor.
func (w *Writer) Consumers(n uint64) error { return w.length(n) }

// Consumer implements StreamVisitor.
func (w *Writer) Consumer(c *StreamConsumer) error {
	if err := w.text(c.Name); err != nil {
		return err
	}
	w.millis(c.Seen)
	return w.length(c.Owned)
}

// Owned implements StreamVisitor.
func (w *Writer) Owned(id ds.StreamID) error { return w.id(id) }
