package aof_test

import (
	"bytes"
	"fmt"
	"math/rand"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

const dataDir = "/data"

func dataFS(t testing.TB) *vfs.Mem {
	m := vfs.NewMem()
	check.NoErr(t, m.MkdirAll(dataDir+"/appendonlydir", 0o755))
	return m
}

func putFile(t testing.TB, m vfs.FS, name, text string) {
	t.Helper()
	path := filepath.Join(dataDir, name)
	f := create(t, m, path, text)
	check.NoErr(t, f.Sync())
	check.NoErr(t, f.Close())
	check.NoErr(t, m.SyncDir(filepath.Dir(path)))
}

func openSet(t testing.TB, m vfs.FS, name string) *aof.Set {
	t.Helper()
	s, err := aof.OpenSet(m, dataDir, "appendonlydir", name)
	check.NoErr(t, err)
	return s
}

func TestManifestSurvivesItsText(t *testing.T) {
	for _, name := range []string{"appendonly.aof", " file seq \n\n.aof ", `a"b'd`, "\x00\x7f\xff\t", "ä"} {
		s := openSet(t, dataFS(t), name)
		m := s.NextBase(true, 0, true)
		for range 3 {
			s.Adopt(m)
			m, _ = s.NextIncr()
		}
		s.Adopt(m)
		m = s.NextBase(false, 1, false)
		m.FileVoid = true
		back, err := aof.ParseManifest(m.Append(nil))
		check.NoErr(t, err)
		check.Eq(t, back, m)
	}
}

// The names are those that Redis's own test suite expects.
func TestManifestNumbersAsRedis(t *testing.T) {
	s := openSet(t, dataFS(t), "appendonly.aof")
	s.Adopt(s.NextBase(true, 0, true))
	for range 2 {
		m, _ := s.NextIncr()
		s.Adopt(m)
		s.Adopt(s.NextBase(true, 1, false))
	}
	check.Eq(t, string(s.Manifest().Append(nil)), strings.Join([]string{
		"file appendonly.aof.3.base.rdb seq 3 type b",
		"file appendonly.aof.2.incr.aof seq 2 type h", "file appendonly.aof.2.base.rdb seq 2 type h",
		"file appendonly.aof.1.incr.aof seq 1 type h", "file appendonly.aof.1.base.rdb seq 1 type h",
		"file appendonly.aof.3.incr.aof seq 3 type i", "",
	}, "\n"))
	// Without an increment Redis begins at 1 again, but never with a name in use.
	s.Adopt(s.NextBase(true, 0, false))
	_, name := s.NextIncr()
	check.Eq(t, name, "appendonly.aof.4.incr.aof")
	_, rest := s.Manifest().Garbage()
	s.Adopt(rest)
	_, name = s.NextIncr()
	check.Eq(t, name, "appendonly.aof.1.incr.aof")
}

func TestDetect(t *testing.T) {
	const one = "file appendonly.aof.1.incr.aof seq 1 type i\n"
	tests := []struct {
		name   string
		files  [][2]string
		layout aof.Layout
		err    string
	}{
		{"nothing", nil, aof.NoLayout, ""},
		{"a file", [][2]string{{"appendonly.aof", ""}}, aof.FileLayout, ""},
		{"a set", [][2]string{{"appendonlydir/appendonly.aof.manifest", one}}, aof.PartsLayout, ""},
		{"a manifest of history only", [][2]string{{"appendonly.aof", ""}, {"appendonlydir/appendonly.aof.manifest", strings.Replace(one, "type i", "type h", 1)}}, aof.FileLayout, ""},
		{"an older file and a set", [][2]string{{"appendonly.aof", ""}, {"appendonlydir/appendonly.aof.manifest", one}}, aof.PartsLayout, ""},
		{"a newer file and a set", [][2]string{{"appendonlydir/appendonly.aof.manifest", one}, {"appendonly.aof", "newer"}}, aof.NoLayout, "move away the one that is not to be loaded"},
		{"a newer file that is void", [][2]string{{"appendonlydir/appendonly.aof.manifest", "#redisd file-void\n" + one}, {"appendonly.aof", "newer"}}, aof.PartsLayout, ""},
		{"an interrupted upgrade", [][2]string{{"appendonlydir/appendonly.aof.manifest", "file appendonly.aof seq 1 type b\n"}, {"appendonly.aof", ""}}, aof.PartsLayout, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			m := dataFS(t)
			for _, f := range tc.files {
				putFile(t, m, f[0], f[1])
				if f[1] == "newer" { // the file system in memory counts changes instead of time
					file := create(t, m, dataDir+"/"+f[0], "")
					for range 5 {
						_, err := file.Write([]byte("x"))
						check.NoErr(t, err)
					}
				}
			}
			l, err := openSet(t, m, "appendonly.aof").Detect()
			check.Eq(t, l, tc.layout)
			check.Eq(t, err != nil, tc.err != "")
			if err != nil {
				check.Contains(t, err.Error(), tc.err)
			}
		})
	}
}

// loadDir replays the log of the data directory, whatever its layout.
func loadDir(fsys vfs.FS) (cmds []string, l aof.Layout, err error) {
	s, err := aof.OpenSet(fsys, dataDir, "appendonlydir", "appendonly.aof")
	if err == nil {
		l, err = s.Detect()
	}
	if err != nil {
		return nil, l, err
	}
	if l == aof.PartsLayout && s.Upgrading() {
		if err := s.Upgrade(); err != nil {
			return nil, l, err
		}
	}
	db := "0"
	opts := aof.LoadOptions{Exec: func(argv [][]byte) error {
		if string(argv[0]) == "SELECT" {
			db = string(argv[1])
			return nil
		}
		cmds = append(cmds, db+": "+string(bytes.Join(argv, []byte(" "))))
		return nil
	}}
	if l == aof.FileLayout {
		_, err = aof.Load(fsys, s.FilePath(), opts)
	} else if l == aof.PartsLayout {
		_, err = aof.LoadSet(fsys, s.Folder(), "appendonly.aof.manifest", opts)
	}
	return cmds, l, err
}

func convertTool(fsys vfs.FS, to string) (code int, out string) {
	var b bytes.Buffer
	code = aof.Check(aof.CheckEnv{FS: fsys, In: strings.NewReader(""), Out: &b}, []string{"redis-check-aof", "--convert-to", to, dataDir})
	return code, b.String()
}

// convertible are the logs that the tool's tests convert, by their layout.
func convertible() map[string]func(t *testing.T, m *vfs.Mem) {
	return map[string]func(t *testing.T, m *vfs.Mem){
		"file": func(t *testing.T, m *vfs.Mem) {
			putFile(t, m, "appendonly.aof", enc("SET a 1", "SELECT 3", "SET b 2")+"#TS:1700000000\r\n"+enc("SELECT 0", "SET c 3", "SELECT 5", "SET d 4"))
		},
		"multipart": func(t *testing.T, m *vfs.Mem) {
			putFile(t, m, "appendonlydir/appendonly.aof.7.base.aof", enc("SET a 1", "SELECT 3", "SET b 2"))
			putFile(t, m, "appendonlydir/appendonly.aof.3.incr.aof", "#TS:1700000000\r\n"+enc("SET c 3"))
			putFile(t, m, "appendonlydir/appendonly.aof.4.incr.aof", enc("SELECT 5", "SET d 4"))
			putFile(t, m, "appendonlydir/appendonly.aof.manifest", "file appendonly.aof.7.base.aof seq 7 type b\n"+
				"file appendonly.aof.3.incr.aof seq 3 type i\nfile appendonly.aof.4.incr.aof seq 4 type i\n")
		},
		"interrupted": func(t *testing.T, m *vfs.Mem) { // an upgrade of Redis's, the file not moved yet
			putFile(t, m, "appendonly.aof", enc("SET a 1", "SELECT 3", "SET b 2", "SELECT 0", "SET c 3", "SELECT 5", "SET d 4"))
			putFile(t, m, "appendonlydir/appendonly.aof.manifest", "file appendonly.aof seq 1 type b\n")
		},
	}
}

// converted are the commands in them.
var converted = []string{"0: SET a 1", "3: SET b 2", "0: SET c 3", "5: SET d 4"}

// layoutWords are the layouts as the tool calls them.
var layoutWords = map[string]aof.Layout{"file": aof.FileLayout, "multipart": aof.PartsLayout}

// holdsAll checks that a start on m finds one log with everything.
func holdsAll(t *testing.T, m *vfs.Mem, what string) {
	t.Helper()
	cmds, _, err := loadDir(m.KillClone())
	if err != nil || !slices.Equal(cmds, converted) {
		t.Fatalf("%s: %v, %v\n%s", what, cmds, err, m)
	}
}

// finishes starts the tool again, on m: it finishes, and leaves nothing but the log.
func finishes(t *testing.T, m *vfs.Mem, to, what string) {
	t.Helper()
	code, out := convertTool(m, to)
	cmds, l, err := loadDir(m)
	if code != 0 || err != nil || l != layoutWords[to] || !slices.Equal(cmds, converted) {
		t.Fatalf("again after %s: %d %v, %v, %v\n%s\n%s", what, code, cmds, l, err, out, m)
	}
	left := 0
	for _, d := range []string{dataDir, dataDir + "/appendonlydir"} {
		if entries, err := m.ReadDir(d); err == nil {
			for _, e := range entries {
				if !e.IsDir() && e.Name() != aof.LockName {
					left++
				}
			}
		}
	}
	if most := map[string]int{"file": 1, "multipart": 4}[to]; left > most {
		t.Fatalf("again after %s: %d files are left\n%s", what, left, m)
	}
}

// TestConvertTool converts both ways, with a crash before every operation: one log can
// be loaded, with everything, and the tool, started again, finishes.
func TestConvertTool(t *testing.T) {
	for from, make := range convertible() {
		for to, layout := range layoutWords {
			t.Run(from+" to "+to, func(t *testing.T) {
				m := dataFS(t)
				make(t, m)
				var clones []*vfs.Mem
				crashing := vfs.NewFault(m, vfs.Func("crash", func(vfs.Op) error {
					clones = append(clones, m.KillClone())
					for seed := range int64(4) {
						rnd := rand.New(rand.NewSource(seed))
						clones = append(clones, m.CrashClone(rnd), m.CrashClone(nil))
					}
					return nil
				}))
				code, out := convertTool(crashing, to)
				check.Eq(t, code, 0)
				check.Contains(t, out, "is in the "+to+" layout")
				cmds, l, err := loadDir(m)
				check.NoErr(t, err)
				check.Eq(t, l, layout)
				check.Eq(t, cmds, converted)
				for i, c := range clones {
					holdsAll(t, c, fmt.Sprint("crash ", i))
					finishes(t, c, to, fmt.Sprint("crash ", i))
				}
			})
		}
	}
}

// TestConvertToolFails fails each operation of a conversion, once or for good: the tool
// says so, one log can be loaded with everything, after a power failure too, and the
// tool, started again, finishes.
func TestConvertToolFails(t *testing.T) {
	faults := map[string]func(int64) vfs.Injector{
		"once":    func(i int64) vfs.Injector { return vfs.OnIndex(i, syscall.EIO) },
		"forever": func(i int64) vfs.Injector { return vfs.From(i, syscall.EIO) },
		"full":    func(i int64) vfs.Injector { return vfs.From(i, vfs.ShortWrite(3, syscall.ENOSPC)) },
	}
	for from, make := range convertible() {
		for to := range layoutWords {
			t.Run(from+" to "+to, func(t *testing.T) {
				for _, fails := range faults {
					for i, again := int64(0), true; again; i++ {
						m, ops := dataFS(t), &vfs.Ops{}
						make(t, m)
						inj := vfs.Any(ops, fails(i))
						code, out := convertTool(vfs.NewFault(m, inj), to)
						again = ops.Count() > i
						check.True(t, again || code == 0 && i > 5, fmt.Sprint(i, out))
						if code == 0 != strings.Contains(out, "layout now") {
							t.Fatalf("%s: exit %d, %q", inj, code, out)
						}
						rnd := rand.New(rand.NewSource(i))
						for _, c := range []*vfs.Mem{m, m.CrashClone(nil), m.CrashClone(rnd), m.CrashClone(rnd)} {
							holdsAll(t, c, inj.String())
							finishes(t, c, to, inj.String())
						}
					}
				}
			})
		}
	}
}

func TestConvertToolRefuses(t *testing.T) {
	m := dataFS(t)
	code, out := convertTool(m, "file")
	check.Eq(t, code, 1)
	check.Contains(t, out, "There is no AOF in /data")
	putFile(t, m, "appendonly.aof", enc("SET a 1")+"*1\r\n")
	code, out = convertTool(m, "multipart")
	check.Eq(t, code, 1)
	check.Contains(t, out, "is not valid. Use the --fix option to try fixing it.")
	lock, err := m.Lock(dataDir + "/" + aof.LockName)
	check.NoErr(t, err)
	code, out = convertTool(m, "multipart")
	check.Eq(t, code, 1)
	check.Contains(t, out, "is a server running there?")
	check.NoErr(t, lock.Close())
	code, out = convertTool(m, "folder")
	check.Eq(t, code, 1)
	check.Contains(t, out, "--convert-to file|multipart")
}
