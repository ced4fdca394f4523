//go:build invariants

// The checks of the tag invariants: a shadow byte for each 8 bytes of the range says whether a block begins there, what
// it is for, or that it was freed; freed small blocks are filled with poison that must be whole at reuse; pages given
// back must not have come back; the owner's thread is asserted once Own has been called.

package mem

import (
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

const invariants = true

const (
	poisonByte = 0xDB

	// Shadow bytes: 0 no block, 1+Purpose a live one, shadowFreed a freed one.
	shadowFreed = 0xFF
)

type guard struct {
	shadow unsafe.Pointer // a byte for each 8 bytes of the range
	size   uint64         // of the shadow
	owner  int            // thread id of the owner; 0 none
}

// Own makes the calling thread the only one that may allocate and free, with the tag invariants. The goroutine must be
// locked to it. Until the first Own nothing is asserted.
func (a *Arena) Own() { a.guard.owner = unix.Gettid() }

// Disown ends what Own began.
func (a *Arena) Disown() { a.guard.owner = 0 }

func (a *Arena) guardInit(size uint64) error {
	p, err := reserve(size / 8)
	if err != nil {
		return err
	}
	a.guard.shadow, a.guard.size = p, size/8
	// No reserve: only what is touched counts, except under strict overcommit, where the range shrinks until it fits.
	return commit(p, size/8)
}

func (a *Arena) guardClose() error {
	err := unreserve(a.guard.shadow, a.guard.size)
	a.guard.shadow = nil
	return err
}

func (a *Arena) shadow(r Ref) *byte {
	if r&7 != 0 || uint64(r) >= a.chunks*chunkBytes {
		panic(fmt.Sprintf("BUG: mem: %#x is no reference", uint64(r)))
	}
	return (*byte)(unsafe.Add(a.guard.shadow, r/8))
}

func (a *Arena) checkOwner() {
	if a.guard.owner != 0 && a.guard.owner != unix.Gettid() {
		panic("BUG: mem: called from a thread that does not own the arena")
	}
}

func (a *Arena) checkCall(p Purpose, n int) {
	a.checkOwner()
	if p >= Purposes || n < 0 {
		panic(fmt.Sprintf("BUG: mem: purpose %d, size %d", p, n))
	}
}

// checkLive panics unless a live block of purpose p begins at r.
func (a *Arena) checkLive(p Purpose, r Ref) {
	switch s := *a.shadow(r); s {
	case byte(p) + 1:
	case 0:
		panic(fmt.Sprintf("BUG: mem: no block at %#x (freed as %v)", uint64(r), p))
	case shadowFreed:
		panic(fmt.Sprintf("BUG: mem: double free of %#x (%v)", uint64(r), p))
	default:
		panic(fmt.Sprintf("BUG: mem: %#x is %v, not %v", uint64(r), Purpose(s-1), p))
	}
}

func (a *Arena) poison(r Ref, n uint64) {
	b := a.Bytes(r, int(n))
	for i := range b {
		b[i] = poisonByte
	}
}

// checkPoison panics if a byte of [from, to) of a freed block has been written.
func (a *Arena) checkPoison(r Ref, from, to uint64) {
	for i, c := range a.Bytes(r, int(to))[from:] {
		if c != poisonByte {
			panic(fmt.Sprintf("BUG: mem: %#x was written at +%d after it was freed", uint64(r), from+uint64(i)))
		}
	}
}

// checkClean panics if a page of n bytes at r is resident: somebody touched it after it was given back.
func (a *Arena) checkClean(r Ref, n uint64) {
	pages := make([]byte, n/a.page)
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(a.Ptr(r)), uintptr(n), uintptr(unsafe.Pointer(&pages[0])))
	if errno != 0 {
		return
	}
	for i, resident := range pages {
		if resident&1 != 0 {
			panic(fmt.Sprintf("BUG: mem: page at %#x was touched after it was freed", uint64(r)+uint64(i)*a.page))
		}
	}
}

// noteAlloc is called when a block has been taken, before the caller gets it.
func (a *Arena) noteAlloc(p Purpose, r Ref, size uint64) {
	shadow := a.shadow(r)
	switch {
	case *shadow != 0 && *shadow != shadowFreed:
		panic(fmt.Sprintf("BUG: mem: %#x is handed out twice", uint64(r)))
	case *shadow == shadowFreed && size <= maxSmall:
		a.checkPoison(r, 8, size)
		next := a.classes[a.span(uint64(r)>>unitShift).class].cur.free
		// The link to the next freed block lies in the first 8 bytes: a wrong one names no freed block.
		valid := next&7 == 0 && uint64(next) < a.chunks*chunkBytes
		if next != 0 && (!valid || *a.shadow(next) != shadowFreed) {
			panic(fmt.Sprintf("BUG: mem: %#x was written at +0 after it was freed", uint64(r)))
		}
	}
	*shadow = byte(p) + 1
}

// notePurpose is called when a block becomes one of another purpose.
func (a *Arena) notePurpose(from, to Purpose, r Ref) {
	a.checkLive(from, r)
	*a.shadow(r) = byte(to) + 1
}

// noteFree is called before a block is freed.
func (a *Arena) noteFree(p Purpose, r Ref) {
	a.checkCall(p, 0)
	if r == 0 {
		return
	}
	a.checkLive(p, r)
	// An extent leaves no mark: what comes there next need not begin where it began. Its pages are checked instead.
	*a.shadow(r) = 0
	if n := a.Usable(r); n <= maxSmall {
		a.poison(r, uint64(n))
		*a.shadow(r) = shadowFreed
	}
}

// noteSpanGone forgets the blocks of a span: another class may cut it in other places.
func (a *Arena) noteSpanGone(c *class, unit uint64) {
	r := Ref(unit << unitShift)
	clear(unsafe.Slice(a.shadow(r), spanBytes(c.number)/8))
}

// eachLive calls fn for the live blocks, by address, until it says stop.
func (a *Arena) eachLive(fn func(r Ref, p Purpose) bool) {
	for _, part := range [2][2]uint64{{0, a.groupLow * groupCells}, {a.groupHigh * groupCells, a.chunks * unitsPerChunk}} {
		for unit := part[0]; unit < min(part[1], a.chunks*unitsPerChunk); unit++ {
			shadow := unsafe.Slice((*byte)(unsafe.Add(a.guard.shadow, unit<<unitShift/8)), unitBytes/8)
			if a.span(unit).class == classNone {
				continue
			}
			for i, s := range shadow {
				if s != 0 && s != shadowFreed && !fn(Ref(unit<<unitShift+uint64(i)*8), Purpose(s-1)) {
					return
				}
			}
		}
	}
}

// describeLive names the first few blocks of each purpose.
func (a *Arena) describeLive(b *strings.Builder) {
	var seen [Purposes]int
	a.eachLive(func(r Ref, p Purpose) bool {
		seen[p]++
		if seen[p] <= 4 {
			fmt.Fprintf(b, "\n\t%v %#x, %d bytes", p, uint64(r), a.Usable(r))
		}
		return true
	})
	for p, n := range seen {
		if n > 4 {
			fmt.Fprintf(b, "\n\t%v: %d blocks in all", Purpose(p), n)
		}
	}
}
