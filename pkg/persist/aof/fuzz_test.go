package aof_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
	"redisd/pkg/persist/rdb"
)

// FuzzLoad: no input makes the loader panic or allocate for what is not there, and
// what it accepts means the same when encoded again and when loaded again.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"", "*", "#", "#TS:1\r\n", "REDIS0010", "*1\r\n$4\r\nPING\r\n", "*1\r\n$0\r\n\r\n",
		selected("SET a 1", "MULTI", "DEL a", "EXEC"), enc("MULTI", "SET a 1"), enc("EXEC"), enc("SET a 1") + "\x00\x00",
		"*1000000000\r\n$1\r\na\r\n", "*2\r\n$1000000000\r\na\r\n", "*2\r\n$1\r\na\r\n$40\r\n\r\n" + enc("SET b 2") + enc("SET c 3"),
		strings.Repeat("\r\n*", 100), enc("SET a 1")[:20],
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		mem := vfs.NewMem()
		check.NoErr(t, vfs.WriteFile(mem, live, data, 0o644))
		var again []byte
		opts := aof.LoadOptions{AllowTruncated: true, Exec: func(argv [][]byte) error {
			check.True(t, len(argv) > 0, "a command has a name")
			again = aof.AppendCommand(again, argv)
			return nil
		}}
		res, err := aof.Load(mem, live, opts)
		if err != nil {
			var le *aof.LoadError
			check.True(t, errors.As(err, &le) && le.Text != "" && le.Offset >= 0 && le.Offset <= int64(len(data)), err.Error())
			return
		}
		left := content(t, mem, live)
		check.Eq(t, res.Size, int64(len(left)))
		check.True(t, bytes.HasPrefix(data, []byte(left)), "only the end is cut off")
		first := again
		again = nil
		opts.AllowTruncated = false
		_, err = aof.Load(mem, live, opts)
		check.NoErr(t, err)
		check.EqBytes(t, again, first)
		check.NoErr(t, vfs.WriteFile(mem, live, first, 0o644))
		again = nil
		_, err = aof.Load(mem, live, opts)
		check.NoErr(t, err)
		check.EqBytes(t, again, first)
	})
}

// FuzzCheck: the tool never panics, and what it has fixed is valid and loads.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(selected("SET a 1", "MULTI", "DEL a", "EXEC")))
	f.Add([]byte(enc("SET a 1", "MULTI", "SET b 2")))
	f.Add([]byte(enc("SET a 1") + "#TS:12"))
	f.Add([]byte(enc("SET a 1") + "*2\r\n$3\r\nDEL\r\n$99\r\n"))
	f.Add([]byte("#TS:1\r\n*1\r\n$1\r\na\r\n!"))
	f.Add([]byte("*1\r\n$\r\n\r\n"))
	f.Add([]byte(damagedRDB + selected("SET a 1")))
	f.Add([]byte(damagedRDB[:30] + "\xff12345678#TS:1\r\n" + selected("SET a 1")))
	f.Fuzz(func(t *testing.T, data []byte) {
		mem := vfs.NewMem()
		check.NoErr(t, vfs.WriteFile(mem, live, data, 0o644))
		run := func(args ...string) (int, string) {
			var out bytes.Buffer
			env := aof.CheckEnv{FS: mem, In: strings.NewReader("y"), Out: &out}
			return aof.Check(env, append([]string{"redis-check-aof"}, args...)), out.String()
		}
		code, out := run("--fix", live)
		if code != 0 || strings.Contains(out, "Multi Part") {
			return
		}
		code, out = run(live)
		check.True(t, code == 0, "valid when fixed: "+out)
		_, err := aof.Load(mem, live, aof.LoadOptions{
			Exec:     func([][]byte) error { return nil },
			Preamble: preambleInto(anything{tellKeys{io.Discard}}, rdb.Options{Checksum: true}),
		})
		check.NoErr(t, err)
	})
}

// anything takes an RDB with whatever it holds.
type anything struct{ tellKeys }

func (anything) Value(r *rdb.Record, src rdb.Source) error { return src.SkipValue(r.Type) }
func (anything) FunctionLib([]byte) error                  { return nil }
func (anything) ModuleAux(string) error                    { return nil }

func FuzzManifest(f *testing.F) {
	f.Add([]byte("file a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type i\n"))
	f.Add([]byte("file \"a\\x20b\\n\" seq 1 type b\n"))
	f.Add([]byte("# x\nfile 'it\\'s' seq 1 type h\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := aof.ParseManifest(data)
		if err != nil {
			var me *aof.ManifestError
			check.True(t, errors.As(err, &me) && me.What != "", "a ManifestError")
			return
		}
		for _, p := range m.Parts() {
			check.True(t, p.Name != "" && filepath.Base(p.Name) == p.Name || strings.HasPrefix(p.Name, "."), "a name without a directory")
		}
	})
}

func TestLoadStreamsBigArguments(t *testing.T) {
	mem := vfs.NewMem()
	big := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/16)
	var b []byte
	for i := range 5 {
		b = aof.AppendCommand(b, [][]byte{[]byte("SET"), {byte('a' + i)}, big[:len(big)-i]})
		b = append(b, enc("PING")...)
	}
	check.NoErr(t, vfs.WriteFile(mem, live, b, 0o644))
	n := 0
	var offsets []int64
	res, err := aof.Load(mem, live, aof.LoadOptions{
		Exec: func(argv [][]byte) error {
			if len(argv) == 3 {
				check.EqBytes(t, argv[2], big[:len(big)-n/2])
			}
			n++
			return nil
		},
		Progress: func(at int64) { offsets = append(offsets, at) },
	})
	check.NoErr(t, err)
	check.Eq(t, res.Commands, int64(10))
	check.Eq(t, offsets[len(offsets)-1], int64(len(b)))
}

func TestLoadReportsProgress(t *testing.T) {
	mem := vfs.NewMem()
	check.NoErr(t, vfs.WriteFile(mem, live, []byte(strings.Repeat(enc("PING"), 5000)), 0o644))
	var offsets []int64
	_, err := aof.Load(mem, live, aof.LoadOptions{Exec: func([][]byte) error { return nil }, Progress: func(at int64) { offsets = append(offsets, at) }})
	check.NoErr(t, err)
	check.Eq(t, offsets[0], int64(0))
	check.Eq(t, offsets[len(offsets)-1], int64(5000*len(enc("PING"))))
	for i := range offsets[1:] {
		step := offsets[i+1] - offsets[i]
		check.True(t, step >= 0 && step <= int64(128*len(enc("PING"))), "at least every 128 commands")
	}
}

func TestLoadCutsTheEndOffForGood(t *testing.T) {
	mem := vfs.NewMem()
	f := create(t, mem, live, enc("SET a 1")+"*1")
	check.NoErr(t, f.Sync())
	check.NoErr(t, mem.SyncDir("."))
	check.Eq(t, load(t, mem, live), []string{"SET a 1"})
	check.Eq(t, content(t, mem.CrashClone(nil), live), enc("SET a 1"))
}

func TestLoadErrorsOfTheSystem(t *testing.T) {
	mem := vfs.NewMem()
	check.NoErr(t, vfs.WriteFile(mem, live, []byte(enc("SET a 1")[:20]), 0o644))
	exec := func([][]byte) error { return nil }
	_, err := aof.Load(mem, "nothing", aof.LoadOptions{Exec: exec})
	check.ErrIs(t, err, os.ErrNotExist)
	for i := range int64(20) {
		fsys := vfs.NewFault(mem, vfs.OnIndex(i, errTest))
		_, err := aof.Load(fsys, live, aof.LoadOptions{Exec: exec, AllowTruncated: true})
		var le *aof.LoadError
		if err != nil {
			check.True(t, errors.As(err, &le) && errors.Is(err, errTest), err.Error())
			check.True(t, le.Kind == aof.KindOpen || le.Kind == aof.KindRead, "a kind that tells")
		}
	}
}

func TestLoadAllocatesNothingForEachCommand(t *testing.T) {
	mem := vfs.NewMem()
	check.NoErr(t, vfs.WriteFile(mem, live, []byte(strings.Repeat(selected("SET key value", "MULTI", "DEL key", "EXEC"), 2000)), 0o644))
	n := testing.AllocsPerRun(5, func() {
		_, err := aof.Load(mem, live, aof.LoadOptions{Exec: func([][]byte) error { return nil }})
		check.NoErr(t, err)
	})
	check.True(t, n < 60, strconv.Itoa(int(n))+" allocations for the whole file")
}

func BenchmarkLoad(b *testing.B) {
	mem := vfs.NewMem()
	data := []byte(strings.Repeat(enc("SET key:000001 some-value-of-a-usual-size-0123456789-0123456789"), 100_000))
	check.NoErr(b, vfs.WriteFile(mem, live, data, 0o644))
	b.SetBytes(int64(len(data)))
	for range b.N {
		_, err := aof.Load(mem, live, aof.LoadOptions{Exec: func([][]byte) error { return nil }})
		check.NoErr(b, err)
	}
}
