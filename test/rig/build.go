package rig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

// built is the binary under test, made once a test process by Main.
var built struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// Main runs the tests of a package and removes what was built for them. Use it
// as TestMain's last call: os.Exit(rig.Main(m)).
func Main(m *testing.M) int {
	redis.SetLogger(silent{}) // it tells of each refused connection, of which tests make many
	code := m.Run()
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
	built.once.Do(build)
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

func build() {
	if path := os.Getenv("REDISD_BIN"); path != "" {
		built.path, built.err = filepath.Abs(path)
		return
	}
	root, err := moduleRoot()
	if err != nil {
		built.err = err
		return
	}
	if built.dir, built.err = os.MkdirTemp("", "redisd-bin"); built.err != nil {
		return
	}
	// Another user runs it in one test.
	if built.err = os.Chmod(built.dir, 0o755); built.err != nil {
		return
	}
	built.path = filepath.Join(built.dir, "redisd")
	cmd := exec.Command("go", "build", "-tags", "invariants", "-o", built.path, "./cmd/redisd")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		built.err = fmt.Errorf("rig: building the daemon: %w\n%s", err, out)
	}
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
