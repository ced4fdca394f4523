package server

import (
	"fmt"

	"redisd/pkg/acl"
	"redisd/pkg/command"
	"redisd/pkg/config"
)

// accessControl is who may do what: the users, and the record of what was refused.
// The loop owns it.
type accessControl struct {
	srv   *Server
	users *acl.Users
	log   acl.Log
	words callWords
	lines map[string]userLine // of the configuration, by user

	// subscriptions calls fn with every channel and pattern that c is subscribed to,
	// until it returns false.
	subscriptions func(c *client, fn func(name []byte, pattern bool) bool)
}

func newAccessControl(s *Server) *accessControl {
	all := s.table.All()
	rows := make([]acl.Command, len(all))
	for i, spec := range all {
		rows[i] = acl.Command{Name: spec.FullName, Categories: uint32(spec.Categories), Parent: -1, NoAuth: spec.Flags&command.NoAuth != 0}
		if spec.Parent != nil {
			rows[i].Parent = spec.Parent.ID
			rows[spec.Parent.ID].Subs = append(rows[spec.Parent.ID].Subs, i)
		}
	}
	a := &accessControl{srv: s, users: acl.NewUsers(acl.NewTable(rows, command.Category(^uint32(0)).Names()))}
	s.exec.ctx.MayReadAll = a.mayReadAll
	return a
}

// watchACL carries out the directives of access control, now and whenever they
// change.
func (s *Server) watchACL() error {
	for _, t := range []setting{
		{s.applyACL, []config.ID{config.ACLLogMaxLen, config.ACLPubSubDefault}},
		{s.applyPassword, []config.ID{config.RequirePass}},
	} {
		if err := t.apply(); err != nil {
			return err
		}
		s.cfg.OnApply(t.apply, t.ids...)
	}
	return s.loadUsers()
}

func (s *Server) applyACL() error {
	s.acl.log.Most = int(s.cfg.Int(config.ACLLogMaxLen))
	s.acl.users.SetAllChannels(s.cfg.Word(config.ACLPubSubDefault) == "allchannels")
	return nil
}

func (s *Server) applyPassword() error {
	s.acl.users.SetDefaultPassword(s.cfg.String(config.RequirePass))
	return nil
}

// open tells whether a new connection is the default user's without a password.
func (a *accessControl) open() bool { return a.users.Default.NoPass() && a.users.Default.Enabled() }

// callWords tells the rule engine which words of a call are keys and channels. It is
// used again for every call, so that a check allocates nothing.
type callWords struct {
	spec  *command.Spec
	argv  [][]byte
	refs  []command.KeyRef
	keys  []acl.Word
	chans []acl.Word
	known bool // keys is filled
}

func (w *callWords) reset(spec *command.Spec, argv [][]byte) *callWords {
	w.spec, w.argv, w.known = spec, argv, false
	return w
}

// Keys implements acl.Words. A call whose words make no sense names no keys: it will
// not get past its handler.
func (w *callWords) Keys() []acl.Word {
	if w.known {
		return w.keys
	}
	w.known, w.keys = true, w.keys[:0]
	if !w.spec.HasKeys() {
		return nil
	}
	refs, _ := w.spec.AppendKeys(w.refs[:0], w.argv)
	for _, k := range refs {
		access := acl.Access(0)
		if k.Flags&command.KeyAccess != 0 {
			access |= acl.Read
		}
		if k.Flags&(command.KeyInsert|command.KeyDelete|command.KeyUpdate) != 0 {
			access |= acl.Write
		}
		w.keys = append(w.keys, acl.Word{Pos: k.Pos, Access: access})
	}
	w.refs = refs[:0]
	return w.keys
}

// Channels implements acl.Words.
func (w *callWords) Channels() []acl.Word {
	w.chans = w.chans[:0]
	if w.spec.Flags&command.PubSub == 0 {
		return nil
	}
	last, access := len(w.argv)-1, acl.Access(0)
	switch w.spec.FullName {
	case "publish", "spublish":
		last = 1
	case "subscribe", "ssubscribe":
	case "psubscribe":
		access = acl.Pattern
	default:
		return nil
	}
	for i := 1; i <= last; i++ {
		w.chans = append(w.chans, acl.Word{Pos: i, Access: access})
	}
	return w.chans
}

// aclCheck decides whether a user may run a command with these words. It records
// nothing.
func (s *Server) aclCheck(u *acl.User, spec *command.Spec, argv [][]byte) acl.Verdict {
	if u.Free() {
		return acl.Verdict{}
	}
	return u.Check(spec.ID, argv, s.acl.words.reset(spec, argv))
}

// Contexts of ACL LOG: where a command was refused.
const (
	aclTopLevel = "toplevel"
	aclMulti    = "multi"
	aclScript   = "lua"
)

// aclRefusal asks whether c may run a command. When it may not, that is recorded and
// the error to reply is returned, with its code; else "".
func (s *Server) aclRefusal(c *client, context string, spec *command.Spec, argv [][]byte) string {
	v := s.aclCheck(c.user, spec, argv)
	if v.Reason == acl.Allowed {
		return ""
	}
	if !s.exec.asking {
		s.acl.record(c, v, context, spec, argv)
	}
	return "NOPERM " + aclText(c.user, v, spec, argv, false)
}

// aclScriptRefusal is aclRefusal for a command of a script that c runs.
func (s *Server) aclScriptRefusal(c *client, spec *command.Spec, argv [][]byte) string {
	v := s.aclCheck(c.user, spec, argv)
	if v.Reason == acl.Allowed {
		return ""
	}
	s.acl.record(c, v, aclScript, spec, argv)
	return "ERR The user executing the script " + scriptDenied(v)
}

func scriptDenied(v acl.Verdict) string {
	switch v.Reason {
	case acl.DeniedKey:
		return "can't access at least one of the keys mentioned in the command arguments"
	case acl.DeniedChannel:
		return "can't publish to the channel mentioned in the command"
	}
	return "can't run this command or subcommand"
}

// aclText says what a user may not do; verbose names the key or channel too.
func aclText(u *acl.User, v acl.Verdict, spec *command.Spec, argv [][]byte, verbose bool) string {
	switch {
	case v.Reason == acl.DeniedCommand:
		return fmt.Sprintf("User %s has no permissions to run the '%s' command", u.Name, spec.FullName)
	case verbose:
		return fmt.Sprintf("User %s has no permissions to access the '%s' %s", u.Name, argv[v.Pos], v.Reason)
	}
	return "No permissions to access a " + v.Reason.String()
}

// record puts a refusal into ACL LOG and counts it.
func (a *accessControl) record(c *client, v acl.Verdict, context string, spec *command.Spec, argv [][]byte) {
	object := spec.FullName
	if v.Reason != acl.DeniedCommand {
		object = string(argv[v.Pos])
	}
	a.add(c, v.Reason, context, object, c.user.Name)
}

// recordLogin puts a failed login into ACL LOG: word is the command that tried.
func (a *accessControl) recordLogin(c *client, word, user []byte) {
	context := aclTopLevel
	if c.tx != nil {
		context = aclMulti
	}
	a.add(c, acl.DeniedAuth, context, string(word), string(user))
}

func (a *accessControl) add(c *client, reason acl.Reason, context, object, user string) {
	a.srv.stats.denied[reason]++
	a.log.Add(acl.Entry{Reason: reason, Context: context, Object: object, User: user,
		Client: a.srv.clientInfo(c), UpdatedMs: a.srv.loop.NowMillis()})
}

// mayReadAll tells whether the caller may read keys that the command's words do not
// name: SORT's BY and GET.
func (a *accessControl) mayReadAll(c *command.Ctx) bool {
	cl := a.srv.exec.client
	return cl == nil || cl.user.Free() || cl.user.ReadsAll(c.Spec.ID, c.Args, a.words.reset(c.Spec, c.Args))
}

// dropUsers closes the connections of users that are gone. The caller's own gets its
// reply first and is nobody's until then.
func (a *accessControl) dropUsers(gone ...*acl.User) {
	s := a.srv
	for _, u := range gone {
		for _, c := range s.clients.byFD {
			if c == nil || c.user != u {
				continue
			}
			if c != s.exec.client {
				s.clients.closeSoon(c)
				continue
			}
			c.user = a.users.Default
			c.set(flagAuthenticated, false)
			c.set(flagCloseAfterReply, true)
		}
	}
}

// dropSubscribers closes the connections of a user that are subscribed to what it has
// lost.
func (a *accessControl) dropSubscribers(u *acl.User) {
	for _, c := range a.srv.clients.byFD {
		if c == nil || c.user != u {
			continue
		}
		lost := false
		a.subscriptions(c, func(name []byte, pattern bool) bool {
			lost = !u.Channel(name, pattern)
			return !lost
		})
		switch {
		case !lost:
		case c == a.srv.exec.client:
			c.set(flagCloseAfterReply, true)
		default:
			a.srv.clients.closeSoon(c)
		}
	}
}
