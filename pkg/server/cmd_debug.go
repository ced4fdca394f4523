package server

import (
	"math"
	"strconv"
	"time"

	"redisd/internal/glob"
	"redisd/internal/num"
	"redisd/pkg/command"
	"redisd/pkg/mem"
)

// DEBUG is one command, not a container: its first argument chooses a row of a
// table of its own, as in Redis, where the words are not part of COMMAND.

// debugSpecs is DEBUG.
func (s *Server) debugSpecs() []command.Spec {
	rows := s.debugRows()
	return []command.Spec{{
		Name: "debug", Arity: -2, Flags: command.Admin | command.NoScript | command.Loading | command.Stale | command.Protected,
		Group: "server", Since: "1.0.0", Summary: "Holds the commands for developers and tests of the server.",
		Complexity: "Depends on the subcommand.",
		Handler:    func(c *command.Ctx) { runDebug(c, rows) },
	}}
}

// debugRow is one word of DEBUG. least and most bound the number of words, DEBUG
// included; most is 0 for any number.
type debugRow struct {
	name        string
	least, most int
	run         command.Handler
	help        []string // how it is written, then what it does
}

func (s *Server) debugRows() []debugRow {
	rows := s.debugDataRows()
	rows = append(rows, s.debugValueRows()...)
	rows = append(rows, s.debugSwitchRows()...)
	return append(rows, s.debugCrashRows()...)
}

func runDebug(c *command.Ctx, rows []debugRow) {
	if len(c.Args) == 2 && command.Is(c.Args[1], "HELP") {
		debugHelp(c, rows)
		return
	}
	for i := range rows {
		r := &rows[i]
		if command.Is(c.Args[1], r.name) && len(c.Args) >= r.least && (r.most == 0 || len(c.Args) <= r.most) {
			r.run(c)
			return
		}
	}
	c.Out.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try DEBUG HELP.", c.Args[1][:min(len(c.Args[1]), 128)])
}

func debugHelp(c *command.Ctx, rows []debugRow) {
	at := c.Out.DeferArray()
	c.Out.Simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	n := 3
	for i := range rows {
		for j, line := range rows[i].help {
			if j > 0 {
				line = "    " + line
			}
			c.Out.Simple(line)
			n++
		}
	}
	c.Out.Simple("HELP")
	c.Out.Simple("    Print this help.")
	c.Out.EndArray(at, n)
}

// loose reads a number as C's atoi does: what is no number counts as 0.
func loose(word []byte) int64 {
	n, _ := num.ParseInt(word)
	return n
}

// debugSwitchRows are settings for tests, and answers that touch no data.
func (s *Server) debugSwitchRows() []debugRow {
	return []debugRow{
		{"SET-ACTIVE-EXPIRE", 3, 3, func(c *command.Ctx) {
			s.expireActive = loose(c.Args[2]) != 0
			c.Out.OK()
		}, []string{"SET-ACTIVE-EXPIRE <0|1>", "With 0, keys expire only when they are accessed."}},
		{"PAUSE-CRON", 3, 3, func(c *command.Ctx) {
			s.cron.paused = loose(c.Args[2]) != 0
			c.Out.OK()
		}, []string{"PAUSE-CRON <0|1>", "With 1, periodic work stops."}},
		{"DICT-RESIZING", 3, 3, func(c *command.Ctx) {
			s.ks.AvoidResize(loose(c.Args[2]) == 0 || s.background.active())
			c.Out.OK()
		}, []string{"DICT-RESIZING <0|1>", "With 0, hash tables keep their size, as they do while a child works; the next child's end lifts it."}},
		{"AOF-FLUSH-SLEEP", 3, 3, func(c *command.Ctx) {
			s.journal.flushSleep = time.Duration(loose(c.Args[2])) * time.Microsecond
			c.Out.OK()
		}, []string{"AOF-FLUSH-SLEEP <microseconds>", "Sleep so long before the log is written."}},
		{"SET-DISABLE-DENY-SCRIPTS", 3, 3, func(c *command.Ctx) {
			s.scripts.allowAll = loose(c.Args[2]) != 0
			c.Out.OK()
		}, []string{"SET-DISABLE-DENY-SCRIPTS <0|1>", "With 1, scripts may call the commands that are not for scripts."}},
		{"REPLYBUFFER", 4, 4, s.debugReplyBuffer, []string{"REPLYBUFFER PEAK-RESET-TIME (NEVER|RESET|<milliseconds>)",
			"How long the peak of a client's reply buffer (rbp) is remembered.",
			"REPLYBUFFER RESIZING <0|1>", "Accepted; idle clients have no reply buffer."}},
		{"CHANGE-REPL-ID", 2, 2, func(c *command.Ctx) {
			s.log.Warnf("Changing replication IDs after receiving DEBUG change-repl-id")
			s.identity.repl = randomHex()
			c.Out.OK()
		}, []string{"CHANGE-REPL-ID", "Take a new replication id."}},
		{"CONFIG-REWRITE-FORCE-ALL", 2, 2, func(c *command.Ctx) {
			if err := s.rewriteConfig(true); err != nil {
				c.Out.Errorf("ERR CONFIG-REWRITE-FORCE-ALL failed: %s", err)
				return
			}
			c.Out.OK()
		}, []string{"CONFIG-REWRITE-FORCE-ALL", "CONFIG REWRITE that writes every directive."}},
		{"SET-SKIP-CHECKSUM-VALIDATION", 3, 3, func(c *command.Ctx) {
			s.exec.ctx.SkipChecksums = loose(c.Args[2]) != 0
			c.Out.OK()
		}, []string{"SET-SKIP-CHECKSUM-VALIDATION <0|1>", "With 1, RESTORE and the loading of an RDB do not look at checksums."}},
		{"QUICKLIST-PACKED-THRESHOLD", 3, 3, s.debugPlainThreshold, []string{"QUICKLIST-PACKED-THRESHOLD <size>",
			"From which size on an element of a list gets a node of its own; 0 is 1 GB again."}},
		{"ERROR", 3, 3, func(c *command.Ctx) { c.Out.Error(string(c.Args[2])) },
			[]string{"ERROR <message>", "Reply with this error."}},
		{"LOG", 3, 3, func(c *command.Ctx) {
			s.log.Warnf("DEBUG LOG: %s", c.Args[2])
			c.Out.OK()
		}, []string{"LOG <message>", "Write a line to the server's log."}},
		{"SLEEP", 3, 3, s.debugSleep, []string{"SLEEP <seconds>", "Block the server; decimals are allowed."}},
		{"PROTOCOL", 3, 3, debugProtocol, []string{"PROTOCOL <type>", "Reply with a value of a type: " + protocolTypes + "."}},
		{"STRINGMATCH-LEN", 4, 4, func(c *command.Ctx) {
			match := int64(0)
			if glob.Match(c.Args[2], c.Args[3], false) {
				match = 1
			}
			c.Out.Int(match)
		}, []string{"STRINGMATCH-LEN <pattern> <string>", "Reply 1 when the string matches the pattern, else 0."}},
		{"CHILDREN", 2, 2, s.debugChildren, []string{"CHILDREN", "Tell of the last children that saved or rewrote, the latest first."}},
		{"CHILD-IDLE", 3, 3, func(c *command.Ctx) {
			s.background.watch.pass(1000 * loose(c.Args[2]))
			c.Out.OK()
		}, []string{"CHILD-IDLE <seconds>", "Let the watchdog of children take so many seconds for passed; the next beat judges."}},
		{"STRUCTSIZE", 2, 2, debugStructSize, []string{"STRUCTSIZE", "Tell the sizes of some structures, in bytes."}},
	}
}

func (s *Server) debugPlainThreshold(c *command.Ctx) {
	const most = 4<<30 - 1<<20 // above it Redis's listpacks could not hold what is not plain
	size, err := num.ParseMemory(string(c.Args[2]))
	if err != nil || size > most {
		c.Out.Error("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
		return
	}
	s.ks.SetListPlain(int(size))
	c.Out.OK()
}

func (s *Server) debugReplyBuffer(c *command.Ctx) {
	p := &s.clients.peaks
	switch {
	case command.Is(c.Args[2], "RESIZING"):
	case !command.Is(c.Args[2], "PEAK-RESET-TIME"):
		c.Out.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try DEBUG HELP.", c.Args[1])
		return
	case command.Is(c.Args[3], "NEVER"):
		p.everyMs = -1
	case command.Is(c.Args[3], "RESET"):
		p.everyMs = peakResetMs
	default:
		ms, ok := c.Int(c.Args[3])
		if !ok {
			return
		}
		p.everyMs = ms
	}
	p.nextReset = 0
	c.Out.OK()
}

// debugSleep blocks the loop, as Redis does; words that are no number sleep not
// at all.
func (s *Server) debugSleep(c *command.Ctx) {
	secs, _ := strconv.ParseFloat(string(c.Args[2]), 64)
	if secs > 0 {
		time.Sleep(time.Duration(min(secs*float64(time.Second), math.MaxInt64/2)))
	}
	s.loop.UpdateTime()
	s.afterSleep()
	c.Out.OK()
}

// debugCrashRows end the process, each in another way.
func (s *Server) debugCrashRows() []debugRow {
	return []debugRow{
		{"SEGFAULT", 2, 0, func(*command.Ctx) { debugFault(nil) },
			[]string{"SEGFAULT", "Crash by a wrong memory access."}},
		{"PANIC", 2, 0, func(*command.Ctx) {
			panic("BUG: DEBUG PANIC called at Unix time " + strconv.FormatInt(s.stats.nowSec, 10))
		}, []string{"PANIC", "Crash by a panic."}},
		{"ASSERT", 2, 0, func(*command.Ctx) { panic("BUG: DEBUG ASSERT: '1 == 2' is not true") },
			[]string{"ASSERT", "Crash by a broken invariant."}},
		{"OOM", 2, 0, func(c *command.Ctx) {
			const more = 1 << 50 // than any machine has, and than the arena's range
			s.arena.Free(mem.Scratch, s.arena.Alloc(mem.Scratch, more))
			c.Out.OK()
		}, []string{"OOM", "Crash by running out of memory."}},
	}
}

// debugFault writes to c, which is nil.
func debugFault(c *client) { c.fd = 0 }
