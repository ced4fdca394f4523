package persist_test

import (
	"fmt"
	"io"
	"math/rand"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/internal/vfs"
	"redisd/pkg/persist"
	"redisd/pkg/persist/aof"
	"redisd/pkg/persist/rdb"
)

const (
	logName = "live.aof"
	folder  = "parts"
)

// logServer is a server as far as the log and its layouts go, with the real log. Its
// background runs at once; everything that the disk is asked for passes fsys. Commands
// are those of miniServer.
type logServer struct {
	t     testing.TB
	mem   *vfs.Mem
	fsys  vfs.FS
	log   *aof.Log
	parts *aof.Set
	live  *aof.Set // nil: the one file
	posts []func()
	exits []string

	clock *clock.Manual
	next  int
	seqs  []uint64 // the batch that each command's reply waits for, 0: nothing promised
	acked []int64  // when it was acknowledged, milliseconds; 0 when it was not
	noted int      // commands of which that is known
	late  int64    // when the log had an error last: everysec promises nothing from before

	job     *persist.RewriteJob
	handler changeable // of the job, nil before its end
	diff    bool
	rolling bool // the log has not come to the next increment yet
	killed  bool // the child, because the log was turned off
	waiting bool // to turn the log off: nothing is executed until the rename is done
	dead    bool // a promise could not be kept: the real server has ended

	// childFS is what the child sees. While it lives mu is held by what the server does.
	childFS vfs.FS
	mu      sync.Mutex
}

// changeable is a handler as far as CONFIG SET is concerned.
type changeable interface {
	Cancel() (tooLate bool)
	Update(aof.State, bool)
}

const (
	// pace is what each command takes.
	pace = 100 * time.Millisecond
	// everysecLoses is how many milliseconds everysec may lose to a power failure.
	everysecLoses = 2000
)

func newLogServer(t testing.TB, inj vfs.Injector, policy aof.Policy) *logServer {
	s := &logServer{t: t, mem: newMem(t), clock: testClock()}
	s.fsys, s.childFS = vfs.NewFault(s.mem, inj), s.mem
	now := func(fn func()) { fn() }
	s.log = aof.New(aof.Config{
		Policy: policy, WriteQueue: now, SyncQueue: now,
		Post:   func(fn func()) { s.posts = append(s.posts, fn) },
		Retire: func(f vfs.File) { _ = f.Close() },
		Event: func(e aof.Event) {
			if e.Exit {
				s.exits, s.dead = append(s.exits, e.Text), true
			}
		},
	})
	return s
}

// start opens an empty log in a layout; without any the log is off.
func (s *logServer) start(l aof.Layout) {
	var err error
	s.parts, err = aof.OpenSet(s.fsys, dir, folder, logName)
	check.NoErr(s.t, err)
	switch l {
	case aof.FileLayout:
		f, size, err := aof.Open(s.fsys, path(logName))
		check.NoErr(s.t, err)
		check.NoErr(s.t, s.log.Start(f, size))
	case aof.PartsLayout:
		check.NoErr(s.t, s.parts.MakeFolder())
		m, name := s.parts.NextIncr()
		f, err := s.parts.Create(name)
		check.NoErr(s.t, err)
		_, err = s.parts.Write(m)
		check.NoErr(s.t, err)
		s.parts.Adopt(m)
		s.live = s.parts
		check.NoErr(s.t, s.log.Start(f, 0))
	}
}

// exec executes a command, and lets the loop turn once.
func (s *logServer) exec() {
	if s.dead || s.waiting {
		return
	}
	s.clock.Advance(pace)
	db, k, v := numbered(s.next)
	seq := uint64(0)
	if s.log.Keeps() || s.diff {
		b := s.log.AppendCommand(db, [][]byte{[]byte("SET"), []byte(k), []byte(v)})
		if s.diff {
			s.job.Feed(b)
		}
	}
	if s.log.State() == aof.On {
		seq = s.log.Seq()
	}
	s.next++
	s.seqs, s.acked = append(s.seqs, seq), append(s.acked, 0)
	s.turn()
}

// now is the time in milliseconds.
func (s *logServer) now() int64 { return clock.Millis(s.clock) }

func (s *logServer) turn() {
	if s.dead {
		return
	}
	s.log.Flush(s.now())
	for len(s.posts) > 0 {
		fn := s.posts[0]
		s.posts = s.posts[1:]
		fn()
		s.log.Flush(s.now())
	}
	s.note()
}

// note notes what is acknowledged by now.
func (s *logServer) note() {
	for ; s.noted < len(s.seqs) && s.seqs[s.noted] <= s.log.Done(); s.noted++ {
		if s.seqs[s.noted] > 0 {
			s.acked[s.noted] = s.now()
		}
	}
	if s.log.Err() != nil {
		s.late = s.now()
	}
}

// turnOn and turnOff are CONFIG SET appendonly.
func (s *logServer) turnOn() {
	if !s.dead && !s.waiting && s.log.State() == aof.Off {
		s.log.AwaitRewrite()
	}
}

func (s *logServer) turnOff() {
	if s.dead || s.rolling || s.waiting || s.log.State() == aof.Off {
		return
	}
	if s.handler == nil {
		s.diff, s.killed = false, s.job != nil
	} else if s.handler.Cancel(); s.log.Held() {
		s.waiting = true // as the server does: what is held may belong into the new file
		return
	}
	s.stop()
}

func (s *logServer) stop() {
	s.waiting = false
	s.log.Stop()
	s.live = nil
	if s.handler != nil {
		s.handler.Update(s.log.State(), false)
	}
	s.turn()
}

// owed is the number of commands that a restart must find: all up to the last one that
// was acknowledged.
func (s *logServer) owed() int {
	for i := len(s.seqs); i > 0; i-- {
		if seq := s.seqs[i-1]; seq > 0 && seq <= s.log.Done() {
			return i
		}
	}
	return 0
}

// owedByDisk is the number that must be found after a power failure: under everysec those
// that were acknowledged more than two seconds ago.
func (s *logServer) owedByDisk() int {
	if s.log.Policy() == aof.Always {
		return s.owed()
	}
	for i := len(s.acked); i > 0; i-- {
		if at := s.acked[i-1]; at > 0 && s.now()-max(at, s.late) > everysecLoses {
			return i
		}
	}
	return 0
}

// rewrite is a whole one into a layout, as pkg/server does it; during runs between its
// steps. A child that fails exits with code.
func (s *logServer) rewrite(into aof.Layout, code int, during func()) persist.Outcome {
	on := s.log.State() == aof.On
	snapshot := into == aof.PartsLayout && (!on || s.live != nil && s.log.Err() == nil)
	opts := saveOptions()
	opts.Preamble, opts.Databases, opts.SnapshotOnly = s.next%2 == 0, nil, snapshot
	gathers := snapshot && s.log.State() == aof.WaitRewrite
	if gathers {
		err := s.parts.MakeFolder()
		var f vfs.File
		if err == nil {
			f, err = s.parts.Create(s.parts.TempIncr())
		}
		if err != nil {
			return persist.Outcome{Err: err, StatusErr: true}
		}
		s.log.Gather(f)
	}
	s.job = persist.NewRewriteJob(opts, !snapshot && s.log.State() != aof.Off)
	s.job.SetPid(pid)
	for i := max(0, s.next-50); i < s.next; i++ {
		db, k, v := numbered(i)
		s.job.Record(db, rec(db, k, v, -1))
	}
	s.diff = !snapshot
	if s.diff {
		s.log.ForceSelect()
	}
	var rollErr error
	if snapshot && on {
		rollErr = s.roll(during)
	}
	during()
	s.job.SnapshotDone()
	exit := persist.Exit{Code: code}
	if code == 0 {
		got, _ := runChild(s.t, s.job, s.childFS, func(persist.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			during()
		})
		check.Eq(s.t, got, 0)
	}
	if s.killed {
		exit = persist.Exit{Signal: int(unix.SIGUSR1)}
	}
	cfg := persist.DoneConfig{FS: s.fsys, Clock: s.clock, Name: logName, State: s.log.State(), Always: s.log.Policy() == aof.Always}
	var h interface {
		Next(error) persist.Step
		Outcome() persist.Outcome
		changeable
	}
	if snapshot {
		h = s.job.PartsDone(exit, persist.PartsConfig{
			DoneConfig: cfg, Set: s.parts, Rolled: on, Gathered: gathers, Preamble: opts.Preamble, Err: rollErr,
		})
	} else {
		cfg.Into = aof.IntoFile(s.parts)
		if into == aof.PartsLayout {
			cfg.Into = aof.IntoParts(s.parts, opts.Preamble, cfg.State != aof.Off)
		}
		h = s.job.Done(exit, cfg)
	}
	s.handler = h
	s.drive(h.Next, into, h.Outcome, during)
	s.diff, s.killed, s.job, s.handler = false, false, nil, nil
	return h.Outcome()
}

func (s *logServer) roll(during func()) (failed error) {
	s.rolling = true
	s.log.Part(func(err error) {
		defer func() { s.rolling = false }()
		if failed = err; err != nil {
			s.log.Resume()
			return
		}
		during()
		step := persist.NewStartIncr(s.parts, nil)
		step.Run()
		during()
		f, _, notDurable, err := step.Finish()
		if f == nil {
			s.log.Resume()
			failed = err
			return
		}
		if s.dead = s.dead || notDurable && s.log.Policy() == aof.Always; !s.dead {
			s.log.Roll(f)
			if notDurable {
				s.log.Distrust(err)
			}
		}
	})
	for i := 0; s.rolling && i < 10; i++ {
		during()
		s.turn()
	}
	check.True(s.t, !s.rolling || s.dead, "the log has come to its part")
	return failed
}

func (s *logServer) drive(next func(error) persist.Step, into aof.Layout, out func() persist.Outcome, during func()) {
	drive(next, func(st persist.Step) {
		if st.Kind == persist.StepRun {
			during() // the others are the loop's, and nothing comes between
		}
		if out().DirNotSynced && s.log.Policy() == aof.Always {
			s.dead = true // the daemon ends, whatever comes next
		}
		if s.dead {
			return
		}
		switch st.Kind {
		case persist.StepFreeze:
			s.diff = false
			s.log.Hold()
		case persist.StepThaw:
			s.log.Resume()
		case persist.StepSwitch:
			check.NoErr(s.t, s.log.Switch(st.File, st.Size, st.Durable))
			if out().DirNotSynced {
				s.log.Distrust(out().Err)
			}
			s.log.SetBefore(st.Before)
			s.live = nil
			if into == aof.PartsLayout {
				s.live = s.parts
			}
		case persist.StepTurnOn:
			if s.log.Gathered() {
				s.log.TurnOn()
				s.live = s.parts
			}
		case persist.StepUngather:
			if s.log.Gathered() {
				s.log.Ungather()
			}
		}
		s.turn()
		if s.waiting && !s.log.Held() {
			s.stop()
		}
	})
}

// restart is the number of commands that a start on m finds.
func restart(m vfs.FS) (n int, l aof.Layout, err error) {
	set, err := aof.OpenSet(m, dir, folder, logName)
	if err != nil {
		return 0, 0, err
	}
	if l, err = set.Detect(); err != nil || l == aof.NoLayout {
		return 0, l, err
	}
	c := &collector{ds: dataset{}}
	opts := aof.LoadOptions{
		AllowTruncated: true,
		Exec: func(argv [][]byte) error {
			switch string(argv[0]) {
			case "SELECT":
				c.db, err = strconv.Atoi(string(argv[1]))
				return err
			case "SET":
				c.ds[dbKey(c.db, string(argv[1]))] = value{string(argv[2]), -1}
				return nil
			}
			return fmt.Errorf("unknown command %q", argv)
		},
		Preamble: func(r io.Reader, size int64) (int64, error) {
			res, err := rdb.Load(r, rdb.Options{Checksum: true, Size: size}, c)
			return res.Consumed, err
		},
	}
	if l == aof.FileLayout {
		_, err = aof.Load(m, path(logName), opts)
	} else {
		if set.Upgrading() {
			if err := set.Upgrade(); err != nil {
				return 0, l, err
			}
		}
		_, err = aof.LoadSet(m, set.Folder(), logName+".manifest", opts)
	}
	if err != nil {
		return 0, l, err
	}
	n, err = commandsIn(c.ds)
	return n, l, err
}

// crash checks what a kill, and a failure of the power in several ways, would leave now: a
// prefix of the history, with all that is owed.
func (s *logServer) crash(at string) {
	s.t.Helper()
	s.note()
	look := func(what string, left *vfs.Mem, owed int) {
		s.t.Helper()
		if n, _, err := restart(left); err != nil || n < owed {
			s.t.Errorf("%s %s: %d commands of %d owed, %v\n%s", what, at, n, owed, err, s.mem)
		}
	}
	look("killed", s.mem.KillClone(), s.owed())
	look("power failure", s.mem.CrashClone(nil), s.owedByDisk())
	for seed := range int64(5) {
		rnd := rand.New(rand.NewSource(seed + int64(s.next)))
		look(fmt.Sprint("power failure ", seed), s.mem.CrashClone(rnd), s.owedByDisk())
	}
}

// files lists what is in the two folders.
func (s *logServer) files() []string {
	var names []string
	for _, d := range []string{"", folder} {
		entries, err := s.mem.ReadDir(path(d))
		if err != nil {
			continue
		}
		for _, e := range entries {
			if !e.IsDir() {
				names = append(names, filepath.Join(d, e.Name()))
			}
		}
	}
	return names
}

// tidy checks that there is nothing but the log.
func (s *logServer) tidy() {
	s.t.Helper()
	want := []string{logName}
	if s.live != nil {
		want = []string{folder + "/" + logName + ".manifest"}
		for _, p := range s.live.Manifest().Parts() {
			want = append(want, folder+"/"+p.Name)
		}
		check.Eq(s.t, strings.Contains(string(s.live.Manifest().Append(nil)), "#"), false)
		check.Eq(s.t, len(s.live.Manifest().History), 0)
	}
	slices.Sort(want)
	check.Eq(s.t, s.files(), want)
}
