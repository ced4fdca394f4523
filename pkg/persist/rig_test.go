package persist_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/internal/vfs"
	"redisd/pkg/persist"
	"redisd/pkg/persist/rdb"
)

const (
	dir = "/data"
	pid = 4711
)

// value is what a test knows about a key.
type value struct {
	str    string
	expire int64
}

// dataset is the keys by "db/key".
type dataset map[string]value

func dbKey(db int, key string) string { return strconv.Itoa(db) + "/" + key }

// memPipe is an unbounded pipe: writers never wait, readers do.
type memPipe struct {
	mu     sync.Mutex
	cond   *sync.Cond
	buf    []byte
	closed bool
}

func newMemPipe() *memPipe {
	p := &memPipe{}
	p.cond = sync.NewCond(&p.mu)
	return p
}

func (p *memPipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, io.ErrClosedPipe
	}
	p.buf = append(p.buf, b...)
	p.cond.Broadcast()
	return len(b), nil
}

func (p *memPipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.buf) == 0 && !p.closed {
		p.cond.Wait()
	}
	if len(p.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.buf)
	p.buf = p.buf[n:]
	return n, nil
}

func (p *memPipe) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.cond.Broadcast()
}

// anyJob is what SaveJob and RewriteJob have in common for a test.
type anyJob interface {
	NextChunk() []byte
	Consumed(int)
	Control([]byte) ([]persist.Event, error)
}

// drain moves everything that waits into w.
func drain(t testing.TB, j anyJob, w io.Writer) {
	t.Helper()
	for b := j.NextChunk(); b != nil; b = j.NextChunk() {
		n := len(b)
		if n > 7 {
			n -= 3 // the pipe takes what it likes
		}
		if _, err := w.Write(b[:n]); err != nil {
			return
		}
		j.Consumed(n)
	}
}

// runChild lets a child work on what the job has and will have, until it ends.
// Each event is shown to seen, which may feed the job.
func runChild(t testing.TB, j anyJob, fsys vfs.FS, seen func(persist.Event)) (code int, lines []string) {
	t.Helper()
	in, ctl := newMemPipe(), newMemPipe()
	done := make(chan int, 1)
	go func() {
		code := persist.RunChild(in, ctl, persist.ChildConfig{FS: fsys, Pid: pid})
		ctl.Close()
		done <- code
	}()
	buf := make([]byte, 11)
	for {
		drain(t, j, in)
		n, err := ctl.Read(buf)
		if err != nil {
			in.Close()
			return <-done, lines
		}
		events, err := j.Control(buf[:n])
		check.NoErr(t, err)
		for _, e := range events {
			if e.Line.Text != "" {
				lines = append(lines, string(e.Line.Level)+" "+e.Line.Text)
			}
			if seen != nil {
				seen(e)
			}
		}
	}
}

// load reads an RDB, an append-only file, or both in one.
func load(b []byte) (dataset, error) {
	ds := dataset{}
	if bytes.HasPrefix(b, []byte("REDIS")) {
		d := rdb.NewDecoder(bytes.NewReader(b))
		res, err := d.Load(rdb.Options{Checksum: true}, &collector{ds: ds})
		if err != nil {
			return ds, err
		}
		b = b[res.Consumed:]
	}
	return ds, replay(ds, b)
}

// collector is an rdb.Handler.
type collector struct {
	ds    dataset
	db    int
	aux   []string
	sizes []string
}

func (c *collector) Aux(k, v []byte) error {
	c.aux = append(c.aux, string(k)+"="+string(v))
	return nil
}
func (c *collector) SelectDB(n int) error { c.db = n; return nil }
func (c *collector) ResizeDB(n, e uint64) error {
	c.sizes = append(c.sizes, fmt.Sprintf("%d:%d/%d", c.db, n, e))
	return nil
}

func (c *collector) Record(r *rdb.Record) error {
	c.ds[dbKey(c.db, string(r.Key))] = value{string(r.Str), r.ExpireAt}
	return nil
}

// replay executes commands strictly: anything that is not whole is an error.
func replay(ds dataset, b []byte) error {
	db := -1
	for len(b) > 0 {
		if b[0] == '#' {
			i := bytes.Index(b, []byte("\r\n"))
			b = b[i+2:]
			continue
		}
		argv, rest, err := splitCommand(b)
		if err != nil {
			return err
		}
		b = rest
		if argv[0] != "SELECT" && db < 0 {
			return fmt.Errorf("%q without a SELECT", argv)
		}
		switch argv[0] {
		case "SELECT":
			db, _ = strconv.Atoi(argv[1])
		case "SET":
			ds[dbKey(db, argv[1])] = value{argv[2], -1}
		case "PEXPIREAT":
			v := ds[dbKey(db, argv[1])]
			v.expire, _ = strconv.ParseInt(argv[2], 10, 64)
			ds[dbKey(db, argv[1])] = v
		default:
			return fmt.Errorf("unknown command %q", argv)
		}
	}
	return nil
}

func splitCommand(b []byte) (argv []string, rest []byte, err error) {
	number := func(mark byte) int {
		i := bytes.Index(b, []byte("\r\n"))
		if err != nil || i < 1 || b[0] != mark {
			err = fmt.Errorf("bad command at %.20q", b)
			return 0
		}
		n, aerr := strconv.Atoi(string(b[1:i]))
		b = b[i+2:]
		err = aerr
		return n
	}
	for n := number('*'); n > 0 && err == nil; n-- {
		l := number('$')
		if err != nil || len(b) < l+2 {
			return nil, nil, fmt.Errorf("cut off at %.20q", b)
		}
		argv = append(argv, string(b[:l]))
		b = b[l+2:]
	}
	return argv, b, err
}

func encode(args ...string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b
}

// countFS counts the files that are open.
type countFS struct {
	vfs.FS
	mu   sync.Mutex
	open map[vfs.File]string
}

type countFile struct {
	vfs.File
	fs *countFS
}

func newCountFS(in vfs.FS) *countFS { return &countFS{FS: in, open: map[vfs.File]string{}} }

func (c *countFS) OpenFile(name string, flag int, perm os.FileMode) (vfs.File, error) {
	f, err := c.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	cf := &countFile{f, c}
	c.mu.Lock()
	c.open[cf] = name
	c.mu.Unlock()
	return cf, nil
}

func (f *countFile) Close() error {
	f.fs.mu.Lock()
	delete(f.fs.open, f)
	f.fs.mu.Unlock()
	return f.File.Close()
}

func (c *countFS) left() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Values(c.open))
}

func newMem(t testing.TB) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	check.NoErr(t, m.MkdirAll(dir, 0o755))
	return m
}

func path(name string) string { return filepath.Join(dir, name) }

// put writes a file that is durable.
func put(t testing.TB, m vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := m.OpenFile(path(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	check.NoErr(t, err)
	_, err = f.Write(b)
	check.NoErr(t, err)
	check.NoErr(t, f.Sync())
	check.NoErr(t, f.Close())
	check.NoErr(t, m.SyncDir(dir))
}

func read(t testing.TB, m vfs.FS, name string) []byte {
	t.Helper()
	b, err := vfs.ReadFile(m, path(name))
	check.NoErr(t, err)
	return b
}

func loadFile(t testing.TB, m vfs.FS, name string) dataset {
	t.Helper()
	ds, err := load(read(t, m, name))
	check.NoErr(t, err)
	return ds
}

// temps lists the temporary files.
func temps(t testing.TB, m vfs.FS) []string {
	t.Helper()
	es, err := m.ReadDir(dir)
	check.NoErr(t, err)
	out := []string{}
	for _, e := range es {
		if strings.HasPrefix(e.Name(), "temp-") {
			out = append(out, e.Name())
		}
	}
	return out
}

func exists(m vfs.FS, name string) bool {
	_, err := m.Stat(path(name))
	return err == nil || !os.IsNotExist(err)
}

func rec(db int, key, val string, expire int64) *rdb.Record {
	return &rdb.Record{DB: db, Key: []byte(key), Type: rdb.TypeString, Str: []byte(val), ExpireAt: expire, Idle: -1, Freq: -1}
}

func lineTexts(lines []persist.Line) []string {
	out := []string{}
	for _, l := range lines {
		out = append(out, string(l.Level)+" "+l.Text)
	}
	return out
}

func testClock() *clock.Manual { return clock.NewManual(time.UnixMilli(1_700_000_000_000)) }

func saveOptions() persist.Options {
	return persist.Options{
		Dir: dir, Compress: true, Checksum: true, SyncEvery: persist.IncrementalSync,
		Aux:       []persist.Aux{{Key: "redis-ver", Value: "7.2.4"}, {Key: "redis-bits", Value: "64"}, {Key: "ctime", Value: "1700000000"}},
		Databases: []persist.DBSize{{Keys: 3, Expires: 1}, {}, {Keys: 1}},
	}
}

// drive takes a done handler to its end, with every step done at once.
func drive(next func(error) persist.Step, on func(persist.Step)) (names []string) {
	var err error
	for {
		st := next(err)
		if st.Kind == persist.StepEnd {
			return names
		}
		names = append(names, st.Name)
		err = nil
		if on != nil {
			on(st)
		}
		if st.Kind == persist.StepRun {
			err = st.Run()
		}
	}
}
