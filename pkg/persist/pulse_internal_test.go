package persist

import (
	"os"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
)

// What the writer does is work; what passes through to a spool is none until it is
// taken out again.
func TestPulseCountsTheWritersWork(t *testing.T) {
	var last Pulse
	p := startPulse(func(q Pulse) { last = q }, func(vfs.File) (int64, bool) { return 4096, true })
	fsys := p.wrap(vfs.NewMem())
	open := func(name string) vfs.File {
		f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		check.NoErr(t, err)
		return f
	}
	spool, file := open("/temp-1.diff"), open("/temp-1.rdb")
	grown := func(what string, want bool, do func()) {
		t.Helper()
		before := p.work.Load()
		do()
		check.True(t, p.work.Load() > before == want, what)
	}
	buf := make([]byte, 100)
	grown("into the spool", false, func() { _, _ = spool.Write(buf) })
	grown("a sign of life", false, p.tell)
	grown("out of the spool", true, func() { _, _ = spool.ReadAt(buf, 0) })
	grown("into the file", true, func() { _, _ = file.Write(buf) })
	grown("back from the file", true, func() { _, _ = file.ReadAt(buf, 0) })
	grown("a key", true, p.key)
	grown("a sync", true, func() { check.NoErr(t, file.Sync()) })
	grown("a rename", true, func() { check.NoErr(t, fsys.Rename("/temp-1.rdb", "/x.rdb")) })
	p.enter(PhaseSync, file.(*pulseFile), 300)
	p.stop()
	check.Eq(t, []uint64{last.Seq, uint64(last.Phase), last.Left, last.Syncing, last.Syncs}, []uint64{2, uint64(PhaseSync), 4096, 300, 1})

	f := fields{p: last.append(nil)}
	check.Eq(t, parsePulse(&f), last)
	check.True(t, !f.bad && len(f.p) == 0, "the whole frame")
	f = fields{p: last.append(nil)[:20]}
	parsePulse(&f)
	check.True(t, f.bad, "a short frame is noticed")
}

func TestPhaseNames(t *testing.T) {
	check.Eq(t, PhaseNone.String()+" "+PhaseRename.String()+" "+Phase(99).String(), "none rename unknown")
}
