package aof_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/crc64"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
	"redisd/pkg/persist/rdb"
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

// damagedRDB has a key with a damaged value in front of commands.
const damagedRDB = "REDIS0010\xfe\x00\xfb\x03\x00\x00\x01a\x011\x10\x01h\x04bad!\x00\x01b\x012\xff\x01\x02\x03\x04\x05\x06\x07\x08"

// TestFixNeverLosesTheOldFile fails each operation of a repair: the name is the old
// file's or the new one's, whole, after a power failure too, and the old one is there.
func TestFixNeverLosesTheOldFile(t *testing.T) {
	good := selected(numbered(1, 3)...)
	set := "file appendonly.aof seq 1 type b\nfile a.2.incr.aof seq 2 type i\n"
	tests := []struct {
		name, arg string
		bad       string // what live holds
		links     bool
		errno     syscall.Errno
	}{
		{"links", live, good + "rubbish", true, syscall.EIO},
		{"no links", live, good + "rubbish", false, syscall.EIO},
		{"full disk", live, good + "rubbish", false, syscall.ENOSPC},
		{"RDB in front", live, damagedRDB + good, true, syscall.EIO},
		{"RDB in front, no links, full disk", live, damagedRDB + good + "rubbish", false, syscall.ENOSPC},
		{"a base", "manifest", damagedRDB, true, syscall.EIO},
		{"a base, no links, full disk", "manifest", good + "rubbish", false, syscall.ENOSPC},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			build := func() *vfs.Mem {
				mem := vfs.NewMem()
				for name, text := range map[string]string{live: tt.bad, "manifest": set, "a.2.incr.aof": good} {
					f := create(t, mem, name, text)
					check.NoErr(t, f.Sync())
				}
				check.NoErr(t, mem.SyncDir("."))
				return mem
			}
			mem := build()
			code, out := runCheck(mem, "y", "--fix-any", tt.arg)
			check.True(t, code == 0, out)
			fixed := content(t, mem, live)
			for i, failed := int64(0), true; failed; i++ {
				mem := build()
				inj := vfs.Kinds(vfs.OnIndex(i, tt.errno), vfs.OpCreate, vfs.OpWrite, vfs.OpSync, vfs.OpRename, vfs.OpSyncDir)
				if !tt.links {
					inj = vfs.Any(inj, vfs.Kinds(vfs.Always(syscall.EPERM), vfs.OpLink))
				}
				code, out := runCheck(vfs.NewFault(mem, inj), "y", "--fix-any", tt.arg)
				failed = code != 0
				for _, fsys := range []vfs.FS{mem, mem.CrashClone(nil)} {
					check.Eq(t, content(t, fsys, "a.2.incr.aof"), good)
					check.Eq(t, content(t, fsys, "manifest"), set)
					switch got := content(t, fsys, live); got {
					case tt.bad:
						check.True(t, failed, inj.String())
					case fixed:
						check.Eq(t, content(t, fsys, live+".broken"), tt.bad)
					default:
						t.Fatalf("%s: the file is %q\n%s", inj, got, out)
					}
				}
				if failed {
					check.Contains(t, out, "Failed to ")
					check.Contains(t, out, tt.errno.Error())
				} else {
					check.True(t, i > 5, "every step was failed")
				}
			}
		})
	}
}

// TestFixOfEveryDamage cuts a log with an RDB in front at every byte and flips every bit:
// the old file stays, and what --fix made is valid, loads, and has the commands behind the
// RDB where these are whole.
func TestFixOfEveryDamage(t *testing.T) {
	head := []byte("REDIS0010\xfa\x09redis-ver\x057.0.1\xfe\x00\xfb\x05\x00\x00\x01a\x05hello\x00\x04mess\xc1\x00\x10\xfc12345678\x00\x01b\x012\x00\x01c\x013\x00\x01d\x014")
	head = rdb.AppendEOF(head, crc64.Update(0, head))
	tail := selected("SET e 5", "SET f 6") + enc("MULTI", "SET g 7", "EXEC")
	good := string(head) + tail
	try := func(what, bad string) (fixed string) {
		mem := vfs.NewMem()
		check.NoErr(t, vfs.WriteFile(mem, live, []byte(bad), 0o644))
		code, out := runCheck(mem, "y", "--fix", live)
		fixed = content(t, mem, live)
		if code != 0 || fixed == bad {
			check.Eq(t, fixed, bad)
			check.True(t, code == 0 || strings.Contains(out, "RDB preamble of AOF file is not sane, aborting.\n"), what+"\n"+out)
			return fixed
		}
		check.Eq(t, content(t, mem, live+".broken"), bad)
		check.Contains(t, out, "Kept: ")
		check.Contains(t, out, "Damage: first bad offset ")
		code, again := runCheck(mem, "", live)
		check.True(t, code == 0, what+"\n"+out+again)
		_, err := aof.Load(mem, live, aof.LoadOptions{
			Exec:     func([][]byte) error { return nil }, // a damaged name of a command has a right form
			Preamble: preambleInto(tellKeys{io.Discard}, rdb.Options{Checksum: true}),
		})
		check.True(t, err == nil, fmt.Sprint(what, err, "\n", out))
		return fixed
	}
	for cut := range good {
		fixed := try(fmt.Sprint("cut at ", cut), good[:cut])
		if cut > len(head) {
			check.True(t, strings.HasPrefix(good, fixed), fixed)
		}
	}
	for at := range head {
		for bit := range 8 {
			bad := []byte(good)
			bad[at] ^= 1 << bit
			fixed := try(fmt.Sprintf("bit %d of byte %d", bit, at), string(bad))
			check.True(t, strings.HasSuffix(fixed, tail), fmt.Sprintf("bit %d of byte %d: the commands stay: %q", bit, at, fixed))
		}
	}
	for at := len(head); at < len(good); at++ {
		bad := []byte(good)
		bad[at] ^= 1 << (at % 8)
		fixed := try(fmt.Sprint("byte ", at), string(bad))
		check.True(t, strings.HasPrefix(fixed, string(head)), fixed)
	}
}

// A file that a server uses stays as it is, and can be looked at; one in a folder below
// its own is not the server's without a manifest beside it.
func TestFixLeavesTheFileOfARunningServer(t *testing.T) {
	bad := "#TS:5\r\n" + selected("SET a 1") + "#TS:9\r\n" + enc("SET b 1") + "rubbish"
	const set = "data/appendonlydir/" + live + ".manifest"
	tests := []struct {
		file, manifest, arg string
		refused             bool
	}{
		{"data/" + live, "", "data/" + live, true},
		{"data/b/" + live, "", "data/b/" + live, false},
		{"data/appendonlydir/" + live, set, "data/appendonlydir/" + live, true},
		{"data/appendonlydir/" + live, set, set, true},
	}
	for _, tt := range tests {
		for _, how := range [][]string{{"--fix"}, {"--fix-any"}, {"--truncate-to-timestamp", "6"}} {
			fsys := vfs.NewMem()
			check.NoErr(t, fsys.MkdirAll(filepath.Dir(tt.file), 0o755))
			check.NoErr(t, vfs.WriteFile(fsys, tt.file, []byte(bad), 0o644))
			if tt.manifest != "" {
				check.NoErr(t, vfs.WriteFile(fsys, tt.manifest, []byte("file appendonly.aof seq 1 type i\n"), 0o644))
			}
			l, err := fsys.Lock("data/" + aof.LockName)
			check.NoErr(t, err)
			_, out := runCheck(fsys, "", tt.arg)
			check.Contains(t, out, "is not valid. Use the --fix option to try fixing it.")
			args := append(how, tt.arg)
			if tt.refused {
				code, out := runCheck(fsys, "y", args...)
				check.Eq(t, code, 1)
				check.True(t, strings.HasPrefix(out, "Cannot lock the directory data, is a server running there? "), out)
				check.Eq(t, content(t, fsys, tt.file), bad)
				// Neither does a lock that cannot be taken for another reason let it go on.
				check.NoErr(t, l.Close())
				inj := vfs.Kinds(vfs.Always(syscall.EACCES), vfs.OpLock)
				code, out = runCheck(vfs.NewFault(fsys, inj), "y", args...)
				check.Eq(t, code, 1)
				check.Contains(t, out, syscall.EACCES.Error())
				check.Eq(t, content(t, fsys, tt.file), bad)
			}
			code, out := runCheck(fsys, "y", args...)
			check.True(t, code == 0, out)
			check.True(t, content(t, fsys, tt.file) != bad, out)
		}
	}
}

// asked is an answer before which something happens.
type asked struct {
	io.Reader
	meanwhile func()
}

func (a *asked) Read(p []byte) (int, error) {
	if f := a.meanwhile; f != nil {
		a.meanwhile = nil
		f()
	}
	return a.Reader.Read(p)
}

// While the tool waits for the answer no server can start, and what changed is not replaced.
func TestFixLeavesAFileThatChangedMeanwhile(t *testing.T) {
	bad := selected("SET a 1") + "rubbish"
	for name, change := range map[string]func(fsys *vfs.Mem) error{
		"replaced": func(fsys *vfs.Mem) error {
			return errors.Join(vfs.WriteFile(fsys, "new", []byte(bad), 0o644), fsys.Rename("new", live))
		},
		"grown": func(fsys *vfs.Mem) error { return vfs.WriteFile(fsys, live, []byte(bad+"more"), 0o644) },
		"cut":   func(fsys *vfs.Mem) error { return vfs.WriteFile(fsys, live, []byte(bad[:20]), 0o644) },
		"gone":  func(fsys *vfs.Mem) error { return fsys.Rename(live, "elsewhere") },
		"":      nil,
	} {
		t.Run(name, func(t *testing.T) {
			fsys := vfs.NewMem()
			check.NoErr(t, vfs.WriteFile(fsys, live, []byte(bad), 0o644))
			check.NoErr(t, vfs.WriteFile(fsys, aof.LockName, nil, 0o644))
			before := ""
			in := &asked{strings.NewReader("y"), func() {
				_, err := fsys.Lock(aof.LockName)
				check.ErrIs(t, err, vfs.ErrLocked)
				if change != nil {
					check.NoErr(t, change(fsys))
				}
				before = fsys.String()
			}}
			var out bytes.Buffer
			code := aof.Check(aof.CheckEnv{FS: fsys, In: in, Out: &out}, []string{"redis-check-aof", "--fix", live})
			if change == nil {
				check.Eq(t, code, 0)
				return
			}
			check.Eq(t, code, 1)
			check.Contains(t, out.String(), "Failed to truncate AOF appendonly.aof: ")
			check.Eq(t, fsys.String(), before)
			l, err := fsys.Lock(aof.LockName)
			check.NoErr(t, err)
			check.NoErr(t, l.Close())
		})
	}
}

// patient is an answer without the end of a line, of somebody who keeps the pipe open.
type patient struct {
	t    *testing.T
	left string
}

func (p *patient) Read(b []byte) (int, error) {
	if p.left == "" {
		p.t.Error("the tool waits for more than the answer")
		return 0, io.EOF
	}
	n := copy(b, p.left)
	p.left = p.left[n:]
	return n, nil
}

func TestFixReadsNoMoreThanTheAnswers(t *testing.T) {
	bad := selected("SET a 1") + "rubbish"
	for answer, whole := range map[string]int{"y": 1, "Yes, do\ny": 2, "y\ny": 2} {
		fsys := vfs.NewMem()
		set := ""
		for i := range whole {
			name := fmt.Sprintf("a.%d.incr.aof", i+1)
			check.NoErr(t, vfs.WriteFile(fsys, name, []byte(bad), 0o644))
			set += fmt.Sprintf("file %s seq %d type i\n", name, i+1)
		}
		check.NoErr(t, vfs.WriteFile(fsys, "a.manifest", []byte(set), 0o644))
		var out bytes.Buffer
		code := aof.Check(aof.CheckEnv{FS: fsys, In: &patient{t, answer}, Out: &out}, []string{"redis-check-aof", "--fix-any", "a.manifest"})
		check.True(t, code == 0, out.String())
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
