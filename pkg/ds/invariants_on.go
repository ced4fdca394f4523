//go:build invariants

// The checks of the tag invariants: a Slot that is used after entries moved, and
// a key that is inserted twice.

package ds

import (
	"bytes"
	"fmt"

	"redisd/pkg/mem"
)

// epoch counts the times that entries of a dict changed their places. Each Slot
// carries the count it was made at.
type epoch uint64

func (d *Dict) moved() { d.epoch++ }

// checkSlot panics when s may name another entry's place by now.
func (d *Dict) checkSlot(s Slot) {
	if s.epoch != d.epoch {
		panic("BUG: dict: slot used after entries moved")
	}
	if d.bucket(s.b).live()&(1<<s.i) == 0 {
		panic("BUG: dict: slot holds no entry")
	}
}

// checkNew panics when the key of e is in the dict already, or h is not its hash.
func (d *Dict) checkNew(h uint64, e mem.Ref) {
	key := d.key(e)
	if h != d.Hash(key) {
		panic("BUG: dict: inserted with the hash of another key")
	}
	for n := range d.ht {
		t := &d.ht[n]
		if t.used == 0 {
			continue
		}
		d.EachIn(t.gen, h&t.mask, func(r mem.Ref) {
			if bytes.Equal(d.key(r), key) {
				panic(fmt.Sprintf("BUG: dict: %q inserted twice", key))
			}
		})
	}
}

// checkReplace panics when r is not an entry of the key that s has.
func (d *Dict) checkReplace(s Slot, r mem.Ref) {
	d.checkSlot(s)
	if !bytes.Equal(d.key(d.bucket(s.b).ref(s.i)), d.key(r)) {
		panic("BUG: dict: replaced by an entry of another key")
	}
}
