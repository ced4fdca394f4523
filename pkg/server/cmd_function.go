package server

import (
	"redisd/internal/glob"
	"redisd/pkg/command"
	"redisd/pkg/config"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/script"
)

// functionSpecs is FCALL and FUNCTION.
func (s *Server) functionSpecs() []command.Spec {
	all := []string{"request_policy:all_shards", "response_policy:all_succeeded"}
	token := func(name, word string) command.Arg {
		return command.Arg{Name: name, Type: "pure-token", Token: word}
	}
	const noScript = command.NoScript
	return []command.Spec{
		runSpec("fcall", "function", "7.0.0", "Runs a function.", false, true, func(c *command.Ctx) { s.fcall(c, false) }),
		runSpec("fcall_ro", "function", "7.0.0", "Runs a function that must not write.", true, true, func(c *command.Ctx) { s.fcall(c, true) }),
		{Name: "function", Arity: -2, Group: "scripting", Since: "7.0.0",
			Summary: "Holds the commands about libraries of functions.", Complexity: "Depends on the subcommand.",
			Sub: []command.Spec{
				{Name: "delete", Arity: 3, Flags: noScript | command.Write, Since: "7.0.0", Summary: "Deletes a library.", Complexity: "O(1)",
					Hints: all, Help: []string{"DELETE <library name>", "Delete a library."}, Handler: s.functionDelete,
					Args: []command.Arg{{Name: "library-name", Type: "string"}}},
				{Name: "dump", Arity: 2, Flags: noScript, Since: "7.0.0", Summary: "Gives all libraries in a form that FUNCTION RESTORE takes.",
					Complexity: "O(N) where N is the number of functions", Help: []string{"DUMP", "Reply all libraries in a form that FUNCTION RESTORE takes."},
					Handler: func(c *command.Ctx) { c.Out.Bulk(s.dumpFunctions()) }},
				{Name: "flush", Arity: -2, Flags: noScript | command.Write, Since: "7.0.0", Summary: "Deletes all libraries.",
					Complexity: "O(N) where N is the number of functions deleted", Hints: all,
					Help: []string{"FLUSH [ASYNC|SYNC]", "Delete all libraries."}, Handler: s.functionFlush,
					Args: []command.Arg{{Name: "async", Type: "oneof", Optional: true, Sub: []command.Arg{token("async", "ASYNC"), token("sync", "SYNC")}}}},
				{Name: "kill", Arity: 2, Flags: noScript | command.AllowBusy, Since: "7.0.0", Summary: "Ends the function that runs.",
					Complexity: "O(1)", Hints: []string{"request_policy:all_shards", "response_policy:one_succeeded"},
					Help:    []string{"KILL", "End the function that runs."},
					Handler: func(c *command.Ctx) { s.scripts.kill(c, script.Functions) }},
				{Name: "list", Arity: -2, Flags: noScript, Since: "7.0.0", Summary: "Tells which libraries there are.",
					Complexity: "O(N) where N is the number of functions", Hints: []string{"nondeterministic_output_order"},
					Help: []string{"LIST [LIBRARYNAME <pattern>] [WITHCODE]", "Tell of the libraries and their functions."}, Handler: s.functionList,
					Args: []command.Arg{{Name: "library-name-pattern", Type: "string", Token: "LIBRARYNAME", Optional: true},
						{Name: "withcode", Type: "pure-token", Token: "WITHCODE", Optional: true}}},
				{Name: "load", Arity: -3, Flags: noScript | command.Write | command.DenyOOM, Since: "7.0.0", Summary: "Creates a library.",
					Complexity: "O(1) (considering compilation time is redundant)", Hints: all,
					Help: []string{"LOAD [REPLACE] <code>", "Create a library, or replace it."}, Handler: s.functionLoad,
					Args: []command.Arg{{Name: "replace", Type: "pure-token", Token: "REPLACE", Optional: true}, {Name: "function-code", Type: "string"}}},
				{Name: "restore", Arity: -3, Flags: noScript | command.Write | command.DenyOOM, Since: "7.0.0", Summary: "Restores libraries.",
					Complexity: "O(N) where N is the number of functions on the payload", Hints: all, Handler: s.functionRestore,
					Help: []string{"RESTORE <payload> [FLUSH|APPEND|REPLACE]", "Restore what FUNCTION DUMP gave. FLUSH deletes what is there before; APPEND, the default,",
						"fails when a library is there already; REPLACE replaces it."},
					Args: []command.Arg{{Name: "serialized-value", Type: "string"}, {Name: "policy", Type: "oneof", Optional: true,
						Sub: []command.Arg{token("flush", "FLUSH"), token("append", "APPEND"), token("replace", "REPLACE")}}}},
				{Name: "stats", Arity: 2, Flags: noScript | command.AllowBusy, Since: "7.0.0", Summary: "Tells of the function that runs, and of the engine.",
					Complexity: "O(1)", Hints: []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
					Help: []string{"STATS", "Tell of the function that runs, and of the engine."}, Handler: s.functionStats},
				helpSub("7.0.0", 0, 0),
			}},
	}
}

func (s *Server) fcall(c *command.Ctx, readOnly bool) {
	sc := s.scripts
	f := sc.libs.find(c.Args[1])
	if f == nil {
		c.Out.Error("ERR Function not found")
		return
	}
	keys, ok := keyCount(c, "ERR Bad number of keys provided")
	if !ok {
		return
	}
	v, err := sc.vm(script.Functions)
	if err != nil {
		c.Out.Error("ERR " + err.Error())
		return
	}
	r := &sc.room
	*r = scriptRun{name: f.name, kind: script.Functions}
	if reason := sc.prepare(r, f.flags, readOnly); reason != "" {
		c.Out.Error(reason)
		return
	}
	sc.call(c, r, v, f.ref, c.Args[3:3+keys], c.Args[3+keys:])
	if sc.vms[script.Functions] == nil {
		sc.reloadLibraries() // the function broke the interpreter
	}
}

func (s *Server) functionLoad(c *command.Ctx) {
	replace := false
	words := c.Args[2:]
	for len(words) > 1 {
		if !command.Is(words[0], "REPLACE") {
			c.Out.Errorf("ERR Unknown option given: %s", words[0])
			return
		}
		replace, words = true, words[1:]
	}
	lib, err := s.scripts.loadLibrary(s.scripts.libs, words[0], replace, !s.exec.client.has(flagReplay))
	if err != nil {
		c.Out.Error("ERR " + err.Error())
		return
	}
	c.Fx.Dirty++
	c.Out.BulkString(lib.name)
}

func (s *Server) functionDelete(c *command.Ctx) {
	libs := s.scripts.libs
	lib := libs.byName[string(c.Args[2])]
	if lib == nil {
		c.Out.Error("ERR Library not found")
		return
	}
	libs.unlink(lib)
	s.scripts.release(lib)
	c.Fx.Dirty++
	c.Out.OK()
}

func (s *Server) functionFlush(c *command.Ctx) {
	if len(c.Args) > 3 {
		c.Out.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try FUNCTION HELP.", c.Args[1])
		return
	}
	if len(c.Args) == 3 && !command.Is(c.Args[2], "SYNC") && !command.Is(c.Args[2], "ASYNC") {
		c.Out.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
		return
	}
	s.scripts.flushLibraries()
	c.Fx.Dirty++
	c.Out.OK()
}

func (s *Server) functionList(c *command.Ctx) {
	var pattern []byte
	withCode, named := false, false
	for i := 2; i < len(c.Args); i++ {
		switch a := c.Args[i]; {
		case !withCode && command.Is(a, "WITHCODE"):
			withCode = true
		case !named && command.Is(a, "LIBRARYNAME"):
			if i == len(c.Args)-1 {
				c.Out.Error("ERR library name argument was not given")
				return
			}
			i++
			pattern, named = c.Args[i], true
		default:
			c.Out.Errorf("ERR Unknown argument %s", a)
			return
		}
	}
	var list []*library
	for _, lib := range s.scripts.libs.sorted() {
		if !named || glob.Match(pattern, []byte(lib.name), true) {
			list = append(list, lib)
		}
	}
	c.Out.Array(len(list))
	for _, lib := range list {
		listLibrary(c, lib, withCode)
	}
}

func listLibrary(c *command.Ctx, lib *library, withCode bool) {
	w := c.Out
	fields := 3
	if withCode {
		fields++
	}
	w.Map(fields)
	w.BulkString("library_name")
	w.BulkString(lib.name)
	w.BulkString("engine")
	w.BulkString("LUA")
	w.BulkString("functions")
	w.Array(len(lib.functions))
	for _, f := range lib.functions {
		w.Map(3)
		w.BulkString("name")
		w.BulkString(f.name)
		w.BulkString("description")
		if f.described {
			w.BulkString(f.desc)
		} else {
			w.Null()
		}
		w.BulkString("flags")
		names := f.flags.Names()
		w.Set(len(names))
		for _, n := range names {
			w.Simple(n)
		}
	}
	if withCode {
		w.BulkString("library_code")
		w.Bulk(lib.code)
	}
}

func (s *Server) functionStats(c *command.Ctx) {
	sc, w := s.scripts, c.Out
	if sc.run != nil && sc.run.kind == script.Eval {
		w.Error(errBusyScript)
		return
	}
	w.Map(2)
	w.BulkString("running_script")
	if r := sc.run; r == nil {
		w.Null()
	} else {
		w.Map(3)
		w.BulkString("name")
		w.BulkString(r.name)
		w.BulkString("command")
		w.Array(len(r.argv))
		for _, a := range r.argv {
			w.Bulk(a)
		}
		w.BulkString("duration_ms")
		w.Int((s.exec.watch.Nanos() - r.start) / 1e6)
	}
	w.BulkString("engines")
	w.Map(1)
	w.BulkString("LUA")
	w.Map(2)
	w.BulkString("libraries_count")
	w.Int(int64(len(sc.libs.byName)))
	w.BulkString("functions_count")
	w.Int(int64(len(sc.libs.funcs)))
}

// functionCode gives the code of all libraries, for files.
func (s *Server) functionCode() [][]byte {
	if s.scripts == nil || len(s.scripts.libs.byName) == 0 {
		return nil
	}
	var all [][]byte
	for _, lib := range s.scripts.libs.sorted() {
		all = append(all, lib.code)
	}
	return all
}

func (s *Server) dumpFunctions() []byte {
	var b []byte
	for _, code := range s.functionCode() {
		b = rdb.AppendFunction(b, code, s.cfg.Bool(config.RDBCompression))
	}
	return rdb.AppendDumpFooter(b, 0)
}

func (s *Server) functionRestore(c *command.Ctx) {
	if len(c.Args) > 4 {
		c.Out.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try FUNCTION HELP.", c.Args[1])
		return
	}
	flush, replace := false, false
	if len(c.Args) == 4 {
		flush, replace = command.Is(c.Args[3], "FLUSH"), command.Is(c.Args[3], "REPLACE")
		if !flush && !replace && !command.Is(c.Args[3], "APPEND") {
			c.Out.Error("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.")
			return
		}
	}
	codes, err := rdb.ParseFunctions(c.Args[2], c.SkipChecksums)
	if err != nil {
		c.Out.Error("ERR " + err.Error())
		return
	}
	sc := s.scripts
	more := newLibraries()
	for _, code := range codes {
		if _, err = sc.loadLibrary(more, code, false, false); err != nil {
			break
		}
	}
	switch {
	case err != nil:
		for _, lib := range more.byName {
			sc.release(lib)
		}
	case flush:
		for _, lib := range sc.libs.byName {
			sc.release(lib)
		}
		sc.libs = more
	default:
		err = sc.join(more, replace)
	}
	if err != nil {
		c.Out.Error("ERR " + err.Error())
		return
	}
	c.Fx.Dirty++
	c.Out.OK()
}
