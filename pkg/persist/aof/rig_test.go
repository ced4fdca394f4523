package aof_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
	"redisd/pkg/persist/rdb"
)

// rig drives a Log without goroutines: what it hands to the background waits in
// queues until the test runs it, what is posted waits for a turn.
type rig struct {
	t       testing.TB
	fs      vfs.FS
	log     *aof.Log
	now     int64
	writes  []func()
	syncs   []func()
	posts   []func()
	events  []string
	exits   []string
	samples []string
	retired []vfs.File
}

const live = "appendonly.aof"

func newRig(t testing.TB, fsys vfs.FS, cfg aof.Config) *rig {
	r := &rig{t: t, fs: fsys, now: 1_700_000_000_000}
	cfg.Post = func(fn func()) { r.posts = append(r.posts, fn) }
	cfg.WriteQueue = func(fn func()) { r.writes = append(r.writes, fn) }
	cfg.SyncQueue = func(fn func()) { r.syncs = append(r.syncs, fn) }
	cfg.Retire = func(f vfs.File) { r.retired = append(r.retired, f) }
	cfg.Event = func(ev aof.Event) {
		if ev.Exit {
			r.exits = append(r.exits, ev.Text)
		} else {
			r.events = append(r.events, ev.Text)
		}
	}
	cfg.Latency = func(name string, _ int64) { r.samples = append(r.samples, name) }
	r.log = aof.New(cfg)
	return r
}

func startRig(t testing.TB, fsys vfs.FS, policy aof.Policy) *rig {
	t.Helper()
	r := newRig(t, fsys, aof.Config{Policy: policy})
	f, size, err := aof.Open(fsys, live)
	check.NoErr(t, err)
	check.NoErr(t, r.log.Start(f, size))
	return r
}

func words(s string) [][]byte {
	var argv [][]byte
	for _, w := range strings.Fields(s) {
		argv = append(argv, []byte(w))
	}
	return argv
}

// put appends a command to database 0 and returns the batch its reply waits for.
func (r *rig) put(cmd string) uint64 {
	r.log.AppendCommand(0, words(cmd))
	return r.log.Seq()
}

func (r *rig) flush() { r.log.Flush(r.now) }

func (r *rig) later(ms int64) { r.now += ms; r.log.Cron(r.now) }

func runOne(t testing.TB, queue *[]func()) {
	t.Helper()
	check.True(t, len(*queue) > 0, "a job is queued")
	fn := (*queue)[0]
	*queue = (*queue)[1:]
	fn()
}

// turn runs what was posted and what comes before the sleep.
func (r *rig) turn() {
	for len(r.posts) > 0 {
		fn := r.posts[0]
		r.posts = r.posts[1:]
		fn()
	}
	r.flush()
}

// settle runs everything until nothing is left to do at this time.
func (r *rig) settle() {
	for r.turn(); len(r.writes)+len(r.syncs)+len(r.posts) > 0; r.turn() {
		for len(r.writes) > 0 {
			runOne(r.t, &r.writes)
		}
		for len(r.syncs) > 0 {
			runOne(r.t, &r.syncs)
		}
	}
}

func (r *rig) content() string { return content(r.t, r.fs, live) }

func content(t testing.TB, fsys vfs.FS, name string) string {
	t.Helper()
	b, err := vfs.ReadFile(fsys, name)
	check.NoErr(t, err)
	return string(b)
}

// enc is what the log has for commands in database 0 behind a SELECT.
func enc(cmds ...string) string {
	var b []byte
	for _, c := range cmds {
		b = aof.AppendCommand(b, words(c))
	}
	return string(b)
}

func selected(cmds ...string) string { return enc(append([]string{"SELECT 0"}, cmds...)...) }

// load returns the commands that a start finds in name, SELECTs left out.
func load(t testing.TB, fsys vfs.FS, name string) []string {
	t.Helper()
	cmds, _, err := tryLoad(fsys, name, true)
	check.NoErr(t, err)
	return cmds
}

func tryLoad(fsys vfs.FS, name string, truncated bool) (cmds, events []string, err error) {
	_, err = aof.Load(fsys, name, aof.LoadOptions{
		AllowTruncated: truncated,
		Exec: func(argv [][]byte) error {
			if !bytes.Equal(argv[0], []byte("SELECT")) {
				cmds = append(cmds, string(bytes.Join(argv, []byte(" "))))
			}
			return nil
		},
		Event: func(ev aof.Event) { events = append(events, ev.Text) },
	})
	return cmds, events, err
}

var errTest = errors.New("injected")

// gate is a file whose Sync waits until the test lets it go.
type gate struct {
	vfs.File
	entered chan struct{} // one token when a sync begins
	leave   chan error    // the result to return; nil runs the real sync
	count   chan struct{} // one token for each sync, never read while it runs
}

func newGate(f vfs.File) *gate {
	return &gate{f, make(chan struct{}), make(chan error), make(chan struct{}, 1000)}
}

func (g *gate) Sync() error {
	g.count <- struct{}{}
	g.entered <- struct{}{}
	if err := <-g.leave; err != nil {
		return err
	}
	return g.File.Sync()
}

func create(t testing.TB, fsys vfs.FS, name, text string) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_TRUNC, 0o644)
	check.NoErr(t, err)
	_, err = f.Write([]byte(text))
	check.NoErr(t, err)
	return f
}

func numbered(from, to int) []string {
	var s []string
	for i := from; i <= to; i++ {
		s = append(s, fmt.Sprintf("SET k%d v", i))
	}
	return s
}

// preambleInto gives the contents of the RDB in front to h, as the server does.
func preambleInto(h rdb.Handler, opts rdb.Options) func(r io.Reader, size int64) (int64, error) {
	return func(r io.Reader, size int64) (int64, error) {
		opts.Size = size
		res, err := rdb.Load(r, opts, h)
		return res.Consumed, err
	}
}
