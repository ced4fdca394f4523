package server

import (
	"time"

	"redisd/pkg/acl"
	"redisd/pkg/command"
	"redisd/pkg/script"
)

// This file is what a script sees of the server: script.Host.

// Call runs a command of the script.
func (sc *scripts) Call(argv [][]byte) []byte {
	s, x, r := sc.srv, sc.srv.exec, sc.run
	spec := sc.resolve(argv)
	if reason := sc.refused(r, spec, argv); reason != "" {
		s.stats.reject(spec, reason)
		sc.buf = append(append(append(sc.buf[:0], '-'), reason...), "\r\n"...)
		return sc.buf
	}
	r.wrote = r.wrote || spec.Writes()
	w, client, inner := x.w, x.client, x.inner
	x.w, x.client = sc.writer(), sc.client
	x.tx.muted = r.repl&replLog == 0
	x.ctx.NoBlock, x.ctx.Script = true, true
	x.clockN = x.watch.Nanos()
	s.ks.SetNow(r.now)
	x.call(sc.client, spec, argv)
	sc.buf = x.w.Buf
	x.w, x.client, x.inner = w, client, inner
	x.tx.muted, x.ctx.Script = false, false
	return sc.buf
}

// recent are commands that scripts called, at a place that their names give: a script
// calls the same few again and again.
type recent [64]struct {
	name [12]byte // as the script wrote it
	n    int
	spec *command.Spec
}

// resolve finds the row of a command; nil when there is none.
func (sc *scripts) resolve(argv [][]byte) *command.Spec {
	name := argv[0]
	n := len(name)
	if n == 0 || n > len(recent{}[0].name) {
		return sc.srv.table.Resolve(argv)
	}
	r := &sc.recent[(uint(name[0])*5+uint(name[n-1])+uint(n))%uint(len(sc.recent))]
	if r.n == n && string(r.name[:n]) == string(name) {
		return r.spec
	}
	spec := sc.srv.table.Lookup(name)
	if spec == nil || spec.Sub != nil { // a container's row depends on the next word
		return sc.srv.table.Resolve(argv)
	}
	r.n, r.spec = n, spec
	copy(r.name[:], name)
	return spec
}

// refused is what the gates are for clients; the order is Redis's.
func (sc *scripts) refused(r *scriptRun, spec *command.Spec, argv [][]byte) string {
	s := sc.srv
	switch {
	case spec == nil:
		return "ERR Unknown Redis command called from script"
	case !spec.ArityFits(len(argv)) || spec.Handler == nil:
		return "ERR Wrong number of args calling Redis command from script"
	case spec.Flags&command.NoScript != 0 && !sc.allowAll:
		return "ERR This Redis command is not allowed from script"
	case spec.Flags&command.Protected != 0 && !s.debugAllowed(r.caller):
		return gateProtected(s, r.caller, spec, argv)
	}
	if !r.caller.user.Free() && !r.caller.has(flagReplay) {
		if reason := s.aclScriptRefusal(r.caller, spec, argv); reason != "" {
			return reason
		}
	}
	if r.readOnly && spec.Flags&(command.Write|command.MayReplicate) != 0 {
		return "ERR Write commands are not allowed from read-only scripts."
	}
	if !spec.Writes() || r.wrote || r.caller.has(flagReplay) {
		return "" // half of a script would be worse than a promise that cannot be kept
	}
	if reason := s.background.misconf(); reason != "" {
		return reason
	}
	if spec.Flags&command.DenyOOM != 0 && !r.allowOOM && s.memoryShort() {
		return errOutOfMemory
	}
	return ""
}

// Allowed implements redis.acl_check_cmd.
func (sc *scripts) Allowed(argv [][]byte) (allowed, known bool) {
	spec := sc.srv.table.Resolve(argv)
	if spec == nil {
		return false, false
	}
	return sc.srv.aclCheck(sc.run.caller.user, spec, argv).Reason == acl.Allowed, true
}

// Log implements redis.log.
func (sc *scripts) Log(level int, text []byte) {
	log := sc.srv.log
	switch level {
	case 0:
		log.Tracef("%s", text)
	case 1:
		log.Verbosef("%s", text)
	case 2:
		log.Noticef("%s", text)
	default:
		log.Warnf("%s", text)
	}
}

// SetRepl implements redis.set_repl.
func (sc *scripts) SetRepl(flags int) { sc.run.repl = flags }

// SetProto implements redis.setresp.
func (sc *scripts) SetProto(version int) { sc.run.proto = version }

// Micros implements os.clock.
func (sc *scripts) Micros() int64 { return sc.srv.exec.watch.Micros() }

// loadTimeout bounds the running of a library's code, nanoseconds; Redis's number.
const loadTimeout = 500e6

// Tick is called now and then while a script runs. One that takes long lets the
// loop serve other clients; true ends it.
func (sc *scripts) Tick() bool {
	s := sc.srv
	if l := sc.loading; l != nil {
		return l.limited && s.exec.watch.Nanos()-l.start > loadTimeout
	}
	r := sc.run
	if r == nil {
		return false
	}
	replayed := r.caller.has(flagReplay)
	if took := s.exec.watch.Nanos() - r.start; !r.busy && sc.threshold > 0 && took >= sc.threshold {
		sc.beginBusy(r, took/1e6)
		if !replayed {
			s.shield(r.caller)
		}
	}
	switch {
	case replayed: // the load lets others in, and ends for a signal
		s.loadProgress(s.load.done)
		s.ks.SetNow(r.now)
		return s.life.over
	case r.busy:
		sc.serveOthers()
	}
	return r.killed
}

// beginBusy notes that a script takes long.
func (sc *scripts) beginBusy(r *scriptRun, millis int64) {
	kill := "SCRIPT KILL"
	if r.kind == script.Functions {
		kill = "FUNCTION KILL"
	}
	sc.srv.log.Warnf("Slow script detected: still in execution after %d milliseconds. "+
		"You can try killing the script using the %s command. Script name is: %s.", millis, kill, r.name)
	r.busy = true
}

// serveOthers lets clients in for one turn.
func (sc *scripts) serveOthers() {
	s, r := sc.srv, sc.run
	s.nested(r.caller, func() {
		s.loop.UpdateTime()
		if _, err := s.loop.Turn(false); err != nil {
			s.log.Warnf("Serving clients while a script runs: %s", err)
		}
		if s.life.asked {
			sc.finishRewrite()
		}
	})
	s.ks.SetNow(r.now)
	if s.life.asked {
		s.cronShutdown()
		if s.life.over {
			r.killed, r.dropped = true, true
		}
	}
}

// finishRewrite lets the rewrite end that writes the first append-only file, which it
// cannot while a script runs: without the file the server would not shut down.
func (sc *scripts) finishRewrite() {
	s := sc.srv
	s.life.busy = true // not yet
	defer func() { s.life.busy = false }()
	const most = 10e9 // nanoseconds
	start := s.exec.watch.Nanos()
	for s.journal.waitsForRewrite() && s.background.active() && s.exec.watch.Nanos()-start < most {
		time.Sleep(time.Millisecond) // the child needs the processor
		if _, err := s.loop.Turn(false); err != nil {
			return
		}
		s.loop.RunPosted()
	}
}
