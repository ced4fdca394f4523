package keyspace

import (
	"bytes"
	"fmt"

	"redisd/pkg/mem"
)

// Verify walks all databases and returns an error that names the first thing
// that is not as it must be: tables, the agreement of main and expires table,
// the form of entries, and every byte that the arena counts.
func (ks *Keyspace) Verify() error {
	var used [mem.Purposes]uint64
	for _, db := range ks.dbs {
		if err := db.verify(&used); err != nil {
			return fmt.Errorf("db %d: %w", db.index, err)
		}
	}
	for i, d := range ks.lazy {
		if d.dict == nil {
			ks.addValue(d.value, &used)
			continue
		}
		if err := d.dict.Check(); err != nil {
			return fmt.Errorf("detached table %d: %w", i, err)
		}
		used[mem.Table] += d.dict.MemUsage()
		if d.owner {
			d.dict.Each(func(r mem.Ref) { ks.dbs[0].view(r).addUsed(&used) })
		}
	}
	ks.addHeld(&used)
	for p, n := range used {
		if have := ks.arena.UsedBy(mem.Purpose(p)); have != n {
			return fmt.Errorf("%d bytes are in use as %v, and %d are reachable", have, mem.Purpose(p), n)
		}
	}
	return nil
}

func (e Entry) addUsed(used *[mem.Purposes]uint64) {
	used[mem.Entry] += uint64(e.db.ks.arena.Usable(e.ref))
	if e.outside() {
		e.db.ks.addValue(e.value(), used)
	}
}

func (db *DB) verify(used *[mem.Purposes]uint64) error {
	if err := db.dict.Check(); err != nil {
		return fmt.Errorf("main: %w", err)
	}
	if err := db.expires.Check(); err != nil {
		return fmt.Errorf("expires: %w", err)
	}
	used[mem.Table] += db.dict.MemUsage() + db.expires.MemUsage()
	volatile := map[mem.Ref]bool{}
	db.expires.Each(func(r mem.Ref) { volatile[r] = true })
	var err error
	db.Each(func(e Entry) {
		e.addUsed(used)
		switch {
		case err != nil:
		case e.hasExpire() != volatile[e.ref]:
			err = fmt.Errorf("key %q: expires %v, in the expires table %v", e.Key(), e.hasExpire(), volatile[e.ref])
		default:
			if err = e.verify(); err != nil {
				err = fmt.Errorf("key %q: %w", e.Key(), err)
			}
		}
		delete(volatile, e.ref)
	})
	if err == nil && len(volatile) > 0 {
		err = fmt.Errorf("the expires table has %d entries that the main table has not", len(volatile))
	}
	return err
}

func (e Entry) verify() error {
	size := e.valueOffset() + e.tailSize()
	if have := e.db.ks.arena.Usable(e.ref); have < size {
		return fmt.Errorf("%d bytes in a block of %d", size, have)
	}
	switch {
	case e.Type() != String && e.outside():
		return e.verifyCollection()
	case e.Type() != String || e.Encoding() > Embstr:
		return fmt.Errorf("head %#x", e.head())
	case e.Encoding() == Int && e.outside():
		return fmt.Errorf("a number with a block of its own")
	case e.Encoding() == Embstr && (e.outside() || e.StrLen() > EmbstrMax):
		return fmt.Errorf("embstr of %d bytes", e.StrLen())
	case e.outside() && e.db.ks.arena.Usable(e.outsideRef()) < e.StrLen():
		return fmt.Errorf("a value of %d bytes in a block of %d", e.StrLen(), e.db.ks.arena.Usable(e.outsideRef()))
	}
	return nil
}

// Outside tells whether the value has a block of its own.
func (e Entry) Outside() bool { return e.outside() }

// Access is the 24 bits for eviction as they lie in the entry.
func (e Entry) Access() uint32 { return e.access() }

// SameBlock tells whether two entries are one block.
func (e Entry) SameBlock(o Entry) bool { return e.ref == o.ref && bytes.Equal(e.Key(), o.Key()) }

// Rehashing tells whether a table of the database is being resized.
func (db *DB) Rehashing() bool { return db.dict.Rehashing() }

// SetParting lets values of more than the given bytes go in parts, strings in pieces.
func (ks *Keyspace) SetParting(bytes, piece int) { ks.parting.bytes, ks.parting.piece = bytes, piece }

// SetPartingElements lets values of more elements go in parts.
func (ks *Keyspace) SetPartingElements(n int) { ks.parting.elements = n }
