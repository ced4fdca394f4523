package ds

import (
	"fmt"

	"redisd/pkg/mem"
)

// Check walks the whole dict and returns an error that names the first thing
// that is not as it must be, or nil. It costs time and Go memory for every
// entry; it is for tests and for people.
func (d *Dict) Check() error {
	if err := d.checkTables(); err != nil {
		return err
	}
	seen := make(map[string]bool, d.Len())
	children := uint64(0)
	for n := range d.ht {
		used := uint64(0)
		for i := uint64(0); i < d.ht[n].size(); i++ {
			entries, nodes, err := d.checkChain(&d.ht[n], i, seen)
			if err != nil {
				return fmt.Errorf("ds: table %d of %d buckets, bucket %d: %w", n, d.ht[n].size(), i, err)
			}
			if n == 0 && int64(i) < d.rehash && entries > 0 {
				return fmt.Errorf("ds: bucket %d was moved, the rehash is at %d, and has %d entries", i, d.rehash, entries)
			}
			used, children = used+entries, children+nodes
		}
		if used != d.ht[n].used {
			return fmt.Errorf("ds: table %d has %d entries and counts %d", n, used, d.ht[n].used)
		}
	}
	if children != d.children {
		return fmt.Errorf("ds: %d child buckets, counted %d", children, d.children)
	}
	return nil
}

func (d *Dict) checkTables() error {
	small, large := d.ht[0].buckets != 0, d.ht[1].buckets != 0
	switch {
	case large && d.rehash < 0:
		return fmt.Errorf("ds: a second table without a rehash")
	case d.rehash >= 0 && !(small && large):
		return fmt.Errorf("ds: a rehash without two tables")
	case d.rehash > int64(d.ht[0].size()):
		return fmt.Errorf("ds: the rehash is at %d of %d buckets", d.rehash, d.ht[0].size())
	case large && d.ht[0].gen == d.ht[1].gen:
		return fmt.Errorf("ds: both tables have number %d", d.ht[0].gen)
	}
	return nil
}

// checkChain looks at bucket i and its children: each entry must belong there,
// and only the last of the chain may have room. It counts entries and children.
func (d *Dict) checkChain(t *table, i uint64, seen map[string]bool) (entries, children uint64, err error) {
	for r, top := d.at(t, i), true; ; top = false {
		b := d.bucket(r)
		if b.used()&^(slotMask|chainBit) != 0 {
			return 0, 0, fmt.Errorf("mask %#x", b.used())
		}
		if !top && b.live() == 0 {
			return 0, 0, fmt.Errorf("an empty child")
		}
		for m := b.live(); m != 0; m &= m - 1 {
			s := lowest(m)
			if err := d.checkEntry(t, i, b.tag(s), b.ref(s), seen); err != nil {
				return 0, 0, fmt.Errorf("slot %d: %w", s, err)
			}
			entries++
		}
		if !b.chained() {
			return entries, children, nil
		}
		if b.room() != 0 {
			return 0, 0, fmt.Errorf("a hole before the end of the chain, mask %#x", b.used())
		}
		r = b.ref(lastSlot)
		children++
	}
}

func (d *Dict) checkEntry(t *table, i uint64, tag uint8, e mem.Ref, seen map[string]bool) error {
	key := d.key(e)
	h := d.Hash(key)
	switch {
	case h&t.mask != i:
		return fmt.Errorf("key %q belongs into bucket %d", key, h&t.mask)
	case tagOf(h) != tag:
		return fmt.Errorf("key %q has tag %#x, not %#x", key, tagOf(h), tag)
	case seen[string(key)]:
		return fmt.Errorf("key %q is there twice", key)
	}
	seen[string(key)] = true
	return nil
}
