package server

import (
	"strings"

	"redisd/internal/num"
)

// infoSection is one section of INFO.
type infoSection struct {
	name  string // as INFO's argument, lower case
	title string
	shown infoLevel
	fill  func(s *Server, w *infoWriter)
}

// infoLevel says which of INFO's collective words include a section.
type infoLevel uint8

const (
	infoDefault infoLevel = iota // without arguments, and "default"
	infoAll                      // "all" and "everything" too
	infoNamed                    // only by its own name
)

// infoSections in the order of the reply, which is Redis's.
var infoSections = [...]infoSection{
	{"server", "Server", infoDefault, (*Server).infoServer},
	{"clients", "Clients", infoDefault, (*Server).infoClients},
	{"memory", "Memory", infoDefault, (*Server).infoMemory},
	{"persistence", "Persistence", infoDefault, (*Server).infoPersistence},
	{"stats", "Stats", infoDefault, (*Server).infoStats},
	{"replication", "Replication", infoDefault, (*Server).infoReplication},
	{"cpu", "CPU", infoDefault, (*Server).infoCPU},
	{"modules", "Modules", infoDefault, (*Server).infoModules},
	{"commandstats", "Commandstats", infoAll, (*Server).infoCommandStats},
	{"errorstats", "Errorstats", infoDefault, (*Server).infoErrorStats},
	{"latencystats", "Latencystats", infoAll, (*Server).infoLatencyStats},
	{"cluster", "Cluster", infoDefault, (*Server).infoCluster},
	{"keyspace", "Keyspace", infoDefault, (*Server).infoKeyspace},
	{"memoryclasses", "Memoryclasses", infoNamed, (*Server).infoMemoryClasses},
}

// info renders the sections that the words of INFO ask for; unknown words ask for
// nothing.
func (s *Server) info(words []string) string {
	var w infoWriter
	for i := range infoSections {
		sec := &infoSections[i]
		if !sec.wanted(words) {
			continue
		}
		w.section(sec.title)
		sec.fill(s, &w)
	}
	return string(w.buf)
}

func (sec *infoSection) wanted(words []string) bool {
	if len(words) == 0 {
		return sec.shown == infoDefault
	}
	for _, word := range words {
		switch {
		case strings.EqualFold(word, sec.name),
			strings.EqualFold(word, "default") && sec.shown == infoDefault,
			(strings.EqualFold(word, "all") || strings.EqualFold(word, "everything")) && sec.shown <= infoAll:
			return true
		}
	}
	return false
}

// infoWriter appends the lines of INFO.
type infoWriter struct{ buf []byte }

func (w *infoWriter) section(title string) {
	if len(w.buf) > 0 {
		w.buf = append(w.buf, "\r\n"...)
	}
	w.buf = append(append(append(w.buf, "# "...), title...), "\r\n"...)
}

func (w *infoWriter) name(name string) { w.buf = append(append(w.buf, name...), ':') }
func (w *infoWriter) end()             { w.buf = append(w.buf, "\r\n"...) }

// text adds a field; what would break the format is replaced, as Redis does.
func (w *infoWriter) text(name, value string) {
	w.name(name)
	w.buf = append(w.buf, oneLine(value)...)
	w.end()
}

func (w *infoWriter) int(name string, n int64) {
	w.name(name)
	w.buf = num.AppendInt(w.buf, n)
	w.end()
}

func (w *infoWriter) uint(name string, n uint64) {
	w.name(name)
	w.buf = num.AppendUint(w.buf, n)
	w.end()
}

func (w *infoWriter) bool(name string, on bool) { w.int(name, oneIf(on)) }

// status is ok or err.
func (w *infoWriter) status(name string, ok bool) {
	if ok {
		w.text(name, "ok")
		return
	}
	w.text(name, "err")
}

// decimal adds a number with two places and a unit behind it.
func (w *infoWriter) decimal(name string, f float64, unit string) {
	w.name(name)
	w.buf = appendFixed(w.buf, f, 2)
	w.buf = append(w.buf, unit...)
	w.end()
}

// bytes adds a size, and for people the same under name_human.
func (w *infoWriter) bytes(name string, n uint64) {
	w.uint(name, n)
	w.text(name+"_human", humanBytes(n))
}

// zeros adds fields of things that do not exist here and are always 0.
func (w *infoWriter) zeros(names ...string) {
	for _, n := range names {
		w.int(n, 0)
	}
}

func oneIf(on bool) int64 {
	if on {
		return 1
	}
	return 0
}

// oneLine keeps the end of a line out of a value.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	return strings.NewReplacer("\r", "_", "\n", "_").Replace(s)
}

// safeInfoName is a name in front of a colon: commands and error codes may have
// been chosen by a client.
func safeInfoName(s string) string {
	if !strings.ContainsAny(s, "#:\r\n") {
		return s
	}
	return strings.NewReplacer("#", "_", ":", "_", "\r", "_", "\n", "_").Replace(s)
}
