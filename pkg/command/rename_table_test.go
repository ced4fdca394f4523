package command_test

import (
	"testing"

	"redisd/internal/check"
	"redisd/pkg/command"
)

func TestRenamedCommandIsCalledByItsNewNameAndLoggedByItsOwn(t *testing.T) {
	table := command.NewTable(command.Families()...)
	check.NoErr(t, table.Rename("set", "PUT"))
	check.NoErr(t, table.Rename("del", ""))
	words := func(w ...string) (out [][]byte) {
		for _, s := range w {
			out = append(out, []byte(s))
		}
		return out
	}
	check.True(t, table.Resolve(words("SET", "k", "v")) == nil, "clients still see the old name")
	check.True(t, table.Resolve(words("DEL", "k")) == nil, "a removed command is still there")
	check.Eq(t, table.Resolve(words("put", "k", "v")).Name, "set")
	check.Eq(t, table.ResolveLogged(words("SET", "k", "v")).Name, "set")
	check.Eq(t, table.ResolveLogged(words("del", "k")).Name, "del")
	check.ErrContains(t, table.Rename("nonesuch", "x"), "No such command")
	check.ErrContains(t, table.Rename("get", "put"), "already exists")
}
