package server

import (
	"encoding/hex"
	"fmt"
	"strings"

	"redisd/internal/num"
	"redisd/pkg/command"
	"redisd/pkg/config"
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
)

// debugDataRows look at the dataset, fill it, and load it anew.
func (s *Server) debugDataRows() []debugRow {
	return []debugRow{
		{"DIGEST", 2, 2, func(c *command.Ctx) {
			d := s.ks.Digest()
			c.Out.Simple(hex.EncodeToString(d[:]))
		}, []string{"DIGEST", "A fingerprint of all databases; equal data has equal ones."}},
		{"DIGEST-VALUE", 2, 0, debugDigestValue, []string{"DIGEST-VALUE <key> [<key> ...]", "A fingerprint of the value of each key."}},
		{"OBJECT", 3, 3, s.debugObject, []string{"OBJECT <key>", "How a key's value lies in memory."}},
		{"SDSLEN", 3, 3, debugSdsLen, []string{"SDSLEN <key>", "The sizes of a key and its string value, and the memory they take."}},
		{"HTSTATS", 3, 3, s.debugTables, []string{"HTSTATS <database>", "Figures of a database's hash tables."}},
		{"HTSTATS-KEY", 3, 3, debugTablesOf, []string{"HTSTATS-KEY <key>", "Figures of the hash tables of a key's value."}},
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

// debugObject replies in the form that Redis's test suite takes apart.
func (s *Server) debugObject(c *command.Ctx) {
	e, ok := c.DB.PeekExpired(c.Args[2])
	if !ok {
		c.Out.Error(command.ErrNoKey)
		return
	}
	clock := c.Now() / 1000
	lru := (clock - e.IdleSeconds()) & (1<<24 - 1)
	if s.ks.LFU() {
		lru = clock/60&(1<<16-1)<<8 | int64(e.Freq())
	}
	var scratch [24]byte
	serialized := rdb.AppendString(nil, e.Value(&scratch), s.cfg.Bool(config.RDBCompression))
	c.Out.Simple(fmt.Sprintf("Value at:%p refcount:1 encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d",
		e.Key(), e.Encoding(), len(serialized), lru, e.IdleSeconds()))
}

// debugSdsLen tells sizes under the names that Redis gives them. A key lies in
// its entry without spare room; the rest of the entry counts as the value's.
func debugSdsLen(c *command.Ctx) {
	e, ok := c.DB.PeekExpired(c.Args[2])
	if !ok {
		c.Out.Error(command.ErrNoKey)
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
