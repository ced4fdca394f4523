package acl_test

import (
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/acl"
)

func TestVerdicts(t *testing.T) {
	for _, tt := range []struct{ rules, call, want string }{
		{"", "get a", "command"},
		{"", "auth x", "ok"},
		{"-@all", "auth x", "ok"},
		{"+get", "get a", "key a"},
		{"+get ~a", "get a", "ok"},
		{"+get ~A", "get a", "key a"},
		{"+get ~b", "get a", "key a"},
		{"+get ~[ab]*", "get bcd", "ok"},
		{"+get %W~a", "get a", "key a"},
		{"+set %W~a", "set a", "ok"},
		{"+set %R~a", "set a", "key a"},
		{"+mget ~a ~c", "mget a b c d", "key b"},
		{"+mget ~", "mget a", "key a"},
		{"+@read ~*", "mget a", "ok"},
		{"+@read -mget ~*", "mget a", "command"},
		{"+@all -@write ~*", "set a", "command"},
		{"+@all -@write ~*", "get a", "ok"},
		{"+config", "config set x", "ok"},
		{"+config -config|set", "config set x", "command"},
		{"+config -config|set", "config get x", "ok"},
		{"+config|get", "config get x", "ok"},
		{"+config|get", "config set x", "command"},
		{"+@admin", "config set x", "ok"},
		{"+select|0", "select 0", "ok"},
		{"+select|zero", "select ZERO", "ok"},
		{"+select|0", "select 1", "command"},
		{"+select|0", "select", "command"},
		{"+select +select|0", "select 1", "ok"},
		{"+select|0 -@all", "select 0", "command"},
		{"+publish", "publish news", "channel news"},
		{"+publish &n*", "publish news", "ok"},
		{"+psubscribe &n*", "psubscribe news", "channel news"},
		{"+psubscribe &n*", "psubscribe n*", "ok"},
		{"+psubscribe &*", "psubscribe anything*", "ok"},
		// Selectors do not add up; the one that came nearest tells the reason.
		{"+get ~a (+set ~b)", "get b", "key b"},
		{"+get ~a (+set ~b)", "set b", "ok"},
		{"+get ~a (+set ~b)", "config get x", "command"},
		{"+mget ~key (+mget ~key ~other)", "mget other some", "key some"},
		{"+mget ~key ~other (+mget ~key)", "mget other some", "key some"},
		{"(%R~a +@all) (%W~a +@all)", "set a", "ok"},
	} {
		t.Run(tt.rules+": "+tt.call, func(t *testing.T) {
			check.Eq(t, verdict(newUser(t, strings.Fields(tt.rules)...), parseCall(t, tt.call)), tt.want)
		})
	}
}

func TestFreeUsers(t *testing.T) {
	for _, tt := range []struct {
		rules string
		want  bool
	}{
		{"", false}, {"~* &* +@all", true}, {"~* +@all", false}, {"&* +@all", false}, {"~* &* +@read +@write", false},
		{"~* &* +@all -get", false}, {"~a &* +@all", false}, {"(~* &* +@all)", true}, {"~* &* +@all resetkeys", false},
		{"~* &* +@all reset", false}, {"~* &* -@all allcommands", true},
	} {
		check.Eq(t, newUser(t, strings.Fields(tt.rules)...).Free(), tt.want)
	}
	var server *acl.User
	check.True(t, server.Free(), "the server itself may do everything")
	check.Eq(t, server.Check(0, nil, nil), acl.Verdict{})
	check.True(t, server.Channel(nil, true) && server.ReadsAll(0, nil, nil), "all of it")
}

func TestReadsAll(t *testing.T) {
	for _, tt := range []struct {
		rules string
		want  bool
	}{
		{"~* &* +@all", true}, {"+get ~a", false}, {"+get ~*", true}, {"+get ~a %R~*", true}, {"+get ~a %W~*", false},
		{"+set ~* (+get ~a)", false}, {"+set ~* (+get %R~*)", true}, {"~** +get", false},
	} {
		c := parseCall(t, "get a")
		got := newUser(t, strings.Fields(tt.rules)...).ReadsAll(c.id, [][]byte{[]byte("get"), []byte("a")}, c)
		check.True(t, got == tt.want, tt.rules)
	}
}

func TestPasswords(t *testing.T) {
	for _, tt := range []struct {
		rules, password string
		want            bool
	}{
		{"on >a >b", "a", true}, {"on >a >b", "b", true}, {"on >a >b", "c", false}, {"on >a", "", false}, {"on >", "", true},
		{"off >a", "a", false}, {"on", "", false}, {"on nopass", "anything", true}, {"off nopass", "x", false},
		{"on nopass >a", "x", false}, {"on >a <a", "a", false}, {"on nopass resetpass", "", false},
	} {
		check.True(t, newUser(t, strings.Fields(tt.rules)...).Password([]byte(tt.password)) == tt.want, tt.rules)
	}
}

func TestLostChannelsAreTold(t *testing.T) {
	for _, tt := range []struct {
		before, rules string
		want          bool
	}{
		{"&a", "resetchannels", true}, {"&a", "resetchannels &a &b", false}, {"&a", "&*", false}, {"&a &b", "resetchannels &a", true},
		{"&*", "resetchannels &a", true}, {"&*", "+get", false}, {"", "&a", false}, {"&a", "resetchannels (&a)", false},
		{"(&a)", "clearselectors", true}, {"&a", "resetchannels &*", false}, {"&a", "reset", true},
	} {
		us := acl.NewUsers(table())
		_, revoked, err := us.Set("joe", strings.Fields(tt.before))
		check.NoErr(t, err)
		check.True(t, !revoked, "a new user has lost nothing")
		_, revoked, err = us.Set("joe", strings.Fields(tt.rules))
		check.NoErr(t, err)
		check.True(t, revoked == tt.want, tt.before+": "+tt.rules)
	}
}

func TestChecksAllocateNothing(t *testing.T) {
	free := newUser(t, "~*", "&*", "+@all")
	bound := newUser(t, "~k*", "+get", "(~a +set)")
	c := parseCall(t, "get key")
	argv := [][]byte{[]byte("get"), []byte("key")}
	var words acl.Words = c
	for _, u := range []*acl.User{free, bound} {
		check.Eq(t, testing.AllocsPerRun(100, func() {
			if u.Check(c.id, argv, words).Reason != acl.Allowed {
				t.Error("refused")
			}
		}), 0)
	}
}
