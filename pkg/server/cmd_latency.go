package server

import (
	"fmt"
	"strings"

	"redisd/pkg/command"
	"redisd/pkg/resp"
)

func (s *Server) latencySpecs() []command.Spec {
	const flags = command.Admin | command.NoScript | command.Loading | command.Stale
	special := []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"}
	event := func() []command.Arg { return []command.Arg{{Name: "event", Type: "string"}} }
	return []command.Spec{{
		Name: "latency", Arity: -2, Group: "server", Since: "2.8.13",
		Summary: "Holds the commands about the latency monitor.", Complexity: "Depends on the subcommand.",
		Sub: []command.Spec{
			{Name: "doctor", Arity: 2, Flags: flags, Since: "2.8.13", Hints: special,
				Summary: "Explains what was slow, for people.", Complexity: "O(1)",
				Help:    []string{"DOCTOR", "Explain what was slow and what may help."},
				Handler: func(c *command.Ctx) { c.Out.Verbatim("txt", s.latencyReport()) }},
			{Name: "graph", Arity: 3, Flags: flags, Since: "2.8.13", Hints: special, Args: event(),
				Summary: "Draws an event's durations.", Complexity: "O(1)",
				Help:    []string{"GRAPH <event>", "Draw the durations of an event."},
				Handler: s.latencyGraph},
			{Name: "histogram", Arity: -2, Flags: flags, Since: "7.0.0", Hints: special,
				Summary:    "Tells how many calls of each command were shorter than how many microseconds.",
				Complexity: "O(N) where N is the number of commands with figures",
				Args:       []command.Arg{{Name: "command", Type: "string", Optional: true, Multiple: true}},
				Help:       []string{"HISTOGRAM [<command> ...]", "Tell the durations of the commands' calls, or of all commands'."},
				Handler:    s.latencyHistogram},
			{Name: "history", Arity: 3, Flags: flags, Since: "2.8.13", Hints: special, Args: event(),
				Summary: "Tells when an event was slow, and how slow.", Complexity: "O(1)",
				Help:    []string{"HISTORY <event>", "Tell times and durations of an event."},
				Handler: s.latencyHistory},
			{Name: "latest", Arity: 2, Flags: flags, Since: "2.8.13", Hints: special,
				Summary: "Tells the last slow moment of each event.", Complexity: "O(1)",
				Help:    []string{"LATEST", "Tell the last slow moment of each event."},
				Handler: s.latencyLatest},
			{Name: "reset", Arity: -2, Flags: flags, Since: "2.8.13",
				Summary: "Forgets the slow moments of events.", Complexity: "O(1)",
				Hints:   []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
				Args:    []command.Arg{{Name: "event", Type: "string", Optional: true, Multiple: true}},
				Help:    []string{"RESET [<event> ...]", "Forget what is known of the events, or of all."},
				Handler: s.latencyReset},
			helpSub("2.8.13", 0, 0),
		},
	}}
}

func (s *Server) latencyLatest(c *command.Ctx) {
	names := s.latency.names()
	c.Out.Array(len(names))
	for _, name := range names {
		e := s.latency.events[name]
		last := e.last()
		c.Out.Array(4)
		c.Out.BulkString(name)
		c.Out.Int(last.second)
		c.Out.Int(last.millis)
		c.Out.Int(e.max)
	}
}

func (s *Server) latencyHistory(c *command.Ctx) {
	e := s.latency.events[string(c.Args[2])]
	if e == nil {
		c.Out.Array(0)
		return
	}
	samples := e.history()
	c.Out.Array(len(samples))
	for _, sample := range samples {
		c.Out.Array(2)
		c.Out.Int(sample.second)
		c.Out.Int(sample.millis)
	}
}

func (s *Server) latencyReset(c *command.Ctx) {
	var names []string
	for _, a := range c.Args[2:] {
		names = append(names, strings.ToLower(string(a)))
	}
	c.Out.Int(int64(s.latency.reset(names...)))
}

// latencyHistogram tells the figures of the named commands, containers with their
// subcommands, or of all. Unknown names are left out.
func (s *Server) latencyHistogram(c *command.Ctx) {
	var specs []*command.Spec
	if len(c.Args) == 2 {
		specs = s.table.All()
	}
	for _, name := range c.Args[2:] {
		spec := s.findCommand(name)
		if spec == nil {
			continue
		}
		specs = append(specs, spec)
		for i := range spec.Sub {
			specs = append(specs, &spec.Sub[i])
		}
	}
	at, n := c.Out.DeferArray(), 0
	for _, spec := range specs {
		if h := s.stats.byCommand[spec.ID].took; h != nil && h.count > 0 {
			c.Out.BulkString(spec.FullName)
			replyHistogram(c.Out, h)
			n++
		}
	}
	c.Out.EndMap(at, n)
}

func replyHistogram(w *resp.Writer, h *histogram) {
	w.Map(2)
	w.BulkString("calls")
	w.Uint(h.count)
	w.BulkString("histogram_usec")
	at, n := w.DeferArray(), 0
	h.octaves(func(micros int64, calls uint64) {
		w.Int(micros)
		w.Uint(calls)
		n++
	})
	w.EndMap(at, n)
}

// The size of LATENCY GRAPH's picture.
const (
	graphColumns = 80
	graphRows    = 4
)

func (s *Server) latencyGraph(c *command.Ctx) {
	name := string(c.Args[2])
	e := s.latency.events[name]
	if e == nil {
		c.Out.Errorf("ERR No samples available for event '%s'", name)
		return
	}
	c.Out.Verbatim("txt", e.graph(name, s.stats.nowSec))
}

// graph draws the samples as columns with their age below; the newest is on the
// right, and what does not fit is left out.
func (e *latencyEvent) graph(name string, now int64) string {
	samples := e.history()
	low, high := samples[0].millis, samples[0].millis
	for _, sm := range samples {
		low, high = min(low, sm.millis), max(high, sm.millis)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n", name, high, low, e.max)
	b.WriteString(strings.Repeat("-", graphColumns) + "\n")
	samples = samples[max(0, len(samples)-graphColumns):]
	span := max(1, high-low)
	for row := graphRows - 1; row >= 0; row-- {
		var line strings.Builder
		for _, sm := range samples {
			// The height in halves of a row, one at least.
			half := 1 + (sm.millis-low)*(2*graphRows-1)/span
			switch above := half - int64(2*row); {
			case above >= 2:
				line.WriteByte('#')
			case above == 1:
				line.WriteByte('_')
			default:
				line.WriteByte(' ')
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	b.WriteString("\n")
	b.WriteString(ageRows(samples, now))
	return b.String()
}

// ageRows writes the age of every sample downwards, below its column.
func ageRows(samples []latencySample, now int64) string {
	labels, deepest := make([]string, len(samples)), 0
	for i, sm := range samples {
		labels[i] = age(now - sm.second)
		deepest = max(deepest, len(labels[i]))
	}
	var b strings.Builder
	for row := range deepest {
		var line strings.Builder
		for _, l := range labels {
			if row < len(l) {
				line.WriteByte(l[row])
			} else {
				line.WriteByte(' ')
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// age is a number of seconds in its largest unit.
func age(secs int64) string {
	switch {
	case secs < 60:
		return fmt.Sprintf("%ds", secs)
	case secs < 3600:
		return fmt.Sprintf("%dm", secs/60)
	case secs < 24*3600:
		return fmt.Sprintf("%dh", secs/3600)
	}
	return fmt.Sprintf("%dd", secs/(24*3600))
}
