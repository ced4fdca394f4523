package server

import (
	"redisd/internal/num"
	"redisd/pkg/command"
	"redisd/pkg/config"
	"redisd/pkg/keyspace"
	"redisd/pkg/resp"
)

// MIGRATE: keys move to another server. The loop waits for that server, as in Redis:
// at no moment do clients see a key in both places, or in none. This file has the
// command, migrate.go the connections.

func (s *Server) migrateSpecs() []command.Spec {
	const flags = command.KeyRW | command.KeyAccess | command.KeyDelete
	token := func(name, word, since string) command.Arg {
		return command.Arg{Name: name, Type: "pure-token", Token: word, Optional: true, Since: since}
	}
	text := func(name, token string) command.Arg { return command.Arg{Name: name, Type: "string", Token: token} }
	password := text("password", "AUTH")
	password.Optional, password.Since = true, "4.0.7"
	return []command.Spec{{
		Name: "migrate", Arity: -6, Flags: command.Write, Categories: command.CatKeyspace | command.CatDangerous,
		Group: "generic", Since: "2.6.0", Handler: s.migrate, FindKeys: migrateKeys,
		Summary:    "Moves keys to another server, in one step.",
		Complexity: "That of DUMP and DEL here and of RESTORE there, and O(N) for what goes over the network.",
		History: [][2]string{{"3.0.0", "The options `COPY` and `REPLACE`."}, {"3.0.6", "The option `KEYS`."},
			{"4.0.7", "The option `AUTH`."}, {"6.0.0", "The option `AUTH2`."}},
		Hints: []string{"nondeterministic_output"},
		Keys: []command.KeySpec{{Flags: flags, Index: 3, Step: 1},
			{Flags: flags | command.KeyIncomplete, Keyword: "KEYS", StartFrom: -2, Last: -1, Step: 1}},
		Args: []command.Arg{
			text("host", ""), {Name: "port", Type: "integer"},
			{Name: "key_or_empty_string", Type: "oneof", Sub: []command.Arg{
				{Name: "key", Type: "key", Key: 1}, {Name: "empty_string", Type: "pure-token", Token: `""`}}},
			{Name: "destination-db", Type: "integer"}, {Name: "timeout", Type: "integer"},
			token("copy", "COPY", "3.0.0"), token("replace", "REPLACE", "3.0.0"),
			{Name: "authentication", Type: "oneof", Optional: true, Sub: []command.Arg{password,
				{Name: "username_password", Type: "block", Token: "AUTH2", Optional: true, Since: "6.0.0",
					Sub: []command.Arg{text("username", ""), text("password", "")}}}},
			{Name: "key", Type: "key", Token: "KEYS", Key: 2, Optional: true, Multiple: true, Since: "3.0.6"},
		},
	}}
}

// migrateKeys finds the keys of a MIGRATE.
func migrateKeys(argv [][]byte) []command.KeyRef {
	first, end := 3, 4
	for i := 6; i < len(argv); i++ {
		switch a := argv[i]; {
		case command.Is(a, "KEYS") && len(argv[3]) > 0:
			return nil // an error, which the command replies
		case command.Is(a, "KEYS"):
			first, end = i+1, len(argv)
			i = len(argv)
		case command.Is(a, "AUTH"):
			i++
		case command.Is(a, "AUTH2"):
			i += 2
		}
	}
	keys := make([]command.KeyRef, 0, end-first)
	for ; first < end; first++ {
		keys = append(keys, command.KeyRef{Pos: first, Flags: command.KeyRW | command.KeyAccess | command.KeyDelete})
	}
	return keys
}

// migration is one MIGRATE.
type migration struct {
	host, port    string
	db, timeoutMs int64
	copy, replace bool
	user, pass    []byte // pass is nil without AUTH, user without AUTH2
	keys          [][]byte

	moved  [][]byte // keys that are there now and no longer here
	failed bool     // the other server replied an error, which the client has
}

// defaultMigrateMs is the timeout of a MIGRATE that gives none.
const defaultMigrateMs = 1000

// parseMigrate reads the words of a call; when they make no sense it replies the error.
func parseMigrate(c *command.Ctx) (m *migration, ok bool) {
	args := c.Args
	m = &migration{host: string(args[1]), port: string(args[2]), keys: args[3:4]}
	for i := 6; i < len(args); i++ {
		left := len(args) - 1 - i
		switch a := args[i]; {
		case command.Is(a, "COPY"):
			m.copy = true
		case command.Is(a, "REPLACE"):
			m.replace = true
		case command.Is(a, "AUTH") && left >= 1:
			m.user, m.pass = nil, args[i+1]
			redact(c, i+1)
			i++
		case command.Is(a, "AUTH2") && left >= 2:
			m.user, m.pass = args[i+1], args[i+2]
			redact(c, i+1)
			redact(c, i+2)
			i += 2
		case command.Is(a, "KEYS") && len(args[3]) > 0:
			c.Out.Error("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string")
			return nil, false
		case command.Is(a, "KEYS"):
			m.keys = args[i+1:]
			i = len(args)
		default:
			c.Out.Error(command.ErrSyntax)
			return nil, false
		}
	}
	if m.timeoutMs, ok = c.Int(args[5]); !ok {
		return nil, false
	}
	if m.db, ok = c.Int(args[4]); !ok {
		return nil, false
	}
	if m.timeoutMs <= 0 {
		m.timeoutMs = defaultMigrateMs
	}
	return m, true
}

func (s *Server) migrate(c *command.Ctx) {
	m, ok := parseMigrate(c)
	if !ok {
		return
	}
	if s.cfg.Bool(config.TLSCluster) {
		c.Out.Error("ERR tls-cluster is yes, and MIGRATE cannot encrypt what it sends")
		return
	}
	var there [][]byte
	for _, key := range m.keys {
		if _, found := c.Read(key); found {
			there = append(there, key)
		}
	}
	if there == nil {
		c.Out.Simple("NOKEY")
		return
	}
	m.keys = there
	s.transfer(c, m)
	if len(m.moved) > 0 {
		c.Fx.Replace(append([][]byte{delWord}, m.moved...)...)
	}
}

// transfer brings the keys to the other server and replies. A connection of an earlier
// call may have been closed by the other side: the first try may fail by that, when
// nothing was done yet.
func (s *Server) transfer(c *command.Ctx, m *migration) {
	for again := true; ; again = false {
		t, broken := s.migrants.connect(m)
		if broken != nil {
			c.Out.Errorf("IOERR error or timeout %s", broken.what)
			return
		}
		if broken = s.send(c, t, m); broken == nil {
			broken = s.receive(c, t, m)
		}
		if broken == nil {
			if !m.failed {
				c.Out.OK()
			}
			return
		}
		s.migrants.close(t)
		if m.failed {
			return
		}
		if broken.timeout || broken.begun || !again {
			c.Out.Errorf("IOERR error or timeout %s", broken.what)
			return
		}
	}
}

// send sends the commands that make the keys there. What has expired in the meantime
// is left out.
func (s *Server) send(c *command.Ctx, t *migrant, m *migration) *brokenLink {
	t.begin(m.timeoutMs)
	switch {
	case m.user != nil:
		t.command(authWord, m.user, m.pass)
	case m.pass != nil:
		t.command(authWord, m.pass)
	}
	var digits [24]byte
	if t.db != m.db {
		t.command(selectWord, num.AppendInt(digits[:0], m.db))
	}
	n := 0
	for _, key := range m.keys {
		e, found := c.DB.Peek(key)
		if !found {
			continue
		}
		m.keys[n] = key
		n++
		t.restore(e, key, c.Now(), m.replace)
		if broken := t.flush(false); broken != nil {
			return broken
		}
	}
	m.keys = m.keys[:n]
	return t.flush(true)
}

// restore sends the RESTORE of a key.
func (t *migrant) restore(e keyspace.Entry, key []byte, now int64, replace bool) {
	ttl := int64(0)
	if at := e.ExpireAt(); at != -1 {
		ttl = max(at-now, 1)
	}
	words := 4
	if replace {
		words++
	}
	b := resp.AppendArray(t.out, words)
	b = resp.AppendBulkString(b, "RESTORE")
	b = resp.AppendBulk(b, key)
	var digits [24]byte
	b = resp.AppendBulk(b, num.AppendInt(digits[:0], ttl))
	b = command.AppendDump(b, e)
	if replace {
		b = resp.AppendBulkString(b, "REPLACE")
	}
	t.out = b
}

// receive reads the replies. A key that has arrived is deleted here at once, unless
// it was to be copied.
func (s *Server) receive(c *command.Ctx, t *migrant, m *migration) *brokenLink {
	head := 0 // replies before those of RESTORE
	if m.pass != nil {
		head++
	}
	if t.db != m.db {
		head++
	}
	t.db = m.db
	refused := "" // by AUTH or SELECT: then nothing that follows was done as meant
	for range head {
		line, broken := t.line()
		if broken != nil {
			return broken
		}
		if refused == "" && isErrorLine(line) {
			refused, t.db = string(line), -1
		}
	}
	for i, key := range m.keys {
		line, broken := t.line()
		if broken != nil {
			broken.begun = i > 0
			return broken
		}
		if refused != "" {
			line = []byte(refused)
		}
		switch {
		case isErrorLine(line):
			t.db = -1
			if !m.failed {
				m.failed = true
				c.Out.Errorf("ERR Target instance replied with error: %s", line[1:])
			}
		case !m.copy:
			s.leave(c, m, key)
		}
	}
	return nil
}

func isErrorLine(line []byte) bool { return len(line) > 0 && line[0] == '-' }

// leave removes a key that is at the other server now.
func (s *Server) leave(c *command.Ctx, m *migration, key []byte) {
	remove := c.DB.Delete
	if c.LazyServerDel {
		remove = c.DB.Unlink
	}
	remove(key)
	c.Fx.Notify(command.EventGeneric, "del", key)
	c.Fx.Dirty++
	m.moved = append(m.moved, key)
}
