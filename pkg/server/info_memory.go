package server

import (
	"fmt"
	"runtime/metrics"

	"redisd/pkg/config"
	"redisd/pkg/persist/aof"
	"redisd/pkg/proc"
	"redisd/pkg/script"
)

// allocatorName is what stands where Redis names its malloc.
const allocatorName = "redisd-arena"

// memoryFigures is one look at what the memory is used for, in bytes.
type memoryFigures struct {
	used, peak, startup uint64 // as INFO's used_memory, _peak, _startup
	rss                 uint64
	arena, mapped       uint64 // live blocks; and what is mapped for them
	goHeap, goSystem    uint64 // live Go objects; and what the runtime took for them
	clients             uint64 // what CLIENT LIST shows as tot-mem, of all connections
	connections         uint64
	aofBuffer           uint64
	rewriteBuffer       uint64
	tracking            uint64 // which keys clients have copies of; in the arena
	databases           []dbMemory
	keys                uint64
	scripts             int // in the cache
}

// dbMemory is the tables of one database that has keys.
type dbMemory struct {
	index         int
	main, expires uint64
}

func (s *Server) memoryFigures() memoryFigures {
	s.evict.measure()
	m := memoryFigures{
		arena: s.arena.Used(), mapped: s.arena.Mapped(), goHeap: goHeap(), goSystem: goSystem(),
		startup: s.stats.startMemory, clients: s.evict.connections() + uint64(s.clients.longUsed), connections: uint64(s.clients.count),
		tracking: s.caches.keys.Bytes(), scripts: len(s.scripts.cache),
	}
	m.used = s.usedMemory()
	s.stats.peakMemory = max(s.stats.peakMemory, m.used)
	m.peak = s.stats.peakMemory
	m.rss, _ = proc.RSS(0) // 0 when /proc is not there
	if s.journal.log.State() != aof.Off {
		m.aofBuffer = uint64(s.journal.log.BufferMemory())
	}
	if r := s.background.rewrite; r != nil {
		m.rewriteBuffer = uint64(r.BufferBytes())
	}
	for i := range s.ks.Databases() {
		db := s.ks.DB(i)
		if db.Len() == 0 {
			continue
		}
		d := dbMemory{index: i}
		d.main, d.expires = db.TableBytes()
		m.databases = append(m.databases, d)
		m.keys += uint64(db.Len())
	}
	return m
}

// overhead is what is not keys and values.
func (m *memoryFigures) overhead() uint64 {
	sum := m.startup + m.clients + m.aofBuffer + m.tracking
	for _, d := range m.databases {
		sum += d.main + d.expires
	}
	return min(sum, m.used)
}

func (m *memoryFigures) dataset() uint64 { return m.used - m.overhead() }

// net is what was used on top of the empty daemon, never 0.
func (m *memoryFigures) net() uint64 {
	if m.used <= m.startup {
		return 1
	}
	return m.used - m.startup
}

func (m *memoryFigures) datasetPercent() float64 {
	return min(100, 100*ratio(m.dataset(), m.net()))
}

// allocator are the figures that Redis gets from its malloc: allocated, active and
// resident bytes. Here both allocators count, the arena and the Go heap.
func (m *memoryFigures) allocator() (allocated, active, resident uint64) {
	active = m.mapped + m.goSystem
	return m.used, active, min(m.rss, active)
}

func (s *Server) infoMemory(w *infoWriter) {
	m := s.memoryFigures()
	w.bytes("used_memory", m.used)
	w.bytes("used_memory_rss", m.rss)
	w.bytes("used_memory_peak", m.peak)
	w.decimal("used_memory_peak_perc", 100*ratio(m.used, m.peak), "%")
	w.uint("used_memory_overhead", m.overhead())
	w.uint("used_memory_startup", m.startup)
	w.uint("used_memory_dataset", m.dataset())
	w.decimal("used_memory_dataset_perc", m.datasetPercent(), "%")
	allocated, active, resident := m.allocator()
	w.uint("allocator_allocated", allocated)
	w.uint("allocator_active", active)
	w.uint("allocator_resident", resident)
	if sys, err := proc.ReadMemInfo(); err == nil {
		w.bytes("total_system_memory", sys.Total)
	}
	s.infoScriptMemory(w)
	w.bytes("maxmemory", uint64(s.cfg.Int(config.MaxMemory)))
	w.text("maxmemory_policy", s.cfg.Word(config.MaxMemoryPolicy))
	pair := func(prefix, ratioName string, a, b uint64) {
		w.decimal(prefix+ratioName, ratio(a, b), "")
		w.int(prefix+"_bytes", int64(a)-int64(b))
	}
	pair("allocator_frag", "_ratio", active, allocated)
	pair("allocator_rss", "_ratio", resident, active)
	pair("rss_overhead", "_ratio", m.rss, resident)
	pair("mem_fragmentation", "_ratio", m.rss, m.used)
	w.uint("mem_not_counted_for_evict", s.evict.notCounted())
	w.zeros("mem_replication_backlog", "mem_total_replication_buffers", "mem_clients_slaves")
	w.uint("mem_clients_normal", m.clients)
	w.zeros("mem_cluster_links")
	w.uint("mem_aof_buffer", m.aofBuffer)
	w.text("mem_allocator", allocatorName)
	w.zeros("active_defrag_running")
	w.int("lazyfree_pending_objects", int64(s.ks.LazyPending()))
	w.uint("lazyfreed_objects", s.ks.Stats.LazyFreed)
	w.uint("dataset_bytes", m.arena-m.tracking)
	w.uint("dataset_mapped_bytes", m.mapped)
	w.uint("go_heap_bytes", m.goHeap)
	w.uint("go_system_bytes", m.goSystem)
}

// infoScriptMemory tells of the interpreters and of what they run.
func (s *Server) infoScriptMemory(w *infoWriter) {
	sc := s.scripts
	eval, functions := sc.memory(script.Eval), sc.memory(script.Functions)
	w.int("used_memory_lua", eval)
	w.int("used_memory_vm_eval", eval)
	w.text("used_memory_lua_human", humanBytes(uint64(eval)))
	w.int("used_memory_scripts_eval", sc.bytes)
	w.int("number_of_cached_scripts", int64(len(sc.cache)))
	w.int("number_of_functions", int64(len(sc.libs.funcs)))
	w.int("number_of_libraries", int64(len(sc.libs.byName)))
	w.int("used_memory_vm_functions", functions)
	w.int("used_memory_vm_total", eval+functions)
	w.text("used_memory_vm_total_human", humanBytes(uint64(eval+functions)))
	libs := sc.libs.memory()
	w.int("used_memory_functions", libs)
	w.int("used_memory_scripts", libs+sc.bytes)
	w.text("used_memory_scripts_human", humanBytes(uint64(libs+sc.bytes)))
}

// infoMemoryClasses shows the arena's size classes, for those who wonder where
// the bytes are.
func (s *Server) infoMemoryClasses(w *infoWriter) {
	for _, c := range s.arena.Stats().Classes {
		w.text(fmt.Sprintf("class_%d", c.Size), fmt.Sprintf("blocks=%d,bytes=%d,held=%d", c.Blocks, c.Bytes, c.Held))
	}
}

// goSystem is the bytes that the Go runtime has from the system.
func goSystem() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() - sample[1].Value.Uint64()
}
