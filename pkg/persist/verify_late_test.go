package persist_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist"
	"redisd/pkg/persist/aof"
)

// partSize is how often the files of these tests are synced, and so how early they are read
// back: many times.
const partSize = 256 << 10

// long is a job whose file has 1.6 MB, and what it holds.
func long(t testing.TB, o persist.Options) (doneJob, dataset) {
	t.Helper()
	o.Compress, o.SyncEvery, o.Databases = false, partSize, nil
	j := newVerifiedJob(o)
	rnd, want := rand.New(rand.NewSource(1)), dataset{}
	b := make([]byte, 100<<10)
	for i := range 16 {
		rnd.Read(b)
		k := fmt.Sprint("key", i)
		j.Record(0, rec(0, k, string(b), -1))
		want[dbKey(0, k)] = value{string(b), -1}
	}
	j.SnapshotDone()
	if r, ok := j.(*persist.RewriteJob); ok && !o.SnapshotOnly {
		r.Feed(append(encode("SELECT", "0"), encode("SET", "diff", "1")...))
		want["0/diff"] = value{"1", -1}
	}
	return j, want
}

// longKinds are the kinds of files, those of the multi-part layout among them.
func longKinds() map[string]persist.Options {
	kinds := verified()
	for _, name := range []string{"preamble", "commands"} {
		o := kinds[name]
		o.SnapshotOnly = true
		kinds[name+", a part"] = o
	}
	o := kinds["commands"]
	o.Blocks = true
	kinds["commands with checksums"] = o
	return kinds
}

// followed lets inj see the operations on a child's temporary file, and the sync of index
// last wait until the first part of the file was read back: what inj does to it comes too
// late for that.
func followed(last int64, inj vfs.Injector) vfs.Injector {
	var mu sync.Mutex
	read := sync.NewCond(&mu)
	reads, syncs := 0, int64(0)
	return vfs.PathMatch("temp-*[0-9].[ra]*", vfs.Func(inj.String(), func(op vfs.Op) error {
		mu.Lock()
		switch op.Kind {
		case vfs.OpRead:
			reads++
			read.Broadcast()
		case vfs.OpSync:
			for syncs++; syncs-1 == last && reads < 2; {
				read.Wait()
			}
		}
		mu.Unlock()
		return inj.Check(op)
	}))
}

// What has been read back while the rest was written goes bad at the last sync, when
// nobody would look at it again: it is found, wherever it is.
func TestVerificationFindsLateDamage(t *testing.T) {
	for name, o := range longKinds() {
		t.Run(name, func(t *testing.T) {
			var syncs int64
			m := newMem(t)
			j, want := long(t, o)
			count := vfs.PathMatch("temp-*[0-9].[ra]*", vfs.Kinds(vfs.Func("count", func(vfs.Op) error { syncs++; return nil }), vfs.OpSync))
			code, _ := runChild(t, j, vfs.NewFault(m, count), nil)
			check.Eq(t, code, persist.ExitDone)
			b := must(vfs.ReadFile(m, tempOf(o)))
			ds, err := load(b)
			check.NoErr(t, err)
			check.True(t, maps.Equal(ds, want), "the file holds what was sent")
			check.True(t, syncs > 5, fmt.Sprint(syncs, " syncs"))
			for _, off := range []int64{0, 50, partSize - 1, 3 * partSize, int64(len(b)) - 1} {
				for _, d := range []*vfs.Damage{{Off: off, Flip: 1}, {Off: off, Cut: true}} {
					fsys := newCountFS(vfs.NewFault(newMem(t), followed(syncs-1, vfs.Kinds(vfs.OnIndex(syncs-1, d), vfs.OpSync))))
					j, _ := long(t, o)
					code, _ := runChild(t, j, fsys, nil)
					r := j.Report()
					if code != persist.ExitFailed || !r.Unverified || !strings.Contains(r.Text, "offset") {
						t.Errorf("%s at %d: exit %d, %q", d, off, code, r.Text)
					}
					check.Eq(t, temps(t, fsys), []string{})
					check.Eq(t, fsys.left(), nil)
				}
			}
		})
	}
}

// lateRun is a whole job, child and handler, on fsys: what it left, and why it failed.
func lateRun(t testing.TB, o persist.Options, m *vfs.Mem, fsys vfs.FS) persist.Outcome {
	t.Helper()
	j, _ := long(t, o)
	code, _ := runChild(t, j, fsys, nil)
	exit, cfg := persist.Exit{Code: code}, persist.DoneConfig{FS: fsys, Clock: testClock(), Name: "live"}
	if s, ok := j.(*persist.SaveJob); ok {
		d := s.Done(exit, cfg)
		drive(d.Next, nil)
		return d.Outcome()
	}
	r := j.(*persist.RewriteJob)
	if o.SnapshotOnly {
		set, err := aof.OpenSet(fsys, dir, folder, "live")
		check.NoErr(t, err)
		d := r.PartsDone(exit, persist.PartsConfig{DoneConfig: cfg, Set: set, Preamble: o.Preamble})
		drive(d.Next, nil)
		if d.Outcome().OK {
			check.NoErr(t, m.Rename(set.Path(set.Manifest().Base.Name), path("live")))
		}
		return d.Outcome()
	}
	cfg.State = aof.On
	r.Feed(encode("SET", "residual", "1"))
	d := r.Done(exit, cfg)
	drive(d.Next, func(st persist.Step) {
		switch {
		case st.Kind == persist.StepSwitch:
			check.NoErr(t, st.File.Close())
		case st.Name == "sync": // the log is not frozen yet
			r.Feed(encode("SET", "residual", "2"))
		}
	})
	return d.Outcome()
}

// The file is damaged before any operation that comes after its last sync by the child, up
// to the last look before the rename: it never gets the live name. But for the moments of the
// handler's own writes, which are TestResidualIsReadBack's.
func TestDamageUpToTheRename(t *testing.T) {
	for name, o := range longKinds() {
		t.Run(name, func(t *testing.T) {
			for i := 0; ; i++ {
				for _, d := range []*vfs.Damage{{Off: 60, Flip: 4}, {Off: 2 * partSize, Cut: true}} {
					m := newMem(t)
					put(t, m, "live", []byte("old"))
					n, what := 0, ""
					spy := func(op vfs.Op) error {
						temp := tempOf(o)
						if b, err := vfs.ReadFile(m, temp); err != nil || len(b) == 0 {
							temp = persist.TempRewrite(dir, pid)
						}
						if n++; n-1 != i {
							return nil
						}
						what = fmt.Sprintf("%s before %s %s, %d", d, op.Kind, op.Path, i)
						return d.Apply(m, temp)
					}
					out := lateRun(t, o, m, vfs.NewFault(m, afterLastSync(o, spy)))
					if what == "" {
						check.True(t, out.OK, fmt.Sprint(out.Err))
						check.True(t, i > 5, fmt.Sprint(i, " operations"))
						return
					}
					var ve *persist.VerifyError
					var ce *persist.ChildError
					told := errors.As(out.Err, &ve) || errors.As(out.Err, &ce) && ce.Unverified
					if out.OK || !out.StatusErr || !told {
						t.Errorf("%s: done %v, %v", what, out.OK, out.Err)
					}
					check.True(t, string(read(t, m, "live")) == "old", what)
					check.Eq(t, temps(t, m), []string{})
				}
			}
		})
	}
}

// afterLastSync has fn see the operations on the child's file that come after its last
// sync, before the last look ahead of the rename to the live name.
func afterLastSync(o persist.Options, fn func(vfs.Op) error) vfs.Injector {
	names := []string{persist.TempRewrite(dir, pid), tempOf(o)}
	closed, wrote, live := false, false, false
	var mu sync.Mutex
	return vfs.Func("late", func(op vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if live || !slices.Contains(names, op.Path) {
			return nil
		}
		// The writer closes it first; who reads it back does so when all is read.
		if closed = closed || op.Kind == vfs.OpClose; !closed {
			return nil
		}
		live = op.Kind == vfs.OpRename && op.NewPath != persist.TempRewriteDone(dir, pid)
		own := op.Kind == vfs.OpWrite || wrote
		wrote = op.Kind == vfs.OpWrite
		if live || own || op.Kind == vfs.OpRemove {
			return nil
		}
		return fn(op)
	})
}

// What the handler appends is read back: what the disk did not take as it was given, and
// what is lost or changed at a sync.
func TestResidualIsReadBack(t *testing.T) {
	for name, o := range longKinds() {
		if o.Role == persist.RoleRDB || o.SnapshotOnly {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for _, kind := range []vfs.OpKind{vfs.OpWrite, vfs.OpSync} {
				for i := int64(0); ; i++ {
					done := false
					for _, cut := range []bool{false, true} {
						m := newMem(t)
						put(t, m, "live", []byte("old"))
						hit := ""
						inj := vfs.Kinds(vfs.OnIndex(i, errTestHit), kind)
						if kind == vfs.OpWrite {
							inj = someWrites(inj)
						}
						fsys := vfs.NewFault(m, vfs.PathMatch("temp-rewriteaof-bg-*", vfs.Func("residual", func(op vfs.Op) error {
							if inj.Check(op) == nil {
								return nil
							}
							hit = fmt.Sprint(op.Kind, " ", i)
							if kind == vfs.OpWrite {
								return &vfs.Damage{Off: int64(op.Bytes) / 2, Flip: 1, Cut: cut}
							}
							b, err := vfs.ReadFile(m, op.Path)
							check.NoErr(t, err)
							return &vfs.Damage{Off: int64(len(b)) - 3, Flip: 1, Cut: cut}
						})))
						out := lateRun(t, o, m, fsys)
						if done = hit == ""; done {
							check.True(t, out.OK && i > 1, fmt.Sprint(i, out.Err))
							break
						}
						var ve *persist.VerifyError
						if !errors.As(out.Err, &ve) || out.OK || !out.StatusErr {
							t.Errorf("%s, cut %v: done %v, %v", hit, cut, out.OK, out.Err)
						}
						check.True(t, string(read(t, m, "live")) == "old", hit)
						check.Eq(t, temps(t, m), []string{})
					}
					if done {
						break
					}
				}
			}
		})
	}
}

var errTestHit = errors.New("hit")
