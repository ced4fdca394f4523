package server

import (
	"encoding/hex"
	"fmt"
	"strings"

	"redisd/internal/num"
	"redisd/pkg/command"
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
)

// debugDataRows look at the dataset, fill it, and load it anew.
func (s *Server) debugDataRows() []debugRow {
	return []debugRow{
		{"DIGEST", 2, 2, func(c *command.Ctx) {
			d := s.ks.Digest()
			c.Out.Simple(hex.EncodeToString(d[:]))
		}, []string{"DIGEST", "A fingerprint of all databases; equal data has equal ones."}},
		{"DIGEST-VALUE", 2, 0, debugDigestValue, []string{"DIGEST-VALUE <key> [<key> ...]", "A fingerprint of the value of each key."}},
		{"HTSTATS", 3, 3, s.debugTables, []string{"HTSTATS <database>", "Figures of a database's hash tables."}},
		{"POPULATE", 3, 5, s.debugPopulate, []string{"POPULATE <count> [<prefix>] [<size>]",
			"Create the missing ones of the string keys <prefix>:0, <prefix>:1, ... ('key' when no prefix is given).",
			"A size cuts or pads the values. The log does not get them."}},
		{"RELOAD", 2, 0, s.debugReload, []string{"RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
			"Save the RDB file and load it back.",
			"* NOSAVE: load the file that is there",
			"* NOFLUSH: keep what is in memory; keys that are in both are an error",
			"* MERGE: with NOFLUSH, keys that are in both become those of the file"}},
		{"LOADAOF", 2, 0, s.debugLoadAOF, []string{"LOADAOF", "Write the log to its file, then load the data from it."}},
	}
}

func debugDigestValue(c *command.Ctx) {
	c.Out.Array(len(c.Args) - 2)
	for _, key := range c.Args[2:] {
		var d keyspace.Digest
		if e, ok := c.DB.PeekExpired(key); ok {
			d = e.ValueDigest()
		}
		c.Out.Simple(hex.EncodeToString(d[:]))
	}
}

func (s *Server) debugTables(c *command.Ctx) {
	n, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	if n < 0 || n >= int64(s.ks.Databases()) {
		c.Out.Error("ERR Out of range database")
		return
	}
	main, expires := s.ks.DB(int(n)).Tables()
	var b strings.Builder
	b.WriteString("[Dictionary HT]\n")
	tableStats(&b, main)
	b.WriteString("[Expires HT]\n")
	tableStats(&b, expires)
	c.Out.Verbatim("txt", b.String())
}

func tableStats(b *strings.Builder, tables [2]ds.Stats) {
	for i, t := range tables {
		if i == 1 && t.Size == 0 {
			return
		}
		fmt.Fprintf(b, "Hash table %d stats (%s):\n", i, [...]string{"main hash table", "rehashing target"}[i])
		if t.Used == 0 {
			b.WriteString("No stats available for empty dictionaries\n")
			continue
		}
		fmt.Fprintf(b, " table size: %d\n number of elements: %d\n buckets: %d\n child buckets: %d\n",
			t.Size, t.Used, t.Buckets, t.Children)
		// The words that Redis's own tests look for; its slots are our buckets.
		fmt.Fprintf(b, " different slots: %d\n max chain length: %d\n", t.Filled, t.Longest)
	}
}

// positive reads a number that must not be negative; else it replies the error.
func positive(c *command.Ctx, word []byte) (int64, bool) {
	n, ok := num.ParseInt(word)
	if !ok || n < 0 {
		c.Out.Error(command.ErrPositive)
		return 0, false
	}
	return n, true
}

// debugPopulate makes keys. As in Redis these changes count for nothing: neither
// the log nor the save points see them.
func (s *Server) debugPopulate(c *command.Ctx) {
	count, ok := positive(c, c.Args[2])
	if !ok {
		return
	}
	prefix, size := "key", int64(0)
	if len(c.Args) > 3 {
		prefix = string(c.Args[3])
	}
	if len(c.Args) > 4 {
		if size, ok = positive(c, c.Args[4]); !ok {
			return
		}
	}
	c.DB.Reserve(uint64(count), uint64(c.DB.Volatile()))
	key := append([]byte(prefix), ':')
	val := make([]byte, 0, max(32, size))
	for i := range count {
		key = num.AppendInt(key[:len(prefix)+1], i)
		if _, exists := c.DB.Write(key); exists {
			continue
		}
		val = num.AppendInt(append(val[:0], "value:"...), i)
		if size > 0 {
			text := len(val)
			val = val[:max(size, int64(text))]
			clear(val[text:])
			val = val[:size]
		}
		c.DB.SetString(key, val, -1)
	}
	c.Out.OK()
}
