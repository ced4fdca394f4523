package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/config"
)

func pairs(kv ...string) []config.Pair {
	var p []config.Pair
	for i := 0; i < len(kv); i += 2 {
		p = append(p, config.Pair{Name: kv[i], Value: kv[i+1]})
	}
	return p
}

func TestGet(t *testing.T) {
	c := config.New()
	for _, tt := range []struct {
		name     string
		patterns string
		want     []config.Pair
	}{
		{"exact", "maxmemory", pairs("maxmemory", "0")},
		{"as written", "MaxMemory", pairs("MaxMemory", "0")},
		{"no twice", "hz HZ hz h?", pairs("hz", "10")},
		{"pattern in any case", "MAXMEMORY-S*", pairs("maxmemory-samples", "5")},
		{"class", "[h]z", pairs("hz", "10")},
		{"alias alone", "slave-priority", pairs("slave-priority", "100")},
		{"name and alias", "*of", pairs("replicaof", "", "slaveof", "")},
		{"order of the table", "*max-listpack-entries hash-max-listpack-entries", pairs(
			"hash-max-listpack-entries", "512", "set-max-listpack-entries", "128", "zset-max-listpack-entries", "128")},
		{"nothing", "nosuch", nil},
		{"hidden by name", "key-load-delay", pairs("key-load-delay", "0")},
		{"hidden from patterns", "key-load*", nil},
		{"for files only", "include user* rename-command", nil},
	} {
		t.Run(tt.name, func(t *testing.T) { check.Eq(t, c.Get(strings.Fields(tt.patterns)...), tt.want) })
	}
	all := c.Get("*")
	check.True(t, len(all) > 190, "too few")
}

func TestSetErrors(t *testing.T) {
	const failed = "ERR CONFIG SET failed (possibly related to argument '%s') - %s"
	for _, tt := range []struct {
		name  string
		by    config.Caller
		pairs []config.Pair
		want  string
	}{
		{"unknown", config.Caller{}, pairs("hz", "1", "Nope", "1"), "ERR Unknown option or number of arguments for CONFIG SET - 'Nope'"},
		{"file only", config.Caller{}, pairs("include", "/x"), "ERR Unknown option or number of arguments for CONFIG SET - 'include'"},
		{"immutable", config.Caller{}, pairs("Daemonize", "yes"), fmt.Sprintf(failed, "Daemonize", "can't set immutable config")},
		{"protected", config.Caller{}, pairs("dir", "/"), fmt.Sprintf(failed, "dir", "can't set protected config")},
		{"duplicate", config.Caller{}, pairs("hz", "1", "HZ", "2"), fmt.Sprintf(failed, "HZ", "duplicate parameter")},
		{"duplicate alias", config.Caller{}, pairs("slave-priority", "1", "replica-priority", "2"), fmt.Sprintf(failed, "replica-priority", "duplicate parameter")},
		{"loading", config.Caller{Loading: true}, pairs("appendonly", "yes"), "LOADING Redis is loading the dataset in memory"},
		{"bad value", config.Caller{}, pairs("maxmemory", "1", "HZ", "x"), fmt.Sprintf(failed, "hz", "argument couldn't be parsed into an integer")},
		{"alias keeps its name", config.Caller{}, pairs("slave-priority", "x"), fmt.Sprintf(failed, "slave-priority", "argument couldn't be parsed into an integer")},
		{"two blanks", config.Caller{}, pairs("save", "900  1"), fmt.Sprintf(failed, "save", "Invalid save parameters")},
		{"no words", config.Caller{}, pairs("shutdown-on-sigint", ""), fmt.Sprintf(failed, "shutdown-on-sigint", "argument(s) must be one of the following: default, save, nosave, now, force")},
		{"immutable before a later unknown", config.Caller{}, pairs("port", "x", "daemonize", "yes", "nope", "1"), fmt.Sprintf(failed, "daemonize", "can't set immutable config")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := config.New()
			before := c.Get("*")
			err := c.Set(tt.by, tt.pairs...)
			var e *config.SetError
			check.True(t, errors.As(err, &e), "no error")
			check.Eq(t, e.Reply(), tt.want)
			check.Eq(t, c.Get("*"), before)
		})
	}
}

func TestSetValues(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"maxmemory", "1gb", "1073741824"},
		{"maxmemory", "100", "100"},
		{"maxmemory-clients", "7%", "7%"},
		{"maxmemory-clients", "7mb", "7340032"},
		{"save", "900 1 300 10", "900 1 300 10"},
		{"save", "", ""},
		{"hz", "0", "1"},
		{"hz", "5000", "500"},
		{"client-output-buffer-limit", "replica 1 2 3", "normal 0 0 0 slave 1 2 3 pubsub 33554432 8388608 60"},
		{"client-output-buffer-limit", "", "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"},
		{"notify-keyspace-events", "KEA", "AKE"},
		{"notify-keyspace-events", "KEAmn", "AnKEm"},
		{"notify-keyspace-events", "Eg$lshzxetd", "AE"},
		{"notify-keyspace-events", "nKx", "xnK"},
		{"shutdown-on-sigint", "now SAVE", "save now"},
		{"latency-tracking-info-percentiles", "50.5 100.0 0.001", "50.5 100 0.001"},
		{"latency-tracking-info-percentiles", "", ""},
		{"oom-score-adj", "relative", "yes"},
		{"appendonly", "YES", "yes"},
		{"bind", "", ""},
		{"proc-title-template", "{{{title}-{port}", "{{{title}-{port}"},
		{"maxclients", "4294967295", "4294967295"},
	} {
		t.Run(tt.name+" "+tt.value, func(t *testing.T) {
			c := config.New()
			check.NoErr(t, c.Set(config.Caller{}, pairs(tt.name, tt.value)...))
			check.Eq(t, c.Get(tt.name)[0].Value, tt.want)
			// What GET shows, SET takes.
			check.NoErr(t, c.Set(config.Caller{}, pairs(tt.name, tt.want)...))
			check.Eq(t, c.Get(tt.name)[0].Value, tt.want)
		})
	}
}

func TestProtectedActions(t *testing.T) {
	for _, tt := range []struct {
		value         string
		local, remote bool
	}{{"no", false, false}, {"yes", true, true}, {"local", true, false}} {
		c := load(t, "enable-protected-configs "+tt.value)
		check.Eq(t, c.Set(config.Caller{Local: true}, pairs("dbfilename", "a")...) == nil, tt.local)
		check.Eq(t, c.Set(config.Caller{}, pairs("dbfilename", "b")...) == nil, tt.remote)
		check.Eq(t, c.Allows(config.EnableDebugCommand, true), false)
	}
}

func TestHooks(t *testing.T) {
	c := config.New()
	var log []string
	var fail error
	hook := func(name string, err *error, ids ...config.ID) {
		c.OnApply(func() error {
			log = append(log, name+" "+c.Value(ids[0]))
			return *err
		}, ids...)
	}
	var ok error
	hook("a", &ok, config.MaxMemory, config.MaxMemoryPolicy)
	hook("b", &fail, config.Timeout)
	hook("c", &ok, config.TCPKeepAlive)

	check.NoErr(t, c.Set(config.Caller{}, pairs("maxmemory-policy", "allkeys-lru", "timeout", "1", "maxmemory", "9", "hz", "7")...))
	check.Eq(t, log, []string{"a 9", "b 1"})

	log = nil
	check.NoErr(t, c.Set(config.Caller{}, pairs("maxmemory", "9", "timeout", "1")...))
	check.Eq(t, len(log), 0)

	fail = errors.New("Unable to do it")
	before := c.Get("*")
	err := c.Set(config.Caller{}, pairs("maxmemory", "10", "timeout", "2", "tcp-keepalive", "3")...)
	var e *config.SetError
	check.True(t, errors.As(err, &e), "no error")
	check.Eq(t, e.Reply(), "ERR CONFIG SET failed (possibly related to argument 'timeout') - Unable to do it")
	check.ErrIs(t, e.Rollback, fail)
	check.Eq(t, log, []string{"a 10", "b 2", "a 9", "b 1"})
	check.Eq(t, c.Get("*"), before)
}

func TestOverride(t *testing.T) {
	c := config.New()
	c.OnApply(func() error { return c.Override(config.Dir, "/srv/data") }, config.Dir)
	check.NoErr(t, c.Override(config.EnableProtectedConfigs, "yes"))
	check.NoErr(t, c.Set(config.Caller{}, pairs("dir", "data")...))
	check.Eq(t, c.String(config.Dir), "/srv/data")
	check.ErrContains(t, c.Override(config.Hz, "x"), "config: hz: ")
}

func TestReload(t *testing.T) {
	fsys := files(t, map[string]string{"/r.conf": "port 1\nhz 10\ntimeout 5\ndatabases 3\n"})
	c, err := config.Load(config.Source{FS: fsys, File: "/r.conf", Options: "tcp-keepalive 9"})
	check.NoErr(t, err)
	applied := 0
	c.OnApply(func() error { applied++; return nil }, config.Timeout)
	check.NoErr(t, c.Set(config.Caller{}, pairs("hz", "77", "maxmemory", "5")...))

	r, err := c.Reload()
	check.NoErr(t, err)
	check.Eq(t, r, config.Reloaded{})

	write := func(text string) { check.NoErr(t, vfs.WriteFile(fsys, "/r.conf", []byte(text), 0o644)) }
	write("port 1\nhz 10\ntimeout 6\ndatabases 4\n")
	for _, want := range []config.Reloaded{
		{Applied: []string{"timeout"}, Ignored: []string{"databases"}},
		{Ignored: []string{"databases"}},
	} {
		r, err = c.Reload()
		check.NoErr(t, err)
		check.Eq(t, r, want)
		check.Eq(t, applied, 1)
		check.Eq(t, c.Value(config.Timeout)+" "+c.Value(config.Hz)+" "+c.Value(config.Databases), "6 77 3")
		check.Eq(t, c.Value(config.MaxMemory)+" "+c.Value(config.TCPKeepAlive), "5 9")
	}

	write("port 1\nhz 10\ntimeout 7\nfoo\n")
	_, err = c.Reload()
	check.ErrContains(t, err, "/r.conf:4: 'foo'")
	check.Eq(t, c.Value(config.Timeout), "6")

	refuse := errors.New("no")
	c.OnApply(func() error { return refuse }, config.MaxClients)
	write("port 1\ntimeout 8\nmaxclients 5\n")
	_, err = c.Reload()
	check.ErrContains(t, err, "'maxclients') - no")
	check.Eq(t, c.Value(config.Timeout)+c.Value(config.MaxClients), "610000")
}

// The rate of snapshots is a number of bytes, or a word.
func TestSnapshotRate(t *testing.T) {
	c := config.New()
	for _, tt := range []struct {
		text string
		ok   bool
	}{{"0", true}, {"1000", true}, {"50mb", true}, {"auto", true}, {"Auto", false}, {"-1", false}, {"", false}, {"fast", false}} {
		err := c.Set(config.Caller{}, pairs("snapshot-max-bytes-per-sec", tt.text)...)
		check.Eq(t, tt.text+" "+fmt.Sprint(err == nil), tt.text+" "+fmt.Sprint(tt.ok))
	}
}
