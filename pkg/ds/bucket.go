package ds

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"redisd/pkg/mem"
)

const (
	bucketSlots = 10 // references in one cache line beside their tags
	bucketSize  = 64
	bucketFill  = 8 // entries a bucket, on average, at which a table counts as full

	refsOffset = bucketSlots
	usedOffset = 60
	chainBit   = 1 << 15
	slotMask   = 1<<bucketSlots - 1
	refMask    = 1<<40 - 1
	lastSlot   = bucketSlots - 1
)

// bucket views 64 bytes of the arena. It is a pointer into memory that the
// garbage collector does not know, so it costs no write barrier.
type bucket struct{ p unsafe.Pointer }

func (b bucket) used() uint16     { return *(*uint16)(unsafe.Add(b.p, usedOffset)) }
func (b bucket) setUsed(m uint16) { *(*uint16)(unsafe.Add(b.p, usedOffset)) = m }
func (b bucket) chained() bool    { return b.used()&chainBit != 0 }

// live is the mask of slots that hold entries: the last one does not when it
// leads to a child.
func (b bucket) live() uint16 {
	m := b.used()
	if m&chainBit != 0 {
		return m & (slotMask >> 1)
	}
	return m & slotMask
}

// slots is how many entries fit into this bucket itself.
func (b bucket) room() uint16 {
	if b.chained() {
		return ^b.used() & (slotMask >> 1)
	}
	return ^b.used() & slotMask
}

func (b bucket) tag(i int) uint8 { return *(*uint8)(unsafe.Add(b.p, i)) }

// ref reads eight bytes at a five-byte field: the last slot's end at byte 60,
// so the read stays inside the cache line.
func (b bucket) ref(i int) mem.Ref {
	v := *(*uint64)(unsafe.Add(b.p, refsOffset+5*i))
	return mem.Ref(v&refMask) << 3
}

func (b bucket) setRef(i int, r mem.Ref) {
	p := unsafe.Add(b.p, refsOffset+5*i)
	v := uint64(r) >> 3
	*(*uint32)(p) = uint32(v)
	*(*uint8)(unsafe.Add(p, 4)) = uint8(v >> 32)
}

func (b bucket) put(i int, tag uint8, r mem.Ref) {
	*(*uint8)(unsafe.Add(b.p, i)) = tag
	b.setRef(i, r)
	b.setUsed(b.used() | 1<<i)
}

func (b bucket) clear(i int) { b.setUsed(b.used() &^ (1 << i)) }

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// match is the mask of live slots whose tag is t. Eight tags are compared in one
// word (a zero byte after the xor sets its high bit; a borrow may give a false
// positive, which the key comparison weeds out), the last two by themselves.
func (b bucket) match(t uint8) uint16 {
	x := *(*uint64)(b.p) ^ uint64(t)*lowBits
	z := (x - lowBits) &^ x & highBits
	m := uint16((z >> 7 * 0x0102040810204080) >> 56)
	if b.tag(8) == t {
		m |= 1 << 8
	}
	if b.tag(9) == t {
		m |= 1 << 9
	}
	return m & b.live()
}

// warm reads a byte of each entry in b, so that the cache misses of a bucket's
// entries overlap: without it each one waits until the entry before it has been
// dealt with. Worth it where all of them are looked at.
func (d *Dict) warm(b bucket) {
	sum := d.warmth
	for m := b.live(); m != 0; m &= m - 1 {
		sum += *(*uint8)(unsafe.Add(d.t.Arena.Ptr(b.ref(lowest(m))), d.t.KeyOff))
	}
	d.warmth = sum
}

// KeyAt gives the key that starts at byte off of the entry at p.
func KeyAt(p unsafe.Pointer, off int) []byte {
	n := int(*(*uint8)(unsafe.Add(p, off)))
	if n < longKey {
		return unsafe.Slice((*byte)(unsafe.Add(p, off+1)), n)
	}
	n = int(*(*uint32)(unsafe.Add(p, off+1)))
	return unsafe.Slice((*byte)(unsafe.Add(p, off+5)), n)
}

const longKey = 254 // length byte that says four more follow

// KeySize is the number of bytes that a key of n bytes takes with its length.
func KeySize(n int) int {
	if n < longKey {
		return 1 + n
	}
	return 5 + n
}

// PutKey writes key with its length to dst, which must have KeySize bytes.
func PutKey(dst, key []byte) {
	if len(key) < longKey {
		dst[0] = uint8(len(key))
		copy(dst[1:], key)
		return
	}
	dst[0] = longKey
	binary.LittleEndian.PutUint32(dst[1:], uint32(len(key)))
	copy(dst[5:], key)
}

func lowest(m uint16) int { return bits.TrailingZeros16(m) }
