package server

import (
	"bytes"
	"fmt"
	"strings"

	"redisd/internal/clock"
	"redisd/pkg/command"
	"redisd/pkg/keyspace"
	"redisd/pkg/resp"
)

// executor runs commands one after another. It owns what a call needs, so that
// the hot way allocates nothing.
type executor struct {
	srv    *Server
	ctx    command.Ctx
	w      resp.Writer
	argv   [][]byte  // room for the words of the next command
	client *client   // whose command runs, nil between commands
	owner  *client   // whose reply buffer the writer has, nil between clients
	rerun  *parked   // the blocked command that runs again, nil when none does
	input  int       // bytes of its input, from the command that runs on
	two    [2][]byte // words of commands in the server's own name

	ahead     keyspace.Ahead // the next requests of a pipeline
	aheadArgv [][]byte       // room for their words
	warmed    int            // requests to run before looking ahead again

	watch  clock.Stopwatch
	tx     txLog
	spare  *transaction // for the next MULTI, nil for none
	asking bool         // the gates are asked for a command that does not run now
	inner  int          // error replies of the commands that ran inside of the one that runs
	clockN int64        // nanoseconds by watch when the last command ended
}

// begin points the writer to the client's reply buffer.
func (x *executor) begin(c *client) {
	x.srv.syncTime()
	if c.out == nil {
		c.out = x.srv.clients.pool.get()
	}
	x.owner = c
	x.w.Buf, x.w.Proto, x.w.Room = c.out, int(c.proto), x.srv.clients.replyRoom(c)
	x.clockN = x.watch.Nanos()
}

// growReply is the writer's Grow: a long reply uses a long buffer of an earlier one. A
// second long one in the same reply doubles it.
func (x *executor) growReply(buf []byte, n int) []byte {
	if len(buf) > poolBuffer {
		n = max(n, 2*cap(buf))
	}
	pool := &x.srv.clients.pool
	grown := append(pool.getLarge(n), buf...)
	pool.put(buf)
	if x.owner != nil {
		x.owner.out = grown // what it was is somebody else's from now on
	}
	return grown
}

// end gives the buffer back to the client and queues what is in it.
func (x *executor) end(c *client) {
	c.out = x.w.Buf
	x.w.Buf, x.owner = nil, nil
	if x.srv.clients.lim.memory > 0 {
		x.srv.account(c)
		x.srv.evictClients()
	} else {
		x.srv.clients.note(c) // for maxmemory, which is in no hurry
	}
	c.outPeak = max(c.outPeak, len(c.out))
	if len(c.out) == c.sent && !c.has(flagCloseAfterReply) {
		if c.sent == 0 {
			x.srv.clients.pool.put(c.out)
			c.out = nil
		}
		return
	}
	if !c.has(flagAuthenticated) && c.pendingOut() > strangerOutput && !x.srv.acl.open() {
		x.srv.clients.choke(c)
	}
	x.srv.clients.queue(c)
}

// strangerOutput is how many reply bytes may wait for a client that has not
// authenticated.
const strangerOutput = 1024

// run executes one request of c, from the table's row to the applied effects.
func (x *executor) run(c *client, argv [][]byte) {
	s := x.srv
	x.client = c
	spec := s.table.Lookup(argv[0])
	if spec != nil && spec.Sub != nil && len(argv) > 1 {
		if sub := spec.Subcommand(argv[1]); sub != nil {
			spec = sub
		}
	}
	start := len(x.w.Buf)
	if spec == nil && s.isAttack(argv[0]) {
		s.clients.closeSoon(c)
	} else if reason := x.refused(c, spec, argv); reason != "" {
		x.reject(c, spec, reason)
	} else if c.tx != nil && queues(spec) {
		x.enqueue(c, spec, argv)
	} else {
		x.call(c, spec, argv)
	}
	x.client = nil
	if c.parked == nil {
		x.settle(c, spec, start)
	}
	x.flushPushes(c)
	if x.w.Full() {
		x.overflow(c)
	}
	if len(s.blocked.ready) > 0 && s.scripts.run == nil {
		s.blocked.serve()
	}
}

// overflow closes a client whose replies have become too many. They are not sent.
func (x *executor) overflow(c *client) {
	c.out = x.w.Buf // for the log line
	x.srv.clients.choke(c)
	c.out, x.w.Buf = nil, nil
}

// settle ends what was said about the command that is over: its reply, which begins at
// start, is taken back if c does not want it (CLIENT REPLY), and CLIENT CACHING is used
// up by any command but another CLIENT.
func (x *executor) settle(c *client, spec *command.Spec, start int) {
	if !c.has(flagReplyOff | flagReplySkip | flagSkipNext | flagCaching) {
		return
	}
	if c.tx == nil && (spec == nil || spec.Parent == nil || spec.Parent.Name != "client") {
		c.set(flagCaching, false)
	}
	if c.has(flagReplyOff | flagReplySkip) {
		if !(pushReply(c.last) && len(x.w.Buf) > start && (x.w.Buf[start] == '>' || x.w.Buf[start] == '*')) {
			x.w.Buf = x.w.Buf[:start]
		}
		c.set(flagReplySkip, false)
	}
	if c.has(flagSkipNext) {
		c.set(flagSkipNext, false)
		c.set(flagReplySkip, true)
	}
}

// caller is the connection whose command runs, or that called the script that does; nil
// between commands.
func (x *executor) caller() *client {
	if x.client != nil && x.client.has(flagScript) {
		return x.srv.scripts.run.caller
	}
	return x.client
}

// outer is what the executor was at when another client came in between.
type outer struct {
	client, owner *client
	w             resp.Writer
}

// enter points the executor to c while the command of another client may be going
// on; leave goes back to that. It may be the same client: its command blocked, and
// is served before it has gone back to its input.
func (x *executor) enter(c *client) outer {
	o := outer{x.client, x.owner, x.w}
	if o.owner != nil {
		o.owner.out = x.w.Buf
	}
	x.client = nil
	x.begin(c)
	return o
}

func (x *executor) leave(c *client, o outer) {
	x.end(c)
	x.client, x.owner, x.w = o.client, o.owner, o.w
	if o.owner == nil {
		return
	}
	if o.owner.out == nil {
		o.owner.out = x.srv.clients.pool.get()
	}
	x.w.Buf = o.owner.out
}

// refused asks the gates in order; the first that objects decides.
func (x *executor) refused(c *client, spec *command.Spec, argv [][]byte) string {
	for i := range gates {
		if reason := gates[i].check(x.srv, c, spec, argv); reason != "" {
			return reason
		}
	}
	return ""
}

// wouldRun asks the gates for a command that does not run now.
func (x *executor) wouldRun(c *client, spec *command.Spec, argv [][]byte) bool {
	x.asking = true
	reason := x.refused(c, spec, argv)
	x.asking = false
	return reason == ""
}

func (x *executor) reject(c *client, spec *command.Spec, reason string) {
	if c.tx != nil {
		c.tx.failed = true
		if spec != nil && spec.Name == "exec" {
			reason = "EXECABORT Transaction discarded because of: " + reason
			x.srv.endTransaction(c)
			x.srv.monitors.feed(c, execWords) // they saw its MULTI
		}
	}
	x.w.Error(reason)
	x.srv.stats.reject(spec, reason)
	if spec != nil {
		c.last = spec
	}
}

// call runs the handler and applies what it did.
func (x *executor) call(c *client, spec *command.Spec, argv [][]byte) {
	s := x.srv
	ctx := &x.ctx
	ctx.Args, ctx.Spec, ctx.DB, ctx.Out = argv, spec, c.db, &x.w
	s.ks.SetQuiet(c.has(flagNoTouch) && !isTouch(spec))
	ctx.Fx.Reset(c.db.Index())
	c.last = spec
	begin, errorsBefore, inner := x.clockN, x.w.Errors, x.inner
	x.inner = 0
	watched := len(s.monitors.list) > 0 && x.rerun == nil
	if watched && spec.Flags&command.SkipMonitor != 0 {
		s.monitors.feed(c, argv) // a script is shown before the commands that it calls
	}
	spec.Handler(ctx)
	if watched && spec.Flags&(command.SkipMonitor|command.Admin) == 0 {
		s.monitors.feed(c, argv)
	}
	s.apply(c, ctx)
	if c.has(flagTracking) && spec.Flags&command.ReadOnly != 0 {
		s.caches.remember(c, spec, argv)
	}
	if w, waits := ctx.Fx.Waits(); waits {
		s.blocked.park(c, w)
	}
	now := x.watch.Nanos()
	took := now - begin
	x.clockN = now
	failed := x.w.Errors-errorsBefore != x.inner
	x.inner = inner + x.w.Errors - errorsBefore
	if took >= s.latency.threshold {
		s.latency.command(spec, took)
	}
	if c.parked != nil {
		c.parked.nanos += took // it counts when it is over
		return
	}
	if x.rerun != nil {
		took += x.rerun.nanos
	}
	x.record(c, spec, argv, took, failed)
}

// record counts a command of c that is over and took so many nanoseconds. When it
// failed, the writer's last error is its reply.
func (x *executor) record(c *client, spec *command.Spec, argv [][]byte, took int64, failed bool) {
	s := x.srv
	s.stats.count(spec, took)
	if failed {
		s.stats.fail(spec, x.w.Buf[x.w.ErrorAt:])
	}
	if s.slowlog.wants(spec, took) {
		s.slowlog.add(c, argv, took, s.stats.nowSec)
	}
}

func isTouch(spec *command.Spec) bool { return spec.Name == "touch" }

// unknown is the reply to a command that is not in the table: it repeats the
// beginning of what was sent, in at most 128 bytes, as Redis does.
func unknown(argv [][]byte) string {
	const most = 128
	var args strings.Builder
	for _, a := range argv[1:] {
		if args.Len() >= most {
			break
		}
		fmt.Fprintf(&args, "'%s' ", a[:min(len(a), most-args.Len())])
	}
	return fmt.Sprintf("ERR unknown command '%s', with args beginning with: %s",
		argv[0][:min(len(argv[0]), most)], args.String())
}

// unknownSub is the reply to a container's subcommand that is not in the table.
func unknownSub(argv [][]byte) string {
	return fmt.Sprintf("ERR unknown subcommand '%s'. Try %s HELP.", argv[1][:min(len(argv[1]), 128)], bytes.ToUpper(argv[0]))
}
