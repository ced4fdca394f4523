package server

import (
	"container/list"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"

	"redisd/pkg/command"
	"redisd/pkg/config"
	"redisd/pkg/resp"
	"redisd/pkg/script"
)

// scripts owns all that EVAL and FCALL need: the interpreters, the scripts that are
// cached and the libraries of functions. The loop owns it.
type scripts struct {
	srv *Server
	vms [2]*script.VM
	ran int // scripts since the last step of the garbage collector

	cache   map[string]*cached // by SHA1, lower case
	oldest  *list.List         // of those that only EVAL brought, the one used longest ago first
	bytes   int64              // of the cached scripts
	evicted uint64

	libs    *libraries
	loading *library // whose code runs now, nil when none does

	recent    recent
	room      scriptRun  // for run
	run       *scriptRun // the script that runs, nil when none does
	client    *client    // in whose name scripts call commands
	buf       []byte     // the last reply to a command of a script
	allowAll  bool       // DEBUG SET-DISABLE-DENY-SCRIPTS
	threshold int64      // busy-reply-threshold, nanoseconds
}

// cached is one script of the cache.
type cached struct {
	sha   string
	body  []byte
	flags script.Flags
	vm    *script.VM // that compiled it; it is compiled again in another one
	ref   script.Ref
	place *list.Element // in scripts.oldest, nil for those of SCRIPT LOAD
}

// scriptRun is the script that runs.
type scriptRun struct {
	name     string // its SHA1, or the function's name
	kind     script.Kind
	caller   *client
	spec     *command.Spec
	argv     [][]byte // of the command that runs it
	readOnly bool
	allowOOM bool
	wrote    bool // a command ran that may write: it cannot be killed any more
	proto    int
	repl     int   // redis.set_repl
	start    int64 // nanoseconds by the executor's stopwatch
	now      int64 // the keyspace's time, frozen for the script
	busy     bool  // it took longer than the threshold: others are served
	killed   bool
	dropped  bool // the process ends: what it did is not logged
}

func newScripts(s *Server) *scripts {
	sc := &scripts{srv: s, cache: map[string]*cached{}, oldest: list.New(), libs: newLibraries()}
	sc.client = &client{fd: -1, srv: s, db: s.ks.DB(0), proto: 2}
	return sc
}

// maxEvalScripts is how many scripts are kept that only EVAL brought; Redis's number.
const maxEvalScripts = 500

// vm gives the interpreter of a kind; it is made when it is first needed.
func (sc *scripts) vm(kind script.Kind) (*script.VM, error) {
	if v := sc.vms[kind]; v != nil {
		return v, nil
	}
	cfg := sc.srv.cfg
	v, err := script.NewVM(kind, sc, cfg.Int(config.LuaMemoryLimit), cfg.Bool(config.LuaEnableDeprecatedAPI))
	if err != nil {
		return nil, err
	}
	sc.vms[kind] = v
	return v, nil
}

// drop closes an interpreter: a new one is made when it is needed.
func (sc *scripts) drop(kind script.Kind) {
	if v := sc.vms[kind]; v != nil {
		sc.vms[kind] = nil
		if err := v.Close(); err != nil {
			sc.srv.log.Warnf("Closing the interpreter: %s", err)
		}
	}
}

func (sc *scripts) close() {
	sc.drop(script.Eval)
	sc.drop(script.Functions)
}

func sha1hex(b []byte) string {
	sum := sha1.Sum(b)
	return hex.EncodeToString(sum[:])
}

// add caches a script, unless it is there; onlyEval says that SCRIPT LOAD did not
// bring it, so that it may be evicted.
func (sc *scripts) add(body []byte, onlyEval bool) (*cached, error) {
	sha := sha1hex(body)
	if s := sc.cache[sha]; s != nil {
		if s.place != nil && !onlyEval {
			sc.oldest.Remove(s.place)
			s.place = nil
		}
		return s, nil
	}
	flags, skip, err := script.Shebang(body)
	if err != nil {
		return nil, err
	}
	s := &cached{sha: sha, body: append([]byte(nil), body...), flags: flags}
	if err := sc.compile(s, skip); err != nil {
		return nil, err
	}
	sc.cache[sha] = s
	sc.bytes += s.memory()
	if onlyEval {
		s.place = sc.oldest.PushBack(s)
		if sc.oldest.Len() > maxEvalScripts {
			sc.evict(sc.oldest.Front().Value.(*cached))
		}
	}
	return s, nil
}

// memory is about what a cached script takes outside of the interpreter, bytes.
func (s *cached) memory() int64 { return int64(len(s.body) + len(s.sha) + cachedOverhead) }

const cachedOverhead = 200 // of the map's entry and the structure

func (sc *scripts) evict(s *cached) {
	sc.evicted++
	sc.forget(s)
}

func (sc *scripts) forget(s *cached) {
	delete(sc.cache, s.sha)
	sc.bytes -= s.memory()
	if s.place != nil {
		sc.oldest.Remove(s.place)
	}
	if s.vm != nil && s.vm == sc.vms[script.Eval] {
		if err := s.vm.Drop(s.ref); err != nil {
			sc.drop(script.Eval)
		}
	}
}

// compile compiles a script in the interpreter that there is now.
func (sc *scripts) compile(s *cached, skip int) error {
	v, err := sc.vm(script.Eval)
	if err != nil {
		return err
	}
	ref, err := v.Load(s.body[skip:])
	if errors.Is(err, script.ErrBroken) {
		sc.drop(script.Eval)
		return errors.New("Error compiling script (new function): it broke the interpreter")
	}
	if err != nil {
		return fmt.Errorf("Error compiling script (new function): %w", err)
	}
	s.vm, s.ref = v, ref
	return nil
}

// ready makes sure that the interpreter there is has compiled the script.
func (sc *scripts) ready(s *cached) error {
	if s.vm != nil && s.vm == sc.vms[script.Eval] {
		return nil
	}
	_, skip, err := script.Shebang(s.body)
	if err != nil {
		return err
	}
	return sc.compile(s, skip)
}

// flush empties the cache (SCRIPT FLUSH).
func (sc *scripts) flush() {
	sc.cache, sc.bytes = map[string]*cached{}, 0
	sc.oldest.Init()
	sc.drop(script.Eval)
}

// call runs a script or a function for the command of c: everything between its
// words and its reply.
func (sc *scripts) call(c *command.Ctx, r *scriptRun, v *script.VM, ref script.Ref, keys, args [][]byte) {
	s := sc.srv
	sc.begin(c, r)
	spec, words, db, noBlock, replaying := c.Spec, c.Args, c.DB, c.NoBlock, s.exec.ctx.Replaying
	s.exec.ctx.Replaying = c.Replaying
	block := !s.exec.tx.active
	s.exec.tx.active = true
	before := c.Out.Errors
	outcome, err := v.Run(ref, r.name, keys, args, c.Out)
	sc.run = nil
	s.exec.tx.muted = false
	s.exec.ctx.Replaying = replaying
	c.Spec, c.Args, c.DB, c.NoBlock = spec, words, db, noBlock
	c.Fx.Reset(db.Index()) // the commands' own effects are applied
	if err != nil {
		sc.failed(c, r, err)
	} else if outcome == script.Counted {
		// The error is in the figures; that this command failed is not.
		s.exec.inner += c.Out.Errors - before
		s.stats.byCommand[spec.ID].failed++
	}
	if block {
		s.exec.tx.active = false
		if r.dropped {
			s.exec.tx.reset()
		} else if s.logTransaction() {
			r.caller.hold = s.journal.seq()
		}
	}
	sc.end(r)
}

// begin sets up what the commands of a script find.
func (sc *scripts) begin(c *command.Ctx, r *scriptRun) {
	s := sc.srv
	r.caller = s.exec.client
	r.spec, r.argv, r.proto, r.repl = c.Spec, c.Args, 2, replAll
	r.start, r.now = s.exec.watch.Nanos(), s.ks.Now()
	sc.run = r
	fake := sc.client
	fake.db, fake.user, fake.id = c.DB, r.caller.user, r.caller.id
	fake.flags = flagScript | r.caller.flags&(flagAuthenticated|flagReplay|flagNoTouch|flagTracking)
}

// The bits of redis.set_repl.
const (
	replLog = 1
	replAll = 3
)

// failed replies that the interpreter itself failed.
func (sc *scripts) failed(c *command.Ctx, r *scriptRun, err error) {
	if errors.Is(err, script.ErrBroken) {
		sc.srv.log.Warnf("Script %s broke the interpreter, which is replaced: %s", r.name, err)
		sc.drop(r.kind)
		c.Out.Error("ERR Error running script " + r.name + ", the interpreter was stopped: it ran out of stack or failed")
		return
	}
	c.Out.Error(err.Error())
}

// Between so many scripts the garbage collector does a step; Redis's number.
const collectEvery = 50

// end tidies up behind a script.
func (sc *scripts) end(r *scriptRun) {
	if r.busy && !r.caller.has(flagReplay) {
		sc.srv.unshield(r.caller)
	}
	v := sc.vms[r.kind]
	if sc.ran++; v == nil || sc.ran < collectEvery {
		return
	}
	sc.ran = 0
	if v.Settle(false) != nil {
		sc.drop(r.kind)
		return
	}
	sc.slim(r.kind, v)
}

// An interpreter's memory does not shrink. One that occupies more than slimAbove
// bytes, of which a full collection leaves less than a quarter in use, is replaced.
const slimAbove = 64 << 20

func (sc *scripts) slim(kind script.Kind, v *script.VM) {
	if v.Mapped() < slimAbove {
		return
	}
	if v.Used() > v.Mapped()/4 {
		if v.Settle(true) != nil || v.Used() > v.Mapped()/4 {
			return
		}
	}
	if kind == script.Functions {
		sc.reloadLibraries()
		return
	}
	sc.drop(kind) // scripts are compiled again when they are used
}

// memory is what the interpreter of a kind has allocated, bytes.
func (sc *scripts) memory(kind script.Kind) int64 {
	if v := sc.vms[kind]; v != nil {
		return v.Used()
	}
	return 0
}

// scriptWriter is the writer of a script's command.
func (sc *scripts) writer() resp.Writer {
	return resp.Writer{Buf: sc.buf[:0], Proto: sc.run.proto, ErrorAt: -1}
}

// setLimit bounds the memory of the interpreters.
func (sc *scripts) setLimit(bytes int64) {
	for _, v := range sc.vms {
		if v != nil {
			v.SetLimit(bytes)
		}
	}
}
