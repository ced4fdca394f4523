package server

import (
	"fmt"
	"strings"

	"redisd/pkg/command"
	"redisd/pkg/config"
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/persist/value"
)

// debugValueRows look at how the value of one key lies in memory.
func (s *Server) debugValueRows() []debugRow {
	return []debugRow{
		{"OBJECT", 3, 3, s.debugObject, []string{"OBJECT <key>", "How a key's value lies in memory."}},
		{"SDSLEN", 3, 3, debugSdsLen, []string{"SDSLEN <key>", "The sizes of a key and its string value, and the memory they take."}},
		{"HTSTATS-KEY", 3, 3, debugTablesOf, []string{"HTSTATS-KEY <key>", "Figures of the hash tables of a key's value."}},
		{"LISTPACK", 3, 3, s.debugListpack, []string{"LISTPACK <key>", "Write the elements of a listpack to the server's log."}},
		{"QUICKLIST", 3, 4, s.debugQuicklist, []string{"QUICKLIST <key> [<0|1>]", "Write the nodes of a quicklist to the server's log, with 1 their elements too."}},
	}
}

// valueToDebug looks a key up, expired or not; when there is none it replies the error.
func valueToDebug(c *command.Ctx) (keyspace.Entry, bool) {
	e, ok := c.DB.PeekExpired(c.Args[2])
	if !ok {
		c.Out.Error(command.ErrNoKey)
	}
	return e, ok
}

// debugObject replies in the form that Redis's test suite takes apart.
func (s *Server) debugObject(c *command.Ctx) {
	e, ok := valueToDebug(c)
	if !ok {
		return
	}
	clock := c.Now() / 1000
	lru := (clock - e.IdleSeconds()) & (1<<24 - 1)
	if s.ks.LFU() {
		lru = clock/60&(1<<16-1)<<8 | int64(e.Freq())
	}
	c.Out.Simple(fmt.Sprintf("Value at:%p refcount:1 encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d%s",
		e.Key(), e.Encoding(), s.serializedLength(e), lru, e.IdleSeconds(), quicklistFigures(e)))
}

// serializedLength is how many bytes the value takes in an RDB. Nothing of it is kept.
func (s *Server) serializedLength(e keyspace.Entry) int {
	n, buf := 0, []byte(nil)
	w := rdb.Writer{Buf: &buf, Compress: s.cfg.Bool(config.RDBCompression), Added: func() error {
		n += len(buf)
		buf = buf[:0]
		return nil
	}}
	_ = value.Visit(e, &w) // Added gives none
	return n + len(buf)
}

// quicklistFigures are what DEBUG OBJECT tells of a quicklist besides.
func quicklistFigures(e keyspace.Entry) string {
	if e.Encoding() != keyspace.Quicklist {
		return ""
	}
	l := e.List()
	q, _ := l.Chain()
	size := 0
	l.EachNode(func(_ bool, data []byte) bool { size += len(data); return true })
	fill, depth := q.Limits()
	return fmt.Sprintf(" ql_nodes:%d ql_avg_node:%.2f ql_listpack_max:%d ql_compressed:%d ql_uncompressed_size:%d",
		q.Nodes(), float64(q.Len())/float64(q.Nodes()), fill, min(depth, 1), size)
}

// debugSdsLen tells sizes under the names that Redis gives them. A key lies in
// its entry without spare room; the rest of the entry counts as the value's.
func debugSdsLen(c *command.Ctx) {
	e, ok := valueToDebug(c)
	if !ok {
		return
	}
	if e.Type() != keyspace.String || e.Encoding() == keyspace.Int {
		c.Out.Error("ERR Not an sds encoded string.")
		return
	}
	key, val := len(e.Key()), e.StrLen()
	rest := e.MemUsage() - key
	c.Out.Simple(fmt.Sprintf("key_sds_len:%d, key_sds_avail:0, key_zmalloc: %d, val_sds_len:%d, val_sds_avail:%d, val_zmalloc: %d",
		key, key, val, max(0, rest-val), rest))
}

func debugTablesOf(c *command.Ctx) {
	e, ok := c.DB.Peek(c.Args[2])
	if !ok {
		c.Out.Error(command.ErrNoKey)
		return
	}
	tables, ok := e.Tables()
	if !ok {
		c.Out.Error("ERR The value stored at the specified key is not represented using an hash table")
		return
	}
	var b strings.Builder
	tableStats(&b, tables)
	c.Out.Verbatim("txt", b.String())
}

// debugListpack writes what is in a listpack to the log, where Redis prints it.
func (s *Server) debugListpack(c *command.Ctx) {
	e, ok := valueToDebug(c)
	if !ok {
		return
	}
	if e.Encoding() != keyspace.Listpack {
		c.Out.Error("ERR Not a listpack encoded object.")
		return
	}
	s.logListpack(e.Blob())
	c.Out.Simple("Listpack structure printed to the log")
}

// shownElement is how much of an element the log shows.
const shownElement = 40

func (s *Server) logListpack(l ds.Listpack) {
	s.log.Noticef("{total bytes %d} {num entries %d}", len(l), l.Count())
	for i, off := 0, l.First(); off >= 0; i, off = i+1, l.Next(off) {
		next := l.Next(off)
		if next < 0 {
			next = l.End()
		}
		var digits [24]byte
		text, more := l.Get(off).Bytes(&digits), ""
		if len(text) > shownElement {
			text, more = text[:shownElement], "..."
		}
		s.log.Noticef("{index: %d, offset: %d, bytes: %d, [str]%q%s}", i, off, next-off, text, more)
	}
	s.log.Noticef("{end}")
}

func (s *Server) debugQuicklist(c *command.Ctx) {
	e, ok := valueToDebug(c)
	if !ok {
		return
	}
	if e.Encoding() != keyspace.Quicklist {
		c.Out.Error("ERR Not a quicklist encoded object.")
		return
	}
	full := len(c.Args) == 4 && loose(c.Args[3]) != 0
	l := e.List()
	q, _ := l.Chain()
	fill, depth := q.Limits()
	s.log.Noticef("{count : %d} {len : %d} {fill : %d} {compress : %d}", q.Len(), q.Nodes(), fill, depth)
	var scratch []byte
	for i, n := 0, q.FirstNode(); n != 0; i, n = i+1, q.NextNode(n) {
		container, encoding := "PLAIN", "RAW"
		packed, data := q.NodeData(n, &scratch)
		if packed {
			container = "PACKED"
		}
		if q.NodePressed(n) {
			encoding = "LZF"
		}
		s.log.Noticef("{quicklist node(%d) container : %s, encoding: %s, size: %d, count: %d}", i, container, encoding, len(data), q.NodeCount(n))
		switch {
		case full && packed:
			s.logListpack(data)
		case full:
			s.log.Noticef("{ entry : %q }", data[:min(len(data), shownElement)])
		}
	}
	c.Out.Simple("Quicklist structure printed to the log")
}
