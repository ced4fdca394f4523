package config_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/config"
)

// Every file of testdata/rewrite holds cases: a head "== name", the file's text,
// "-- set" and lines "name value" for CONFIG SET ("all" writes every directive),
// "-- want" and the text after the rewrite.
func TestRewriteGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/rewrite/*.txt")
	check.NoErr(t, err)
	check.True(t, len(paths) >= 2, "no cases")
	for _, p := range paths {
		data, err := os.ReadFile(p)
		check.NoErr(t, err)
		file := "/r." + strings.TrimSuffix(filepath.Base(p), ".txt")
		for _, one := range strings.Split(string(data), "== ")[1:] {
			name, one, _ := strings.Cut(one, "\n")
			text, one, _ := strings.Cut(one, "-- set\n")
			sets, want, ok := strings.Cut(one, "-- want\n")
			t.Run(file+" "+name, func(t *testing.T) {
				check.True(t, ok, "the case is not whole")
				rewriteCase(t, file, text, sets, want)
			})
		}
	}
}

func rewriteCase(t *testing.T, file, text, sets, want string) {
	fsys := files(t, map[string]string{file: text, "/inc.conf": "hz 20\n"})
	c, err := config.Load(config.Source{FS: fsys, File: file})
	check.NoErr(t, err)
	for line := range strings.SplitSeq(strings.Trim(sets, "\n"), "\n") {
		if name, v, _ := strings.Cut(line, " "); name != "" {
			check.NoErr(t, c.Set(config.Caller{}, pairs(name, v)...))
		}
	}
	check.NoErr(t, c.Rewrite())
	got, err := vfs.ReadFile(fsys, file)
	check.NoErr(t, err)
	check.Eq(t, string(got), want)
	sameAfterLoad(t, fsys, file, c)

	check.NoErr(t, c.Rewrite())
	again, err := vfs.ReadFile(fsys, file)
	check.NoErr(t, err)
	check.Eq(t, string(again), want)
}

// sameAfterLoad checks that a file gives the values that c has.
func sameAfterLoad(t testing.TB, fsys vfs.FS, file string, c *config.Config) {
	t.Helper()
	back, err := config.Load(config.Source{FS: fsys, File: file, Sockets: 1})
	check.NoErr(t, err)
	for _, d := range config.Directives() {
		check.Eq(t, d.Name+" "+back.Value(d.ID), d.Name+" "+c.Value(d.ID))
	}
}

func TestRewriteAllRoundTrip(t *testing.T) {
	for _, file := range []string{"/r.conf", "/r.toml"} {
		t.Run(file, func(t *testing.T) {
			fsys := files(t, map[string]string{file: ""})
			c, err := config.Load(config.Source{FS: fsys, File: file})
			check.NoErr(t, err)
			check.NoErr(t, c.Set(config.Caller{}, pairs("requirepass", "\"a b\"\t\\'\u00e4", "save", "", "bind", "::1",
				"maxmemory-clients", "5%", "latency-tracking-info-percentiles", "")...))
			check.NoErr(t, c.RewriteAll())
			text, err := vfs.ReadFile(fsys, file)
			check.NoErr(t, err)
			for _, d := range config.Directives() {
				check.True(t, d.Is(config.FileOnly) || d.Kind == config.KindReplicaOf || strings.Contains(string(text), "\n"+d.Name+" "), d.Name+" is missing")
			}
			sameAfterLoad(t, fsys, file, c)
		})
	}
}

func TestRewriteOfTheManual(t *testing.T) {
	text, err := os.ReadFile(manual)
	check.NoErr(t, err)
	fsys := files(t, map[string]string{"/r.toml": string(text)})
	c, err := config.Load(config.Source{FS: fsys, File: "/r.toml"})
	check.NoErr(t, err)
	check.NoErr(t, c.Set(config.Caller{}, pairs("hz", "50", "maxmemory", "2gb", "save", "60 1")...))
	check.NoErr(t, c.Rewrite())
	got, err := vfs.ReadFile(fsys, "/r.toml")
	check.NoErr(t, err)
	want := strings.NewReplacer(
		"# hz = 10\n", "# hz = 10\nhz = 50\n",
		"# maxmemory = 0\n", "# maxmemory = 0\nmaxmemory = \"2gb\"\n",
		"# save = [\"3600 1\", \"300 100\", \"60 10000\"]\n", "# save = [\"3600 1\", \"300 100\", \"60 10000\"]\nsave = [\"60 1\"]\n",
	).Replace(string(text))
	check.Eq(t, string(got), want)
}

func TestRewriteRefusals(t *testing.T) {
	c, err := config.Load(config.Source{})
	check.NoErr(t, err)
	check.ErrIs(t, c.Rewrite(), config.ErrNoFile)

	fsys := files(t, map[string]string{"/r.toml": "[network]\nport = 1\n"})
	c, err = config.Load(config.Source{FS: fsys, File: "/r.toml"})
	check.NoErr(t, err)
	check.NoErr(t, c.Set(config.Caller{}, pairs("requirepass", "\xff")...))
	check.ErrContains(t, c.Rewrite(), "not UTF-8")
	check.NoErr(t, c.Set(config.Caller{}, pairs("requirepass", "")...))

	check.NoErr(t, vfs.WriteFile(fsys, "/r.toml", []byte("[network\n"), 0o644))
	check.ErrContains(t, c.Rewrite(), "/r.toml:1: '[network'")
	got, err := vfs.ReadFile(fsys, "/r.toml")
	check.NoErr(t, err)
	check.Eq(t, string(got), "[network\n")
}

func TestRewriteMakesAMissingFile(t *testing.T) {
	fsys := files(t, map[string]string{"/r.conf": "port 7\n"})
	c, err := config.Load(config.Source{FS: fsys, File: "/r.conf"})
	check.NoErr(t, err)
	check.NoErr(t, fsys.Remove("/r.conf"))
	check.NoErr(t, c.Rewrite())
	sameAfterLoad(t, fsys, "/r.conf", c)
}

func TestRewriteInPlaceWhereRenameCannotBe(t *testing.T) {
	const old = "# a long comment that makes the old text longer than the new one\nport 7\nlogfile /var/log/some/long/name\n"
	for _, tt := range []struct {
		name string
		inj  vfs.Injector
	}{
		{"busy", vfs.Renames(vfs.Always(syscall.EBUSY))},
		{"other device", vfs.Renames(vfs.Always(syscall.EXDEV))},
		{"forbidden", vfs.Renames(vfs.Always(syscall.EACCES))},
		{"no file beside it", vfs.PathMatch("*.rewrite", vfs.Always(syscall.EROFS))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mem := files(t, map[string]string{"/etc/r.conf": old})
			c, err := config.Load(config.Source{FS: vfs.NewFault(mem, tt.inj), File: "/etc/r.conf"})
			check.NoErr(t, err)
			check.NoErr(t, c.Override(config.LogFile, "/l"))
			check.NoErr(t, c.Rewrite())
			got, err := vfs.ReadFile(mem, "/etc/r.conf")
			check.NoErr(t, err)
			check.Eq(t, string(got), strings.Replace(old, "logfile /var/log/some/long/name", "logfile \"/l\"", 1))
			check.Eq(t, names(t, mem, "/etc"), "r.conf")
		})
	}
}

func names(t *testing.T, fsys vfs.FS, dir string) string {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	check.NoErr(t, err)
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return strings.Join(list, " ")
}

// Whatever operation fails, the file is the old or the new one, and nothing is
// left beside it.
func TestRewriteFaults(t *testing.T) {
	const old = "port 7\nhz 20\n"
	for i := int64(0); ; i++ {
		mem := files(t, map[string]string{"/etc/r.conf": old})
		fail := vfs.Any() // nothing fails until the rewrite
		c, err := config.Load(config.Source{
			FS:   vfs.NewFault(mem, vfs.Func("switch", func(op vfs.Op) error { return fail.Check(op) })),
			File: "/etc/r.conf",
		})
		check.NoErr(t, err)
		check.NoErr(t, c.Set(config.Caller{}, pairs("hz", "30")...))
		ops := &vfs.Ops{}
		fail = vfs.Any(ops, vfs.OnIndex(i, syscall.EIO))
		err = c.Rewrite()
		got, rerr := vfs.ReadFile(mem, "/etc/r.conf")
		check.NoErr(t, rerr)
		check.True(t, string(got) == old || string(got) == "port 7\nhz 30\n", fmt.Sprintf("operation %d left %q", i, got))
		check.True(t, err != nil || string(got) != old, fmt.Sprintf("operation %d: success without a new file", i))
		if !errors.Is(err, syscall.EIO) || i < ops.Count()-1 {
			check.Eq(t, names(t, mem, "/etc"), "r.conf")
		}
		if i >= ops.Count() {
			check.NoErr(t, err)
			check.True(t, i > 8, "hardly any operation was tried")
			return
		}
	}
}

func TestRewriteSurvivesPowerFailure(t *testing.T) {
	const old, next = "port 7\nhz 20\n", "port 7\nhz 30\n"
	rnd := rand.New(rand.NewSource(1))
	mem := files(t, map[string]string{"/etc/r.conf": old})
	f, err := mem.OpenFile("/etc/r.conf", os.O_WRONLY, 0)
	check.NoErr(t, err)
	check.NoErr(t, errors.Join(f.Sync(), f.Close(), mem.SyncDir("/etc")))
	look := func(m *vfs.Mem) string {
		got, err := vfs.ReadFile(m, "/etc/r.conf")
		check.NoErr(t, err)
		return string(got)
	}
	spy := vfs.Func("crash", func(vfs.Op) error {
		for range 5 {
			s := look(mem.CrashClone(rnd))
			check.True(t, s == old || s == next, fmt.Sprintf("a crash leaves %q", s))
		}
		return nil
	})
	c, err := config.Load(config.Source{FS: vfs.NewFault(mem, spy), File: "/etc/r.conf"})
	check.NoErr(t, err)
	check.NoErr(t, c.Set(config.Caller{}, pairs("hz", "30")...))
	check.NoErr(t, c.Rewrite())
	check.Eq(t, look(mem.CrashClone(nil)), next)
}

func TestRewriteKeepsPermissions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.conf")
	check.NoErr(t, os.WriteFile(path, []byte("port 7\n"), 0o600))
	c, err := config.Load(config.Source{FS: vfs.OS(), File: path})
	check.NoErr(t, err)
	check.NoErr(t, c.Set(config.Caller{}, pairs("hz", "30")...))
	check.NoErr(t, c.Rewrite())
	fi, err := os.Stat(path)
	check.NoErr(t, err)
	check.Eq(t, fi.Mode(), fs.FileMode(0o600))
}
