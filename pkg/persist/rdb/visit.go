package rdb

import (
	"errors"
	"fmt"
	"math"

	"redisd/internal/num"
	"redisd/pkg/ds"
)

// Visitor takes a value piece by piece, whatever the form it was read from or lies
// in: a file's bytes (Decoder.Visit) and a value of the keyspace come the same way.
// First Begin, then what the type says, then End. Slices are good during the call
// only. An error ends the visit and is returned by it; see Corrupt.
type Visitor interface {
	// Begin says what comes. t is one of
	//
	//	TypeString                               one Element
	//	TypeList, TypeSet                        n times Element
	//	TypeHash                                 n times Pair
	//	TypeZset2                                n times Member
	//	TypeListQuicklist2                       n nodes: Pack, or Element for a node that is one element
	//	TypeSetIntset, TypeSetListpack           one Pack of n members
	//	TypeHashListpack, TypeZsetListpack       one Pack of n pairs
	//	TypeStreamListpacks2                     n times Node, then the rest of StreamVisitor
	//
	// n is what the input claims where elements come one by one: at least one, never
	// worth an allocation of as many. Empty nodes of a list are left out.
	Begin(t byte, n uint64) error
	// Element takes a string, an element of a list or a member of a set.
	Element(b []byte) error
	// Pair takes a field and its value.
	Pair(field, value []byte) error
	// Member takes a member of a sorted set; the score is a number.
	Member(member []byte, score float64) error
	// Pack takes a valid listpack, or for TypeSetIntset an intset.
	Pack(b []byte) error
	// End says that the value is complete.
	End() error

	StreamVisitor
}

// Corrupt is an error for a visitor that finds, while it builds a value, that the
// value cannot be one: a member that comes twice. The reason is Redis's.
func Corrupt(reason string) error { return corruptError(reason) }

type corruptError string

func (e corruptError) Error() string        { return string(e) }
func (e corruptError) Is(target error) bool { return target == ErrCorrupt }

// Scrutiny says what is looked for in a value beyond its structure, which always
// is: every length and every code of packed forms.
type Scrutiny uint8

const (
	// Structure is all that a visitor needs that adds elements one by one and
	// notices by itself when one is there already.
	Structure Scrutiny = iota
	// Packs looks for members and fields that come twice inside packed forms too.
	Packs
	// Everything looks for duplicates everywhere, and whether a stream's pending
	// entries and consumers fit together: for a value that is only judged. It takes
	// 16 bytes and some for each element.
	Everything
)

// Visit gives the value of type t, any of versions 1 to MaxVersion but modules',
// that the decoder stands before to v. Every error is an *Error; ErrEmptyKey says
// that the value was read to its end and holds nothing. After another error v has
// part of a value.
func (d *Decoder) Visit(t byte, v Visitor, s Scrutiny) error {
	w := d.walker()
	w.v, w.level, w.modules = v, s, false
	return w.visit(t)
}

// Judge reads the value of type t without keeping it and tells what is wrong with
// it, as Visit with Everything does.
func (d *Decoder) Judge(t byte) error { return d.Visit(t, discard{}, Everything) }

// judgeAny is Judge that steps over values of modules.
func (d *Decoder) judgeAny(t byte) error {
	w := d.walker()
	w.v, w.level, w.modules = discard{}, Everything, true
	return w.visit(t)
}

// SkipValue takes a value of type t (any of versions 1 to MaxVersion) without
// keeping it. Only what is needed to find its end is looked at. Values of
// modules of the first kind (TypeModule) have no end that can be found; they
// give an error.
func (d *Decoder) SkipValue(t byte) error {
	w := d.walker()
	w.v = nil
	return w.value(t)
}

// walker goes through a value of any type. Without a visitor it jumps over strings.
type walker struct {
	d       *Decoder
	v       Visitor
	level   Scrutiny
	modules bool // their values are stepped over, not refused

	seen fingerprints // members of the collection in hand
	hold []byte       // the first of two strings that go together
	conv ds.LPBuilder // an old packed form on its way to a listpack
	// What follows belongs to the stream in hand.
	nodes           int         // of the stream, so far
	firstID, lastID ds.StreamID // of the entries in them
	names, owners   fingerprints
	pending         pending
	nodeInfo        ds.StreamNodeInfo
	info            StreamInfo
	grp             StreamGroup
	pel             StreamPending
	con             StreamConsumer
}

func (d *Decoder) walker() *walker {
	if d.walk == nil {
		d.walk = &walker{d: d}
	}
	return d.walk
}

func (w *walker) visit(t byte) error {
	err := w.value(t)
	w.v = nil
	if cap(w.hold) > keepScratch {
		w.hold = nil
	}
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return w.d.fail(w.d.Offset(), err, err.Error())
}

func (w *walker) value(t byte) error {
	switch t {
	case TypeString:
		return w.whole(t)
	case TypeList, TypeSet, TypeHash, TypeZset, TypeZset2:
		return w.elements(t)
	case TypeHashZipmap, TypeListZiplist, TypeSetIntset, TypeZsetZiplist,
		TypeHashZiplist, TypeHashListpack, TypeZsetListpack, TypeSetListpack:
		return w.packed(t)
	case TypeListQuicklist, TypeListQuicklist2:
		return w.quicklist(t)
	case TypeStreamListpacks, TypeStreamListpacks2, TypeStreamListpacks3:
		return w.stream(t)
	case TypeModule, TypeModule2:
		return w.module(t)
	default:
		return w.d.corrupt(fmt.Sprintf("Unknown RDB encoding type %d", t))
	}
}

// text takes a string; nil when nobody wants it.
func (w *walker) text() ([]byte, error) {
	if w.v == nil {
		return nil, w.d.skipString()
	}
	return w.d.readString(&w.d.val)
}

// held is text for the first of two strings: it outlives the second.
func (w *walker) held() ([]byte, error) {
	b, err := w.text()
	if err != nil || w.v == nil {
		return nil, err
	}
	w.hold = append(w.hold[:0], b...)
	return w.hold, nil
}

func (w *walker) whole(t byte) error {
	b, err := w.text()
	if err != nil || w.v == nil {
		return err
	}
	if err = w.v.Begin(t, 1); err == nil {
		err = w.v.Element(b)
	}
	return w.end(err)
}

// end finishes a value that went well so far.
func (w *walker) end(err error) error {
	if err == nil && w.v != nil {
		err = w.v.End()
	}
	return err
}

func (w *walker) begin(t byte, n uint64) error {
	if w.v == nil {
		return nil
	}
	return w.v.Begin(t, n)
}

// empty is the end of a value that holds nothing, which a writer leaves out.
func (w *walker) empty() error {
	if w.v == nil {
		return nil
	}
	return w.d.fail(w.d.Offset(), ErrEmptyKey, "Empty key")
}

func (w *walker) elements(t byte) error {
	n, err := w.d.readLen()
	switch {
	case err != nil:
		return err
	case n == 0:
		return w.empty()
	}
	as := t
	if t == TypeZset {
		as = TypeZset2
	}
	w.seen.clear()
	for err = w.begin(as, n); n > 0 && err == nil; n-- {
		err = w.element(t)
	}
	return w.end(err)
}

func (w *walker) element(t byte) error {
	switch t {
	case TypeHash:
		return w.pair()
	case TypeZset, TypeZset2:
		return w.member(t)
	}
	b, err := w.text()
	if err != nil || w.v == nil {
		return err
	}
	if t == TypeSet && w.twice(b) {
		return w.d.corrupt(DuplicateMember)
	}
	return w.v.Element(b)
}

// Reasons for collections that hold something twice.
const (
	DuplicateMember = "Duplicate set members detected"
	DuplicateField  = "Duplicate hash fields detected"
	DuplicateScore  = "Duplicate zset fields detected"
)

// twice tells whether b came before in this collection, if that is asked for.
func (w *walker) twice(b []byte) bool {
	return w.level == Everything && !w.seen.add(b)
}

func (w *walker) pair() error {
	field, err := w.held()
	if err != nil {
		return err
	}
	value, err := w.text()
	if err != nil || w.v == nil {
		return err
	}
	if w.twice(field) {
		return w.d.corrupt(DuplicateField)
	}
	return w.v.Pair(field, value)
}

func (w *walker) member(t byte) error {
	member, err := w.held()
	if err != nil {
		return err
	}
	score, err := w.score(t)
	if err != nil || w.v == nil {
		return err
	}
	if math.IsNaN(score) {
		return w.d.corrupt("Zset with NAN score detected")
	}
	if w.twice(member) {
		return w.d.corrupt(DuplicateScore)
	}
	return w.v.Member(member, score)
}

func (w *walker) score(t byte) (float64, error) {
	if t == TypeZset {
		return w.d.readTextDouble()
	}
	return w.d.readDouble()
}

// packed takes a collection packed into one string.
func (w *walker) packed(t byte) error {
	b, err := w.text()
	if err != nil || w.v == nil {
		return err
	}
	b, n, reason := w.inspect(t, b)
	switch {
	case reason != "":
		return w.d.corrupt(reason)
	case n == 0:
		return w.empty()
	case t == TypeListZiplist:
		return w.unpackList(b, n)
	case t == TypeHashZipmap:
		return w.unpackHash(b, n)
	}
	if err = w.v.Begin(packedAs(t), uint64(n)); err == nil {
		err = w.v.Pack(b)
	}
	return w.end(err)
}

// packedAs is the type of the same contents in the form of today.
func packedAs(t byte) byte {
	switch t {
	case TypeHashZiplist:
		return TypeHashListpack
	case TypeZsetZiplist:
		return TypeZsetListpack
	}
	return t
}

// unpackList gives the elements of a list that was packed whole one by one: they
// belong into nodes of today's size.
func (w *walker) unpackList(b []byte, n int) error {
	err := w.v.Begin(TypeList, uint64(n))
	var scratch [24]byte
	l := ds.Listpack(b)
	for off := l.First(); off >= 0 && err == nil; off = l.Next(off) {
		err = w.v.Element(l.Get(off).Bytes(&scratch))
	}
	return w.end(err)
}

// unpackHash does the same for the oldest packed hash, whose limits of length were
// others.
func (w *walker) unpackHash(b []byte, n int) error {
	err := w.v.Begin(TypeHash, uint64(n))
	var field, value [24]byte
	l := ds.Listpack(b)
	for off := l.First(); off >= 0 && err == nil; off = l.Next(off) {
		f := l.Get(off).Bytes(&field)
		off = l.Next(off)
		err = w.v.Pair(f, l.Get(off).Bytes(&value))
	}
	return w.end(err)
}

func (w *walker) quicklist(t byte) error {
	nodes, err := w.d.readLen()
	switch {
	case err != nil:
		return err
	case nodes == 0:
		return w.empty()
	}
	total := 0
	for err = w.begin(TypeListQuicklist2, nodes); nodes > 0 && err == nil; nodes-- {
		n := 0
		n, err = w.node(t)
		total += n
	}
	if err == nil && total == 0 {
		return w.empty()
	}
	return w.end(err)
}

// node takes a node of a list and returns the number of its elements.
func (w *walker) node(t byte) (int, error) {
	container := uint64(ListPacked)
	if t == TypeListQuicklist2 {
		var err error
		if container, err = w.d.readLen(); err != nil {
			return 0, err
		}
		if container != ListPlain && container != ListPacked {
			return 0, w.d.corrupt("Quicklist integrity check failed.")
		}
	}
	b, err := w.text()
	if err != nil || w.v == nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, w.d.corrupt("Quicklist integrity check failed.")
	}
	if container == ListPlain {
		return 1, w.v.Element(b)
	}
	b, n, reason := w.inspect(t, b)
	if reason != "" {
		return 0, w.d.corrupt(reason)
	}
	if n == 0 {
		return 0, nil
	}
	return n, w.v.Pack(b)
}

// scoreValid tells whether an element of a packed sorted set is a score.
func scoreValid(e ds.LPElem) bool {
	if e.IsInt {
		return true
	}
	f, ok := num.ParseFloat(e.Str)
	return ok && !math.IsNaN(f)
}

// discard is the visitor of Judge.
type discard struct{}

func (discard) Begin(byte, uint64) error       { return nil }
func (discard) Element([]byte) error           { return nil }
func (discard) Pair(_, _ []byte) error         { return nil }
func (discard) Member([]byte, float64) error   { return nil }
func (discard) Pack([]byte) error              { return nil }
func (discard) End() error                     { return nil }
func (discard) Node(ds.StreamNode) error       { return nil }
func (discard) Info(*StreamInfo) error         { return nil }
func (discard) Group(*StreamGroup) error       { return nil }
func (discard) Pending(*StreamPending) error   { return nil }
func (discard) Consumers(uint64) error         { return nil }
func (discard) Consumer(*StreamConsumer) error { return nil }
func (discard) Owned(ds.StreamID) error        { return nil }
