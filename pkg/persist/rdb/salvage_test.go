package rdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/crc64"
	"redisd/internal/vfs"
	"redisd/pkg/persist/rdb"
)

const dump = "dump.rdb"

// runTool is redis-check-rdb with an answer to its question, on a file of its own.
func runTool(fsys vfs.FS, answer string, args ...string) (code int, out string) {
	var b bytes.Buffer
	env := rdb.ToolEnv{FS: fsys, In: strings.NewReader(answer), Out: &b, Err: &b}
	code = rdb.Tool(env, append([]string{"redis-check-rdb"}, args...))
	return code, b.String()
}

func onDisk(t testing.TB, b []byte) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	check.NoErr(t, vfs.WriteFile(mem, dump, b, 0o644))
	return mem
}

func content(t testing.TB, fsys vfs.FS, name string) string {
	t.Helper()
	b, err := vfs.ReadFile(fsys, name)
	check.NoErr(t, err)
	return string(b)
}

// holdings is a Handler that writes down every key as "database:key".
type holdings struct {
	silent
	keys  map[string]string
	order []string
	twice bool
}

func (h *holdings) put(r *rdb.Record, value string) {
	name := fmt.Sprintf("%d:%q", r.DB, r.Key)
	if _, there := h.keys[name]; there {
		h.twice = true
	}
	h.keys[name] = fmt.Sprintf("%s at %d idle %d freq %d", value, r.ExpireAt, r.Idle, r.Freq)
	h.order = append(h.order, name)
}

func (h *holdings) Record(r *rdb.Record) error { h.put(r, string(r.Str)); return nil }

func (h *holdings) Value(r *rdb.Record, src rdb.Source) error {
	if r.Type == rdb.TypeModule2 {
		h.put(r, "module")
		return src.SkipValue(r.Type)
	}
	var told teller
	if err := src.Visit(r.Type, &told, rdb.Everything); err != nil {
		return err
	}
	h.put(r, told.s.String())
	return nil
}

func read(t testing.TB, b []byte) *holdings {
	t.Helper()
	h := &holdings{keys: map[string]string{}}
	res, err := rdb.Load(bytes.NewReader(b), rdb.Options{Checksum: true, Size: int64(len(b))}, h)
	check.NoErr(t, err)
	check.Eq(t, res.Consumed, int64(len(b)))
	check.Eq(t, h.twice, false)
	return h
}

// fix repairs bad and returns what became of it, nil when there is nothing to repair.
// The old file is there in any case, and the new one is sound and read whole.
func fix(t testing.TB, bad []byte) (fixed []byte, out string) {
	t.Helper()
	mem := onDisk(t, bad)
	code, out := runTool(mem, "y\n", "--fix", dump)
	if code != 0 {
		check.Contains(t, out, "there is nothing to repair")
		check.Contains(t, out, "Damage: first bad offset 0 (0x0), in the header")
		check.Eq(t, content(t, mem, dump), string(bad))
		return nil, out
	}
	if !strings.Contains(out, "Continue?") {
		check.Contains(t, out, `\o/ RDB looks OK! \o/`)
		return bad, out
	}
	check.Contains(t, out, "Damage: first bad offset ")
	check.Contains(t, out, "Kept: dump.rdb as it was is dump.rdb.broken\n")
	check.Eq(t, content(t, mem, dump+".broken"), string(bad))
	return []byte(content(t, mem, dump)), out
}

// everyType are a few keys of each type that version 10 knows, in two databases.
func everyType(o *oracle) []byte {
	o.do("SET", "s", strings.Repeat("abc", 20))
	o.do("SET", "n", "12345", "PXAT", "4102444800000")
	o.do("RPUSH", "l", "a", "1000", strings.Repeat("b", 100))
	o.do("HSET", "h", "f", "1", "g", "x")
	o.do("HSET", "big", strings.Repeat("f", 100), "value", "g", "other")
	o.do("ZADD", "z", "1", "a", "2.5", "b")
	o.do("ZADD", "large", "1", strings.Repeat("m", 70), "-inf", "other")
	o.do("SADD", "i", "1", "2", "100000")
	o.do("SADD", "t", "a", "b")
	o.line("SELECT 9")
	o.do("XADD", "x", "1-1", "f", "v")
	o.line("XGROUP CREATE x g 0")
	o.line("XREADGROUP GROUP g c STREAMS x >")
	o.do("SET", "last", "one")
	return o.save()
}

// TestSalvageOfEveryCut ends a file at every byte: what comes whole before the cut is
// kept, and nothing else.
func TestSalvageOfEveryCut(t *testing.T) {
	o := startOracle(t, nil)
	for name, good := range map[string][]byte{"ours": sample(), "every type": everyType(o), "version 4": old(), "newer": newer()} {
		t.Run(name, func(t *testing.T) {
			whole := read(t, good)
			kept := 0
			for cut := range good {
				mem := onDisk(t, good[:cut])
				code, report := runTool(mem, "", dump)
				check.Eq(t, code, 1)
				check.Eq(t, content(t, mem, dump), string(good[:cut]))
				fixed, out := fix(t, good[:cut])
				for _, line := range strings.SplitAfter(report, "\n") {
					if strings.HasPrefix(line, "Damage: ") || strings.HasPrefix(line, "Lost: ") {
						check.Contains(t, out, line)
					}
				}
				if cut < 9 {
					check.True(t, fixed == nil, out)
					continue
				}
				got := read(t, fixed)
				check.True(t, slices.Equal(got.order, whole.order[:len(got.order)]), fmt.Sprint(got.order))
				for name, value := range got.keys {
					check.Eq(t, value, whole.keys[name])
				}
				check.True(t, len(got.order) == kept || len(got.order) == kept+1, "one key after the other comes")
				kept = len(got.order)
				check.Contains(t, out, fmt.Sprintf("Whole: %d key", kept))
				check.Contains(t, out, "Lost: everything from offset ")
				if kept == len(whole.order) {
					check.Eq(t, string(fixed), string(good))
				}
			}
			check.Eq(t, kept, len(whole.order))
		})
	}
}

func old() []byte {
	return file(4, "\xfe\x00\xfd\x01\x00\x00\x00\x00\x01k\x01v\xfc\x01\x00\x00\x00\x00\x00\x00\x7f\x00\x01l\xc0\x01")
}

func newer() []byte {
	items := "\xfa\x09redis-ver\x057.2.4" + moduleAux + "\xf5\x10#!lua name=lib\n\n\xfe\x00\xfb\x04\x00"
	for i, name := range []string{"set-listpack", "stream-v3", "module-v2"} {
		item := newerItems()[name]
		items += item[:1] + fmt.Sprintf("\x02k%d", i) + item[3:]
	}
	// The ID of a module fills 64 bits.
	items = strings.ReplaceAll(items, "\x44\x00", "\x81\x12\x34\x56\x78\x9a\xbc\xde\xf0")
	return file(11, items+"\x00\x01s\x01v")
}

// TestSalvageOfEveryFlip flips every bit. Keys before the damage are kept as they were,
// and no more than the key that was hit, and what a broken form takes with it, is lost.
func TestSalvageOfEveryFlip(t *testing.T) {
	o := startOracle(t, nil)
	all := everyType(o)
	peer := startOracle(t, nil, "--databases", "1000")
	tried := map[string]bool{}
	for name, good := range map[string][]byte{"ours": sample(), "every type": all, "version 4": old(), "newer": newer()} {
		t.Run(name, func(t *testing.T) {
			whole := read(t, good)
			wrong, lost := 0, 0
			for at := range good {
				for bit := range 8 {
					bad := bytes.Clone(good)
					bad[at] ^= 1 << bit
					fixed, out := fix(t, bad)
					if fixed == nil {
						check.True(t, at < 9, out)
						continue
					}
					h := &holdings{keys: map[string]string{}}
					_, err := rdb.Load(bytes.NewReader(fixed), rdb.Options{Checksum: true, Size: int64(len(fixed))}, h)
					if err != nil || h.twice {
						t.Fatalf("bit %d of byte %d: %v, twice %t\n%s", bit, at, err, h.twice, out)
					}
					var strange []string
					for name, value := range h.keys {
						if whole.keys[name] != value {
							strange = append(strange, name+"="+value)
						}
					}
					if len(strange) > 1 {
						wrong++
						t.Logf("bit %d of byte %d: %q\n%s", bit, at, strange, out)
					}
					if len(h.keys) < len(whole.keys) {
						lost++
					}
					if name == "every type" && bit == at%8 && at%2 == 0 && !tried[string(fixed)] {
						tried[string(fixed)] = true
						theirs, ok := checkTool(t, fixed)
						check.True(t, ok, theirs)
						reload(t, peer, fixed)
					}
				}
			}
			check.True(t, wrong <= 10+len(good)/15, fmt.Sprint(wrong, " flips bring strange keys"))
			t.Logf("%d of %d flips lose keys, %d bring strange ones", lost, 8*len(good), wrong)
		})
	}
}

// Values are longer than the buffer of the decoder, and damage is anywhere in them.
func TestSalvageOfLargeValues(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	b := rdb.AppendResizeDB(rdb.AppendSelectDB(rdb.AppendHeader(nil), 0), 12, 0)
	noise := make([]byte, 700<<10)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for i := range 4 {
		rec := record(fmt.Sprint("text", i), string(noise[i:]))
		b = rdb.AppendRecord(b, &rec, false)
		set := record(fmt.Sprint("set", i), "")
		set.Type = rdb.TypeSet
		b = rdb.AppendLen(rdb.AppendRecordHead(b, &set, false), 4000)
		for j := range 4000 {
			b = rdb.AppendRawString(b, fmt.Appendf(nil, "%08d%s", j, noise[j:j+90]))
		}
		packed := record(fmt.Sprint("packed", i), strings.Repeat("0123456789", 60_000))
		b = rdb.AppendRecord(b, &packed, true)
	}
	good := rdb.AppendEOF(b, crc64.Update(0, b))
	whole := read(t, good)
	check.Eq(t, len(whole.order), 12)
	left := 0
	const rounds = 12
	for range rounds {
		at := 9 + rnd.IntN(len(good)-9)
		fixed, _ := fix(t, good[:at])
		got := read(t, fixed)
		check.True(t, slices.Equal(got.order, whole.order[:len(got.order)]), fmt.Sprint(got.order))
		for name, value := range got.keys {
			check.True(t, value == whole.keys[name], name)
		}
		bad := bytes.Clone(good)
		bad[at] ^= 1 << rnd.IntN(8)
		fixed, _ = fix(t, bad)
		left += len(read(t, fixed).order)
	}
	check.True(t, left > rounds*11-rounds, fmt.Sprint(left, " keys are left"))

	// A member that comes twice, far behind the start of its set: the rest is read.
	bad := bytes.Replace(good, fmt.Appendf(nil, "%08d%s", 3900, noise[3900:3990]), fmt.Appendf(nil, "%08d%s", 3899, noise[3899:3989]), 1)
	fixed, out := fix(t, bad)
	check.Eq(t, len(read(t, fixed).order), 11)
	check.Contains(t, out, "Lost: key 'set0' (set-hashtable) of database 0, ")
	check.Contains(t, out, rdb.DuplicateMember)
}

// reload lets a redis-server load b.
func reload(t testing.TB, o *oracle, b []byte) {
	t.Helper()
	check.NoErr(t, os.WriteFile(filepath.Join(o.dir, dump), b, 0o600))
	check.Eq(t, o.line("DEBUG RELOAD NOSAVE"), "OK")
}

// TestSalvageNeverLosesTheOldFile fails each operation of a repair, with links and
// without: the name is the old file's or the new one's, whole, after a power failure too,
// and when it is the new one the old one is beside it.
func TestSalvageNeverLosesTheOldFile(t *testing.T) {
	good := sample()
	bad := good[:len(good)-20]
	fixed, _ := fix(t, bad)
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
		for _, links := range []bool{true, false} {
			for i, fired := int64(0), true; fired; i++ {
				mem := onDisk(t, nil)
				f, err := mem.OpenFile(dump, os.O_WRONLY, 0)
				check.NoErr(t, err)
				_, err = f.Write(bad)
				check.NoErr(t, err)
				check.NoErr(t, f.Sync())
				check.NoErr(t, f.Close())
				check.NoErr(t, mem.SyncDir("."))
				fired = false
				once := vfs.Func(fmt.Sprint("operation ", i), func() func(vfs.Op) error {
					inner := vfs.OnIndex(i, errno)
					return func(op vfs.Op) error {
						err := inner.Check(op)
						fired = fired || err != nil
						return err
					}
				}())
				inj := vfs.Kinds(once, vfs.OpCreate, vfs.OpRead, vfs.OpWrite, vfs.OpSync, vfs.OpRename, vfs.OpSyncDir)
				if !links {
					inj = vfs.Any(inj, vfs.Kinds(vfs.Always(syscall.EPERM), vfs.OpLink))
				}
				code, out := runTool(vfs.NewFault(mem, inj), "y", "--fix", dump)
				for _, fsys := range []*vfs.Mem{mem, mem.CrashClone(nil)} {
					switch got := content(t, fsys, dump); got {
					case string(bad):
						check.True(t, code != 0, inj.String())
					case string(fixed):
						check.Eq(t, content(t, fsys, dump+".broken"), string(bad))
					default:
						t.Fatalf("%s: the file is %q\n%s", inj, got, out)
					}
				}
				if code != 0 {
					check.Contains(t, out, errno.Error())
				}
				check.True(t, fired || code == 0 && i > 8, "every step was failed")
			}
		}
	}
}

// What was written is read back before it takes the place of the old file.
func TestSalvageReadsBackWhatItWrote(t *testing.T) {
	bad := sample()[:100]
	mem := onDisk(t, bad)
	inj := vfs.Kinds(vfs.Always(&vfs.Damage{Off: 3, Flip: 1}), vfs.OpWrite)
	code, out := runTool(vfs.NewFault(mem, inj), "y", "--fix", dump)
	check.Eq(t, code, 1)
	check.Contains(t, out, "Failed to repair RDB dump.rdb: reading it back: ")
	check.Eq(t, content(t, mem, dump), string(bad))
	names, err := mem.ReadDir(".")
	check.NoErr(t, err)
	check.Eq(t, len(names), 1)
}

func TestSalvageReports(t *testing.T) {
	keys := "\xfe\x03\xfb\x09\x00\x00\x01a\x011"
	more := "\x00\x01b\x012\x00\x01c\x013\x00\x01d\x014\x00\x01e\x015"
	tests := []struct {
		name, items string
		want        []string
		kept        string
	}{
		{"a value with a known end", keys + "\x10\x01h\x04bad!" + more, []string{
			"Damage: first bad offset 19 (0x13), in the value of key 'h' (hash-listpack) of database 3: Hash listpack integrity check failed. (at offset 27)\n",
			"Lost: key 'h' (hash-listpack) of database 3, 8 bytes from offset 19 on: Hash listpack integrity check failed.\n",
			"Whole: 5 keys, as far",
		}, "abcde"},
		{"an attribute goes with its key", keys + "\xfc12345678\x10\x01h\x04bad!" + more, []string{
			"Lost: key 'h' (hash-listpack) of database 3, 17 bytes from offset 19 on: ",
		}, "abcde"},
		{"two values", keys + "\x10\x01h\x04bad!" + more + "\x0b\x01i\x03bad" + more[:5], []string{
			"Lost: key 'h' (hash-listpack) of database 3, ", "Lost: key 'i' (set-intset) of database 3, ",
			"Lost: the second key 'b' (string) of database 3, 5 bytes from offset 54 on: the key is there already\n",
		}, "abcde"},
		{"an end that the rest does not prove", keys + "\x10\x01h\x04bad!" + more[:10] + "\x08", []string{
			"Lost: everything from offset 19 on, 28 bytes\n", "Lost: with it 8 of the 9 keys that the file gives for database 3\n",
			"Damage: key 'a' (string) of database 3 is the last that ends where it should, its value may be damaged already\n",
		}, "a"},
		{"an unknown type", keys + "\x08" + more, []string{
			"Damage: first bad offset 19 (0x13), in the start of a key of database 3: Invalid object type: 8 (at offset 20)\n",
			"Lost: everything from offset 19 on, 30 bytes\n", "Lost: with it 8 of the 9 keys that the file gives for database 3\n",
		}, "a"},
		{"a form that broke unnoticed", "\xfe\x03\xfb\x02\x00\x00\x01a\x011\x00\x01b\x012\x00\x01c\x013\x00\x01d\x014\x08", []string{
			"Damage: first bad offset 24 (0x18), in database 3: more keys than the 2 that the file gives for it, and a broken form behind\n",
			"Lost: everything from offset 24 on, 20 bytes\n",
		}, "ab"},
		{"a number of keys that is wrong", keys + more, []string{"Lost: perhaps 4 keys: the file gives 9 for database 3, and there are 5\n"}, "abcde"},
		{"a database that comes back", "\xfe\x03\xfb\x02\x00\x00\x01a\x011\xfe\x02\xfb\x01\x00\xfe\x03\x00\x01b\x012\x08", []string{
			"Lost: with it 1 of the 1 key that the file gives for database 2\n",
		}, "ab"},
		{"an end mark in the middle", keys + "\xff" + more, []string{
			"Damage: first bad offset 19 (0x13), in the end: an end mark, but 21 bytes follow it that do not belong behind one\n",
		}, "a"},
		{"an expiry without a key", keys + "\xfc12345678\xfb\x09\x00" + more, []string{
			"Lost: 9 bytes from offset 19 on: an expiry, idle time or frequency without a key\n",
		}, "abcde"},
		{"an empty collection", keys + "\x01\x01l\x00" + more, []string{
			"Lost: key 'l' (list-linked) of database 3, 4 bytes from offset 19 on: Empty key\n",
		}, "abcde"},
		{"a high database", "\xfe\x20\x08", []string{
			"Whole: keys of database 32 are among them: loading them takes databases 33\n",
		}, ""},
		{"a library", keys + "\xf5\x01x" + more, []string{
			"Lost: a library of functions, 3 bytes from offset 19 on: it does not begin as one does\n",
		}, "abcde"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := file(10, tt.items)
			b[len(b)-1] ^= 1 // the checksum says that something is wrong
			fixed, out := fix(t, b)
			for _, want := range tt.want {
				check.Contains(t, out, want)
			}
			kept := ""
			for _, name := range read(t, fixed).order {
				kept += strings.Trim(name, `3:"`)
			}
			check.Eq(t, kept, tt.kept)
		})
	}
}

func TestToolSays(t *testing.T) {
	good := sample()
	flipped := bytes.Clone(good)
	at := bytes.Index(good, []byte("hello"))
	flipped[at] ^= 1
	mem := onDisk(t, flipped)
	code, out := runTool(mem, "", dump)
	check.Eq(t, code, 1)
	check.Contains(t, out, fmt.Sprintf("Damage: first bad offset %d (0x%x), in the checksum of everything before it: some byte there is damaged, and nothing else shows which: RDB CRC error\n", len(good)-8, len(good)-8))
	check.Contains(t, out, "RDB dump.rdb is not valid. Use the --fix option to try fixing it.\n")
	for _, no := range []string{"", "n\n"} {
		code, out = runTool(mem, no, "--fix", dump)
		check.Eq(t, code, 1)
		check.Contains(t, out, "Continue? [y/N]: Aborting...\n")
		check.Eq(t, content(t, mem, dump), string(flipped))
	}
	code, out = runTool(mem, "y\n", "--fix", dump)
	check.Eq(t, code, 0)
	check.Contains(t, out, "Successfully repaired RDB dump.rdb\n")
	got := read(t, []byte(content(t, mem, dump)))
	check.Eq(t, got.keys[`0:"greeting"`], "iello at -1 idle -1 freq -1")
	check.Eq(t, len(got.order), len(sampleRecords()))

	// What is sound is not touched.
	code, out = runTool(mem, "y\n", "--fix", dump)
	check.Eq(t, code, 0)
	check.True(t, !strings.Contains(out, "Continue?"), out)

	// Nor what has more behind it, but it is told.
	more := onDisk(t, append(bytes.Clone(good), "tail"...))
	code, out = runTool(more, "y\n", "--fix", dump)
	check.Eq(t, code, 0)
	check.Contains(t, out, fmt.Sprintf("Damage: 4 bytes follow the end of the RDB, from offset %d on, and a start does not read them\n", len(good)))

	for _, args := range [][]string{{}, {"--fix"}, {"--fix", dump, dump}, {"missing"}, {"--fix", "missing"}} {
		code, _ = runTool(mem, "y\n", args...)
		check.Eq(t, code, 1)
	}
	names, err := mem.ReadDir(".")
	check.NoErr(t, err)
	check.Eq(t, len(names), 2)
	check.True(t, slices.ContainsFunc(names, func(e os.DirEntry) bool { return e.Name() == dump+".broken" }), "")
}

// asked is an answer before which something happens.
type asked struct {
	io.Reader
	meanwhile func()
}

func (a asked) Read(p []byte) (int, error) {
	a.meanwhile()
	return a.Reader.Read(p)
}

// The daemon of the directory is kept out from before the file is read, and what changed
// while the tool waited for the answer is not replaced.
func TestFixLeavesAFileThatIsInUse(t *testing.T) {
	bad := sample()[:100]
	args := []string{"redis-check-rdb", "--fix", dump}
	for name, change := range map[string]func(mem *vfs.Mem) error{
		"replaced": func(mem *vfs.Mem) error {
			return errors.Join(vfs.WriteFile(mem, "temp-1.rdb", sample(), 0o644), mem.Rename("temp-1.rdb", dump))
		},
		"grown": func(mem *vfs.Mem) error { return vfs.WriteFile(mem, dump, sample(), 0o644) },
		"":      nil,
	} {
		t.Run(name, func(t *testing.T) {
			mem := onDisk(t, bad)
			l, err := mem.Lock(vfs.LockName)
			check.NoErr(t, err)
			code, out := runTool(mem, "", dump)
			check.Eq(t, code, 1)
			check.Contains(t, out, "is not valid. Use the --fix option to try fixing it.")
			code, out = runTool(mem, "y", args[1:]...)
			check.Eq(t, code, 1)
			check.True(t, strings.HasPrefix(out, "Cannot lock the directory ., is a server running there? "), out)
			check.NoErr(t, l.Close())

			before := ""
			in := asked{strings.NewReader("y"), func() {
				_, err := mem.Lock(vfs.LockName)
				check.ErrIs(t, err, vfs.ErrLocked)
				if change != nil {
					check.NoErr(t, change(mem))
				}
				before = mem.String()
			}}
			var b bytes.Buffer
			code = rdb.Tool(rdb.ToolEnv{FS: mem, In: in, Out: &b, Err: &b}, args)
			if change == nil {
				check.Eq(t, code, 0)
				return
			}
			check.Eq(t, code, 1)
			check.Contains(t, b.String(), "Failed to repair RDB dump.rdb: the file changed since it was examined")
			check.Eq(t, mem.String(), before)
			check.Eq(t, content(t, mem, dump), string(sample()))
		})
	}
}

// A key that comes again and again proves nothing, and looking whether it does goes no
// deeper each time.
func TestSalvageEndsAtAKeyThatRepeats(t *testing.T) {
	one := "\x00\x01a\x011"
	const times = 500
	b := file(10, "\xfe\x03\x00\x01b\x012"+strings.Repeat(one, times))
	b[len(b)-1] ^= 1
	fixed, out := fix(t, b)
	from := len("REDIS0010\xfe\x03") + 2*len(one)
	check.Contains(t, out, fmt.Sprintf("Lost: everything from offset %d on, ", from))
	check.Eq(t, len(read(t, fixed).order), 2)

	reads := &readCount{ReaderAt: bytes.NewReader(b)}
	_, err := rdb.NewSalvage(reads, int64(len(b)), rdb.SalvageOptions{})
	check.NoErr(t, err)
	check.True(t, reads.n < 10, fmt.Sprint(reads.n, " reads"))
}

// readCount counts reads.
type readCount struct {
	io.ReaderAt
	n int
}

func (r *readCount) ReadAt(p []byte, off int64) (int, error) {
	r.n++
	return r.ReaderAt.ReadAt(p, off)
}
