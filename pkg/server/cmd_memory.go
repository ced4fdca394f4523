package server

import (
	"fmt"
	"strings"

	"redisd/pkg/command"
	"redisd/pkg/mem"
)

func (s *Server) memorySpecs() []command.Spec {
	special := []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"}
	return []command.Spec{{
		Name: "memory", Arity: -2, Group: "server", Since: "4.0.0",
		Summary: "Holds the commands about memory.", Complexity: "Depends on the subcommand.",
		Sub: []command.Spec{
			{Name: "doctor", Arity: 2, Since: "4.0.0", Hints: special,
				Summary: "Explains what is unusual about the memory, for people.", Complexity: "O(1)",
				Help:    []string{"DOCTOR", "Explain what is unusual about the memory."},
				Handler: func(c *command.Ctx) { m := s.memoryFigures(); c.Out.Verbatim("txt", m.report()) }},
			{Name: "malloc-stats", Arity: 2, Since: "4.0.0", Hints: special,
				Summary: "Shows the allocator's own figures.", Complexity: "O(N) where N is the number of size classes",
				Help:    []string{"MALLOC-STATS", "Show the allocator's own figures."},
				Handler: func(c *command.Ctx) { c.Out.Verbatim("txt", arenaReport(s.arena.Stats())) }},
			{Name: "purge", Arity: 2, Since: "4.0.0",
				Summary: "Gives free memory back to the system.", Complexity: "O(N) where N is the number of chunks",
				Hints:   []string{"request_policy:all_shards", "response_policy:all_succeeded"},
				Help:    []string{"PURGE", "Give free memory back to the system."},
				Handler: func(c *command.Ctx) { s.arena.Trim(); c.Out.OK() }},
			{Name: "stats", Arity: 2, Since: "4.0.0", Hints: special,
				Summary: "Tells what the memory is used for.", Complexity: "O(N) where N is the number of connections",
				Help:    []string{"STATS", "Tell what the memory is used for."},
				Handler: s.memoryStats},
			{Name: "usage", Arity: -3, Flags: command.ReadOnly, Since: "4.0.0",
				Summary: "Tells the memory of one key.", Complexity: "O(N) where N is the number of samples",
				Keys:    command.OneKey(2, command.KeyRO),
				Args:    []command.Arg{{Name: "key", Type: "key", Key: 1}, {Name: "count", Type: "integer", Token: "SAMPLES", Optional: true}},
				Help:    []string{"USAGE <key> [SAMPLES <count>]", "Tell the memory of a key and its value, of so many elements of it (5 by default, 0 for all)."},
				Handler: s.memoryUsage},
			helpSub("4.0.0", 0, 0),
		},
	}}
}

func (s *Server) memoryUsage(c *command.Ctx) {
	for i := 3; i < len(c.Args); i += 2 {
		if !command.Is(c.Args[i], "SAMPLES") || i+1 == len(c.Args) {
			c.Out.Error(command.ErrSyntax)
			return
		}
		n, ok := c.Int(c.Args[i+1])
		if !ok {
			return
		}
		if n < 0 {
			c.Out.Error(command.ErrSyntax)
			return
		}
	}
	e, ok := c.DB.Peek(c.Args[2])
	if !ok {
		c.Out.Null()
		return
	}
	c.Out.Int(int64(e.MemUsage()))
}

func (s *Server) memoryStats(c *command.Ctx) {
	m := s.memoryFigures()
	w, n := c.Out, 0
	at := w.DeferArray()
	size := func(name string, v uint64) {
		w.BulkString(name)
		w.Uint(v)
		n++
	}
	diff := func(name string, a, b uint64) {
		w.BulkString(name)
		w.Int(int64(a) - int64(b))
		n++
	}
	share := func(name string, f float64) {
		w.BulkString(name)
		w.Double(f)
		n++
	}
	size("peak.allocated", m.peak)
	size("total.allocated", m.used)
	size("startup.allocated", m.startup)
	size("replication.backlog", 0)
	size("clients.slaves", 0)
	size("clients.normal", m.clients)
	size("cluster.links", 0)
	size("aof.buffer", m.aofBuffer)
	size("lua.caches", uint64(s.scripts.bytes))
	size("functions.caches", uint64(s.scripts.libs.memory()))
	for _, d := range m.databases {
		w.BulkString(fmt.Sprintf("db.%d", d.index))
		w.Map(3)
		w.BulkString("overhead.hashtable.main")
		w.Uint(d.main)
		w.BulkString("overhead.hashtable.expires")
		w.Uint(d.expires)
		w.BulkString("overhead.hashtable.slot-to-keys")
		w.Uint(0)
		n++
	}
	size("overhead.total", m.overhead())
	size("keys.count", m.keys)
	size("keys.bytes-per-key", perKey(m.net(), m.keys))
	size("dataset.bytes", m.dataset())
	share("dataset.percentage", m.datasetPercent())
	share("peak.percentage", 100*ratio(m.used, m.peak))
	allocated, active, resident := m.allocator()
	size("allocator.allocated", allocated)
	size("allocator.active", active)
	size("allocator.resident", resident)
	share("allocator-fragmentation.ratio", ratio(active, allocated))
	diff("allocator-fragmentation.bytes", active, allocated)
	share("allocator-rss.ratio", ratio(resident, active))
	diff("allocator-rss.bytes", resident, active)
	share("rss-overhead.ratio", ratio(m.rss, resident))
	diff("rss-overhead.bytes", m.rss, resident)
	share("fragmentation", ratio(m.rss, m.used))
	diff("fragmentation.bytes", m.rss, m.used)
	w.EndMap(at, n)
}

func perKey(bytes, keys uint64) uint64 {
	if keys == 0 {
		return 0
	}
	return bytes / keys
}

// When MEMORY DOCTOR speaks up.
const (
	smallMemory     = 5 << 20 // below this nothing can be said
	muchOverhead    = 10 << 20
	muchPerClient   = 200 << 10
	muchPeak        = 1.5
	muchRSS         = 1.4
	muchMappedWaste = 1.25
	manyScripts     = 1000
)

// report is MEMORY DOCTOR.
func (m *memoryFigures) report() string {
	if m.arena+m.clients < smallMemory {
		return "There is little or no data (less than 5 MB), so there is nothing to judge yet.\n"
	}
	var b strings.Builder
	say := func(when bool, text string, a ...any) {
		if when {
			fmt.Fprintf(&b, " * "+text+"\n\n", a...)
		}
	}
	say(ratio(m.peak, m.used) > muchPeak,
		"Peak memory: the daemon once used %s and uses %s now. Free memory goes back to the system by itself; MEMORY PURGE does it at once.",
		humanBytes(m.peak), humanBytes(m.used))
	say(ratio(m.rss, m.used) > muchRSS && m.rss > m.used+muchOverhead,
		"Resident memory: the process holds %s for %s that are in use. After a peak, or after many deletions, this is free room in chunks that still hold some entries.",
		humanBytes(m.rss), humanBytes(m.used))
	say(ratio(m.mapped, m.arena) > muchMappedWaste && m.mapped > m.arena+muchOverhead,
		"Free room in the arena: %s are mapped for %s of data (MEMORY MALLOC-STATS shows where).", humanBytes(m.mapped), humanBytes(m.arena))
	say(m.goHeap > 4*muchOverhead && m.goHeap > m.arena/10,
		"Go heap: %s. It should stay at some tens of megabytes; connections with big replies and queries are what fills it.", humanBytes(m.goHeap))
	say(m.connections > 0 && m.clients/max(1, m.connections) > muchPerClient,
		"Client buffers: %s for %d connections. CLIENT LIST shows which do not fetch their replies (omem), send big queries (qbuf) or queue big transactions (multi-mem).",
		humanBytes(m.clients), m.connections)
	say(m.rewriteBuffer > muchOverhead,
		"Rewrite in progress: %s of its difference wait for the child.", humanBytes(m.rewriteBuffer))
	say(m.scripts > manyScripts,
		"Scripts: %d are kept. Scripts should be few, with what changes in their arguments; SCRIPT FLUSH drops them.", m.scripts)
	if b.Len() == 0 {
		return "Nothing is unusual about the memory.\n"
	}
	return "What is unusual about the memory:\n\n" + b.String()
}

// arenaReport is MEMORY MALLOC-STATS.
func arenaReport(st mem.Stats) string {
	var b strings.Builder
	fmt.Fprintf(&b, "___ Begin %s statistics ___\n", allocatorName)
	fmt.Fprintf(&b, "reserved: %d, committed: %d, metadata: %d\n", st.Reserved, st.Committed, st.Metadata)
	fmt.Fprintf(&b, "mapped: %d, used: %d, peak: %d, waiting for the background: %d\n", st.Mapped, st.Used, st.Peak, st.Pending)
	fmt.Fprintf(&b, "chunks of small blocks: %d, of them empty: %d, with huge pages: %d\n", st.SmallChunks, st.EmptyChunks, st.HugeChunks)
	for p := range mem.Purposes {
		fmt.Fprintf(&b, "%-10s %d\n", p.String()+":", st.By[p])
	}
	fmt.Fprintf(&b, "%12s %12s %16s %16s\n", "size", "blocks", "bytes", "held")
	for _, c := range st.Classes {
		fmt.Fprintf(&b, "%12d %12d %16d %16d\n", c.Size, c.Blocks, c.Bytes, c.Held)
	}
	fmt.Fprintf(&b, "--- End %s statistics ---\n", allocatorName)
	return b.String()
}
