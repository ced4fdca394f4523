package server

import (
	"strings"

	"redisd/internal/num"
	"redisd/pkg/command"
	"redisd/pkg/script"
)

// evalFlags are what all commands share that run a script.
const evalFlags = command.NoScript | command.SkipMonitor | command.NoMandatoryKeys | command.MovableKeys |
	command.Stale | command.MayReplicate

// runSpec is a row of a command that runs a script or a function.
func runSpec(name, first, since, summary string, readOnly, worst bool, handler command.Handler) command.Spec {
	k := command.KeySpec{Flags: command.KeyRW | command.KeyAccess | command.KeyUpdate, Index: 2, KeyNum: true, FirstOf: 1, NumStep: 1}
	if worst {
		k.Notes = "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"
	}
	flags := evalFlags
	if readOnly {
		flags = flags&^command.MayReplicate | command.ReadOnly
		k.Flags = command.KeyRO | command.KeyAccess
		if worst {
			k.Notes = "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"
		}
	}
	return command.Spec{Name: name, Arity: -3, Flags: flags, Group: "scripting", Since: since, Summary: summary,
		Complexity: "Depends on the " + first + " that is executed.", Keys: []command.KeySpec{k}, Handler: handler,
		Args: []command.Arg{{Name: first, Type: "string"}, {Name: "numkeys", Type: "integer"},
			{Name: "key", Type: "key", Key: 1, Optional: true, Multiple: true},
			{Name: "arg", Type: "string", Optional: true, Multiple: true}}}
}

// scriptSpecs is the scripting family without FUNCTION.
func (s *Server) scriptSpecs() []command.Spec {
	allNodes := []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
	return []command.Spec{
		runSpec("eval", "script", "2.6.0", "Runs a script on the server.", false, true, func(c *command.Ctx) { s.eval(c, false, false) }),
		runSpec("evalsha", "sha1", "2.6.0", "Runs a script of the cache, by its SHA1.", false, false, func(c *command.Ctx) { s.eval(c, true, false) }),
		runSpec("eval_ro", "script", "7.0.0", "Runs a script that must not write.", true, true, func(c *command.Ctx) { s.eval(c, false, true) }),
		runSpec("evalsha_ro", "sha1", "7.0.0", "Runs a script of the cache that must not write.", true, false, func(c *command.Ctx) { s.eval(c, true, true) }),
		{Name: "script", Arity: -2, Group: "scripting", Since: "2.6.0",
			Summary: "Holds the commands about cached scripts.", Complexity: "Depends on the subcommand.",
			Sub: []command.Spec{
				{Name: "debug", Arity: 3, Flags: command.NoScript, Since: "3.2.0", Summary: "Sets the mode of the debugger of scripts.",
					Complexity: "O(1)", Handler: s.scriptDebug, Help: []string{"DEBUG (YES|SYNC|NO)", "Set the debug mode of the scripts that follow. There is no debugger: only NO is taken."},
					Args: []command.Arg{{Name: "mode", Type: "oneof", Sub: []command.Arg{{Name: "yes", Type: "pure-token", Token: "YES"},
						{Name: "sync", Type: "pure-token", Token: "SYNC"}, {Name: "no", Type: "pure-token", Token: "NO"}}}}},
				{Name: "exists", Arity: -3, Flags: command.NoScript, Since: "2.6.0", Summary: "Tells which scripts are cached.",
					Complexity: "O(N) where N is the number of scripts that are asked for.", Handler: s.scriptExists,
					Hints: []string{"request_policy:all_shards", "response_policy:agg_logical_and"},
					Help:  []string{"EXISTS <sha1> [<sha1> ...]", "Tell for each script whether it is in the cache."},
					Args:  []command.Arg{{Name: "sha1", Type: "string", Multiple: true}}},
				{Name: "flush", Arity: -2, Flags: command.NoScript, Since: "2.6.0", Summary: "Empties the cache of scripts.",
					Complexity: "O(N) where N is the number of cached scripts.", Handler: s.scriptFlush, Hints: allNodes,
					History: [][2]string{{"6.2.0", "The modes `ASYNC` and `SYNC`."}},
					Help:    []string{"FLUSH [ASYNC|SYNC]", "Empty the cache of scripts."},
					Args: []command.Arg{{Name: "async", Type: "oneof", Optional: true, Since: "6.2.0", Sub: []command.Arg{
						{Name: "async", Type: "pure-token", Token: "ASYNC"}, {Name: "sync", Type: "pure-token", Token: "SYNC"}}}}},
				{Name: "kill", Arity: 2, Flags: command.NoScript | command.AllowBusy, Since: "2.6.0", Summary: "Ends the script that runs.",
					Complexity: "O(1)", Handler: func(c *command.Ctx) { s.scripts.kill(c, script.Eval) },
					Hints: []string{"request_policy:all_shards", "response_policy:one_succeeded"},
					Help:  []string{"KILL", "End the script that runs."}},
				{Name: "load", Arity: 3, Flags: command.NoScript | command.Stale, Since: "2.6.0", Summary: "Puts a script into the cache.",
					Complexity: "O(N) where N is the length of the script.", Handler: s.scriptLoad, Hints: allNodes,
					Help: []string{"LOAD <script>", "Put a script into the cache without running it."},
					Args: []command.Arg{{Name: "script", Type: "string"}}},
				helpSub("5.0.0", 0, 0),
			}},
	}
}

// keyCount reads the number of keys of a script's command; it replies the error.
func keyCount(c *command.Ctx, notNumber string) (int, bool) {
	n, ok := num.ParseInt(c.Args[2])
	switch {
	case !ok:
		c.Out.Error(notNumber)
	case n > int64(len(c.Args)-3):
		c.Out.Error("ERR Number of keys can't be greater than number of args")
	case n < 0:
		c.Out.Error("ERR Number of keys can't be negative")
	default:
		return int(n), true
	}
	return 0, false
}

const errNoScript = "NOSCRIPT No matching script. Please use EVAL."

func (s *Server) eval(c *command.Ctx, bySHA, readOnly bool) {
	if bySHA && len(c.Args[1]) != 40 {
		c.Out.Error(errNoScript)
		return
	}
	keys, ok := keyCount(c, command.ErrNotInteger)
	if !ok {
		return
	}
	sc := s.scripts
	var code *cached
	if bySHA {
		if code = sc.find(c.Args[1]); code == nil {
			c.Out.Error(errNoScript)
			return
		}
	} else {
		var err error
		if code, err = sc.add(c.Args[1], true); err != nil {
			c.Out.Error("ERR " + err.Error())
			return
		}
	}
	if code.place != nil {
		sc.oldest.MoveToBack(code.place)
	}
	r := &sc.room
	*r = scriptRun{name: code.sha, kind: script.Eval}
	if reason := sc.prepare(r, code.flags, readOnly); reason != "" {
		c.Out.Error(reason)
		return
	}
	if err := sc.ready(code); err != nil {
		c.Out.Error("ERR " + err.Error())
		return
	}
	sc.call(c, r, code.vm, code.ref, c.Args[3:3+keys], c.Args[3+keys:])
}

// find finds a cached script by its SHA1, in any case.
func (sc *scripts) find(sha []byte) *cached {
	if s := sc.cache[string(sha)]; s != nil {
		return s
	}
	return sc.cache[strings.ToLower(string(sha))]
}

// prepare checks what a script declares against the state of the server; it gives
// the error, with its code, of one that must not run.
func (sc *scripts) prepare(r *scriptRun, flags script.Flags, readOnly bool) string {
	s := sc.srv
	compat := flags&script.Compat != 0
	if !compat && flags&script.NoWrites == 0 {
		if reason := s.background.misconf(); reason != "" && !s.exec.client.has(flagReplay) {
			if err := s.journal.log.Err(); err == nil {
				return "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. " +
					"Writable scripts are blocked. Use 'no-writes' flag for read only scripts."
			}
			_, text, _ := strings.Cut(reason, ": ")
			return "MISCONF Redis is configured to persist data to AOF, but it's currently unable to persist to disk. " +
				"Writable scripts are blocked. Use 'no-writes' flag for read only scripts. AOF error: " + text
		}
		if readOnly {
			return "ERR Can not execute a script with write flag using *_ro command."
		}
	}
	r.readOnly = readOnly || !compat && flags&script.NoWrites != 0
	r.allowOOM = !compat && flags&script.AllowOOM != 0
	return ""
}

func (s *Server) scriptLoad(c *command.Ctx) {
	code, err := s.scripts.add(c.Args[2], false)
	if err != nil {
		c.Out.Error("ERR " + err.Error())
		return
	}
	c.Out.BulkString(code.sha)
}

func (s *Server) scriptExists(c *command.Ctx) {
	c.Out.Array(len(c.Args) - 2)
	for _, sha := range c.Args[2:] {
		n := int64(0)
		if s.scripts.find(sha) != nil {
			n = 1
		}
		c.Out.Int(n)
	}
}

func (s *Server) scriptFlush(c *command.Ctx) {
	if len(c.Args) > 2 && !(len(c.Args) == 3 && (command.Is(c.Args[2], "SYNC") || command.Is(c.Args[2], "ASYNC"))) {
		c.Out.Error("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
		return
	}
	s.scripts.flush()
	c.Out.OK()
}

func (s *Server) scriptDebug(c *command.Ctx) {
	switch {
	case command.Is(c.Args[2], "NO"):
		c.Out.OK()
	case command.Is(c.Args[2], "YES") || command.Is(c.Args[2], "SYNC"):
		c.Out.Error("ERR SCRIPT DEBUG is not supported: there is no debugger for scripts")
	default:
		c.Out.Error("ERR Use SCRIPT DEBUG YES/SYNC/NO")
	}
}

const (
	errBusyScript   = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
	errBusyFunction = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
)

// busy is the error for those who must wait for the script that takes long, "" when
// there is none.
func (sc *scripts) busy() string {
	switch {
	case sc.run == nil || !sc.run.busy:
		return ""
	case sc.run.kind == script.Functions:
		return errBusyFunction
	}
	return errBusyScript
}

// gateBusy lets few commands in while a script takes long.
func gateBusy(s *Server, _ *client, spec *command.Spec, _ [][]byte) string {
	if s.scripts.run == nil || spec.Flags&command.AllowBusy != 0 {
		return ""
	}
	return s.scripts.busy()
}

// kill is SCRIPT KILL and FUNCTION KILL.
func (sc *scripts) kill(c *command.Ctx, kind script.Kind) {
	r := sc.run
	switch {
	case r == nil:
		c.Out.Error("NOTBUSY No scripts in execution right now.")
	case r.wrote:
		c.Out.Error("UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait " +
			"the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.")
	case r.kind != kind:
		c.Out.Error(sc.busy())
	default:
		r.killed = true
		sc.srv.log.Warnf("Lua script killed by user with SCRIPT KILL.")
		c.Out.OK()
	}
}

// declared gives the flags of the command that a script's command stands for, after
// what the script declares: one that does not write is let through where writes are not.
func (s *Server) declared(spec *command.Spec, argv [][]byte) command.Flags {
	if spec.Group != "scripting" || len(argv) < 2 {
		return spec.Flags
	}
	flags := script.Compat
	switch spec.Name {
	case "eval", "eval_ro":
		if f, _, err := script.Shebang(argv[1]); err == nil {
			flags = f
		}
	case "evalsha", "evalsha_ro":
		if code := s.scripts.find(argv[1]); code != nil {
			flags = code.flags
		}
	case "fcall", "fcall_ro":
		if f := s.scripts.libs.find(argv[1]); f != nil {
			flags = f.flags
		}
	}
	if flags&script.Compat != 0 {
		return spec.Flags
	}
	f := spec.Flags &^ (command.Stale | command.DenyOOM | command.Write | command.MayReplicate)
	if flags&(script.AllowOOM|script.NoWrites) == 0 {
		f |= command.DenyOOM
	}
	if flags&script.NoWrites == 0 {
		f |= command.Write
	}
	if flags&script.AllowStale != 0 {
		f |= command.Stale
	}
	return f
}
