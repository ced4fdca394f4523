package aof_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

// runCheck is redis-check-aof with an answer to its question.
func runCheck(fsys vfs.FS, answer string, args ...string) (code int, out string) {
	var b bytes.Buffer
	code = aof.Check(aof.CheckEnv{FS: fsys, In: strings.NewReader(answer), Out: &b}, append([]string{"redis-check-aof"}, args...))
	return code, b.String()
}

// A block that does not match is the first damage, and those behind it that do match
// are named: a cut would lose them.
func TestCheckTellsWhatACutLoses(t *testing.T) {
	good := summed(t, 120)
	fsys := vfs.NewMem()
	bad := strings.Replace(good, "$3\r\nk45", "$3\r\nk95", 1)
	check.NoErr(t, vfs.WriteFile(fsys, live, []byte(bad), 0o644))
	from := strings.Index(good, notes(good)[1]) + len(notes(good)[1]) + 2
	third := strings.Index(good, notes(good)[2]) + len(notes(good)[2]) + 2

	code, out := runCheck(fsys, "", live)
	check.Eq(t, code, 1)
	check.Contains(t, out, "does not match")
	check.Contains(t, out, fmt.Sprintf("Damage: first bad offset %d (0x%x)\n", from, from))
	check.Contains(t, out, fmt.Sprintf("Lost: %d bytes from there on, in which 80 commands of 79 keys can be read: \"k41\", \"k42\", \"k43\", \"k44\", \"k95\", ...\n", len(bad)-from))
	check.Contains(t, out, fmt.Sprintf("Whole: offset %d to %d, by its checksums\n", third, len(good)))
	check.Contains(t, out, "is not valid. Use the --fix option to try fixing it.")
	check.Eq(t, content(t, fsys, live), bad)

	code, out = runCheck(fsys, "y", "--fix", live)
	check.Eq(t, code, 0)
	check.Contains(t, out, "Kept: appendonly.aof as it was is appendonly.aof.broken\n")
	check.Eq(t, content(t, fsys, live), bad[:from])
	check.Eq(t, content(t, fsys, live+".broken"), bad)
	code, _ = runCheck(fsys, "", live)
	check.Eq(t, code, 0)
	check.Eq(t, load(t, fsys, live), numbered(1, 40))
}

func TestCheckFindsCommandsBehindRubbish(t *testing.T) {
	fsys := vfs.NewMem()
	text := selected("SET a 1") + "rubbish" + enc("SET b 1", "DEL b") + strings.Repeat("\x00", 200_000) + "\r\n" + enc("SET c 1")
	check.NoErr(t, vfs.WriteFile(fsys, live, []byte(text), 0o644))
	_, out := runCheck(fsys, "", live)
	// The first command behind the rubbish does not begin a line.
	check.Contains(t, out, `in which 2 commands of 2 keys can be read: "b", "c"`)
}

// TestFixNeverLosesTheOldFile fails each operation of a repair: the name is the old
// file's or the new one's, whole, after a power failure too, and the old one is there.
func TestFixNeverLosesTheOldFile(t *testing.T) {
	good := selected(numbered(1, 3)...)
	bad := good + "rubbish"
	for _, links := range []bool{true, false} {
		t.Run(fmt.Sprintf("links %t", links), func(t *testing.T) {
			for i, failed := int64(0), true; failed; i++ {
				mem := vfs.NewMem()
				f := create(t, mem, live, bad)
				check.NoErr(t, f.Sync())
				check.NoErr(t, mem.SyncDir("."))
				inj := vfs.Kinds(vfs.OnIndex(i, syscall.EIO), vfs.OpCreate, vfs.OpWrite, vfs.OpSync, vfs.OpRename, vfs.OpSyncDir)
				if !links {
					inj = vfs.Any(inj, vfs.Kinds(vfs.Always(syscall.EPERM), vfs.OpLink))
				}
				code, out := runCheck(vfs.NewFault(mem, inj), "y", "--fix", live)
				failed = code != 0
				for _, fsys := range []vfs.FS{mem, mem.CrashClone(nil)} {
					switch got := content(t, fsys, live); got {
					case bad:
						check.True(t, failed, inj.String())
					case good:
						check.Eq(t, content(t, fsys, live+".broken"), bad)
					default:
						t.Fatalf("%s: the file is %q\n%s", inj, got, out)
					}
				}
				if failed {
					check.Contains(t, out, "Failed to truncate AOF appendonly.aof")
				} else {
					check.True(t, i > 5, "every step was failed")
				}
			}
		})
	}
}

func TestFixKeepsModeAndOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), live)
	check.NoErr(t, os.WriteFile(path, []byte(selected("SET a 1")+"rubbish"), 0o600))
	uid := os.Getuid()
	if uid == 0 {
		uid = 4242
		check.NoErr(t, os.Chown(path, uid, 4242))
	}
	check.NoErr(t, os.Chmod(path, 0o640))
	code, out := runCheck(vfs.OS(), "y", "--fix", path)
	check.Eq(t, code, 0)
	check.Contains(t, out, "Successfully truncated AOF")
	for _, name := range []string{path, path + ".broken"} {
		info, err := os.Stat(name)
		check.NoErr(t, err)
		check.Eq(t, info.Mode().Perm(), os.FileMode(0o640))
		check.Eq(t, int(info.Sys().(*syscall.Stat_t).Uid), uid)
	}
}
