//go:build invariants

// The checks of the tag invariants: an entry that is not in the dict, or under another
// hash, and a key that is inserted twice.

package ds

import (
	"bytes"
	"fmt"

	"redisd/pkg/mem"
)

// checkHas panics unless e is in the dict, and h its key's hash.
func (d *Dict) checkHas(h uint64, e mem.Ref) {
	if h != d.Hash(d.key(e)) {
		panic("BUG: dict: the hash of another key")
	}
	d.locate(h, e)
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

// checkReplace panics when e is not an entry of the key that old has.
func (d *Dict) checkReplace(old, e mem.Ref) {
	if !bytes.Equal(d.key(old), d.key(e)) {
		panic("BUG: dict: replaced by an entry of another key")
	}
}
