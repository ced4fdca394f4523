package acl_test

import (
	"fmt"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/acl"
)

func names(us *acl.Users) string {
	var list []string
	for _, u := range us.List() {
		list = append(list, u.Name)
	}
	return strings.Join(list, " ")
}

func TestUsersComeAndGo(t *testing.T) {
	us := acl.NewUsers(table())
	check.Eq(t, names(us), "default")
	check.Eq(t, us.Default.Text(), "on nopass sanitize-payload ~* &* +@all")
	for _, n := range []string{"zoe", "joe"} {
		_, _, err := us.Set(n, nil)
		check.NoErr(t, err)
	}
	check.Eq(t, names(us), "default joe zoe")
	check.Eq(t, us.Delete("joe").Name, "joe")
	check.True(t, us.Delete("joe") == nil, "it is gone")
	us.Delete("default")
	check.Eq(t, names(us), "default zoe")
	us.SetDefaultPassword("x")
	check.True(t, !us.Default.NoPass() && us.Default.Password([]byte("x")), "it has a password")
	us.SetDefaultPassword("")
	check.True(t, us.Default.NoPass(), "it has none")
}

func TestDefine(t *testing.T) {
	us := acl.NewUsers(table())
	_, err := us.Define("joe", []string{"on"})
	check.NoErr(t, err)
	_, err = us.Define("joe", nil)
	check.ErrIs(t, err, acl.ErrDuplicate)
	u, err := us.Define("default", []string{"on", "+get"})
	check.NoErr(t, err)
	check.True(t, u == us.Default, "the default user stays the same one")
	check.Eq(t, u.Text(), "on sanitize-payload resetchannels -@all +get")
}

func TestFileRoundTrip(t *testing.T) {
	us := acl.NewUsers(table())
	for name, rules := range map[string]string{
		"joe": "on >a ~x( ~y) &c (~b +get) (%R~c -@all)", "zoë": `~"q" ~'s`, "\"": "on", "default": "resetpass >p -@write",
	} {
		_, _, err := us.Set(name, strings.Fields(rules))
		check.NoErr(t, err)
	}
	_, _, err := us.Set("odd", []string{`("~a)" "~b\"" "~q\"r'" +get)`})
	check.NoErr(t, err)
	text := us.Lines()
	again := acl.NewUsers(table())
	def := again.Default
	gone, err := again.Load("f", text)
	check.NoErr(t, err)
	check.Eq(t, len(gone), 0)
	check.Eq(t, again.Lines(), text)
	check.True(t, again.Default == def && again.Find("default") == def, "the default user stays the same one")
}

func TestLoadReplacesAll(t *testing.T) {
	us := acl.NewUsers(table())
	_, _, err := us.Set("joe", nil)
	check.NoErr(t, err)
	_, _, err = us.Set("default", []string{"off"})
	check.NoErr(t, err)
	joe := us.Find("joe")
	gone, err := us.Load("f", "\n \t\r\nuser zoe on +get\r\n\n")
	check.NoErr(t, err)
	check.Eq(t, fmt.Sprint(len(gone), gone[0] == joe), "1 true")
	check.Eq(t, us.Lines(), "user default on nopass sanitize-payload ~* &* +@all\nuser zoe on sanitize-payload resetchannels -@all +get\n")
}

func TestLoadTellsMistakesAndChangesNothing(t *testing.T) {
	const end = " WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
	for _, tt := range []struct{ name, text, want string }{
		{"no user", "user a on\nusr b", "f:2 should start with user keyword followed by the username."},
		{"comment", "# hello", "f:1 should start with user keyword followed by the username."},
		{"no name", "user", "f:1 should start with user keyword followed by the username."},
		{"name", "user a\vb on", "f:1: username 'a\vb' contains invalid characters."},
		{"twice", "user a\nuser b\nuser a", "WARNING: Duplicate user 'a' found on line 3."},
		{"default twice", "user default\nuser default", "WARNING: Duplicate user 'default' found on line 2."},
		{"command", "\nuser a +nosuch", "f:2: Error in applying operation '+nosuch': Unknown command or category name in ACL."},
		{"secret", "user a nopass <secret", "f:1: The password you are trying to remove from the user does not exist."},
		{"syntax", "user a nosuch", "f:1: Syntax error."},
		{"parenthesis", "user a (+get", "f:1: Unmatched parenthesis in selector definition."},
		{"several", "user a x\nuser b y\nuser a", "f:1: Syntax error. f:2: Syntax error. WARNING: Duplicate user 'a' found on line 3."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			us := acl.NewUsers(table())
			_, _, err := us.Set("joe", []string{"on"})
			check.NoErr(t, err)
			before := us.Lines()
			_, err = us.Load("f", tt.text)
			check.True(t, err != nil, "an error")
			check.Eq(t, err.Error(), tt.want+end)
			check.Eq(t, us.Lines(), before)
		})
	}
}

func TestLogGroupsWhatIsTheSame(t *testing.T) {
	l := acl.Log{Most: 3}
	add := func(object string, ms int64) {
		l.Add(acl.Entry{Reason: acl.DeniedKey, Context: "toplevel", Object: object, User: "joe", Client: fmt.Sprint("at ", ms), UpdatedMs: ms})
	}
	show := func() string {
		var b strings.Builder
		for _, e := range l.Entries(10) {
			fmt.Fprintf(&b, "%d:%sx%d[%d-%d]%q ", e.ID, e.Object, e.Count, e.CreatedMs, e.UpdatedMs, e.Client)
		}
		return strings.TrimSpace(b.String())
	}
	add("a", 0)
	add("b", 10)
	add("a", 60_000)
	check.Eq(t, show(), `0:ax2[0-60000]"at 60000" 1:bx1[10-10]"at 10"`)
	add("a", 120_001)
	check.Eq(t, show(), `2:ax1[120001-120001]"at 120001" 0:ax2[0-60000]"at 60000" 1:bx1[10-10]"at 10"`)
	l.Add(acl.Entry{Reason: acl.DeniedKey, Context: "multi", Object: "a", User: "joe", UpdatedMs: 120_001})
	l.Add(acl.Entry{Reason: acl.DeniedCommand, Context: "multi", Object: "a", User: "joe", UpdatedMs: 120_001})
	l.Add(acl.Entry{Reason: acl.DeniedCommand, Context: "multi", Object: "a", User: "zoe", UpdatedMs: 120_001})
	check.Eq(t, len(l.Entries(10)), 3)
	check.Eq(t, l.Entries(1)[0].ID, int64(5))
	l.Reset()
	check.Eq(t, show(), "")
	l.Most = 0
	add("a", 0)
	check.Eq(t, show(), "")
}
