package acl_test

import (
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/acl"
)

const nothing = "off sanitize-payload resetchannels -@all"

// What a user's rules become when they are shown again.
func TestTextOfRules(t *testing.T) {
	const pw, hash = "secret", "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
	for _, tt := range []struct{ name, rules, want string }{
		{"new", "", nothing},
		{"empty words", "on  nopass", "on nopass sanitize-payload resetchannels -@all"},
		{"case", "ON NoPass ALLKEYS AllChannels AllCommands", "on nopass sanitize-payload ~* &* +@all"},
		{"off wins", "on off", nothing},
		{"payload", "skip-sanitize-payload", "off skip-sanitize-payload resetchannels -@all"},
		{"payload back", "skip-sanitize-payload sanitize-payload", nothing},
		{"password", ">" + pw, "off sanitize-payload #" + hash + " resetchannels -@all"},
		{"hash", "#" + hash, "off sanitize-payload #" + hash + " resetchannels -@all"},
		{"password twice", ">" + pw + " #" + hash, "off sanitize-payload #" + hash + " resetchannels -@all"},
		{"password ends nopass", "nopass >" + pw, "off sanitize-payload #" + hash + " resetchannels -@all"},
		{"password removed", ">" + pw + " <" + pw, nothing},
		{"hash removed", ">" + pw + " !" + hash, nothing},
		{"nopass forgets passwords", ">" + pw + " nopass resetpass", nothing},
		{"keys", "~a %R~b %W~c %rw~d %WR~e", "off sanitize-payload ~a %R~b %W~c ~d ~e resetchannels -@all"},
		{"keys add up", "%R~a ~b %W~a", "off sanitize-payload ~a ~b resetchannels -@all"},
		{"keys without a pattern", "%RW", "off sanitize-payload ~ resetchannels -@all"},
		{"all keys by access", "%RW~* ~a", "off sanitize-payload %RW~* ~a resetchannels -@all"},
		{"all keys", "~a ~*", "off sanitize-payload ~* resetchannels -@all"},
		{"no keys", "~* resetkeys ~a", "off sanitize-payload ~a resetchannels -@all"},
		{"channels", "&a &b* &a", "off sanitize-payload resetchannels &a &b* -@all"},
		{"all channels", "&a &*", "off sanitize-payload &* -@all"},
		{"no channels", "&* resetchannels &a", "off sanitize-payload resetchannels &a -@all"},

		{"commands", "+get -set", "off sanitize-payload resetchannels -@all +get -set"},
		{"order stays", "+@read -get +@write -set", "off sanitize-payload resetchannels -@all +@read -get +@write -set"},
		{"later replaces", "+get -get", "off sanitize-payload resetchannels -@all -get"},
		{"later replaces a category", "+@read +get -@READ", "off sanitize-payload resetchannels -@all +get -@read"},
		{"all makes void", "+get -@read +@all", "off sanitize-payload resetchannels +@all"},
		{"nothing makes void", "+@all -get -@all", nothing},
		{"what changes nothing stays", "+@all +get", "off sanitize-payload resetchannels +@all +get"},
		{"subcommand", "+CONFIG|GET", "off sanitize-payload resetchannels -@all +config|get"},
		{"container takes subcommands over", "+config|get +config", "off sanitize-payload resetchannels -@all +config"},
		{"subcommand of a container", "+config -config|set", "off sanitize-payload resetchannels -@all +config -config|set"},
		{"first argument", "+select|0 +SELECT|1 +select|0", "off sanitize-payload resetchannels -@all +select|1 +select|0"},
		{"first arguments go with the command", "+select|0 -select", "off sanitize-payload resetchannels -@all -select"},
		{"names with a common beginning", "+get +getex +mget -get", "off sanitize-payload resetchannels -@all +getex +mget -get"},

		{"selector", "+get (+set ~a)", "off sanitize-payload resetchannels -@all +get (~a resetchannels -@all +set)"},
		{"selector in several words", "( ~a  +set ) +get", "off sanitize-payload resetchannels -@all +get (~a resetchannels -@all +set)"},
		{"empty selector", "()", nothing + " (resetchannels -@all)"},
		{"selectors are cleared", "(+set) (+get) clearselectors", nothing},
		{"quotes in a selector", `("~a b+get" +set)`, ""},
		{"reset", "on >x ~* &* +@all (+get) skip-sanitize-payload reset", nothing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" {
				_, _, err := acl.NewUsers(table()).Set("joe", strings.Split(tt.rules, " "))
				check.True(t, err != nil, "a rule is wrong")
				return
			}
			u := newUser(t, strings.Split(tt.rules, " ")...)
			check.Eq(t, u.Text(), tt.want)
			check.Eq(t, u.Line(), "joe "+tt.want)
		})
	}
}

func TestWrongRulesChangeNothing(t *testing.T) {
	for _, tt := range []struct {
		rules string
		want  error
	}{
		{"+nosuch", acl.ErrUnknown}, {"-nosuch", acl.ErrUnknown}, {"+@nosuch", acl.ErrUnknown}, {"-@", acl.ErrUnknown},
		{"+config|nosuch", acl.ErrUnknown}, {"-config|nosuch", acl.ErrUnknown}, {"+get|a|b", acl.ErrUnknown}, {"-select|0", acl.ErrUnknown},
		{"+", acl.ErrUnknown}, {"-", acl.ErrUnknown}, {"+|", acl.ErrUnknown},
		{"+config|get|x", acl.ErrFirstArg}, {"+select|", acl.ErrSyntax}, {"+config|", acl.ErrSyntax},
		{"nosuch", acl.ErrSyntax}, {"%", acl.ErrSyntax}, {"%~", acl.ErrSyntax}, {"%~a", acl.ErrSyntax}, {"%RR~a", acl.ErrSyntax},
		{"%X~a", acl.ErrSyntax}, {")", acl.ErrSyntax}, {"(nosuch)", acl.ErrSyntax}, {"(on)", acl.ErrSyntax}, {`(~"a)`, acl.ErrSyntax},
		{"(+nosuch)", acl.ErrUnknown}, {"(&* &a)", acl.ErrAllChans}, {"~* ~a", acl.ErrAllKeys}, {"&* &a", acl.ErrAllChans},
		{"<none", acl.ErrNoPass}, {"!" + strings.Repeat("0", 64), acl.ErrNoPass},
		{"#0", acl.ErrHash}, {"#" + strings.Repeat("A", 64), acl.ErrHash}, {"!" + strings.Repeat("g", 64), acl.ErrHash},
	} {
		t.Run(tt.rules, func(t *testing.T) {
			us := acl.NewUsers(table())
			u, _, err := us.Set("joe", []string{"on", "+get"})
			check.NoErr(t, err)
			before := u.Text()
			words := strings.Fields(tt.rules)
			_, _, err = us.Set("joe", append([]string{"off"}, words...))
			check.ErrIs(t, err, tt.want)
			rule := words[len(words)-1]
			if strings.HasPrefix(tt.rules, "(") {
				rule = tt.rules
			}
			check.Eq(t, err.Error(), "Error in ACL SETUSER modifier '"+rule+"': "+tt.want.Error())
			check.Eq(t, u.Text(), before)
			_, _, err = us.Set("new", words)
			check.ErrIs(t, err, tt.want)
			check.True(t, us.Find("new") == nil, "no user was made")
		})
	}
	us := acl.NewUsers(table())
	for _, words := range [][]string{{"(", "+get"}, {"(+get", "(+set)", "(x"}, {"(+get", "(+set", "x)"}} {
		_, _, err := us.Set("joe", words)
		check.ErrContains(t, err, "Unmatched parenthesis in acl selector starting at '(")
	}
	for _, rule := range []string{"~a b", "&a\tb", "%R~a\x00", "+select|a b"} {
		_, _, err := us.Set("joe", []string{rule})
		check.ErrIs(t, err, acl.ErrSyntax)
	}
	for _, name := range []string{"a b", "a\n", "\x00"} {
		_, _, err := us.Set(name, nil)
		check.ErrIs(t, err, acl.ErrUserName)
	}
}

func TestChannelsOfNewSelectorsFollowTheDirective(t *testing.T) {
	us := acl.NewUsers(table())
	old, _, err := us.Set("old", nil)
	check.NoErr(t, err)
	us.SetAllChannels(true)
	u, _, err := us.Set("joe", []string{"(+get)"})
	check.NoErr(t, err)
	check.Eq(t, u.Text(), "off sanitize-payload &* -@all (&* -@all +get)")
	check.Eq(t, old.Text(), nothing)
	_, _, err = us.Set("old", []string{"reset"})
	check.NoErr(t, err)
	check.Eq(t, old.Text(), "off sanitize-payload &* -@all")
}
