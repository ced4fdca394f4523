package keyspace

import "redisd/pkg/mem"

// goneList remembers the keys that expired since the executor last asked, so
// that it can log a DEL for each. The keys lie one after another in buf.
type goneList struct {
	buf  []byte
	keys []goneKey
}

type goneKey struct {
	db, end int
}

// expireNow deletes an entry whose time has passed and reports it.
func (db *DB) expireNow(e Entry) {
	g := &db.ks.gone
	g.buf = append(g.buf, e.Key()...)
	g.keys = append(g.keys, goneKey{db.index, len(g.buf)})
	db.ks.Stats.Expired++
	db.remove(e)
	db.free(e, db.ks.Lazy.Expire)
}

// TakeExpired calls fn for each key that was deleted because its time had
// passed since the last call, in order. key is good until fn returns; fn must
// not change the keyspace.
func (ks *Keyspace) TakeExpired(fn func(db int, key []byte)) {
	g := &ks.gone
	if len(g.keys) == 0 {
		return
	}
	start := 0
	for _, k := range g.keys {
		fn(k.db, g.buf[start:k.end])
		start = k.end
	}
	const keep = 64 << 10 // a burst of expiries must not hold its buffer for ever
	if cap(g.buf) > keep {
		g.buf, g.keys = nil, nil
	}
	g.buf, g.keys = g.buf[:0], g.keys[:0]
}

// expireCycle is where the active expiry goes on, across calls.
type expireCycle struct {
	nextDB    int
	timedOut  bool
	left      int64 // microseconds that the slow cycle of this period of cron still has
	nextSlice int64 // when it takes the next of them
	lastFast  int64 // microseconds
	expired   []mem.Ref
	sampled   int
	ttlSum    int64
	ttlCount  int64
	keysALoop int
}

// Parameters of Redis's active expiry at effort 1; each further step of effort
// adds a quarter of the first two, 2 % of CPU, and takes 1 % of tolerance.
const (
	cycleKeys       = 20
	cycleFastMicros = 500 // half of Redis's, and so twice as often
	cycleSlowShare  = 25  // per cent of a cron period
	cycleSlice      = 500 // microseconds of the slow cycle at once
	cycleStale      = 10  // per cent of expired keys that are tolerated
	cycleDatabases  = 16
)

// ActiveExpire deletes expired keys for a bounded time, as Redis's cycle does:
// it samples the keys that have an expiry, and goes on in a database while more
// than a tenth of the sample had expired. fast is the short cycle before sleep;
// the slow one runs in cron. effort is active-expire-effort (1..10), hz the cron
// frequency, micros the clock. The deleted keys come out of TakeExpired. Unless
// expired keys are to be deleted it does nothing.
//
// The slow cycle has a quarter of the time when many keys expire, which Redis takes at
// once: 25 ms in which nobody is served. Here it is taken in slices of half a
// millisecond: wait is in how many microseconds it wants the next one, by another fast
// call; -1 when it is through.
func (ks *Keyspace) ActiveExpire(fast bool, effort, hz int, micros func() int64) (wait int64) {
	if ks.expiry != ExpiryDeletes {
		return -1
	}
	c := &ks.cycle
	effort--
	start := micros()
	stale := float64(cycleStale - effort)
	share := int64(cycleSlowShare + 2*effort)
	if !fast {
		c.left, c.nextSlice = share*1e6/int64(hz)/100, start
	}
	slow := c.left > 0 && start >= c.nextSlice
	limit := min(c.left, cycleSlice)
	if slow {
		c.nextSlice = start + cycleSlice*100/share
	} else {
		limit = int64(cycleFastMicros + cycleFastMicros/4*effort)
		if !c.timedOut && ks.Stats.ExpiredStale*100 < stale || start < c.lastFast+2*limit {
			return c.wait(start)
		}
		c.lastFast = start
	}
	dbs := min(cycleDatabases, len(ks.dbs))
	if c.timedOut {
		dbs = len(ks.dbs)
	}
	c.timedOut = false
	c.keysALoop = cycleKeys + cycleKeys/4*effort
	sampled, expired := 0, 0
	for ; dbs > 0 && !c.timedOut; dbs-- {
		db := ks.dbs[c.nextDB%len(ks.dbs)]
		c.nextDB++
		for round := 1; db.expires.Len() > 0; round++ {
			n := db.expireSample()
			sampled, expired = sampled+c.sampled, expired+n
			if micros()-start > limit {
				c.timedOut = true
				break
			}
			if c.sampled == 0 || float64(n)*100/float64(c.sampled) <= stale {
				break
			}
		}
	}
	end := micros()
	ks.Stats.ExpireCycleUsec += uint64(end - start)
	if slow {
		c.left -= end - start
	}
	if !c.timedOut {
		c.left = 0
	} else if c.left <= 0 {
		ks.Stats.ExpireTimeCap++
	}
	expiredShare := 0.0
	if sampled > 0 {
		expiredShare = float64(expired) / float64(sampled)
	}
	ks.Stats.ExpiredStale = expiredShare*0.05 + ks.Stats.ExpiredStale*0.95
	return c.wait(end)
}

// wait is how long the slow cycle rests from now on; -1 when it is through.
func (c *expireCycle) wait(now int64) int64 {
	if c.left <= 0 {
		return -1
	}
	return max(0, c.nextSlice-now)
}

// expireSample looks at some keys from the cursor on and deletes those whose
// time has passed; it returns how many, and leaves the sample's size in c.
func (db *DB) expireSample() int {
	ks := db.ks
	c := &ks.cycle
	c.expired, c.sampled, c.ttlSum, c.ttlCount = c.expired[:0], 0, 0, 0
	want := min(c.keysALoop, int(db.expires.Len()))
	for buckets := want * 20; buckets > 0 && c.sampled < want; buckets-- {
		db.cursor = db.expires.Scan(db.cursor, func(r mem.Ref) {
			c.sampled++
			if ttl := db.view(r).ExpireAt() - ks.nowMs; ttl >= 0 {
				c.ttlSum += ttl
				c.ttlCount++
			} else {
				c.expired = append(c.expired, r)
			}
		})
		if db.cursor == 0 {
			break
		}
	}
	for _, r := range c.expired {
		e := db.view(r)
		e.hash = db.dict.Hash(e.Key())
		db.expireNow(e)
	}
	if c.ttlCount > 0 {
		avg := c.ttlSum / c.ttlCount
		if db.avgTTL == 0 {
			db.avgTTL = avg
		}
		db.avgTTL = db.avgTTL/50*49 + avg/50
	}
	return len(c.expired)
}
