package config_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/config"
)

// What Quote writes, SplitArgs reads, and splitting does not depend on how the
// arguments were quoted.
func FuzzSplitArgs(f *testing.F) {
	for _, s := range []string{
		"", "a b", `"a b" 'c d'`, `"a\x41\n\q" 'it\'s'`, `a"b c"`, `"a"b`, `"`, "\t a\vb \v c", `"\x4"`, "'a\\'", "a\x00b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args, ok := config.SplitArgs(line)
		if !ok {
			check.Eq(t, len(args), 0)
			return
		}
		quoted := make([]string, len(args))
		for i, a := range args {
			quoted[i] = config.Quote(a)
			check.True(t, !strings.ContainsAny(quoted[i], "\n\x00"), "not on one line")
		}
		again, ok := config.SplitArgs(strings.Join(quoted, " "))
		check.True(t, ok, "quoted text is not understood")
		check.Eq(t, again, args)
	})
}

// fuzzRewrite loads text, changes some values, rewrites, loads again.
func fuzzRewrite(t *testing.T, file, text, value string) {
	if strings.Contains(text, "include") {
		return // what an include sets later is not the rewrite's to keep
	}
	fsys := files(t, map[string]string{file: text})
	c, err := config.Load(config.Source{FS: fsys, File: file, Sockets: 1})
	if err != nil {
		var e *config.Error
		check.True(t, errors.As(err, &e), "an error of another type")
		check.True(t, e.Line <= strings.Count(text, "\n")+1, "line behind the end")
		return
	}
	for _, name := range []string{"requirepass", "hz", "maxmemory", "save", "bind", "notify-keyspace-events", "client-output-buffer-limit", "shutdown-on-sigint"} {
		_ = c.Set(config.Caller{}, config.Pair{Name: name, Value: value}) // refused mostly
	}
	if err := c.Rewrite(); err != nil {
		check.ErrContains(t, err, "not UTF-8")
		return
	}
	sameAfterLoad(t, fsys, file, c)
	first, err := vfs.ReadFile(fsys, file)
	check.NoErr(t, err)
	check.NoErr(t, c.Rewrite())
	second, err := vfs.ReadFile(fsys, file)
	check.NoErr(t, err)
	check.Eq(t, string(second), string(first))
}

func FuzzTOML(f *testing.F) {
	manualText, err := os.ReadFile(manual)
	check.NoErr(f, err)
	for _, s := range []string{
		"", "port = 7", "[network]\nport = 7 # x", "network.port = 7\n'hz' = 3", "save = [\n \"1 2\", # c\n]\n[memory]",
		"logfile = \"\"\"a\n\"quoted\"\"\"\"\"\n# hz = 1\nhz = 20\n", "logfile = '''\n[x]\n''' # y", "[network]\r\nport = 1\r\n",
		"\ufeff[ general ]\n\"hz\"=20", "bind = [\"::1\", '*']\nmaxmemory-clients = '5%'", "[process]\noom-score-adj-values=[1,\n2,3]",
		"user = ['a on', \"b off\"]\nunixsocketperm = '770'", "notify-keyspace-events = \"KEA\\u006e\"", string(manualText),
		strings.ReplaceAll(string(manualText), "\n# s", "\ns"),
	} {
		f.Add(s, "20")
	}
	f.Add("hz = 3", "\"\\\x7f\t\u00e4")
	f.Add("hz = 3", "60 1")
	f.Fuzz(func(t *testing.T, text, value string) { fuzzRewrite(t, "/r.toml", text, value) })
}

func FuzzConf(f *testing.F) {
	for _, s := range []string{
		"", "port 7\n", "save 1 2\nsave \"3 4\"\n\n# c\nHZ 20", "bind a b\r\nlogfile \"\\x00\"", "client-output-buffer-limit normal 1 2 3\nhz 1\nhz 2",
		"user a on\nrename-command A \"\"\nlua-replicate-commands x", "maxmemory-clients 5%\nunixsocketperm 70\nsave", "dir '/x y'\nproc-title-template {{x",
	} {
		f.Add(s, "20")
	}
	f.Add("save 1 1", "60 1 30 2")
	f.Fuzz(func(t *testing.T, text, value string) { fuzzRewrite(t, "/r.conf", text, value) })
}
