package server

import (
	"redisd/internal/glob"
	"redisd/pkg/command"
)

// commandSpecs are COMMAND and what it contains: the command table, told to
// clients. All of it comes from the table.
func (s *Server) commandSpecs() []command.Spec {
	const flags = command.Loading | command.Stale | command.Sentinel
	const cat = command.CatConnection
	names := func() []command.Arg {
		return []command.Arg{{Name: "command-name", Type: "string", Optional: true, Multiple: true}}
	}
	call := func() []command.Arg {
		return []command.Arg{{Name: "command", Type: "string"}, {Name: "arg", Type: "string", Optional: true, Multiple: true}}
	}
	unordered := []string{"nondeterministic_output_order"}
	return []command.Spec{{
		Name: "command", Arity: -1, Flags: flags, Categories: cat, Group: "server", Since: "2.8.13",
		Summary:    "Describes all commands.",
		Complexity: "O(N) where N is the number of commands", Hints: unordered, Handler: s.commandAll,
		Sub: []command.Spec{
			{Name: "count", Arity: 2, Flags: flags, Categories: cat, Since: "2.8.13",
				Summary: "Tells how many commands there are.", Complexity: "O(1)",
				Help:    []string{"COUNT", "Tell how many commands there are."},
				Handler: func(c *command.Ctx) { c.Out.Int(int64(len(s.table.Commands()))) }},
			{Name: "docs", Arity: -2, Flags: flags, Categories: cat, Since: "7.0.0",
				Summary: "Tells the documentation of commands.", Complexity: "O(N) where N is the number of commands asked for",
				Hints: unordered, Args: names(),
				Help:    []string{"DOCS [<command> ...]", "Tell the documentation of the commands, or of all."},
				Handler: s.commandDocs},
			{Name: "getkeys", Arity: -3, Flags: flags, Categories: cat, Since: "2.8.13",
				Summary: "Tells which words of a call are keys.", Complexity: "O(N) where N is the number of words",
				Args: call(), Help: []string{"GETKEYS <full-command>", "Tell the keys of a call."},
				Handler: func(c *command.Ctx) { s.commandGetKeys(c, false) }},
			{Name: "getkeysandflags", Arity: -3, Flags: flags, Categories: cat, Since: "7.0.0",
				Summary: "Tells which words of a call are keys, and what is done with each.", Complexity: "O(N) where N is the number of words",
				Args: call(), Help: []string{"GETKEYSANDFLAGS <full-command>", "Tell the keys of a call, and what is done with each."},
				Handler: func(c *command.Ctx) { s.commandGetKeys(c, true) }},
			{Name: "info", Arity: -2, Flags: flags, Categories: cat, Since: "2.8.13",
				Summary: "Describes commands.", Complexity: "O(N) where N is the number of commands asked for",
				History: [][2]string{{"7.0.0", "Describes all commands when none is named."}},
				Hints:   unordered, Args: names(),
				Help:    []string{"INFO [<command> ...]", "Describe the commands, or all."},
				Handler: s.commandInfo},
			{Name: "list", Arity: -2, Flags: flags, Categories: cat, Since: "7.0.0",
				Summary: "Tells the names of commands.", Complexity: "O(N) where N is the number of commands",
				Hints: unordered,
				Args: []command.Arg{{Name: "filterby", Type: "oneof", Token: "FILTERBY", Optional: true, Sub: []command.Arg{
					{Name: "module-name", Type: "string", Token: "MODULE"}, {Name: "category", Type: "string", Token: "ACLCAT"},
					{Name: "pattern", Type: "pattern", Token: "PATTERN"}}}},
				Help: []string{"LIST [FILTERBY MODULE <module>|ACLCAT <category>|PATTERN <pattern>]",
					"Tell the names of all commands, or of those that pass the filter."},
				Handler: s.commandList},
			helpSub("5.0.0", command.Sentinel, cat),
		},
	}}
}

// findCommand is the row of a name as users write it: "get", "config|get".
func (s *Server) findCommand(name []byte) *command.Spec {
	for i, b := range name {
		if b == '|' {
			if parent := s.table.Lookup(name[:i]); parent != nil {
				return parent.Subcommand(name[i+1:])
			}
			return nil
		}
	}
	return s.table.Lookup(name)
}

func (s *Server) commandAll(c *command.Ctx) {
	all := s.table.Commands()
	c.Out.Array(len(all))
	for _, spec := range all {
		replyCommandInfo(c.Out, spec)
	}
}

func (s *Server) commandInfo(c *command.Ctx) {
	if len(c.Args) == 2 {
		s.commandAll(c)
		return
	}
	c.Out.Array(len(c.Args) - 2)
	for _, name := range c.Args[2:] {
		if spec := s.findCommand(name); spec != nil {
			replyCommandInfo(c.Out, spec)
		} else {
			c.Out.Null()
		}
	}
}

func (s *Server) commandDocs(c *command.Ctx) {
	specs := s.table.Commands()
	if len(c.Args) > 2 {
		specs = nil
		for _, name := range c.Args[2:] {
			if spec := s.findCommand(name); spec != nil {
				specs = append(specs, spec)
			}
		}
	}
	c.Out.Map(len(specs))
	for _, spec := range specs {
		c.Out.BulkString(spec.FullName)
		replyCommandDocs(c.Out, spec)
	}
}

// commandFilter passes the commands that COMMAND LIST is to name.
type commandFilter func(*command.Spec) bool

// parseFilter reads FILTERBY; false when there is something else.
func parseFilter(args [][]byte) (commandFilter, bool) {
	if len(args) == 0 {
		return func(*command.Spec) bool { return true }, true
	}
	if len(args) != 3 || !command.Is(args[0], "FILTERBY") {
		return nil, false
	}
	switch arg := args[2]; {
	case command.Is(args[1], "MODULE"):
		return func(*command.Spec) bool { return false }, true
	case command.Is(args[1], "ACLCAT"):
		cat, _ := command.CategoryByName(string(arg))
		return func(sp *command.Spec) bool { return sp.Categories&cat != 0 }, true
	case command.Is(args[1], "PATTERN"):
		return func(sp *command.Spec) bool { return glob.Match(arg, []byte(sp.FullName), true) }, true
	}
	return nil, false
}

func (s *Server) commandList(c *command.Ctx) {
	pass, ok := parseFilter(c.Args[2:])
	if !ok {
		c.Out.Error(command.ErrSyntax)
		return
	}
	at, n := c.Out.DeferArray(), 0
	for _, spec := range s.table.All() {
		if !spec.Removed && pass(spec) {
			c.Out.BulkString(spec.FullName)
			n++
		}
	}
	c.Out.EndArray(at, n)
}

func (s *Server) commandGetKeys(c *command.Ctx, withFlags bool) {
	argv := c.Args[2:]
	spec := s.table.Resolve(argv)
	switch {
	case spec == nil:
		c.Out.Error("ERR Invalid command specified")
		return
	case !spec.HasKeys():
		c.Out.Error("ERR The command has no key arguments")
		return
	case !spec.ArityFits(len(argv)):
		c.Out.Error("ERR Invalid number of arguments specified for command")
		return
	}
	keys, ok := spec.KeysOf(argv)
	if (!ok || len(keys) == 0) && spec.Flags&command.NoMandatoryKeys == 0 {
		c.Out.Error("ERR Invalid arguments specified for command")
		return
	}
	c.Out.Array(len(keys))
	for _, k := range keys {
		if withFlags {
			c.Out.Array(2)
		}
		c.Out.Bulk(argv[k.Pos])
		if withFlags {
			replyFlags(c.Out, k.Flags.Names())
		}
	}
}
