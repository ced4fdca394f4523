package persist

import (
	"encoding/binary"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"redisd/internal/clock"
	"redisd/internal/vfs"
)

// Phase is what a child was doing when it told.
type Phase uint8

// The phases. Zero is before the first pulse.
const (
	PhaseNone   Phase = iota
	PhaseWork         // no call of the system holds the writer up: it computes, or waits for the pipe
	PhaseRead         // in a read of a file
	PhaseWrite        // in a write
	PhaseSync         // in a sync
	PhaseRename       // in a change of the folder: open, rename, remove
)

// String is the phase in one word, for INFO.
func (p Phase) String() string {
	names := [...]string{"none", "work", "read", "write", "sync", "rename"}
	if int(p) < len(names) {
		return names[p]
	}
	return "unknown"
}

// Pulse is a child's sign of life. That it comes says only that the process is
// scheduled; that the child gets on shows in Work and Left.
type Pulse struct {
	Seq   uint64 // 1 for the first, and one more each time
	Phase Phase
	// Work grows with every key, with every byte that the file's writer has read or
	// written, and with every call that has returned to it. What only passes through
	// to a spool does not count: a child whose writer hangs goes on spooling.
	Work uint64
	// Left is what the file in hand has in memory and not on the disk, as the kernel
	// counts it; it shrinks during a sync. 0 when unknown.
	Left uint64
	// Syncing is the number of bytes that the sync in progress has to make durable:
	// those written since the last one.
	Syncing uint64
	// CPUMicros is the processor time of the process so far.
	CPUMicros uint64
	// Sums so far, for the history of children.
	Syncs, SyncMicros, RenameMicros uint64
}

func (p Pulse) append(dst []byte) []byte {
	dst = append(dst, byte(p.Phase))
	for _, n := range [...]uint64{p.Seq, p.Work, p.Left, p.Syncing, p.CPUMicros, p.Syncs, p.SyncMicros, p.RenameMicros} {
		dst = binary.LittleEndian.AppendUint64(dst, n)
	}
	return dst
}

func parsePulse(f *fields) Pulse {
	p := Pulse{Phase: Phase(f.u8())}
	for _, n := range [...]*uint64{&p.Seq, &p.Work, &p.Left, &p.Syncing, &p.CPUMicros, &p.Syncs, &p.SyncMicros, &p.RenameMicros} {
		*n = f.u64()
	}
	return p
}

// pulseEvery is the time between two pulses. The watchdog counts in seconds.
const pulseEvery = time.Second

// pulse counts what a child does, in a file system between the child and the real
// one, and tells it once a second.
type pulse struct {
	send     func(Pulse)
	unsynced func(vfs.File) (int64, bool) // nil when the system must not be asked
	watch    clock.Stopwatch
	quit     chan struct{}
	ended    chan struct{}

	work                            atomic.Uint64
	syncs, syncMicros, renameMicros atomic.Uint64

	mu      sync.Mutex // of what follows, and of telling
	seq     uint64
	phase   Phase
	file    *pulseFile // in a read, write or sync of the writer; nil in none
	syncing uint64
}

// startPulse makes one that tells until stop. The goroutine ends there.
func startPulse(send func(Pulse), unsynced func(vfs.File) (int64, bool)) *pulse {
	p := &pulse{
		send: send, unsynced: unsynced, watch: clock.NewStopwatch(), phase: PhaseWork,
		quit: make(chan struct{}), ended: make(chan struct{}),
	}
	go func() {
		defer close(p.ended)
		t := time.NewTicker(pulseEvery)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				p.tell()
			case <-p.quit:
				return
			}
		}
	}()
	return p
}

// stop ends the goroutine and tells the last sums.
func (p *pulse) stop() {
	close(p.quit)
	<-p.ended
	p.tell()
}

// key counts a key.
func (p *pulse) key() { p.work.Add(1) }

func (p *pulse) tell() {
	p.mu.Lock()
	p.seq++
	out := Pulse{
		Seq: p.seq, Phase: p.phase, Work: p.work.Load(), Syncing: p.syncing, CPUMicros: cpuMicros(),
		Syncs: p.syncs.Load(), SyncMicros: p.syncMicros.Load(), RenameMicros: p.renameMicros.Load(),
	}
	if p.file != nil && p.unsynced != nil {
		// Under the lock: the file's call may return meanwhile, and its close must wait.
		if n, ok := p.unsynced(p.file.File); ok {
			out.Left = uint64(n)
		}
	}
	p.mu.Unlock()
	p.send(out)
}

// cpuMicros is the processor time of this process, 0 when unknown.
func cpuMicros() uint64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return uint64(u.Utime.Nano()+u.Stime.Nano()) / 1000
}

// enter says what call the writer is in.
func (p *pulse) enter(ph Phase, f *pulseFile, syncing uint64) (at int64) {
	p.mu.Lock()
	p.phase, p.file, p.syncing = ph, f, syncing
	p.mu.Unlock()
	return p.watch.Micros()
}

// leave says that it has returned, and gives the time since.
func (p *pulse) leave(at int64) uint64 {
	p.mu.Lock()
	p.phase, p.file, p.syncing = PhaseWork, nil, 0
	p.mu.Unlock()
	p.work.Add(1)
	return uint64(p.watch.Micros() - at)
}

// wrap puts the counters in front of a file system.
func (p *pulse) wrap(fsys vfs.FS) vfs.FS { return &pulseFS{fsys, p} }

// pulseFS is a file system whose files count.
type pulseFS struct {
	vfs.FS
	p *pulse
}

// spoolFile says whether a name is one of the files in which a child keeps what it
// cannot use yet.
func spoolFile(name string) bool {
	return strings.HasSuffix(name, ".diff") || strings.HasSuffix(name, ".parts")
}

// OpenFile implements vfs.FS.
func (s *pulseFS) OpenFile(name string, flag int, perm os.FileMode) (vfs.File, error) {
	if spoolFile(name) || flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		// What is only read is read back behind the writer, by another goroutine.
		f, err := s.FS.OpenFile(name, flag, perm)
		if err != nil {
			return nil, err
		}
		return &spoolPulse{f, s.p}, nil
	}
	at := s.p.enter(PhaseRename, nil, 0)
	f, err := s.FS.OpenFile(name, flag, perm)
	s.p.leave(at)
	if err != nil {
		return nil, err
	}
	return &pulseFile{File: f, p: s.p}, nil
}

// Rename implements vfs.FS.
func (s *pulseFS) Rename(oldName, newName string) error {
	at := s.p.enter(PhaseRename, nil, 0)
	err := s.FS.Rename(oldName, newName)
	s.p.renameMicros.Add(s.p.leave(at))
	return err
}

// SyncDir implements vfs.FS.
func (s *pulseFS) SyncDir(dir string) error {
	at := s.p.enter(PhaseSync, nil, 0)
	err := s.FS.SyncDir(dir)
	s.p.synced(at)
	return err
}

// Stat implements vfs.FS.
func (s *pulseFS) Stat(name string) (fs.FileInfo, error) {
	at := s.p.enter(PhaseRead, nil, 0)
	defer s.p.leave(at)
	return s.FS.Stat(name)
}

func (p *pulse) synced(at int64) {
	p.syncMicros.Add(p.leave(at))
	p.syncs.Add(1)
}

// pulseFile is a file that the writer writes, or reads back.
type pulseFile struct {
	vfs.File
	p       *pulse
	written uint64 // since the last sync
}

// Write implements vfs.File.
func (f *pulseFile) Write(b []byte) (int, error) {
	at := f.p.enter(PhaseWrite, f, 0)
	n, err := f.File.Write(b)
	f.written += uint64(n)
	f.p.work.Add(uint64(n))
	f.p.leave(at)
	return n, err
}

// Read implements vfs.File.
func (f *pulseFile) Read(b []byte) (int, error) {
	at := f.p.enter(PhaseRead, f, 0)
	n, err := f.File.Read(b)
	f.p.work.Add(uint64(n))
	f.p.leave(at)
	return n, err
}

// ReadAt implements vfs.File.
func (f *pulseFile) ReadAt(b []byte, off int64) (int, error) {
	at := f.p.enter(PhaseRead, f, 0)
	n, err := f.File.ReadAt(b, off)
	f.p.work.Add(uint64(n))
	f.p.leave(at)
	return n, err
}

// Sync implements vfs.File.
func (f *pulseFile) Sync() error {
	at := f.p.enter(PhaseSync, f, f.written)
	err := f.File.Sync()
	f.written = 0
	f.p.synced(at)
	return err
}

// spoolPulse is a spool: what is put in is no work, what is taken out is. It has no
// phase, because it is not the writer that puts in.
type spoolPulse struct {
	vfs.File
	p *pulse
}

// Read implements vfs.File.
func (f *spoolPulse) Read(b []byte) (int, error) {
	n, err := f.File.Read(b)
	f.p.work.Add(uint64(n))
	return n, err
}

// ReadAt implements vfs.File.
func (f *spoolPulse) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(b, off)
	f.p.work.Add(uint64(n))
	return n, err
}
