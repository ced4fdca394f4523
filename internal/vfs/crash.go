package vfs

import (
	"maps"
	"math/rand"
	"slices"
)

// CrashClone returns what a power failure at this moment would leave on the
// disk. The receiver goes on unharmed and the clone shares nothing with it;
// locks are gone, as after a restart.
//
// With a nil rnd nothing survives but what was synced: data by File.Sync, names
// by SyncDir. With rnd, of each file's later writes a random number survives,
// oldest first, the last of them perhaps in part; of the later changes of names
// a random number, oldest first (file systems journal them in order). The two
// are independent: a rename may survive while the data of the renamed file does
// not, which is why a file must be synced before it gets its name.
func (m *Mem) CrashClone(rnd *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := maps.Clone(m.durable)
	if rnd != nil {
		for _, o := range m.pending[:rnd.Intn(len(m.pending)+1)] {
			o.apply(names)
		}
	}
	c := NewMem()
	c.dirs, c.changes = maps.Clone(m.dirs), m.changes
	copies := map[*memNode]*memNode{}
	for _, p := range slices.Sorted(maps.Keys(names)) {
		n := names[p]
		if copies[n] == nil {
			data := n.afterCrash(rnd)
			copies[n] = &memNode{data: data, synced: slices.Clone(data), mode: n.mode, mtime: n.mtime}
		}
		c.files[p] = copies[n]
		c.durable[p] = copies[n]
	}
	return c
}

// KillClone returns what the end of the process at this moment would leave: everything that
// was written, which the kernel brings to the disk in time.
func (m *Mem) KillClone() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMem()
	c.dirs, c.changes = maps.Clone(m.dirs), m.changes
	for p, n := range m.files {
		c.files[p] = &memNode{data: slices.Clone(n.data), synced: slices.Clone(n.data), mode: n.mode, mtime: n.mtime}
		c.durable[p] = c.files[p]
	}
	return c
}

func (n *memNode) afterCrash(rnd *rand.Rand) []byte {
	b := slices.Clone(n.synced)
	if rnd == nil || len(n.dirty) == 0 {
		return b
	}
	kept := rnd.Intn(len(n.dirty) + 1)
	for _, o := range n.dirty[:kept] {
		b = o.apply(b)
	}
	if kept < len(n.dirty) && len(n.dirty[kept].data) > 1 && rnd.Intn(2) == 0 {
		o := n.dirty[kept]
		o.data = o.data[:1+rnd.Intn(len(o.data)-1)]
		b = o.apply(b)
	}
	return b
}
