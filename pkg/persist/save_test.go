package persist_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
	"redisd/pkg/persist"
	"redisd/pkg/persist/rdb"
)

// some is a dataset with everything that is special: numbers, long values,
// values longer than a frame, expiry, several databases that alternate.
func some() []*rdb.Record {
	return []*rdb.Record{
		rec(0, "plain", "value", -1),
		rec(0, "number", "-12345", -1),
		rec(2, "other", strings.Repeat("abc", 1000), 1_900_000_000_123),
		rec(0, "", "", -1),
		rec(0, "big", strings.Repeat("0123456789abcdef", 60_000), 5),
		rec(2, strings.Repeat("k", 300_000), "long key", -1),
		rec(9, "\x00\xff\r\n", "\x00\x01", -1),
	}
}

func datasetOf(recs []*rdb.Record) dataset {
	ds := dataset{}
	for _, r := range recs {
		ds[dbKey(r.DB, string(r.Key))] = value{string(r.Str), r.ExpireAt}
	}
	return ds
}

func filledSave(recs []*rdb.Record) *persist.SaveJob {
	j := persist.NewSaveJob(saveOptions())
	j.SetPid(pid)
	for _, r := range recs {
		j.Record(r.DB, r)
	}
	j.SnapshotDone()
	return j
}

func TestSaveFromSnapshotToLiveFile(t *testing.T) {
	tests := []struct {
		name               string
		compress, checksum bool
		recs               []*rdb.Record
	}{
		{"empty", true, true, nil},
		{"everything", true, true, some()},
		{"no compression", false, true, some()},
		{"no checksum", true, false, some()},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			m := newMem(t)
			opts := saveOptions()
			opts.Compress, opts.Checksum = tc.compress, tc.checksum
			j := persist.NewSaveJob(opts)
			j.SetPid(pid)
			for _, r := range tc.recs {
				j.Record(r.DB, r)
			}
			j.SnapshotDone()
			code, lines := runChild(t, j, m, nil)
			check.Eq(t, code, persist.ExitDone)
			check.Eq(t, len(lines), 0)
			check.Eq(t, j.Report().OK, true)
			check.Eq(t, j.Progress().Keys, uint64(len(tc.recs)))
			check.Eq(t, temps(t, m), []string{"temp-4711.rdb"})

			d := j.Done(persist.Exit{Code: code}, persist.DoneConfig{FS: m, Clock: testClock(), Name: "dump.rdb"})
			check.Eq(t, drive(d.Next, nil), []string{"rename", "syncdir"})
			check.Eq(t, lineTexts(d.Lines()), []string{"* DB saved on disk", "* Background saving terminated with success"})
			check.Eq(t, d.Outcome().OK, true)
			check.Eq(t, d.Outcome().StatusErr, false)
			after := m.CrashClone(nil)
			check.Eq(t, temps(t, after), []string{})
			c := &collector{ds: dataset{}}
			b := read(t, after, "dump.rdb")
			res, err := rdb.Load(bytes.NewReader(b), rdb.Options{Checksum: true}, c)
			check.NoErr(t, err)
			check.Eq(t, c.ds, datasetOf(tc.recs))
			check.Eq(t, c.aux, []string{"redis-ver=7.2.4", "redis-bits=64", "ctime=1700000000"})
			check.Eq(t, j.Report().Bytes, uint64(len(b)))
			if len(tc.recs) > 0 {
				check.Eq(t, c.sizes, []string{"0:3/1", "2:1/0"})
			}
			want := rdb.ChecksumOK
			if !tc.checksum {
				want = rdb.ChecksumDisabled
			}
			check.Eq(t, res.Checksum, want)
		})
	}
}

func TestSnapshotOfAKeyspace(t *testing.T) {
	a, err := mem.New(mem.Config{Reserve: 1 << 30})
	check.NoErr(t, err)
	defer a.Close()
	ks := keyspace.New(keyspace.Config{Databases: 16, Arena: a})
	ks.SetNow(1_000_000)
	want := dataset{}
	for i := range 2000 {
		key, val := fmt.Sprintf("key:%d", i), fmt.Sprintf("%d", i*7)
		if i%3 == 0 {
			val = strings.Repeat(val, 1+i%50)
		}
		db := i % 5
		v := value{val, -1}
		if i%4 == 0 {
			v.expire = int64(2_000_000 + i)
		}
		ks.DB(db).SetString([]byte(key), []byte(val), v.expire)
		want[dbKey(db, key)] = v
	}
	for _, attr := range []persist.Attribute{persist.NoAttribute, persist.IdleAttribute, persist.FreqAttribute} {
		opts := saveOptions()
		opts.Attribute = attr
		j := persist.NewSaveJob(opts)
		j.SetPid(pid)
		s := ks.Cut(j)
		for i := 0; !s.Pump(100); i++ {
			// What changes after the cut does not show.
			ks.DB(i%5).SetString(fmt.Appendf(nil, "key:%d", i*5), []byte("later"), -1)
			ks.DB(0).SetString(fmt.Appendf(nil, "new:%d", i), []byte("later"), -1)
		}
		j.SnapshotDone()
		m := newMem(t)
		code, _ := runChild(t, j, m, nil)
		check.Eq(t, code, 0)
		check.Eq(t, loadFile(t, m, "temp-4711.rdb"), want)
		want = dataset{}
		for db := range 16 {
			ks.DB(db).Each(func(e keyspace.Entry) {
				var scratch [24]byte
				want[dbKey(db, string(e.Key()))] = value{string(e.Value(&scratch)), e.ExpireAt()}
			})
		}
	}
}

func TestSaveDoneCleansUp(t *testing.T) {
	tests := []struct {
		name    string
		exit    persist.Exit
		cut     bool // the child was never told the snapshot's end
		inj     vfs.Injector
		lines   []string
		status  bool
		stopped bool
		ok      bool
	}{
		{name: "exit 1", exit: persist.Exit{Code: 1}, lines: []string{"# Background saving error"}, status: true},
		{name: "exit 70", exit: persist.Exit{Code: 70}, lines: []string{"# Background saving error"}, status: true},
		{name: "killed", exit: persist.Exit{Signal: 9}, lines: []string{"# Background saving terminated by signal 9"}, status: true},
		{name: "crashed", exit: persist.Exit{Signal: 11}, lines: []string{"# Background saving terminated by signal 11"}, status: true},
		{name: "stopped by the signal", exit: persist.Exit{Signal: 10}, lines: []string{"# Background saving terminated by signal 10"}, stopped: true},
		{name: "stopped by itself", exit: persist.Exit{Code: 255}, lines: []string{"# Background saving terminated by signal 10"}, stopped: true},
		{name: "success without an end", cut: true, lines: []string{"# Background saving error"}, status: true},
		{
			name: "rename fails", inj: vfs.Renames(vfs.Always(unix.EACCES)),
			lines: []string{"# Error moving temp DB file on the final destination: Permission denied"}, status: true,
		},
		{
			name: "folder cannot be synced", inj: vfs.Kinds(vfs.Always(unix.EIO), vfs.OpSyncDir),
			lines: []string{"# Error syncing the folder of the RDB file dump.rdb: Input/output error"}, status: true, ok: true,
		},
		{
			name: "and removing fails once", exit: persist.Exit{Code: 1}, inj: vfs.Kinds(vfs.OnIndex(0, unix.EIO), vfs.OpRemove),
			lines: []string{"# Background saving error"}, status: true,
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			m := newMem(t)
			put(t, m, "dump.rdb", []byte("old"))
			put(t, m, "temp-4711.rdb", []byte("new"))
			j := persist.NewSaveJob(saveOptions())
			j.SetPid(pid)
			if !tc.cut {
				j.SnapshotDone()
			}
			var fsys vfs.FS = m
			if tc.inj != nil {
				fsys = vfs.NewFault(m, tc.inj)
			}
			d := j.Done(tc.exit, persist.DoneConfig{FS: fsys, Clock: testClock(), Name: "dump.rdb"})
			drive(d.Next, nil)
			out := d.Outcome()
			check.Eq(t, lineTexts(d.Lines()), tc.lines)
			check.Eq(t, out.StatusErr, tc.status)
			check.Eq(t, out.Stopped, tc.stopped)
			check.Eq(t, out.OK, tc.ok)
			check.Eq(t, out.DirNotSynced, tc.ok)
			check.True(t, out.Err != nil, "the cause is told")
			check.Eq(t, temps(t, m), []string{})
			want := "old"
			if tc.ok {
				want = "new"
			}
			check.Eq(t, string(read(t, m, "dump.rdb")), want)
		})
	}
}

func TestSaveDoneCancel(t *testing.T) {
	for cancelAt, want := range []string{"old", "new"} {
		m := newMem(t)
		put(t, m, "dump.rdb", []byte("old"))
		put(t, m, "temp-4711.rdb", []byte("new"))
		j := persist.NewSaveJob(saveOptions())
		j.SetPid(pid)
		j.SnapshotDone()
		d := j.Done(persist.Exit{}, persist.DoneConfig{FS: m, Clock: testClock(), Name: "dump.rdb"})
		i := 0
		drive(d.Next, func(persist.Step) {
			if i == cancelAt {
				check.Eq(t, d.Cancel(), cancelAt == 1)
			}
			i++
		})
		check.Eq(t, string(read(t, m, "dump.rdb")), want)
		check.Eq(t, temps(t, m), []string{})
		check.Eq(t, d.Outcome().StatusErr, false)
		check.Eq(t, d.Outcome().Stopped, cancelAt == 0)
	}
}

func TestFileSaveWritesTheSameFiles(t *testing.T) {
	tests := []struct {
		name     string
		role     persist.Role
		preamble bool
		prefix   string
	}{
		{"rdb", persist.RoleRDB, false, "REDIS0010"},
		{"aof", persist.RoleAOF, false, "#TS:1700000000\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$5\r\nplain\r\n$5\r\nvalue\r\n"},
		{"aof with preamble", persist.RoleAOF, true, "REDIS0010"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			opts := saveOptions()
			opts.Role, opts.Preamble, opts.TimestampSecs = tc.role, tc.preamble, 1_700_000_000
			for i := int64(0); ; i++ {
				m := newMem(t)
				put(t, m, "live", []byte("REDIS-old"))
				fsys := newCountFS(vfs.NewFault(m, vfs.OnIndex(i, unix.ENOSPC)))
				s := persist.NewFileSave(opts, persist.SaveConfig{FS: fsys, Pid: pid, Name: "live"})
				for _, r := range some() {
					s.Record(r)
				}
				line, err := s.Finish()
				s.Abort()
				check.Eq(t, temps(t, m), []string{})
				check.Eq(t, fsys.left(), []string(nil))
				if err == nil {
					check.Eq(t, line, persist.Line{Level: '*', Text: "DB saved on disk"})
					check.Eq(t, s.Keys(), uint64(len(some())))
					b := read(t, m.CrashClone(nil), "live")
					check.Eq(t, string(b[:len(tc.prefix)]), tc.prefix)
					check.Eq(t, s.Size(), int64(len(b)))
					check.Eq(t, loadFile(t, m, "live"), datasetOf(some()))
					check.True(t, i >= 7, "several operations were failed before")
					return
				}
				check.ErrIs(t, err, unix.ENOSPC)
				check.ErrIs(t, s.Err(), s.Err())
				check.Contains(t, line.Text, ": No space left on device")
				if !strings.HasPrefix(line.Text, "Error syncing the folder") {
					check.Eq(t, string(read(t, m, "live")), "REDIS-old")
				}
			}
		})
	}
}

func TestFileSaveAbortLeavesNothing(t *testing.T) {
	m := newMem(t)
	opts := saveOptions()
	opts.Role = persist.RoleRDB
	fsys := newCountFS(m)
	s := persist.NewFileSave(opts, persist.SaveConfig{FS: fsys, Pid: pid, Name: "dump.rdb"})
	s.Record(rec(0, "k", "v", -1))
	check.NoErr(t, s.Err())
	s.Abort()
	check.Eq(t, temps(t, m), []string{})
	check.Eq(t, fsys.left(), []string(nil))
	check.Eq(t, exists(m, "dump.rdb"), false)
}
