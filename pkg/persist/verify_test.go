package persist_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist"
	"redisd/pkg/persist/aof"
	"redisd/pkg/persist/rdb"
)

// verified are the kinds of files that a child writes.
func verified() map[string]persist.Options {
	o := saveOptions()
	o.Verify = true
	with := func(role persist.Role, change func(*persist.Options)) persist.Options {
		c := o
		c.Role = role
		change(&c)
		return c
	}
	return map[string]persist.Options{
		"rdb":                  with(persist.RoleRDB, func(*persist.Options) {}),
		"rdb without checksum": with(persist.RoleRDB, func(o *persist.Options) { o.Checksum = false }),
		"preamble":             with(persist.RoleAOF, func(o *persist.Options) { o.Preamble = true }),
		"commands":             with(persist.RoleAOF, func(o *persist.Options) { o.TimestampSecs = 1_700_000_000 }),
	}
}

// doneJob is a job that has sent all it has.
type doneJob interface {
	anyJob
	keyspace.PartSink
	Record(db int, rec *rdb.Record)
	SnapshotDone()
	Report() *persist.Report
}

func newVerifiedJob(o persist.Options) doneJob {
	if o.Role == persist.RoleRDB {
		j := persist.NewSaveJob(o)
		j.SetPid(pid)
		return j
	}
	j := persist.NewRewriteJob(o, true)
	j.SetPid(pid)
	return j
}

// small is the stream of a dataset whose file has a few hundred bytes.
func small(t testing.TB, o persist.Options) []byte {
	t.Helper()
	j := newVerifiedJob(o)
	for _, r := range []*rdb.Record{
		rec(0, "plain", "value", -1), rec(0, "number", "-12345", -1), rec(3, "later", strings.Repeat("ab", 30), 1_900_000_000_123),
	} {
		j.Record(r.DB, r)
	}
	j.SnapshotDone()
	b := collect(j)
	if r, ok := j.(*persist.RewriteJob); ok {
		r.Feed(append(encode("SELECT", "0"), encode("SET", "diff", "1")...))
		_, err := r.Control(stopRequest())
		check.NoErr(t, err)
		b = append(b, collect(j)...)
	}
	return b
}

// tempOf is the file that a child with these options leaves.
func tempOf(o persist.Options) string {
	if o.Role == persist.RoleRDB {
		return persist.TempRDB(dir, pid)
	}
	return persist.TempRewriteDone(dir, pid)
}

// report is what a child has told at its end.
func report(t testing.TB, o persist.Options, ctl *memPipe) (persist.Report, []string) {
	t.Helper()
	j := newVerifiedJob(o)
	events, err := j.Control(ctl.buf)
	check.NoErr(t, err)
	var lines []string
	for _, e := range events {
		if e.Kind == persist.EventNote {
			lines = append(lines, e.Line.Text)
		}
	}
	return *j.Report(), lines
}

// A disk that reports success and keeps something else is found out, wherever it does
// so: any byte changed, at the write or after the last sync, and any length lost.
func TestVerificationFindsDamageAnywhere(t *testing.T) {
	for name, o := range verified() {
		t.Run(name, func(t *testing.T) {
			stream := small(t, o)
			m := newMem(t)
			var syncs, writes int64
			spy := vfs.PathMatch("temp-*[0-9].[ra]*", vfs.Func("count", func(op vfs.Op) error {
				switch op.Kind {
				case vfs.OpSync:
					syncs++
				case vfs.OpWrite:
					writes += int64(min(op.Bytes, 1))
				}
				return nil
			}))
			code, ctl := runOn(vfs.NewFault(m, spy), stream)
			r, _ := report(t, o, ctl)
			check.Eq(t, code, persist.ExitDone)
			check.Eq(t, r.Text, "")
			size := int64(len(must(vfs.ReadFile(m, tempOf(o)))))
			check.True(t, size > 100 && size < 1000, fmt.Sprint(size))

			try := func(what string, inj vfs.Injector) {
				t.Helper()
				fsys := newCountFS(vfs.NewFault(newMem(t), vfs.PathMatch("temp-*[0-9].[ra]*", inj)))
				code, ctl := runOn(fsys, stream)
				r, lines := report(t, o, ctl)
				if code != persist.ExitFailed || !r.Unverified || !strings.Contains(r.Text, "offset") {
					t.Fatalf("%s: exit %d, %q", what, code, r.Text)
				}
				check.True(t, strings.HasPrefix(lines[len(lines)-1], "Verification failed, the file is discarded: temp-"), fmt.Sprint(lines))
				check.Eq(t, temps(t, fsys), []string{})
				check.Eq(t, fsys.left(), nil)
			}
			for off := range size {
				for _, mask := range []byte{1 << (off % 8), 0xff} {
					d := &vfs.Damage{Off: off, Flip: mask}
					try(fmt.Sprintf("byte %d ^ %02x", off, mask), vfs.Syncs(vfs.OnIndex(syncs-1, d)))
				}
				try(fmt.Sprintf("cut at %d", off), vfs.Syncs(vfs.OnIndex(syncs-1, &vfs.Damage{Off: off, Cut: true})))
			}
			for i := range writes {
				try(fmt.Sprintf("write %d", i), someWrites(vfs.OnIndex(i, &vfs.Damage{Off: 3, Flip: 1})))
				try(fmt.Sprintf("lost write %d", i), someWrites(vfs.OnIndex(i, &vfs.Damage{Cut: true})))
			}
		})
	}
}

// someWrites asks inj only about writes of something.
func someWrites(inj vfs.Injector) vfs.Injector {
	return vfs.Func("writes "+inj.String(), func(op vfs.Op) error {
		if op.Kind != vfs.OpWrite || op.Bytes == 0 {
			return nil
		}
		return inj.Check(op)
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// What the file holds is compared with what the daemon has sent: an encoder and a
// decoder that do not agree do not get past, whatever the bytes on the disk are.
func TestVerificationComparesTheDataset(t *testing.T) {
	for name, o := range verified() {
		stream := small(t, o)
		ends, types := boundaries(stream)
		end := bytes.IndexByte(types, 4)
		// The last entry of the snapshot's end is database 3: number, keys, digest.
		change := func(back int) []byte {
			b := bytes.Clone(stream)
			b[ends[end]-back] ^= 1
			return b
		}
		for _, tt := range []struct {
			what string
			b    []byte
			text string
		}{
			{"digest", change(8), "database 3 has the digest "},
			{"keys", change(16), "database 3 has 1 keys of 0"},
		} {
			fsys := newMem(t)
			code, ctl := runOn(fsys, tt.b)
			check.Eq(t, code, persist.ExitFailed)
			r, _ := report(t, o, ctl)
			check.True(t, strings.Contains(r.Text, tt.text), name+": "+r.Text)
			check.Eq(t, temps(t, fsys), []string{})
		}
	}
}

// A file that cannot be read back is no verified one.
func TestVerificationNeedsToReadTheFile(t *testing.T) {
	for name, o := range verified() {
		for what, inj := range map[string]vfs.Injector{
			"reading at offset 0": vfs.Reads(vfs.Always(unix.EIO)),
			"opening it":          vfs.Kinds(vfs.Always(unix.EIO), vfs.OpOpen),
			"its size":            vfs.Kinds(vfs.Always(unix.EIO), vfs.OpSize),
		} {
			fsys := newMem(t)
			code, ctl := runOn(vfs.NewFault(fsys, vfs.PathMatch("temp-*[0-9].[ra]*", inj)), small(t, o))
			check.Eq(t, code, persist.ExitFailed)
			r, _ := report(t, o, ctl)
			check.True(t, r.Unverified && strings.Contains(r.Text, what) && strings.Contains(r.Text, "Input/output error"), name+": "+r.Text)
			check.Eq(t, temps(t, fsys), []string{})
		}
	}
}

// A file system without O_DIRECT is read in the plain way.
func TestVerificationWithoutDirectReads(t *testing.T) {
	m := newMem(t)
	o := verified()["rdb"]
	direct := vfs.PathMatch("temp-*", vfs.Kinds(vfs.OnIndex(0, unix.EINVAL), vfs.OpOpen))
	code, _ := runOn(vfs.NewFault(m, direct), small(t, o))
	check.Eq(t, code, persist.ExitDone)
}

// A long file is read back while it is written, and the writer gives up as soon as
// damage is found, long before its end.
func TestVerificationFollowsTheWriter(t *testing.T) {
	for name, o := range verified() {
		o.Compress, o.SyncEvery = false, 1<<20
		j := newVerifiedJob(o)
		text := strings.Repeat("0123456789abcdef", 2<<10)
		for i := range 70 {
			r := rec(0, fmt.Sprint("key", i), text, -1)
			j.Record(0, r)
		}
		j.SnapshotDone()
		stream := collect(j)
		if r, ok := j.(*persist.RewriteJob); ok {
			_, err := r.Control(stopRequest())
			check.NoErr(t, err)
			stream = append(stream, collect(j)...)
		}
		code, ctl := runOn(newMem(t), stream)
		r, _ := report(t, o, ctl)
		check.Eq(t, fmt.Sprint(name, code, r.Text), name+"0")
		damage := vfs.PathMatch("temp-*[0-9].[ra]*", vfs.Syncs(vfs.OnIndex(0, &vfs.Damage{Off: 800_000, Flip: 1})))
		code, ctl = runOn(vfs.NewFault(newMem(t), damage), stream)
		r, _ = report(t, o, ctl)
		check.Eq(t, fmt.Sprint(code, r.Unverified), fmt.Sprint(persist.ExitFailed, true))
		check.True(t, strings.Contains(r.Text, "offsets 78"), name+": "+r.Text)
	}
}

// The done handlers: a failure with a reason of its own, the old file stays.
func TestVerificationFailureIsAFailedJob(t *testing.T) {
	m := newMem(t)
	put(t, m, "dump.rdb", []byte("old"))
	put(t, m, "live.aof", []byte("old"))
	damage := vfs.PathMatch("temp-*[0-9].[ra]*", vfs.Syncs(vfs.Always(&vfs.Damage{Off: 30, Cut: true})))
	for name, o := range verified() {
		j := newVerifiedJob(o)
		j.Record(0, rec(0, "key", strings.Repeat("x", 100), -1))
		j.SnapshotDone()
		code, _ := runChild(t, j, vfs.NewFault(m, damage), nil)
		var out persist.Outcome
		exit := persist.Exit{Code: code}
		if s, ok := j.(*persist.SaveJob); ok {
			d := s.Done(exit, persist.DoneConfig{FS: m, Clock: testClock(), Name: "dump.rdb"})
			drive(d.Next, nil)
			out = d.Outcome()
		} else {
			d := j.(*persist.RewriteJob).Done(exit, persist.DoneConfig{FS: m, Clock: testClock(), Name: "live.aof", State: aof.On})
			drive(d.Next, nil)
			out = d.Outcome()
		}
		var e *persist.ChildError
		check.True(t, out.StatusErr && !out.OK && errors.As(out.Err, &e) && e.Unverified, fmt.Sprintf("%s: %+v", name, out))
		check.Eq(t, temps(t, m), []string{})
		check.Eq(t, string(read(t, m, "dump.rdb"))+string(read(t, m, "live.aof")), "oldold")
	}
}

// A save in the process itself is verified as well: against a disk that damages the file at
// its sync, and against whoever writes to it between the verification and the rename.
func TestFileSaveIsVerified(t *testing.T) {
	for name, o := range verified() {
		for _, damaged := range []vfs.OpKind{vfs.OpNone, vfs.OpSync, vfs.OpClose} {
			m := newMem(t)
			put(t, m, "live", []byte("old"))
			d := &vfs.Damage{Off: 30, Flip: 1}
			var inj vfs.Injector = &vfs.Ops{}
			switch damaged {
			case vfs.OpSync:
				inj = vfs.Syncs(vfs.Always(d))
			case vfs.OpClose:
				closes := 0
				inj = vfs.Kinds(vfs.Func("the reader's", func(op vfs.Op) error {
					if closes++; closes < 2 {
						return nil
					}
					return d.Apply(m, op.Path)
				}), vfs.OpClose)
			}
			s := newStore(t)
			s.do("SET", "a", strings.Repeat("x", 100))
			s.do("RPUSH", "l", "1", "two")
			f := persist.NewFileSave(o, persist.SaveConfig{FS: vfs.NewFault(m, vfs.PathMatch("temp-*", inj)), Pid: pid, Name: "live"})
			s.ks.DB(0).Each(func(e keyspace.Entry) { f.Entry(0, e) })
			line, err := f.Finish()
			bad := damaged != vfs.OpNone
			var ve *persist.VerifyError
			check.Eq(t, fmt.Sprint(name, damaged, errors.As(err, &ve), err != nil && !bad, line), fmt.Sprint(name, damaged, bad, false, line))
			check.True(t, bad == (string(read(t, m, "live")) == "old"), name+": "+line.Text)
			check.Eq(t, temps(t, m), []string{})
		}
	}
}
