package server

import (
	"errors"
	"os"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/acl"
	"redisd/pkg/command"
	"redisd/pkg/config"
)

// A user who may not do everything costs time and no memory.
func TestCheckedCommandsAllocateNothing(t *testing.T) {
	b := newBench(t)
	u, _, err := b.s.acl.users.Set("joe", []string{"on", "nopass", "~k*", "%R~n*", "+@all", "-debug", "(+get ~counter)"})
	check.NoErr(t, err)
	for _, words := range [][]string{{"GET", "key:1"}, {"MGET", "none", "key:1"}, {"SET", "key:1", "v"}, {"EXISTS", "key:1", "key:2"}} {
		b.c.user = b.s.acl.users.Default
		req := request(words...)
		run := func() {
			if out := b.do(req); out[0] == '-' {
				t.Fatalf("reply %q", out)
			}
		}
		for range 100 {
			run()
		}
		before := testing.AllocsPerRun(50, run)
		b.c.user = u
		for range 100 {
			run()
		}
		check.Eq(t, testing.AllocsPerRun(50, run), before)
	}
}

func BenchmarkCheckedGET(b *testing.B) {
	bb := newBench(b)
	u, _, err := bb.s.acl.users.Set("joe", []string{"~key:*", "+get"})
	check.NoErr(b, err)
	req := request("GET", "key:1")
	for _, tt := range []struct {
		name string
		user *acl.User
	}{{"default", bb.c.user}, {"one pattern", u}} {
		b.Run(tt.name, func(b *testing.B) {
			bb.c.user = tt.user
			for b.Loop() {
				bb.do(req)
			}
		})
	}
}

// A command whose key specs do not tell all of its keys must find them otherwise:
// what is not found is not checked.
func TestAllKeysAreFound(t *testing.T) {
	b := newBench(t)
	for _, spec := range b.s.table.All() {
		for _, k := range spec.Keys {
			if (k.Flags&command.KeyIncomplete != 0 || k.Unknown && k.Flags&command.KeyNotKey == 0) && spec.FindKeys == nil {
				t.Errorf("%s has keys that nobody finds", spec.FullName)
			}
		}
	}
}

func TestChannelsOfCommands(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []acl.Word
	}{
		{"publish a b", []acl.Word{{Pos: 1}}},
		{"spublish a b", []acl.Word{{Pos: 1}}},
		{"subscribe a b", []acl.Word{{Pos: 1}, {Pos: 2}}},
		{"ssubscribe a", []acl.Word{{Pos: 1}}},
		{"psubscribe a b", []acl.Word{{Pos: 1, Access: acl.Pattern}, {Pos: 2, Access: acl.Pattern}}},
		{"unsubscribe a", nil},
		{"punsubscribe a", nil},
	} {
		var argv [][]byte
		for _, w := range strings.Fields(tt.line) {
			argv = append(argv, []byte(w))
		}
		w := (&callWords{}).reset(&command.Spec{FullName: string(argv[0]), Flags: command.PubSub}, argv)
		check.Eq(t, len(w.Channels()), len(tt.want))
		for i, c := range w.Channels() {
			check.Eq(t, c, tt.want[i])
		}
	}
}

func TestSubscribersLoseTheirConnectionWithTheirChannels(t *testing.T) {
	b := newBench(t)
	a := b.s.acl
	u, _, err := a.users.Set("joe", []string{"&a", "&p*"})
	check.NoErr(t, err)
	c := b.s.newClient(-1)
	c.user = u
	b.s.clients.byFD = []*client{c}
	defer func() { b.s.clients.byFD = nil }()
	subscribed := []string{"a", "p*"}
	a.subscriptions = func(_ *client, fn func([]byte, bool) bool) {
		for _, name := range subscribed {
			if !fn([]byte(name), strings.HasSuffix(name, "*")) {
				return
			}
		}
	}
	for _, tt := range []struct {
		rules string
		want  bool
	}{{"&b", false}, {"&*", false}, {"resetchannels &a &p*", false}, {"resetchannels &* ", false}, {"resetchannels &a &p", true}} {
		_, revoked, err := a.users.Set("joe", strings.Fields(tt.rules))
		check.NoErr(t, err)
		if revoked {
			a.dropSubscribers(u)
		}
		check.True(t, c.has(flagCloseSoon) == tt.want, tt.rules)
	}
}

// However ACL SAVE fails, the file is the old one or the new one, and no other is
// left.
func TestACLSaveFailsWhole(t *testing.T) {
	b := newBench(t)
	check.NoErr(t, b.s.cfg.Override(config.ACLFile, "users.acl"))
	const old = "user old on\n"
	for i := int64(0); ; i++ {
		mem := vfs.NewMem()
		f, err := mem.OpenFile("users.acl", os.O_WRONLY|os.O_CREATE, 0o600)
		check.NoErr(t, err)
		_, err = f.Write([]byte(old))
		check.NoErr(t, errors.Join(err, f.Sync(), f.Close(), mem.SyncDir(".")))
		b.s.opt.FS = vfs.NewFault(mem, vfs.Kinds(vfs.OnIndex(i, errors.New("broken")),
			vfs.OpCreate, vfs.OpWrite, vfs.OpSync, vfs.OpClose, vfs.OpRename, vfs.OpSyncDir))
		err = b.s.acl.saveFile()
		for _, fsys := range []*vfs.Mem{mem, mem.CrashClone(nil)} {
			text, rerr := vfs.ReadFile(fsys, "users.acl")
			check.NoErr(t, rerr)
			if fresh := b.s.acl.users.Lines(); string(text) != fresh && (string(text) != old || err == nil) {
				t.Fatalf("operation %d failed, the file is %q", i, text)
			}
		}
		if err == nil {
			check.True(t, i >= 6, "all operations were broken once")
			return
		}
		check.ErrContains(t, err, "broken")
		if _, err := mem.Stat("users.acl.save"); err == nil {
			t.Fatalf("operation %d failed, and the temporary file is left", i)
		}
	}
}
