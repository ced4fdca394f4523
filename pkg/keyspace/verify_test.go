package keyspace

import (
	"fmt"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// What Verify looks at in collections.

// addValue counts the blocks of a value outside of its entry.
func (ks *Keyspace) addValue(v value, used *[mem.Purposes]uint64) {
	switch v.enc {
	case Hashtable:
		d := ks.elements.At(v.ref)
		root := uint64(ks.arena.Usable(v.ref))
		used[mem.Node] += root
		used[mem.Table] += d.MemUsage() - root
		d.Each(func(r mem.Ref) { used[mem.Value] += uint64(ks.arena.Usable(r)) })
	default:
		used[mem.Value] += uint64(ks.arena.Usable(v.ref))
	}
}

// addHeld counts what a snapshot took over from the keyspace.
func (ks *Keyspace) addHeld(used *[mem.Purposes]uint64) {
	if ks.snap == nil {
		return
	}
	for _, l := range ks.snap.queue {
		if l.orphan {
			ks.addValue(l.value, used)
		}
	}
}

func (e Entry) verifyCollection() error {
	switch e.Encoding() {
	case Listpack:
		return e.verifyPack()
	case Intset:
		if err := ds.CheckIntset(e.Blob()); err != nil {
			return err
		}
		if e.Type() != Set {
			return fmt.Errorf("an intset of type %v", e.Type())
		}
	case Hashtable:
		d := e.db.ks.elements.At(e.root())
		if d.Len() == 0 {
			return fmt.Errorf("an empty table")
		}
		return d.Check()
	}
	return nil
}

func (e Entry) verifyPack() error {
	if err := ds.CheckListpack(e.Blob()); err != nil {
		return err
	}
	l := ds.Listpack(e.Blob())
	step := 1
	if e.Type() == Hash || e.Type() == ZSet {
		step = 2
	}
	if n := l.Count(); n == 0 || n%step != 0 {
		return fmt.Errorf("a listpack of %d elements", n)
	}
	seen := map[string]bool{}
	for off := l.First(); off >= 0 && e.Type() != List; off = skip(l, off, step) {
		m := string(l.Get(off).Append(nil))
		if seen[m] {
			return fmt.Errorf("%q is there twice", m)
		}
		seen[m] = true
	}
	return nil
}

// SetLargeElements lets tables of more than n elements go in parts.
func (ks *Keyspace) SetLargeElements(n int) { ks.parting.elements = n }
