package mem_test

import (
	"testing"

	"redisd/internal/check"
	"redisd/pkg/mem"
)

const (
	chunk = 2 << 20
	plain = 64 << 20 // what gets small pages before huge ones begin
)

// fillTo allocates until so many bytes are used.
func fillTo(a *mem.Arena, blocks []mem.Ref, bytes uint64) []mem.Ref {
	for a.Used() < bytes {
		blocks = append(blocks, a.Alloc(mem.Entry, 4096))
	}
	return blocks
}

// The next huge page is brought in by the background when half of the newest is gone, and used next.
func TestSpareChunkIsBroughtInAhead(t *testing.T) {
	m := newModel(t, mem.Config{Reserve: 1 << 30, HugePages: true}, true)
	a := m.a
	blocks := fillTo(a, nil, plain+chunk/4)
	check.Eq(t, len(m.later), 0)
	blocks = fillTo(a, blocks, plain+chunk*3/4)
	check.Eq(t, len(m.later), 1)
	check.Eq(t, a.Stats().Pending, uint64(chunk))
	before := a.Resident()
	m.background()
	check.True(t, a.Resident() > before, "its page is there")
	check.Eq(t, a.Stats().Pending, uint64(0))
	check.NoErr(t, a.Verify())

	mapped := a.Mapped()
	blocks = fillTo(a, blocks, plain+chunk*5/4)
	check.Eq(t, a.Mapped(), mapped) // the chunk that was there
	check.NoErr(t, a.Verify())

	for _, r := range blocks {
		a.Free(mem.Entry, r)
	}
	m.background()
	a.Trim()
	m.background()
	check.NoErr(t, a.Verify())
	check.True(t, a.Mapped() < chunk, "all of it is given back, the spare chunk too")
}

// A chunk whose page is still on its way is not waited for.
func TestSpareChunkThatIsNotReady(t *testing.T) {
	m := newModel(t, mem.Config{Reserve: 1 << 30, HugePages: true}, true)
	blocks := fillTo(m.a, nil, plain+4*chunk)
	check.Eq(t, len(m.later), 1) // there is one at a time
	m.background()
	check.NoErr(t, m.a.Verify())
	for _, r := range blocks {
		m.a.Free(mem.Entry, r)
	}
	m.a.Trim()
	m.background()
	check.NoErr(t, m.a.Verify())
}

// A fresh table's huge pages are on their way until the background has brought the last in,
// or the table is gone.
func TestTableIsComing(t *testing.T) {
	for _, freed := range []bool{false, true} {
		m := newModel(t, mem.Config{Reserve: 1 << 30, HugePages: true}, true)
		blocks := fillTo(m.a, nil, plain+chunk)
		m.background()
		check.True(t, !m.a.Incoming(), "nothing is on its way")
		table := m.a.AllocZero(mem.Table, 5*chunk)
		check.True(t, m.a.Incoming(), "it is on its way")
		if freed {
			m.a.Free(mem.Table, table)
		}
		m.background()
		check.True(t, !m.a.Incoming(), "all of it is there")
		if !freed {
			before := m.a.Resident()
			clear(m.a.Bytes(table, 5*chunk))
			check.Eq(t, m.a.Resident(), before)
			m.a.Free(mem.Table, table)
		}
		for _, r := range blocks {
			m.a.Free(mem.Entry, r)
		}
		m.background()
		m.a.Trim()
		m.background()
	}
}
