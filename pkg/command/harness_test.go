package command_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/command"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
	"redisd/pkg/resp"
)

// now is the time of the tests' keyspace, Unix milliseconds.
const now = 1_700_000_000_000

// session runs commands of the table on a keyspace of its own.
type session struct {
	t     testing.TB
	table *command.Table
	ctx   command.Ctx
	arena *mem.Arena
}

func newSession(t testing.TB) *session {
	runtime.LockOSThread() // builds with invariants want one thread for the arena
	t.Cleanup(runtime.UnlockOSThread)
	arena, err := mem.New(mem.Config{Reserve: 1 << 30})
	check.NoErr(t, err)
	ks := keyspace.New(keyspace.Config{Databases: 16, Arena: arena})
	ks.SetNow(now)
	t.Cleanup(func() { check.NoErr(t, arena.Close()) })
	return &session{
		t: t, table: command.NewTable(command.Families()...), arena: arena,
		ctx: command.Ctx{KS: ks, DB: ks.DB(0), Out: resp.NewWriter(2), MaxString: 512 << 20},
	}
}

// words splits a line at spaces; ” is the empty word and _ stands for a space.
func words(line string) [][]byte {
	var argv [][]byte
	for _, w := range strings.Fields(line) {
		switch w {
		case "''":
			w = ""
		case "HELLO":
			w = dumpOfHello
		default:
			w = strings.ReplaceAll(w, "_", " ")
		}
		argv = append(argv, []byte(w))
	}
	return argv
}

// run executes one command line and gives the reply, CR LF as a space.
func (s *session) run(line string) string {
	s.t.Helper()
	return s.exec(words(line))
}

func (s *session) exec(argv [][]byte) string {
	s.t.Helper()
	spec := s.table.Resolve(argv)
	if spec == nil || spec.Handler == nil || !spec.ArityFits(len(argv)) {
		s.t.Fatalf("no command takes %q", argv)
	}
	s.ctx.Args, s.ctx.Spec = argv, spec
	s.ctx.Out.Reset()
	s.ctx.Fx.Reset(s.ctx.DB.Index())
	spec.Handler(&s.ctx)
	return strings.TrimSuffix(strings.ReplaceAll(string(s.ctx.Out.Buf), "\r\n", " "), " ")
}

// events are those of the last command: class letter, name, key, and the database
// unless it is 0.
func (s *session) events() string {
	const letters = "g$lshzxetmdn"
	var list []string
	for _, e := range s.ctx.Fx.Events() {
		if e.Class == command.EventNone {
			continue
		}
		class := 0
		for e.Class>>class != 1 {
			class++
		}
		text := fmt.Sprintf("%c:%s:%s", letters[class], e.Name, e.Key)
		if e.DB != 0 {
			text += fmt.Sprintf("@%d", e.DB)
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// logged is what the log gets of the last command: "=" for the command as it was
// sent, "" for nothing.
func (s *session) logged() string {
	fx := &s.ctx.Fx
	if fx.Dirty == 0 || fx.NoLog {
		return ""
	}
	if fx.Replacements() == 0 {
		return "="
	}
	var list []string
	for i := range fx.Replacements() {
		var text []string
		for _, w := range fx.Replacement(i) {
			text = append(text, string(w))
		}
		list = append(list, strings.Join(text, " "))
	}
	return strings.Join(list, "; ")
}

// spec is one row of a table of commands and what they do.
type spec struct {
	name   string
	setup  string // command lines, separated by ;
	line   string
	reply  string
	dirty  int64
	logged string
	events string
}

// runSpecs runs each row on an empty keyspace.
func runSpecs(t *testing.T, rows []spec) {
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s := newSession(t)
			for line := range strings.SplitSeq(r.setup, ";") {
				if strings.TrimSpace(line) != "" {
					s.run(line)
				}
			}
			check.Eq(t, s.run(r.line), r.reply)
			check.Eq(t, s.ctx.Fx.Dirty, r.dirty)
			check.Eq(t, s.logged(), r.logged)
			check.Eq(t, s.events(), r.events)
		})
	}
}
