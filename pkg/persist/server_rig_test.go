package persist_test

import (
	"fmt"
	"maps"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/internal/vfs"
	"redisd/pkg/persist"
	"redisd/pkg/persist/aof"
)

// miniServer is a server as far as persistence goes: it executes numbered
// commands, logs them, and acknowledges them by its policy. Command n sets one of
// 50 keys to n, so that a dataset tells which commands it holds.
type miniServer struct {
	t      testing.TB
	mem    *vfs.Mem
	fsys   vfs.FS // mem, perhaps with faults
	clock  *clock.Manual
	state  aof.State
	always bool

	mu    sync.Mutex // held while a command is executed
	file  vfs.File
	buf   []byte // executed, not written
	held  bool
	next  int // number of the next command
	acked int // commands acknowledged
	job   *persist.RewriteJob
	times []time.Time // when each command was acknowledged
}

func numbered(n int) (db int, key, val string) {
	return n % 2, "key:" + strconv.Itoa(n%50), strconv.Itoa(n)
}

// stateAt is the dataset after the first n commands.
func stateAt(n int) dataset {
	ds := dataset{}
	for i := range n {
		db, k, v := numbered(i)
		ds[dbKey(db, k)] = value{v, -1}
	}
	return ds
}

// commandsIn tells how many commands a dataset holds; an error if it holds
// anything but the first ones.
func commandsIn(ds dataset) (int, error) {
	n := 0
	for _, v := range ds {
		i, err := strconv.Atoi(v.str)
		if err != nil {
			return 0, err
		}
		n = max(n, i+1)
	}
	if want := stateAt(n); !maps.Equal(ds, want) {
		return 0, fmt.Errorf("not a prefix of the history: %d of %d keys", len(ds), len(want))
	}
	return n, nil
}

func newMiniServer(t testing.TB, state aof.State, always bool) *miniServer {
	m := newMem(t)
	s := &miniServer{t: t, mem: m, fsys: m, clock: testClock(), state: state, always: always}
	if state == aof.On {
		put(t, m, "live.aof", nil)
		s.openLog()
	}
	return s
}

func (s *miniServer) openLog() {
	f, err := s.mem.OpenFile(path("live.aof"), os.O_WRONLY|os.O_APPEND, 0)
	check.NoErr(s.t, err)
	s.file = f
}

// exec executes and, as the policy allows, acknowledges one command.
func (s *miniServer) exec() {
	s.mu.Lock()
	defer s.mu.Unlock()
	db, k, v := numbered(s.next)
	s.next++
	b := append(encode("SELECT", strconv.Itoa(db)), encode("SET", k, v)...)
	if s.state == aof.On || s.held {
		s.buf = append(s.buf, b...)
	}
	if s.job != nil {
		s.job.Feed(b)
	}
	s.flush()
}

func (s *miniServer) flush() {
	if s.state != aof.On || s.held {
		return
	}
	_, err := s.file.Write(s.buf)
	check.NoErr(s.t, err)
	s.buf = s.buf[:0]
	if s.always {
		check.NoErr(s.t, s.file.Sync())
	}
	for s.acked < s.next {
		s.acked++
		s.times = append(s.times, s.clock.Now())
	}
}

// tick passes time; everysec syncs in it.
func (s *miniServer) tick(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock.Advance(d)
	if s.state == aof.On && !s.held && s.clock.Now().UnixMilli()%1000 < d.Milliseconds() {
		check.NoErr(s.t, s.file.Sync())
	}
}

// owed is the number of commands that must survive a power failure now.
func (s *miniServer) owed() int {
	if s.always {
		return s.acked
	}
	n := 0
	for n < len(s.times) && s.clock.Now().Sub(s.times[n]) > 2*time.Second {
		n++
	}
	return n
}

// begin cuts, and encodes the snapshot.
func (s *miniServer) begin(preamble bool, wantDiff bool) {
	opts := saveOptions()
	opts.Preamble = preamble
	opts.Databases = nil
	s.job = persist.NewRewriteJob(opts, wantDiff)
	s.job.SetPid(pid)
	// The last writer of each key, in the order of the walk.
	for i := max(0, s.next-50); i < s.next; i++ {
		db, k, v := numbered(i)
		s.job.Record(db, rec(db, k, v, -1))
	}
}

// runChildHere runs the child; each event runs during.
func (s *miniServer) runChildHere(fsys vfs.FS, during func()) (code int, lines []string) {
	return runChild(s.t, s.job, fsys, func(persist.Event) {
		if during != nil {
			during()
		}
	})
}

// finish drives the done handler; before each step it runs during.
func (s *miniServer) finish(exit persist.Exit, during func(persist.Step)) (*persist.RewriteDone, []string) {
	d := s.job.Done(exit, persist.DoneConfig{FS: s.fsys, Clock: s.clock, Name: "live.aof", State: s.state, Always: s.always})
	names := drive(d.Next, func(st persist.Step) {
		if during != nil {
			during(st)
		}
		switch st.Kind {
		case persist.StepFreeze:
			check.True(s.t, !s.held, "one freeze")
			s.held = true
			check.Eq(s.t, len(s.buf), 0)
		case persist.StepThaw:
			s.held = false
			s.flush()
		case persist.StepSwitch:
			s.switchTo(st)
		}
	})
	s.job = nil
	check.Eq(s.t, s.held, false)
	return d, names
}

func (s *miniServer) switchTo(st persist.Step) {
	check.Eq(s.t, s.held, true)
	size, err := st.File.Size()
	check.NoErr(s.t, err)
	check.Eq(s.t, st.Size, size)
	if s.file != nil {
		check.NoErr(s.t, s.file.Close())
	}
	s.file, s.held, s.state = st.File, false, aof.On
	s.flush()
}

// loaded is the number of commands that a restart on m would find.
func loaded(m vfs.FS) (int, error) {
	b, err := vfs.ReadFile(m, path("live.aof"))
	if err != nil {
		return 0, err
	}
	// A power failure may cut the last command; the loader cuts it off.
	ds, err := load(b)
	for cut := 0; err != nil && cut < 200 && len(b) > 0; cut++ {
		b = b[:len(b)-1]
		ds, err = load(b)
	}
	if err != nil {
		return 0, err
	}
	return commandsIn(ds)
}
