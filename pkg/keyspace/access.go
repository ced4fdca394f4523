package keyspace

import (
	"math/rand/v2"
	"unsafe"
)

// accessClock keeps the 24 bits of each entry that eviction and OBJECT IDLETIME
// and FREQ read: the LRU clock, or LFU's minutes and counter.
type accessClock struct {
	lru          uint32 // seconds, 24 bits
	minutes      uint32 // Unix minutes, 16 bits
	lfu          bool
	quiet        bool // accesses leave no mark
	decayMinutes int  // lfu-decay-time
	logFactor    int  // lfu-log-factor
}

const (
	lruMask   = 1<<24 - 1
	lfuInit   = 5 // Redis's LFU_INIT_VAL: a new key is not the first to go
	lfuMinute = 1<<16 - 1
)

func (a *accessClock) setNow(ms int64) {
	a.lru = uint32(ms/1000) & lruMask
	a.minutes = uint32(ms/60000) & lfuMinute
}

// SetAccessPolicy says whether maxmemory-policy counts accesses (LFU) or keeps
// the time of the last one, with lfu-decay-time (minutes) and lfu-log-factor.
func (ks *Keyspace) SetAccessPolicy(lfu bool, decayMinutes, logFactor int) {
	ks.access.lfu, ks.access.decayMinutes, ks.access.logFactor = lfu, decayMinutes, logFactor
}

// SetQuiet says that accesses leave no mark for now: those of a connection with
// CLIENT NO-TOUCH. New keys have one.
func (ks *Keyspace) SetQuiet(quiet bool) { ks.access.quiet = quiet }

func (e Entry) access() uint32 {
	return *(*uint32)(unsafe.Add(e.p, 1)) >> 8
}

func (e Entry) setAccess(v uint32) {
	p := (*uint32)(unsafe.Add(e.p, 1))
	*p = *p&0xff | v<<8
}

func (a *accessClock) fresh() uint32 {
	if a.lfu {
		return a.minutes<<8 | lfuInit
	}
	return a.lru
}

func (e Entry) touch() {
	a := &e.db.ks.access
	switch {
	case a.quiet:
	case !a.lfu:
		e.setAccess(a.lru)
	default:
		e.setAccess(a.minutes<<8 | uint32(a.increment(e.Freq())))
	}
}

// increment counts one access with a chance that falls as the counter grows.
func (a *accessClock) increment(counter uint8) uint8 {
	if counter == 255 {
		return counter
	}
	base := max(0, float64(counter)-lfuInit)
	if rand.Float64() < 1/(base*float64(a.logFactor)+1) {
		counter++
	}
	return counter
}

// Freq is the LFU counter with its decay, 0..255; meaningful under an LFU policy.
func (e Entry) Freq() uint8 {
	a := &e.db.ks.access
	v := e.access()
	counter := v & 255
	if a.decayMinutes == 0 {
		return uint8(counter)
	}
	periods := ((a.minutes - v>>8) & lfuMinute) / uint32(a.decayMinutes)
	return uint8(counter - min(counter, periods))
}

// IdleSeconds is the time since the last access; meaningful under an LRU policy.
func (e Entry) IdleSeconds() int64 {
	return int64((e.db.ks.access.lru - e.access()) & lruMask)
}

// SetIdle sets the time since the last access, seconds, as an RDB or RESTORE says.
func (e Entry) SetIdle(seconds int64) {
	if !e.db.ks.access.lfu {
		e.setAccess((e.db.ks.access.lru - uint32(min(max(seconds, 0), lruMask))) & lruMask)
	}
}

// SetFreq sets the LFU counter, as an RDB or RESTORE says.
func (e Entry) SetFreq(counter uint8) {
	if e.db.ks.access.lfu {
		e.setAccess(e.db.ks.access.minutes<<8 | uint32(counter))
	}
}

// LFU tells whether entries count accesses rather than keep the last one's time.
func (ks *Keyspace) LFU() bool { return ks.access.lfu }
