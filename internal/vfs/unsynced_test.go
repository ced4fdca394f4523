package vfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
)

func TestUnsyncedShrinksBySync(t *testing.T) {
	f, err := vfs.OS().OpenFile(filepath.Join(t.TempDir(), "f"), os.O_CREATE|os.O_WRONLY, 0o600)
	check.NoErr(t, err)
	defer f.Close()
	if _, ok := vfs.Unsynced(f); !ok {
		t.Skip("this kernel has no cachestat")
	}
	_, err = f.Write(make([]byte, 1<<20))
	check.NoErr(t, err)
	before, _ := vfs.Unsynced(f)
	check.True(t, before <= 1<<20+1<<16, "no more than was written")
	check.NoErr(t, f.Sync())
	after, ok := vfs.Unsynced(f)
	check.True(t, ok && after <= before, "a sync leaves no more than before")
}

func TestUnsyncedOfAFileInMemory(t *testing.T) {
	m := vfs.NewMem()
	f, err := m.OpenFile("/f", os.O_CREATE|os.O_WRONLY, 0o600)
	check.NoErr(t, err)
	_, ok := vfs.Unsynced(f)
	check.True(t, !ok, "nobody can tell")
}
