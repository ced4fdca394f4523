package persist

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"redisd/internal/clock"
	"redisd/internal/failpoint"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

// Exit is how a child ended.
type Exit struct {
	Code   int // exit status when Signal is 0
	Signal int // number of the signal that ended it, 0 if none
}

// Stopped says whether the child was stopped on purpose: no error.
func (e Exit) Stopped() bool {
	return e.Signal == int(unix.SIGUSR1) || e.Signal == 0 && e.Code == ExitStopped
}

// StepKind says what is to be done with a Step.
type StepKind uint8

// The kinds of steps.
const (
	// StepEnd: the handler is through, see Outcome.
	StepEnd StepKind = iota
	// StepRun: call Run, which may block, in the background; then Next with
	// what it returned.
	StepRun
	// StepFreeze: call Hold of the log, then Next(nil). Feed takes nothing from
	// here on: what is executed now is the log's to keep until the switch.
	StepFreeze
	// StepSwitch: call Switch of the log with File, Size and Durable, then
	// Next(nil). Ends a freeze. Outcome().DirNotSynced holds already: if it is
	// set, nothing may be acknowledged under always.
	StepSwitch
	// StepThaw: call Resume of the log, then Next(nil): it goes on in its old
	// file with the buffer it has.
	StepThaw
	// StepTurnOn, of PartsDone: the manifest is in force, the base has Size bytes. The
	// log that gathered goes on as the live one: call its TurnOn. Then Next(nil).
	// Outcome().DirNotSynced holds already, as at StepSwitch.
	StepTurnOn
	// StepUngather, of PartsDone: call Ungather of the log, if it gathers, then Next(nil).
	StepUngather
)

// Step is one thing that a done handler wants done.
type Step struct {
	Kind  StepKind
	Name  string       // for humans and tests: "open", "append", "sync"...
	Event string       // latency event under which Run's time counts, "" for none
	Run   func() error // of StepRun
	// File, of StepSwitch, is the new live file, opened for appending, Size
	// bytes long. Durable says that all of it and its name are on the disk.
	File    vfs.File
	Size    int64
	Durable bool
	// Before, of StepSwitch, is what the parts before File have, in bytes.
	Before int64
}

// DoneConfig is what a done handler needs.
type DoneConfig struct {
	FS    vfs.FS
	Clock clock.Clock
	Fail  *failpoint.Set // nil outside of tests
	// Name is the live file: a path, or a name in the job's folder. It must be
	// on the same file system.
	Name string
	// State of the log and Always (appendfsync always) matter to a rewrite
	// only; Update changes them.
	State  aof.State
	Always bool
	// Into, of a rewrite, says that the result becomes the log in another way than by
	// taking the place of the file Name; nil when not. Keep leaves the parts that are
	// superfluous then (aof-disable-auto-gc).
	Into *aof.Conversion
	Keep bool
}

// Outcome is what a done handler leaves behind, valid at StepEnd.
type Outcome struct {
	// OK: the live file is the new one.
	OK bool
	// StatusErr is the new rdb_last_bgsave_status or
	// aof_last_bgrewrite_status: true for err. It is meaningless, and the old one
	// stays, when Stopped.
	StatusErr bool
	// Stopped: the child was stopped on purpose; that changes no status.
	Stopped bool
	// Err is the cause when not OK, or of a directory that could not be
	// synced (then OK holds as well).
	Err error
	// DirNotSynced: the rename is done, but a power failure may undo it. Under
	// always nothing can be acknowledged any more.
	DirNotSynced bool
	// Size of the new live file at the switch: the new current and base size.
	Size int64
	// ResidualBytes is the part of the difference that the handler appended.
	ResidualBytes int64
	// TurnOn: the state goes from WaitRewrite to On (with StepSwitch).
	TurnOn bool
	// Reschedule: the rewrite failed while the state is WaitRewrite.
	Reschedule bool
	// HeldMicros is how long writers had to wait, from StepFreeze on.
	HeldMicros int64
	// Micros is the time the handler took, background work included.
	Micros int64
}

// handler is what the two done handlers share.
type handler struct {
	cfg     DoneConfig
	role    Role
	dir     string
	pid     int
	started int64 // microseconds
	seal    seal  // of the file that the child has verified
	lines   []Line
	out     Outcome
}

func newHandler(j *Job, cfg DoneConfig) handler {
	h := handler{cfg: cfg, role: j.opts.Role, dir: j.opts.Dir, pid: j.pid, started: cfg.Clock.Mono().Microseconds()}
	if r := j.report; r != nil && j.opts.Verify {
		h.seal = seal{int64(r.Bytes), r.Modified}
	}
	return h
}

func (h *handler) log(level byte, format string, args ...any) {
	h.lines = append(h.lines, Line{level, fmt.Sprintf(format, args...)})
}

// Lines returns the lines for the log that have come up since the last call.
func (h *handler) Lines() []Line {
	l := h.lines
	h.lines = nil
	return l
}

// Outcome is the result, valid at StepEnd.
func (h *handler) Outcome() Outcome { return h.out }

func (h *handler) live() string {
	if filepath.IsAbs(h.cfg.Name) {
		return h.cfg.Name
	}
	return filepath.Join(h.dir, h.cfg.Name)
}

func (h *handler) end() Step {
	h.out.Micros = h.cfg.Clock.Mono().Microseconds() - h.started
	return Step{Kind: StepEnd}
}

// failed notes the one error of a handler.
func (h *handler) failed(err error) {
	h.out.OK = false
	h.out.StatusErr = !h.out.Stopped
	if h.out.Err == nil {
		h.out.Err = err
	}
}

// complain tells why a step has failed, in the words given or, of a file that did not pass
// the verification, in those for that.
func (h *handler) complain(err error, text string) {
	var ve *VerifyError
	switch {
	case errors.As(err, &ve):
		h.log('#', "Verification failed, the file is discarded: %s", ve.text())
	case text != "":
		h.log('#', "%s: %s", text, reason(err))
	}
}

// points is the prefix of the handler's failpoints.
func (h *handler) points() string {
	if h.role == RoleRDB {
		return "save-"
	}
	return "rewrite-"
}

// run makes a background step that passes the failpoint of its name first.
func (h *handler) run(name, event string, fn func() error) Step {
	fail, point := h.cfg.Fail, h.points()+name
	return Step{Kind: StepRun, Name: name, Event: event, Run: func() error {
		if err := fail.Hit(point); err != nil {
			return err
		}
		return fn()
	}}
}

// remove makes the background step that removes the child's files; it cannot
// fail, what it leaves is swept at the next start.
func (h *handler) remove(files ...vfs.File) Step {
	event := ""
	if h.role == RoleRDB {
		event = "rdb-unlink-temp-file"
	}
	fsys, dir, role, pid := h.cfg.FS, h.dir, h.role, h.pid
	return Step{Kind: StepRun, Name: "clean-up", Event: event, Run: func() error {
		for _, f := range files {
			if f != nil {
				_ = f.Close()
			}
		}
		if removeTemp(fsys, dir, role, pid) != nil {
			_ = removeTemp(fsys, dir, role, pid)
		}
		return nil
	}}
}
