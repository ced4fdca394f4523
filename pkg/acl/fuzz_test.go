package acl_test

import (
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/acl"
	"redisd/pkg/config"
)

// FuzzRules gives a user arbitrary rules, one a line. What is accepted must come back
// from each of its texts with the same rights, and what is refused must change nothing.
func FuzzRules(f *testing.F) {
	for _, s := range []string{
		"on\nnopass\n~*\n&*\n+@all", ">pw\n~a\n%R~b\n+get\n-@write\n(~x +set)\n(+config|get)", "+select|0\n-select\n+SELECT|x",
		"(\n~a\n+get)\nclearselectors\nreset", "%RW~*\n~a\n&news\n&n*", `("~a)" ~b" +get)`, "+@read\n+select|0\n-@read\n+mget", "+config\n-config|get\n+config|get",
		"~\xff\xfe\n(~\"\\xff\" +get)", "+@all\n-@admin\n+config", "&a\n&b\nresetchannels\n&a", "(~a))",
	} {
		f.Add(s, "joe")
	}
	f.Fuzz(func(t *testing.T, rules, name string) {
		us := acl.NewUsers(table())
		u, _, err := us.Set(name, []string{"on", "+get", "~a"})
		if err != nil {
			check.Eq(t, len(us.List()), 1)
			return
		}
		before := us.Lines()
		if _, _, err := us.Set(name, strings.Split(rules, "\n")); err != nil {
			check.Eq(t, us.Lines(), before)
			return
		}
		want := verdicts(t, u)
		words, ok := config.SplitArgs(u.Line())
		check.True(t, ok && words[0] == name, "the line begins with the name")
		line := acl.NewUsers(table())
		again, err := line.Define(name, words[1:])
		check.NoErr(t, err)
		check.Eq(t, again.Line(), u.Line())
		check.Eq(t, verdicts(t, again), want)
		file := acl.NewUsers(table())
		_, err = file.Load("f", us.Lines())
		check.NoErr(t, err)
		check.Eq(t, file.Lines(), us.Lines())
		check.Eq(t, verdicts(t, file.Find(name)), want)
	})
}

// FuzzFile loads arbitrary text: all of it or nothing.
func FuzzFile(f *testing.F) {
	f.Add("user a on +get\nuser b (~x +set)\n")
	f.Add("user default off\nuser a on >x nosuch")
	f.Fuzz(func(t *testing.T, text string) {
		us := acl.NewUsers(table())
		before := us.Lines()
		if _, err := us.Load("f", text); err != nil {
			check.Eq(t, us.Lines(), before)
			return
		}
		check.True(t, us.Find("default") == us.Default, "there is a default user")
		again := acl.NewUsers(table())
		_, err := again.Load("f", us.Lines())
		check.NoErr(t, err)
		check.Eq(t, again.Lines(), us.Lines())
	})
}
