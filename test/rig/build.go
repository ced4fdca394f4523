package rig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

// built is the binary under test, made by Main.
var built struct {
	dir, path string
	looked    sync.Once // at the sources
}

// Main builds the binary, runs the tests of a package, and removes the binary. Use
// it as TestMain's last call: os.Exit(rig.Main(m)).
func Main(m *testing.M) int {
	underFilter()
	redis.SetLogger(silent{}) // it tells of each refused connection, of which tests make many
	code := 1
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	if built.dir != "" {
		if err := os.RemoveAll(built.dir); err != nil {
			fmt.Fprintln(os.Stderr, "rig:", err)
		}
	}
	return code
}

// silent is a logger of go-redis.
type silent struct{}

// Printf drops a line.
func (silent) Printf(context.Context, string, ...any) {}

// Binary is the path of the daemon, built with the tag invariants.
func Binary(t testing.TB) string {
	t.Helper()
	if built.path == "" {
		t.Fatal("rig: TestMain does not call rig.Main")
	}
	built.looked.Do(func() { must(t, lookAtSources()) })
	return built.path
}

// lookAtSources has `go test` know that the result depends on the daemon's sources: it keeps
// results, and knows of what a test binary is made of and of files that a running test looks
// at, but not of what another process builds.
func lookAtSources() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	for _, dir := range []string{"cmd", "internal", "pkg"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			return err
		}
	}
	return nil
}

func build() error {
	if path := os.Getenv("REDISD_BIN"); path != "" {
		var err error
		built.path, err = filepath.Abs(path)
		return err
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if built.dir, err = os.MkdirTemp("", "redisd-bin"); err != nil {
		return err
	}
	// Another user runs it in one test.
	if err := os.Chmod(built.dir, 0o755); err != nil {
		return err
	}
	built.path = filepath.Join(built.dir, "redisd")
	cmd := exec.Command("go", "build", "-tags", "invariants", "-o", built.path, "./cmd/redisd")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("rig: building the daemon: %w\n%s", err, out)
	}
	return nil
}

// moduleRoot is the folder of go.mod above the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("rig: no go.mod above the working directory")
		}
		dir = up
	}
}

// Root is the root of the module.
func Root(t testing.TB) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// Long tells whether the long form of a test was asked for.
func Long() bool { return os.Getenv("REDISD_LONG") != "" }

// Skip skips a test because this machine does not let it do what it must. The reason
// goes to the file that REDISD_SKIPPED names as well, if any.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	why := fmt.Sprintf(format, args...)
	if path := os.Getenv("REDISD_SKIPPED"); path != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		must(t, err)
		_, err = fmt.Fprintf(f, "%s: %s\n", t.Name(), strings.Join(strings.Fields(why), " "))
		must(t, errors.Join(err, f.Close()))
	}
	t.Skip(why)
}
