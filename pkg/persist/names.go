package persist

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"redisd/internal/vfs"
)

// The names of temporary files are Redis's: tests and operators look for them.

// TempRDB is the file that a save writes.
func TempRDB(dir string, pid int) string {
	return filepath.Join(dir, fmt.Sprintf("temp-%d.rdb", pid))
}

// TempRewrite is the file that the child of a rewrite writes.
func TempRewrite(dir string, pid int) string {
	return filepath.Join(dir, fmt.Sprintf("temp-rewriteaof-%d.aof", pid))
}

// TempRewriteDone is the name under which the child of a rewrite leaves a
// complete file to the parent.
func TempRewriteDone(dir string, pid int) string {
	return filepath.Join(dir, fmt.Sprintf("temp-rewriteaof-bg-%d.aof", pid))
}

// TempDiff is where the child keeps the difference. It has this name for an
// instant only: it is unlinked as soon as it is open.
func TempDiff(dir string, pid int) string {
	return filepath.Join(dir, fmt.Sprintf("temp-rewriteaof-%d.diff", pid))
}

// TempParts is where the child keeps the parts of large values. Like TempDiff it is
// unlinked as soon as it is open.
func TempParts(dir string, pid int) string {
	return filepath.Join(dir, fmt.Sprintf("temp-%d.parts", pid))
}

// removeAll removes what is there of names. A missing file is no error.
func removeAll(fsys vfs.FS, names ...string) error {
	var first error
	for _, n := range names {
		if err := fsys.Remove(n); err != nil && !errors.Is(err, fs.ErrNotExist) && first == nil {
			first = err
		}
	}
	return first
}

// removeTemp removes every temporary file that a child with this pid can have.
func removeTemp(fsys vfs.FS, dir string, role Role, pid int) error {
	if role == RoleRDB {
		return removeAll(fsys, TempRDB(dir, pid), TempParts(dir, pid))
	}
	return removeAll(fsys, TempRewriteDone(dir, pid), TempRewrite(dir, pid), TempDiff(dir, pid), TempParts(dir, pid))
}

// SweepStale removes temporary files that earlier daemons and their children
// left in dir, and returns their names. Only the holder of the folder's lock
// may call it, and only before its first child: then every such file is a
// leftover. A child of a dead daemon that still runs loses its file, which
// nobody would have renamed.
func SweepStale(fsys vfs.FS, dir string) (removed []string, err error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("persist: looking for temporary files: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() || !isTemp(e.Name()) {
			continue
		}
		if rerr := fsys.Remove(filepath.Join(dir, e.Name())); rerr == nil {
			removed = append(removed, e.Name())
		} else if !errors.Is(rerr, fs.ErrNotExist) && err == nil {
			err = fmt.Errorf("persist: removing a stale temporary file: %w", rerr)
		}
	}
	return removed, err
}

// isTemp says whether a name is one that the functions above give: an operator's
// temp-backup.rdb is not ours.
func isTemp(name string) bool {
	rest, ok := strings.CutPrefix(name, "temp-")
	if !ok {
		return false
	}
	for _, end := range []string{".rdb", ".parts"} {
		if n, ok := strings.CutSuffix(rest, end); ok {
			return digits(n)
		}
	}
	if rest, ok = strings.CutPrefix(rest, "rewriteaof-"); !ok {
		return false
	}
	if n, ok := strings.CutSuffix(rest, ".diff"); ok {
		return digits(n)
	}
	n, ok := strings.CutSuffix(rest, ".aof")
	return ok && digits(strings.TrimPrefix(n, "bg-"))
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
