package persist_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/failpoint"
	"redisd/internal/vfs"
	"redisd/pkg/persist"
)

// collect empties a job's queue.
func collect(j anyJob) []byte {
	var b bytes.Buffer
	for p := j.NextChunk(); p != nil; p = j.NextChunk() {
		b.Write(p)
		j.Consumed(len(p))
	}
	return b.Bytes()
}

// stopRequest is what a child sends to ask for the end of the difference.
func stopRequest() []byte { return []byte{'!', 0, 0, 0, 0} }

// wholeStream is all that a parent sends for a job of this role.
func wholeStream(t testing.TB, role persist.Role) ([]byte, dataset) {
	t.Helper()
	want := datasetOf(some())
	if role == persist.RoleRDB {
		return collect(filledSave(some())), want
	}
	opts := saveOptions()
	j := persist.NewRewriteJob(opts, true)
	for i, r := range some() {
		j.Record(r.DB, r)
		if i == 3 {
			j.Feed(append(encode("SELECT", "0"), encode("SET", "number", "changed")...))
		}
	}
	j.SnapshotDone()
	j.Feed(encode("SET", "late", "1"))
	want["0/number"], want["0/late"] = value{"changed", -1}, value{"1", -1}
	b := collect(j)
	_, err := j.Control(stopRequest())
	check.NoErr(t, err)
	j.Feed(encode("SET", "residual", "1"))
	return append(b, collect(j)...), want
}

// boundaries are the offsets at which a frame of a stream ends.
func boundaries(b []byte) (ends []int, types []byte) {
	for at := 0; at < len(b); {
		types = append(types, b[at])
		at += 5 + int(binary.LittleEndian.Uint32(b[at+1:]))
		ends = append(ends, at)
	}
	return ends, types
}

func runOn(fsys vfs.FS, stream []byte) (int, *memPipe) {
	ctl := newMemPipe()
	code := persist.RunChild(bytes.NewReader(stream), ctl, persist.ChildConfig{FS: fsys, Pid: pid})
	ctl.Close()
	return code, ctl
}

func TestStreamCutAnywhereLeavesNoFile(t *testing.T) {
	for _, role := range []persist.Role{persist.RoleRDB, persist.RoleAOF} {
		t.Run(role.String(), func(t *testing.T) {
			stream, want := wholeStream(t, role)
			ends, types := boundaries(stream)
			check.True(t, len(ends) > 6, "several frames")
			cuts := map[int]bool{0: true}
			for _, e := range ends {
				for _, d := range []int{-1, 0, 1, 3, 5, 6} {
					if at := e + d; at >= 0 && at <= len(stream) {
						cuts[at] = true
					}
				}
			}
			snapshotWhole := ends[slices.Index(types, 4)]
			for cut := range cuts {
				m := newMem(t)
				fsys := newCountFS(m)
				code, _ := runOn(fsys, stream[:cut])
				whole := cut == len(stream) || role == persist.RoleRDB && cut >= snapshotWhole
				check.Eq(t, fsys.left(), []string(nil))
				if !whole {
					check.Eq(t, code, persist.ExitFailed)
					check.Eq(t, temps(t, m), []string{})
					continue
				}
				check.Eq(t, code, persist.ExitDone)
				name := map[persist.Role]string{persist.RoleRDB: "temp-4711.rdb", persist.RoleAOF: "temp-rewriteaof-bg-4711.aof"}[role]
				check.Eq(t, temps(t, m), []string{name})
				check.Eq(t, loadFile(t, m, name), want)
			}
		})
	}
}

func TestChildSurvivesEveryFault(t *testing.T) {
	for _, role := range []persist.Role{persist.RoleRDB, persist.RoleAOF} {
		stream, want := wholeStream(t, role)
		type makeInjector func(i int64) vfs.Injector
		kinds := map[string]makeInjector{
			"once": func(i int64) vfs.Injector { return vfs.OnIndex(i, unix.ENOSPC) },
			"forever": func(i int64) vfs.Injector {
				return vfs.Kinds(vfs.From(i, unix.EIO), vfs.OpCreate, vfs.OpWrite, vfs.OpRead, vfs.OpSync, vfs.OpRename, vfs.OpClose)
			},
			"short": func(i int64) vfs.Injector { return vfs.Writes(vfs.OnIndex(i, vfs.ShortWrite(10, unix.EDQUOT))) },
		}
		for name, inject := range kinds {
			t.Run(role.String()+" "+name, func(t *testing.T) {
				failed := 0
				for i := int64(0); ; i++ {
					m := newMem(t)
					put(t, m, "live.aof", []byte("live"))
					inj := inject(i)
					fsys := newCountFS(vfs.NewFault(m, inj))
					code, ctl := runOn(fsys, stream)
					said, err := io.ReadAll(ctl)
					check.NoErr(t, err)
					check.Eq(t, string(read(t, m, "live.aof")), "live")
					if code == persist.ExitDone {
						files := temps(t, m)
						check.Eq(t, len(files), 1)
						check.Eq(t, loadFile(t, m, files[0]), want)
						if failed > 1 && i > 40 {
							return
						}
						continue
					}
					failed++
					check.Eq(t, code, persist.ExitFailed)
					check.Eq(t, temps(t, m), []string{})
					check.Eq(t, fsys.left(), []string(nil))
					if !bytes.Contains(said, []byte(": No space left on device")) && !bytes.Contains(said, []byte(": Input/output error")) &&
						!bytes.Contains(said, []byte(": Disk quota exceeded")) {
						t.Fatalf("%s: the child said %q", inj, said)
					}
				}
			})
		}
	}
}

func TestChildSaysWhatFailed(t *testing.T) {
	tests := []struct {
		name string
		role persist.Role
		inj  vfs.Injector
		want string
	}{
		{"open rdb", persist.RoleRDB, vfs.Opens(vfs.Always(unix.EACCES)), "# Failed opening .rdb for saving: Permission denied"},
		{"write rdb", persist.RoleRDB, vfs.Writes(vfs.Always(unix.ENOSPC)), "# Write error saving DB on disk: No space left on device"},
		{"open aof", persist.RoleAOF, vfs.PathMatch("*.aof", vfs.Opens(vfs.Always(unix.EROFS))), "# Opening the temp file for AOF rewrite in rewriteAppendOnlyFile(): Read-only file system"},
		{"write aof", persist.RoleAOF, vfs.PathMatch("*.aof", vfs.Writes(vfs.Always(unix.ENOSPC))), "# Write error writing append only file on disk: No space left on device"},
		{"spool", persist.RoleAOF, vfs.PathMatch("*.diff", vfs.Writes(vfs.Always(unix.ENOSPC))), "# Write error writing append only file on disk: No space left on device"},
		{"open spool", persist.RoleAOF, vfs.PathMatch("*.diff", vfs.Opens(vfs.Always(unix.EMFILE))), "# Write error writing append only file on disk: Too many open files"},
		{"rename aof", persist.RoleAOF, vfs.Renames(vfs.Always(unix.EIO)), "# Error moving temp append only file on the final destination: Input/output error"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			stream, _ := wholeStream(t, tc.role)
			_, ctl := runOn(vfs.NewFault(newMem(t), tc.inj), stream)
			said, err := io.ReadAll(ctl)
			check.NoErr(t, err)
			j := persist.NewSaveJob(saveOptions())
			events, err := j.Control(said)
			check.NoErr(t, err)
			var notes []string
			for _, e := range events {
				if e.Kind == persist.EventNote && e.Line.Level == '#' {
					notes = append(notes, string(e.Line.Level)+" "+e.Line.Text)
				}
			}
			check.Eq(t, notes, []string{tc.want})
			check.Eq(t, j.Report().OK, false)
		})
	}
}

func TestMalformedStreams(t *testing.T) {
	good, _ := wholeStream(t, persist.RoleRDB)
	ends, types := boundaries(good)
	header := good[:ends[0]]
	end := slices.Index(types, 4)
	frame := func(t byte, payload ...byte) []byte {
		b := binary.LittleEndian.AppendUint32([]byte{t}, uint32(len(payload)))
		return append(b, payload...)
	}
	tests := []struct {
		name   string
		stream []byte
		report string
	}{
		{"nothing", nil, "reading the header: EOF"},
		{"no header", frame(2, 1, 2, 3), "type 2 where the header belongs"},
		{"zeros", make([]byte, 100), "type 0 where the header belongs"},
		{"header without role", frame(1), "header without role or dir"},
		{"unknown option", frame(1, append(text("colour"), text("red")...)...), `option "colour"="red"`},
		{"odd header", frame(1, 9, 0, 0, 0), "malformed frame: header of 4 bytes"},
		{"unknown frame", slices.Concat(header, frame(77)), "unknown type 77"},
		{"frame type that is not in use", slices.Concat(header, frame(9)), "unknown type 9"},
		{"a value that begins twice", slices.Concat(header, frame(6, 1, 0, 0, 0, 0, 0, 0, 0), frame(6, 1, 0, 0, 0, 0, 0, 0, 0)), "value 1 begins in 8 bytes"},
		{"a part of no value", slices.Concat(header, frame(7, make([]byte, 40)...)), "part of a value that has not begun"},
		{"a part too short", slices.Concat(header, frame(6, make([]byte, 8)...), frame(7, make([]byte, 9)...)), "part of a value that has not begun"},
		{"the end of no value", slices.Concat(header, frame(8, make([]byte, 8)...)), "end of value 0, which has not begun"},
		{"a value without its end", slices.Concat(header, frame(6, make([]byte, 8)...), frame(4, make([]byte, 13)...)), "1 values have not ended"},
		{"frame too long", append(slices.Clone(header), 2, 255, 255, 255, 255), "4294967295 bytes in one of type 2"},
		{"garbage as a record", slices.Concat(header, frame(2, 200, 1, 2, 3), frame(4, make([]byte, 13)...)), "rdb: "},
		{"too few keys", slices.Concat(good[:ends[0]], good[ends[end-1]:]), "0 keys of 7 arrived"},
		{"snapshot end too short", slices.Concat(header, frame(4, 1, 2)), "snapshot end of 2 bytes"},
		{"a huge database", slices.Concat(header, frame(4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0, 0)), "database 4294967295 at the snapshot's end"},
		{"record cut off", slices.Concat(header, frame(2, 0, 5, 'a'), good[ends[end-1]:]), "Unexpected EOF"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			m := newMem(t)
			code, ctl := runOn(m, tc.stream)
			check.Eq(t, code, persist.ExitFailed)
			check.Eq(t, temps(t, m), []string{})
			said, err := io.ReadAll(ctl)
			check.NoErr(t, err)
			j := persist.NewSaveJob(saveOptions())
			_, err = j.Control(said)
			check.NoErr(t, err)
			check.Contains(t, j.Report().Text, tc.report)
		})
	}
}

func text(s string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(s))), s...)
}

func TestBigDifferenceIsCaughtUpBeforeTheStop(t *testing.T) {
	m := newMem(t)
	j := persist.NewRewriteJob(saveOptions(), true)
	j.SetPid(pid)
	want := dataset{}
	feed := func(i int) {
		v := strings.Repeat(fmt.Sprintf("%06d", i), 5000)
		j.Feed(append(encode("SELECT", "1"), encode("SET", fmt.Sprintf("k%d", i), v)...))
		want[dbKey(1, fmt.Sprintf("k%d", i))] = value{v, -1}
	}
	for i := range 200 { // 6 MB
		feed(i)
	}
	j.SnapshotDone()
	i, stopped := 200, false
	code, _ := runChild(t, j, m, func(e persist.Event) {
		if stopped = stopped || e.Kind == persist.EventStopRequest; !stopped {
			feed(i)
			i++
		}
	})
	check.Eq(t, code, 0)
	check.Eq(t, loadFile(t, m, "temp-rewriteaof-bg-4711.aof"), want)
	check.Eq(t, j.Report().DiffBytes, j.DiffBytes())
	check.Eq(t, j.ResidualBytes(), int64(0))
	check.True(t, j.Peak() > 6_000_000, "the queue held what was fed before the child started")
	check.Eq(t, j.Pending(), int64(0))
}

func TestChildFailpoints(t *testing.T) {
	for _, point := range []string{"child-snapshot-end", "child-before-stop", "child-before-sync", "child-before-rename"} {
		fail, err := failpoint.Parse(point + "=error:EIO")
		check.NoErr(t, err)
		m := newMem(t)
		stream, _ := wholeStream(t, persist.RoleAOF)
		code := persist.RunChild(bytes.NewReader(stream), io.Discard, persist.ChildConfig{FS: m, Pid: pid, Fail: fail})
		check.Eq(t, code, persist.ExitFailed)
		check.Eq(t, temps(t, m), []string{})
	}
}

// FuzzChild: whatever comes through the pipe, the child ends, and leaves a file
// only with success.
func FuzzChild(f *testing.F) {
	for _, role := range []persist.Role{persist.RoleRDB, persist.RoleAOF} {
		j := persist.NewRewriteJob(saveOptions(), true)
		if role == persist.RoleRDB {
			s := persist.NewSaveJob(saveOptions())
			s.Record(3, rec(3, "key", "12", 5))
			s.SnapshotDone()
			f.Add(collect(s))
			continue
		}
		j.Record(0, rec(0, "key", strings.Repeat("x", 50), -1))
		j.Feed(encode("SET", "a", "b"))
		j.SnapshotDone()
		_, _ = j.Control(stopRequest())
		f.Add(collect(j))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		if bytes.Contains(stream, []byte("key-save-delay")) {
			t.Skip("it would only sleep")
		}
		m := newMem(t)
		code, ctl := runOn(m, stream)
		if code != persist.ExitDone {
			check.Eq(t, temps(t, m), []string{})
		}
		said, err := io.ReadAll(ctl)
		check.NoErr(t, err)
		_, err = persist.NewSaveJob(saveOptions()).Control(said)
		check.NoErr(t, err)
	})
}

func FuzzControl(f *testing.F) {
	f.Add([]byte{16, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}, 3)
	f.Add(append(stopRequest(), 17, 3, 0, 0, 0, '*', 'h', 'i'), 1)
	f.Add([]byte{18, 29, 0, 0, 0, 1}, 2)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		one, two := persist.NewSaveJob(saveOptions()), persist.NewSaveJob(saveOptions())
		all, errAll := one.Control(b)
		n = max(0, min(n, len(b)))
		parts, errParts := two.Control(b[:n])
		if errParts == nil {
			var more []persist.Event
			more, errParts = two.Control(b[n:])
			parts = append(parts, more...)
		}
		check.Eq(t, errParts != nil, errAll != nil)
		check.Eq(t, len(parts), len(all))
	})
}
