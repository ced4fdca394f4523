package server

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"

	"redisd/pkg/acl"
	"redisd/pkg/command"
	"redisd/pkg/config"
)

func (s *Server) aclSetUser(c *command.Ctx) {
	rules := make([]string, 0, len(c.Args)-3)
	for _, r := range c.Args[3:] {
		rules = append(rules, string(r))
	}
	u, revoked, err := s.acl.users.Set(string(c.Args[2]), rules)
	for i := 2; i < len(c.Args); i++ {
		redact(c, i)
	}
	if err != nil {
		c.Out.Error("ERR " + err.Error())
		return
	}
	if revoked {
		s.acl.dropSubscribers(u)
	}
	c.Out.OK()
}

func (s *Server) aclDelUser(c *command.Ctx) {
	for _, name := range c.Args[2:] {
		if string(name) == "default" {
			c.Out.Error("ERR " + acl.ErrDefault.Error())
			return
		}
	}
	deleted := 0
	for _, name := range c.Args[2:] {
		if u := s.acl.users.Delete(string(name)); u != nil {
			s.acl.dropUsers(u)
			deleted++
		}
	}
	c.Out.Int(int64(deleted))
}

func (s *Server) aclGetUser(c *command.Ctx) {
	u, w := s.acl.users.Find(string(c.Args[2])), c.Out
	if u == nil {
		w.Null()
		return
	}
	rights := func(r acl.Rights) {
		w.BulkString("commands")
		w.BulkString(r.Commands)
		w.BulkString("keys")
		w.BulkString(r.Keys)
		w.BulkString("channels")
		w.BulkString(r.Channels)
	}
	w.Map(6)
	flags := u.Flags()
	w.BulkString("flags")
	w.Set(len(flags))
	for _, f := range flags {
		w.BulkString(f)
	}
	passwords := u.Passwords()
	w.BulkString("passwords")
	w.Array(len(passwords))
	for _, p := range passwords {
		w.BulkString(p)
	}
	all := u.Rights()
	rights(all[0])
	w.BulkString("selectors")
	w.Array(len(all) - 1)
	for _, r := range all[1:] {
		w.Map(3)
		rights(r)
	}
}

func (s *Server) aclList(c *command.Ctx) {
	users := s.acl.users.List()
	c.Out.Array(len(users))
	for _, u := range users {
		c.Out.BulkString("user " + u.Name + " " + u.Text())
	}
}

func (s *Server) aclUsers(c *command.Ctx) {
	users := s.acl.users.List()
	c.Out.Array(len(users))
	for _, u := range users {
		c.Out.BulkString(u.Name)
	}
}

const (
	errNoACLFile = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command " +
		"and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration."
	errACLSave = "ERR There was an error trying to save the ACLs. Please check the server logs for more information"
)

func (s *Server) aclLoad(c *command.Ctx) {
	if s.cfg.String(config.ACLFile) == "" {
		c.Out.Error(errNoACLFile)
		return
	}
	if err := s.acl.loadFile(); err != nil {
		c.Out.Error("ERR " + err.Error())
		return
	}
	c.Out.OK()
}

func (s *Server) aclSave(c *command.Ctx) {
	if s.cfg.String(config.ACLFile) == "" {
		c.Out.Error(errNoACLFile)
		return
	}
	if err := s.acl.saveFile(); err != nil {
		s.log.Warnf("ACL SAVE into %s: %s", s.cfg.String(config.ACLFile), err)
		c.Out.Error(errACLSave)
		return
	}
	c.Out.OK()
}

// wrongArity is what a subcommand replies to words that its arity allows and it does
// not take.
func wrongArity(c *command.Ctx) {
	c.Out.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try %s HELP.",
		c.Args[1], bytes.ToUpper(c.Args[0]))
}

func (s *Server) aclCat(c *command.Ctx) {
	switch len(c.Args) {
	case 2:
		names := command.Category(^uint32(0)).Names()
		c.Out.Array(len(names))
		for _, n := range names {
			c.Out.BulkString(n)
		}
	case 3:
		cat, ok := command.CategoryByName(string(c.Args[2]))
		if !ok {
			c.Out.Errorf("ERR Unknown category '%.128s'", c.Args[2])
			return
		}
		at, n := c.Out.DeferArray(), 0
		for _, spec := range s.table.All() {
			if spec.Categories&cat != 0 {
				c.Out.BulkString(spec.FullName)
				n++
			}
		}
		c.Out.EndArray(at, n)
	default:
		wrongArity(c)
	}
}

// Bits of a generated password, and the most of them.
const (
	genPassBits = 256
	genPassMost = 4096
)

func (s *Server) aclGenPass(c *command.Ctx) {
	bits := int64(genPassBits)
	switch len(c.Args) {
	case 2:
	case 3:
		var ok bool
		if bits, ok = c.Int(c.Args[2]); !ok {
			return
		}
	default:
		wrongArity(c)
		return
	}
	if bits <= 0 || bits > genPassMost {
		c.Out.Errorf("ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to %d", genPassMost)
		return
	}
	var raw [genPassMost / 8]byte
	chars := (bits + 3) / 4
	_, _ = rand.Read(raw[:(chars+1)/2]) // it never fails
	c.Out.BulkString(hex.EncodeToString(raw[:(chars+1)/2])[:chars])
}

// aclLogEntries is how many entries ACL LOG tells without a number.
const aclLogEntries = 10

func (s *Server) aclLog(c *command.Ctx) {
	n := int64(aclLogEntries)
	switch {
	case len(c.Args) > 3:
		wrongArity(c)
		return
	case len(c.Args) == 3 && command.Is(c.Args[2], "RESET"):
		s.acl.log.Reset()
		c.Out.OK()
		return
	case len(c.Args) == 3:
		var ok bool
		if n, ok = c.Int(c.Args[2]); !ok {
			return
		}
	}
	w, now := c.Out, s.loop.NowMillis()
	entries := s.acl.log.Entries(int(min(max(n, 0), 1<<31)))
	w.Array(len(entries))
	for _, e := range entries {
		w.Map(10)
		w.BulkString("count")
		w.Int(e.Count)
		for _, f := range [][2]string{{"reason", e.Reason.String()}, {"context", e.Context}, {"object", e.Object}, {"username", e.User}} {
			w.BulkString(f[0])
			w.BulkString(f[1])
		}
		w.BulkString("age-seconds")
		w.Double(float64(now-e.UpdatedMs) / 1000)
		w.BulkString("client-info")
		w.BulkString(e.Client)
		for _, f := range []struct {
			name string
			n    int64
		}{{"entry-id", e.ID}, {"timestamp-created", e.CreatedMs}, {"timestamp-last-updated", e.UpdatedMs}} {
			w.BulkString(f.name)
			w.Int(f.n)
		}
	}
}

func (s *Server) aclDryRun(c *command.Ctx) {
	u, argv := s.acl.users.Find(string(c.Args[2])), c.Args[3:]
	if u == nil {
		c.Out.Errorf("ERR User '%s' not found", c.Args[2])
		return
	}
	spec := s.table.Resolve(argv)
	switch {
	case spec == nil:
		c.Out.Errorf("ERR Command '%s' not found", argv[0])
		return
	case !spec.ArityFits(len(argv)):
		c.Out.Errorf("ERR wrong number of arguments for '%s' command", spec.FullName)
		return
	}
	if v := s.aclCheck(u, spec, argv); v.Reason != acl.Allowed {
		c.Out.BulkString(aclText(u, v, spec, argv, true))
		return
	}
	c.Out.OK()
}
