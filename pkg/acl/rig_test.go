package acl_test

import (
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/acl"
)

// The commands of the tests and their categories. Those with a | are subcommands of
// the one before.
const (
	catRead = 1 << iota
	catWrite
	catAdmin
)

var categories = []string{"read", "write", "admin"}

func table() *acl.Table {
	rows := []acl.Command{
		{Name: "get", Categories: catRead, Parent: -1},
		{Name: "set", Categories: catWrite, Parent: -1},
		{Name: "mget", Categories: catRead, Parent: -1},
		{Name: "config", Parent: -1, Subs: []int{4, 5}},
		{Name: "config|get", Categories: catAdmin, Parent: 3},
		{Name: "config|set", Categories: catAdmin, Parent: 3},
		{Name: "select", Parent: -1},
		{Name: "auth", Parent: -1, NoAuth: true},
		{Name: "publish", Parent: -1},
		{Name: "psubscribe", Parent: -1},
		{Name: "getex", Categories: catWrite, Parent: -1},
	}
	return acl.NewTable(rows, categories)
}

// call is a command with the words that stand for it.
type call struct {
	line  string
	id    int
	keys  []acl.Word
	chans []acl.Word
}

func (c call) Keys() []acl.Word     { return c.keys }
func (c call) Channels() []acl.Word { return c.chans }

// parseCall makes a call of a line: of get, set and mget every argument is a key.
func parseCall(t testing.TB, line string) call {
	t.Helper()
	words := strings.Fields(line)
	c := call{line: line}
	access := acl.Access(0)
	switch words[0] {
	case "get":
		c.id, access = 0, acl.Read
	case "set":
		c.id, access = 1, acl.Write
	case "mget":
		c.id, access = 2, acl.Read
	case "config":
		c.id = 4
		if words[1] == "set" {
			c.id = 5
		}
	case "select":
		c.id = 6
	case "auth":
		c.id = 7
	case "publish":
		c.id, c.chans = 8, []acl.Word{{Pos: 1}}
	case "psubscribe":
		c.id, c.chans = 9, []acl.Word{{Pos: 1, Access: acl.Pattern}}
	default:
		t.Fatalf("no command %q", words[0])
	}
	if access != 0 {
		for i := range words[1:] {
			c.keys = append(c.keys, acl.Word{Pos: i + 1, Access: access})
		}
	}
	return c
}

// verdict shows a verdict in a word or two: "ok", "command", "key b".
func verdict(u *acl.User, c call) string {
	words := strings.Fields(c.line)
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = []byte(w)
	}
	v := u.Check(c.id, argv, c)
	switch v.Reason {
	case acl.Allowed:
		return "ok"
	case acl.DeniedCommand:
		return "command"
	}
	return v.Reason.String() + " " + words[v.Pos]
}

// allCalls are what verdicts are compared by.
var allCalls = []string{
	"get a", "get foo", "get b*", "set a", "set foo", "mget a foo", "mget", "config get x", "config set x", "select 0", "select 1", "select",
	"auth x", "publish news", "publish a", "psubscribe news", "psubscribe n*", "psubscribe a",
}

func verdicts(t testing.TB, u *acl.User) string {
	var b strings.Builder
	for _, line := range allCalls {
		b.WriteString(line + ": " + verdict(u, parseCall(t, line)) + "\n")
	}
	return b.String()
}

// newUser makes a user by rules, which must be right.
func newUser(t testing.TB, rules ...string) *acl.User {
	t.Helper()
	u, _, err := acl.NewUsers(table()).Set("joe", rules)
	check.NoErr(t, err)
	return u
}
