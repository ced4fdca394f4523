package server

import (
	"strings"
	"testing"

	"redisd/internal/check"
)

// Each of MEMORY DOCTOR's rules speaks up alone, and just below its bound does not.
func TestMemoryDoctor(t *testing.T) {
	const mb = 1 << 20
	healthy := memoryFigures{
		used: 110 * mb, peak: 120 * mb, rss: 130 * mb, arena: 100 * mb, mapped: 110 * mb, goHeap: 10 * mb,
		clients: mb, connections: 10, scripts: 10,
	}
	tests := []struct {
		name  string
		below func(m *memoryFigures)
		above func(m *memoryFigures)
		says  string
	}{
		{"peak", func(m *memoryFigures) { m.peak = 165 * mb }, func(m *memoryFigures) { m.peak = 166 * mb }, "Peak memory"},
		{"resident", func(m *memoryFigures) { m.rss = 154 * mb }, func(m *memoryFigures) { m.rss = 155 * mb }, "Resident memory"},
		{"resident, of little", func(m *memoryFigures) { m.used, m.peak, m.rss = 8*mb, 8*mb, 18*mb }, func(m *memoryFigures) { m.used, m.peak, m.rss = 8*mb, 8*mb, 18*mb+1 }, "Resident memory"},
		{"arena", func(m *memoryFigures) { m.mapped = 125 * mb }, func(m *memoryFigures) { m.mapped = 126 * mb }, "Free room in the arena"},
		{"arena, of little", func(m *memoryFigures) { m.arena, m.mapped = 8*mb, 18*mb }, func(m *memoryFigures) { m.arena, m.mapped = 8*mb, 18*mb+1 }, "Free room in the arena"},
		{"go heap", func(m *memoryFigures) { m.goHeap = 40 * mb }, func(m *memoryFigures) { m.goHeap = 40*mb + 1 }, "Go heap"},
		{"go heap, beside much data", func(m *memoryFigures) { m.arena, m.mapped, m.goHeap = 500*mb, 500*mb, 50*mb }, func(m *memoryFigures) { m.arena, m.mapped, m.goHeap = 500*mb, 500*mb, 50*mb+1 }, "Go heap"},
		{"clients", func(m *memoryFigures) { m.clients = 10 * (200<<10 + 0) }, func(m *memoryFigures) { m.clients = 10 * (200<<10 + 1) }, "Client buffers"},
		{"rewrite", func(m *memoryFigures) { m.rewriteBuffer = 10 * mb }, func(m *memoryFigures) { m.rewriteBuffer = 10*mb + 1 }, "Rewrite in progress"},
		{"scripts", func(m *memoryFigures) { m.scripts = 1000 }, func(m *memoryFigures) { m.scripts = 1001 }, "Scripts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := healthy
			tt.below(&m)
			check.Eq(t, m.report(), "Nothing is unusual about the memory.\n")
			tt.above(&m)
			text := m.report()
			check.Contains(t, text, "What is unusual about the memory:\n\n * "+tt.says+": ")
			check.Eq(t, strings.Count(text, " * "), 1)
		})
	}
	m := memoryFigures{arena: 3 * mb, clients: 2*mb - 1, connections: 1, peak: 100 * mb, used: 5 * mb}
	check.Contains(t, m.report(), "little or no data")
	m.clients++
	check.Contains(t, m.report(), "Client buffers")
	all := healthy
	all.peak, all.rss, all.mapped, all.goHeap = 10*all.used, 10*all.used, 2*all.arena, 41*mb
	all.clients, all.rewriteBuffer, all.scripts = 3*mb, 11*mb, 1001
	check.Eq(t, strings.Count(all.report(), " * "), 7)
}
