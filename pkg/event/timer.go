package event

import "math"

// Here: timers in a binary heap. Timers are few (cron, retries, a handful of
// deadlines), so plain is enough; what matters is that looking at the nearest one
// costs nothing, because every sleep does.

// TimerID names a timer; 0 names none. A number is not used twice.
type TimerID uint64

// maxDelayMs keeps a delay far from overflow: 34 years.
const maxDelayMs = 1 << 40

// timer is one slot.
type timer struct {
	when int64        // due time, monotonic µs
	seq  uint64       // order of arming, decides between equal times
	fn   func() int64 // nil: the slot is free
	pos  int32        // index in the heap, -1 while fn runs
	gen  uint32       // half of the TimerID; changes when the slot is freed
}

// timers holds all timers of a loop.
type timers struct {
	slots []timer
	free  []uint32 // slots that are not used
	heap  []uint32 // slots ordered by (when, seq)
	seq   uint64   // last one given
}

// After calls fn once in ms milliseconds, or later when the loop is busy; a
// negative ms counts as 0. fn returns the delay in milliseconds after which it
// wants to be called again, counted from the moment at which the loop saw it due,
// or a negative number to end.
func (l *Loop) After(ms int64, fn func() (againMs int64)) TimerID {
	l.assertOwner()
	t := &l.timers
	var slot uint32
	if n := len(t.free); n > 0 {
		slot = t.free[n-1]
		t.free = t.free[:n-1]
	} else {
		slot = uint32(len(t.slots))
		t.slots = append(t.slots, timer{gen: 1})
	}
	t.slots[slot].fn = fn
	t.arm(slot, l.monoMicros()+delayMicros(ms))
	return TimerID(t.slots[slot].gen)<<32 | TimerID(slot)
}

// Cancel ends a timer and reports whether it was alive. A timer may cancel itself
// while it runs; what it returns is then ignored.
func (l *Loop) Cancel(id TimerID) bool {
	l.assertOwner()
	t := &l.timers
	slot := uint32(id)
	if int(slot) >= len(t.slots) || t.slots[slot].gen != uint32(id>>32) || t.slots[slot].fn == nil {
		return false
	}
	if t.slots[slot].pos >= 0 {
		t.remove(int(t.slots[slot].pos))
	}
	t.release(slot)
	return true
}

// runTimers calls what is due at the time sampled when the poll returned. Those
// armed meanwhile have a higher seq, hence are later in the heap than every one of
// the same time, and wait for the next turn.
func (l *Loop) runTimers() {
	t := &l.timers
	now, last := l.mono, t.seq
	for len(t.heap) > 0 {
		slot := t.heap[0]
		if t.slots[slot].when > now || t.slots[slot].seq > last {
			return
		}
		fn, gen := t.slots[slot].fn, t.slots[slot].gen
		t.remove(0)
		again := fn()
		switch {
		case t.slots[slot].gen != gen: // cancelled by fn; the slot may be another's
		case again < 0:
			t.release(slot)
		default:
			t.arm(slot, now+delayMicros(again))
		}
	}
}

// timeoutMillis is how long a poll may sleep: 0 when a timer is due, -1 without
// timers. It rounds up; waking early would only mean to sleep again.
func (l *Loop) timeoutMillis() int {
	t := &l.timers
	if len(t.heap) == 0 {
		return -1
	}
	left := t.slots[t.heap[0]].when - l.monoMicros()
	if left <= 0 {
		return 0
	}
	return int(min((left+999)/1000, math.MaxInt32))
}

func delayMicros(ms int64) int64 { return min(max(ms, 0), maxDelayMs) * 1000 }

func (t *timers) arm(slot uint32, when int64) {
	t.seq++
	t.slots[slot].when = when
	t.slots[slot].seq = t.seq
	t.heap = append(t.heap, slot)
	t.up(len(t.heap) - 1)
}

func (t *timers) release(slot uint32) {
	t.slots[slot].fn = nil
	t.slots[slot].gen++
	if t.slots[slot].gen == 0 { // keeps TimerID 0 free
		t.slots[slot].gen = 1
	}
	t.free = append(t.free, slot)
}

// remove takes the entry at heap index i out.
func (t *timers) remove(i int) {
	t.slots[t.heap[i]].pos = -1
	last := len(t.heap) - 1
	moved := t.heap[last]
	t.heap = t.heap[:last]
	if i == last {
		return
	}
	t.heap[i] = moved
	t.slots[moved].pos = int32(i)
	t.down(i)
	t.up(i)
}

func (t *timers) less(a, b uint32) bool {
	x, y := &t.slots[a], &t.slots[b]
	if x.when != y.when {
		return x.when < y.when
	}
	return x.seq < y.seq
}

func (t *timers) up(i int) {
	slot := t.heap[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !t.less(slot, t.heap[parent]) {
			break
		}
		t.place(i, t.heap[parent])
		i = parent
	}
	t.place(i, slot)
}

func (t *timers) down(i int) {
	slot := t.heap[i]
	for {
		child := 2*i + 1
		if child >= len(t.heap) {
			break
		}
		if child+1 < len(t.heap) && t.less(t.heap[child+1], t.heap[child]) {
			child++
		}
		if !t.less(t.heap[child], slot) {
			break
		}
		t.place(i, t.heap[child])
		i = child
	}
	t.place(i, slot)
}

func (t *timers) place(i int, slot uint32) {
	t.heap[i] = slot
	t.slots[slot].pos = int32(i)
}
