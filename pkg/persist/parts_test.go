package persist_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
	"redisd/pkg/persist"
)

// partedStream is what a job sends of strings that are too large for one piece,
// which change while they are half sent, and of small ones between them.
func partedStream(t testing.TB, role persist.Role) ([]byte, dataset) {
	t.Helper()
	a, err := mem.New(mem.Config{Reserve: 1 << 30})
	check.NoErr(t, err)
	defer a.Close()
	ks := keyspace.New(keyspace.Config{Databases: 16, Arena: a})
	ks.SetNow(1_000_000)
	rnd := rand.New(rand.NewPCG(1, uint64(role)))
	want := dataset{}
	for i := range 12 {
		key, db, at := fmt.Sprintf("large:%d", i), i%3, int64(-1)
		if i%4 == 0 {
			at = 2_000_000
		}
		text := make([]byte, 300_000+rnd.IntN(400_000))
		for j := range text {
			text[j] = byte(rnd.IntN(64))
		}
		ks.DB(db).SetString([]byte(key), text, at)
		ks.DB(db).SetString(fmt.Appendf(nil, "small:%d", i), []byte("s"), -1)
		want[dbKey(db, key)] = value{string(text), at}
		want[dbKey(db, fmt.Sprintf("small:%d", i))] = value{"s", -1}
	}
	var job interface {
		keyspace.Sink
		anyJob
		SnapshotDone()
	} = persist.NewSaveJob(saveOptions())
	if role == persist.RoleAOF {
		job = persist.NewRewriteJob(saveOptions(), true)
	}
	snap := ks.Cut(job)
	for !snap.Pump(1) {
		i := rnd.IntN(12)
		db, key := ks.DB(i%3), fmt.Appendf(nil, "large:%d", i)
		switch rnd.IntN(8) {
		case 0:
			db.Delete(key)
		case 1:
			db.SetString(key, []byte("overwritten"), -1)
		case 2:
			ks.SwapDB(0, 1)
		case 3:
			db.Rename(key, []byte("renamed"))
		default:
			if e, ok := db.Write(key); ok && e.StrLen() > 1000 {
				at := rnd.IntN(e.StrLen() - 100)
				b := db.MutableAt(key, e.StrLen()+rnd.IntN(2)*rnd.IntN(200_000), at, at+100)
				copy(b[at:at+100], strings.Repeat("!", 100))
			}
		}
	}
	check.True(t, snap.Stats().Large == 12 && snap.Stats().Parts > 60, fmt.Sprintf("%+v", snap.Stats()))
	job.SnapshotDone()
	b := collect(job)
	if role == persist.RoleAOF {
		_, err := job.Control(stopRequest())
		check.NoErr(t, err)
		b = append(b, collect(job)...)
	}
	return b, want
}

func TestLargeStringsComeInParts(t *testing.T) {
	for _, role := range []persist.Role{persist.RoleRDB, persist.RoleAOF} {
		t.Run(role.String(), func(t *testing.T) {
			stream, want := partedStream(t, role)
			m := newMem(t)
			fsys := newCountFS(m)
			code, ctl := runOn(fsys, stream)
			said, err := io.ReadAll(ctl)
			check.NoErr(t, err)
			if code != persist.ExitDone {
				t.Fatalf("exit %d: %q", code, said)
			}
			files := temps(t, m)
			check.Eq(t, len(files), 1)
			got := loadFile(t, m, files[0])
			check.Eq(t, len(got), len(want))
			for k, v := range want {
				if got[k] != v {
					t.Fatalf("%s: %d bytes, not the %d of the cut", k, len(got[k].str), len(v.str))
				}
			}
			check.Eq(t, fsys.left(), []string(nil))
		})
	}
}

// Whatever the file of the parts does, the child ends with an error and leaves
// nothing behind.
func TestPartsSurviveEveryFault(t *testing.T) {
	stream, want := partedStream(t, persist.RoleRDB)
	kinds := map[string]func(i int64) vfs.Injector{
		"open":  func(int64) vfs.Injector { return vfs.Opens(vfs.Always(unix.EMFILE)) },
		"write": func(i int64) vfs.Injector { return vfs.Writes(vfs.OnIndex(i, unix.ENOSPC)) },
		"short": func(i int64) vfs.Injector { return vfs.Writes(vfs.OnIndex(i, vfs.ShortWrite(10, unix.EDQUOT))) },
		"read":  func(i int64) vfs.Injector { return vfs.Kinds(vfs.OnIndex(i, unix.EIO), vfs.OpRead) },
	}
	for name, inject := range kinds {
		t.Run(name, func(t *testing.T) {
			failed := 0
			for i := int64(0); i < 60; i += 1 + i/8 {
				m := newMem(t)
				fsys := newCountFS(vfs.NewFault(m, vfs.PathMatch("*.parts", inject(i))))
				code, ctl := runOn(fsys, stream)
				said, err := io.ReadAll(ctl)
				check.NoErr(t, err)
				check.Eq(t, fsys.left(), []string(nil))
				if code == persist.ExitDone {
					check.Eq(t, loadFile(t, m, temps(t, m)[0]), want)
					continue
				}
				failed++
				check.Eq(t, temps(t, m), []string{})
				check.True(t, bytes.Contains(said, []byte("Write error saving DB on disk: ")), fmt.Sprintf("%d: the child said %q", i, said))
			}
			check.True(t, failed > 0, "some faults hit")
		})
	}
}
