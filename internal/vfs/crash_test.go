package vfs_test

import (
	"math/rand"
	"os"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
)

func content(t *testing.T, fsys vfs.FS, name string) string {
	t.Helper()
	b, err := vfs.ReadFile(fsys, name)
	if os.IsNotExist(err) {
		return "<none>"
	}
	check.NoErr(t, err)
	return string(b)
}

func put(t *testing.T, m *vfs.Mem, name, data string, sync bool) {
	t.Helper()
	f, err := m.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	check.NoErr(t, err)
	_, err = f.Write([]byte(data))
	check.NoErr(t, err)
	if sync {
		check.NoErr(t, f.Sync())
	}
	check.NoErr(t, f.Close())
}

func TestCrashKeepsOnlyWhatWasSynced(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, m *vfs.Mem)
		want map[string]string
	}{
		{"name not synced", func(t *testing.T, m *vfs.Mem) {
			put(t, m, "a", "x", true)
		}, map[string]string{"a": "<none>"}},
		{"data not synced", func(t *testing.T, m *vfs.Mem) {
			put(t, m, "a", "x", false)
			check.NoErr(t, m.SyncDir("."))
		}, map[string]string{"a": ""}},
		{"both synced, then appended", func(t *testing.T, m *vfs.Mem) {
			put(t, m, "a", "x", true)
			check.NoErr(t, m.SyncDir("."))
			put(t, m, "a", "y", false)
		}, map[string]string{"a": "x"}},
		{"rename not synced", func(t *testing.T, m *vfs.Mem) {
			put(t, m, "a", "old", true)
			put(t, m, "b", "new", true)
			check.NoErr(t, m.SyncDir("."))
			check.NoErr(t, m.Rename("b", "a"))
		}, map[string]string{"a": "old", "b": "new"}},
		{"rename synced", func(t *testing.T, m *vfs.Mem) {
			put(t, m, "a", "old", true)
			put(t, m, "b", "new", true)
			check.NoErr(t, m.Rename("b", "a"))
			check.NoErr(t, m.SyncDir("."))
		}, map[string]string{"a": "new", "b": "<none>"}},
		{"rename of unsynced data", func(t *testing.T, m *vfs.Mem) {
			put(t, m, "a", "old", true)
			put(t, m, "b", "new", false)
			check.NoErr(t, m.Rename("b", "a"))
			check.NoErr(t, m.SyncDir("."))
		}, map[string]string{"a": "", "b": "<none>"}},
		{"removal not synced", func(t *testing.T, m *vfs.Mem) {
			put(t, m, "a", "x", true)
			check.NoErr(t, m.SyncDir("."))
			check.NoErr(t, m.Remove("a"))
		}, map[string]string{"a": "x"}},
		{"truncate not synced", func(t *testing.T, m *vfs.Mem) {
			put(t, m, "a", "xyz", true)
			check.NoErr(t, m.SyncDir("."))
			f, err := m.OpenFile("a", os.O_WRONLY|os.O_TRUNC, 0)
			check.NoErr(t, err)
			check.NoErr(t, f.Close())
		}, map[string]string{"a": "xyz"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			m := vfs.NewMem()
			tc.do(t, m)
			c := m.CrashClone(nil)
			for name, want := range tc.want {
				check.Eq(t, content(t, c, name), want)
			}
		})
	}
}

func TestCrashKeepsPrefixesAtRandom(t *testing.T) {
	m := vfs.NewMem()
	put(t, m, "log", "0123", true)
	check.NoErr(t, m.SyncDir("."))
	full := "0123"
	for _, s := range []string{"456", "789", "abcdef"} {
		put(t, m, "log", s, false)
		full += s
	}
	check.NoErr(t, m.Rename("log", "log2"))
	check.NoErr(t, m.Rename("log2", "log3"))
	seen := map[string]bool{}
	lengths := map[int]bool{}
	for seed := range int64(300) {
		c := m.CrashClone(rand.New(rand.NewSource(seed)))
		es := names(t, c, ".")
		check.Eq(t, len(es), 1)
		seen[es[0]] = true
		got := content(t, c, es[0])
		check.True(t, strings.HasPrefix(full, got) && len(got) >= 4, "a prefix that holds what was synced: "+got)
		lengths[len(got)] = true
	}
	check.Eq(t, seen, map[string]bool{"log": true, "log2": true, "log3": true})
	check.True(t, lengths[4] && lengths[len(full)] && lengths[5], "nothing, all, and torn writes occur")
}

func TestCrashCloneIsIndependent(t *testing.T) {
	m := vfs.NewMem()
	l, err := m.Lock("lock")
	check.NoErr(t, err)
	put(t, m, "a", "x", true)
	check.NoErr(t, m.SyncDir("."))
	c := m.CrashClone(nil)
	put(t, c, "a", "clone", true)
	put(t, m, "a", "orig", true)
	check.Eq(t, content(t, m, "a"), "xorig")
	check.Eq(t, content(t, c, "a"), "xclone")
	cl, err := c.Lock("lock")
	check.NoErr(t, err)
	check.NoErr(t, cl.Close())
	check.NoErr(t, l.Close())
	check.Eq(t, content(t, c.CrashClone(nil), "a"), "xclone")
}

func TestKillCloneHasAllThatWasWritten(t *testing.T) {
	m := vfs.NewMem()
	put(t, m, "a", "old", true)
	check.NoErr(t, m.SyncDir("."))
	put(t, m, "a", "new", false)
	put(t, m, "b", "unsynced", false)
	check.NoErr(t, m.Rename("a", "c"))
	k := m.KillClone()
	put(t, m, "b", "later", false)
	for _, c := range []*vfs.Mem{k, k.CrashClone(nil)} {
		check.Eq(t, content(t, c, "a"), "<none>")
		check.Eq(t, content(t, c, "b"), "unsynced")
		check.Eq(t, content(t, c, "c"), "oldnew")
	}
	put(t, k, "b", "more", false)
	check.Eq(t, content(t, m, "b"), "unsyncedlater")
}
