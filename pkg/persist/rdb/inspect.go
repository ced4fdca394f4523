package rdb

import (
	"encoding/binary"
	"hash/maphash"
	"strconv"
)

// Structure checks of values that are packed into one string: listpack and
// intset here, the older ziplist and zipmap in inspect_legacy.go. They are pure
// functions that never read outside of b and allocate only for the search of
// duplicates.

// fingerprints is a set of byte strings kept as 128 bits each, so that a set of
// millions of long members is searched for duplicates in little memory. Two
// different strings are taken for equal with a chance of 2^-64 at 2^32 members.
type fingerprints struct {
	seeds [2]maphash.Seed
	seen  map[[2]uint64]struct{}
}

func newFingerprints() *fingerprints {
	return &fingerprints{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		seen:  make(map[[2]uint64]struct{}),
	}
}

// add returns false if b was there already.
func (f *fingerprints) add(b []byte) bool {
	id := [2]uint64{maphash.Bytes(f.seeds[0], b), maphash.Bytes(f.seeds[1], b)}
	before := len(f.seen)
	f.seen[id] = struct{}{}
	return len(f.seen) > before
}

// inspect checks the packed value b of type t and returns the number of its
// elements, or a reason, in Redis's words, why it is not valid. Types that hold
// several strings ask for one of them with their own type.
func inspect(t byte, b []byte) (n int, reason string) {
	ok := false
	switch t {
	case TypeListZiplist, TypeListQuicklist:
		n, ok = ziplistValid(b, false)
		reason = "Ziplist integrity check failed."
	case TypeHashZiplist:
		n, ok = ziplistValid(b, true)
		reason = "Hash ziplist integrity check failed."
	case TypeZsetZiplist:
		n, ok = ziplistValid(b, true)
		reason = "Zset ziplist integrity check failed."
	case TypeHashZipmap:
		n, ok = zipmapValid(b)
		reason = "Zipmap integrity check failed."
	case TypeSetIntset:
		n, ok = intsetValid(b)
		reason = "Intset integrity check failed."
	case TypeHashListpack:
		n, ok = listpackValid(b, 2)
		reason = "Hash listpack integrity check failed."
	case TypeZsetListpack:
		n, ok = listpackValid(b, 2)
		reason = "Zset listpack integrity check failed."
	case TypeSetListpack:
		n, ok = listpackValid(b, 1)
		reason = "Set listpack integrity check failed."
	case TypeListQuicklist2:
		n, ok = listpackValid(b, 0)
		reason = "Listpack integrity check failed."
	default: // one node of a stream
		n, ok = streamNodeValid(b)
		reason = "Stream listpack integrity check failed."
	}
	if ok {
		return n, ""
	}
	return 0, reason
}

// A listpack: total bytes (4, little endian), elements (2; 65535 = many), the
// elements, 0xFF. Each element ends with its own length, for walking backward.
const (
	listpackHeader = 6
	listpackEnd    = 0xFF
	countUnknown   = 0xFFFF
)

// listpack walks the elements of b.
type listpack struct {
	b   []byte
	pos int
	// num is the element in hand when isInt, else str is.
	num   int64
	str   []byte
	isInt bool
}

// openListpack checks the header and the end mark.
func openListpack(b []byte) (*listpack, bool) {
	if len(b) < listpackHeader+1 || b[len(b)-1] != listpackEnd ||
		uint64(binary.LittleEndian.Uint32(b)) != uint64(len(b)) {
		return nil, false
	}
	return &listpack{b: b[:len(b)-1], pos: listpackHeader}, true
}

func (l *listpack) atEnd() bool { return l.pos == len(l.b) }

// next steps to the next element; false at the end and at one that is not whole.
func (l *listpack) next() bool {
	rest := l.b[l.pos:]
	head, body, ok := listpackElement(rest)
	if !ok || uint64(head)+body > uint64(len(rest)) {
		return false
	}
	size := head + int(body)
	l.take(rest[:size], head)
	back := backLength(size)
	if len(rest)-size < len(back.b[:back.n]) || string(rest[size:size+back.n]) != string(back.b[:back.n]) {
		return false
	}
	l.pos += size + back.n
	return true
}

// listpackElement returns the length of the encoding bytes and of the data
// behind them.
func listpackElement(b []byte) (head int, body uint64, ok bool) {
	if len(b) == 0 {
		return 0, 0, false
	}
	c := b[0]
	switch {
	case c < 0x80: // 7 bit number
		return 1, 0, true
	case c < 0xC0: // string up to 63 bytes
		return 1, uint64(c & 0x3F), true
	case c < 0xE0: // 13 bit number
		return 1, 1, true
	case c < 0xF0: // string up to 4095 bytes
		if len(b) < 2 {
			return 0, 0, false
		}
		return 2, uint64(c&0x0F)<<8 | uint64(b[1]), true
	case c == 0xF0:
		if len(b) < 5 {
			return 0, 0, false
		}
		return 5, uint64(binary.LittleEndian.Uint32(b[1:])), true
	case c <= 0xF4: // numbers of 16, 24, 32, 64 bits
		return 1, [...]uint64{2, 3, 4, 8}[c-0xF1], true
	default:
		return 0, 0, false
	}
}

// take decodes the element e whose data begins at head.
func (l *listpack) take(e []byte, head int) {
	c := e[0]
	l.str, l.isInt = nil, true
	switch {
	case c < 0x80:
		l.num = int64(c)
	case c >= 0xC0 && c < 0xE0:
		l.num = int64(int16(uint16(c&0x1F)<<11|uint16(e[1])<<3) >> 3)
	case c >= 0xF1:
		l.num = littleInt(e[1:])
	default:
		l.str, l.isInt = e[head:], false
	}
}

// littleInt decodes a signed little endian number of 1 to 8 bytes.
func littleInt(b []byte) int64 {
	var n uint64
	for i, c := range b {
		n |= uint64(c) << (8 * i)
	}
	unused := 64 - 8*len(b)
	return int64(n<<unused) >> unused
}

type backLen struct {
	b [5]byte
	n int
}

// backLength is how an element of n bytes tells its length at its end: seven
// bits a byte, most significant first, all but the first marked.
func backLength(n int) (out backLen) {
	out.n = 1
	for _, limit := range [...]int{128, 16383, 2097151, 268435455} {
		if n < limit {
			break
		}
		out.n++
	}
	for i := out.n - 1; i >= 0; i-- {
		out.b[i] = byte(n & 127)
		if i > 0 {
			out.b[i] |= 128
		}
		n >>= 7
	}
	return out
}

// text is the element in hand as clients see it.
func (l *listpack) text(scratch []byte) []byte {
	if l.isInt {
		return strconv.AppendInt(scratch[:0], l.num, 10)
	}
	return l.str
}

// listpackValid checks a whole listpack. unique says which elements must differ:
// 0 none, 1 all, 2 every other, beginning with the first (and then their number
// must be even).
func listpackValid(b []byte, unique int) (n int, ok bool) {
	l, ok := openListpack(b)
	if !ok {
		return 0, false
	}
	members := newUnique(unique)
	var scratch [20]byte
	for !l.atEnd() {
		if !l.next() || !members.add(n, l.text(scratch[:])) {
			return 0, false
		}
		n++
	}
	return n, countMatches(binary.LittleEndian.Uint16(b[4:]), n) && members.complete(n)
}

func countMatches(claimed uint16, n int) bool {
	return claimed == countUnknown || int(claimed) == n
}

// unique finds duplicates among each every-th element.
type unique struct {
	every int
	set   *fingerprints
}

func newUnique(every int) unique {
	if every == 0 {
		return unique{}
	}
	return unique{every: every, set: newFingerprints()}
}

func (u unique) add(index int, b []byte) bool {
	return u.every == 0 || index%u.every != 0 || u.set.add(b)
}

func (u unique) complete(n int) bool { return u.every == 0 || n%u.every == 0 }

// intsetValid: bytes an element (2, 4, 8), elements (both 4 bytes little
// endian), then the numbers in ascending order.
func intsetValid(b []byte) (n int, ok bool) {
	if len(b) < 8 {
		return 0, false
	}
	width := uint64(binary.LittleEndian.Uint32(b))
	count := uint64(binary.LittleEndian.Uint32(b[4:]))
	if width != 2 && width != 4 && width != 8 || count == 0 ||
		width*count != uint64(len(b)-8) {
		return 0, false
	}
	nums := b[8:]
	w := int(width)
	last := littleInt(nums[:w])
	for at := w; at < len(nums); at += w {
		v := littleInt(nums[at : at+w])
		if v <= last {
			return 0, false
		}
		last = v
	}
	return int(count), true
}

// streamNodeValid checks the listpack of a stream's node: number of entries,
// number of deleted ones, the master entry's fields, 0; then the entries.
func streamNodeValid(b []byte) (n int, ok bool) {
	l, ok := openListpack(b)
	if !ok {
		return 0, false
	}
	live, ok1 := l.number()
	deleted, ok2 := l.number()
	fields, ok3 := l.number()
	if !ok1 || !ok2 || !ok3 || !l.skip(fields) {
		return 0, false
	}
	if zero, ok := l.number(); !ok || zero != 0 {
		return 0, false
	}
	total := live + deleted
	if live < 0 || deleted < 0 || total < 0 {
		return 0, false
	}
	for range total {
		if !l.streamEntry(fields) {
			return 0, false
		}
	}
	return int(total), l.atEnd()
}

// streamEntry takes one entry: flags, ID relative to the node's (two numbers),
// own field names if it does not share the master entry's, the values, and the
// number of elements all that took.
func (l *listpack) streamEntry(masterFields int64) bool {
	const sameFields = 2
	flags, ok := l.number()
	for i := 0; i < 2 && ok; i++ {
		_, ok = l.number()
	}
	if !ok {
		return false
	}
	fields, elements := masterFields, int64(3)
	if flags&sameFields == 0 {
		if fields, ok = l.number(); !ok || !l.skip(fields) {
			return false
		}
		elements += fields + 1
	}
	if !l.skip(fields) {
		return false
	}
	count, ok := l.number()
	return ok && count == fields+elements
}

// number steps to an element that must be a number (or the text of one).
func (l *listpack) number() (int64, bool) {
	if !l.next() {
		return 0, false
	}
	if l.isInt {
		return l.num, true
	}
	n, err := strconv.ParseInt(string(l.str), 10, 64)
	return n, err == nil
}

// skip steps over n elements.
func (l *listpack) skip(n int64) bool {
	if n < 0 {
		return false
	}
	for ; n > 0; n-- {
		if !l.next() {
			return false
		}
	}
	return true
}
