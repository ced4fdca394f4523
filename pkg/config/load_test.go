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

// files makes a file system of names and texts.
func files(t testing.TB, texts map[string]string) *vfs.Mem {
	t.Helper()
	fsys := vfs.NewMem()
	for name, text := range texts {
		if i := strings.LastIndexByte(name, '/'); i > 0 {
			check.NoErr(t, fsys.MkdirAll(name[:i], 0o755))
		}
		check.NoErr(t, vfs.WriteFile(fsys, name, []byte(text), 0o644))
	}
	return fsys
}

func load(t testing.TB, conf string) *config.Config {
	t.Helper()
	c, err := config.Load(config.Source{FS: files(t, map[string]string{"/r.conf": conf}), File: "/r.conf"})
	check.NoErr(t, err)
	return c
}

func TestConfErrors(t *testing.T) {
	const bad = "Bad directive or wrong number of arguments"
	const quotes = "Unbalanced quotes in configuration line"
	for _, tt := range []struct {
		name, conf string
		line       int
		reason     string
	}{
		{"unknown", "port 1\n\n# c\nfoo bar", 4, bad},
		{"quotes", `port "1`, 1, quotes},
		{"quote in a word", `logfile "a"b`, 1, quotes},
		{"no value", "port", 1, "wrong number of arguments"},
		{"two values", "port 1 2", 1, "wrong number of arguments"},
		{"number", "port abc", 1, "argument couldn't be parsed into an integer"},
		{"number with zeros", "port 01", 1, "argument couldn't be parsed into an integer"},
		{"bounds", "port 65536", 1, "argument must be between 0 and 65535 inclusive"},
		{"octal", "unixsocketperm 8", 1, "argument couldn't be parsed as an octal number"},
		{"octal bounds", "unixsocketperm 1000", 1, "argument must be between 0 and 777 inclusive"},
		{"memory", "maxmemory 1tb", 1, "argument must be a memory value"},
		{"memory comment", "Maxmemory 1gb # much", 1, "wrong number of arguments"},
		{"percent", "maxmemory-clients 101%", 1, "percentage argument must be less or equal to 100"},
		{"percent word", "maxmemory-clients x%", 1, "argument must be a memory or percent value"},
		{"bool", "appendonly maybe", 1, "argument must be 'yes' or 'no'"},
		{"enum", "appendfsync sometimes", 1, "argument(s) must be one of the following: everysec, always, no"},
		{"enum set", "shutdown-on-sigint", 1, "argument(s) must be one of the following: default, save, nosave, now, force"},
		{"save and nosave", "shutdown-on-sigint save nosave", 1, "shutdown options SAVE and NOSAVE can't be used simultaneously"},
		{"save odd", "save 900", 1, "Invalid save parameters"},
		{"save zero", "save 0 1", 1, "Invalid save parameters"},
		{"limit class", "client-output-buffer-limit all 0 0 0", 1, "Invalid client class specified in buffer limit configuration."},
		{"limit count", "client-output-buffer-limit normal 0 0", 1, "Wrong number of arguments in buffer limit configuration."},
		{"limit number", "client-output-buffer-limit normal 0 0 -1", 1, "Error in hard, soft or soft_seconds setting in buffer limit configuration."},
		{"oom", "oom-score-adj-values 1 2 2001", 1, "Invalid oom-score-adj-values, elements must be between -2000 and 2000."},
		{"percentile", "latency-tracking-info-percentiles 101", 1, "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"},
		{"event", "notify-keyspace-events KQ", 1, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."},
		{"dbfilename path", "dbfilename ../x", 1, "dbfilename can't be a path, just a filename"},
		{"appenddirname path", "appenddirname a/b", 1, "appenddirname can't be a path, just a dirname"},
		{"appendfilename empty", `appendfilename ""`, 1, "appendfilename can't be empty"},
		{"title", "proc-title-template {nobody}", 1, "template format is invalid or contains unknown variables"},
		{"title open", "proc-title-template {title", 1, "template format is invalid or contains unknown variables"},
		{"bind many", "bind" + strings.Repeat(" 1.1.1.1", 17), 1, "Too many bind addresses specified."},
		{"module", "loadmodule /x.so", 1, "redisd cannot load modules made for Redis"},
		{"module's directive", "search.x 1", 1, bad},
		{"sentinel", "sentinel monitor a b 1 2", 1, "redisd cannot run as a sentinel"},
		{"rename", "rename-command A", 1, bad},
		{"user", "user", 1, bad},
		{"include", "include", 1, bad},
		{"tls on the same port", "port 6380\ntls-port 6380", 2, "port and tls-port are the same"},
		{"tls auth", "tls-auth-clients maybe", 1, "argument(s) must be one of the following: no, yes, optional"},
		{"cluster", "cluster-enabled yes", 1, "cluster mode is not part of this version, so cluster-enabled must be no"},
		{"replica", "replicaof 1.2.3.4 6379", 1, "replication is not part of this version, so replicaof cannot be used"},
		{"replica port", "replicaof 1.2.3.4 abc", 1, "Invalid master port"},
		{"users and their file", "aclfile /x\nuser a on >p ~* +@all\nuser b off", 2, "Configuring Redis with users defined in redis.conf and at the same " +
			"setting an ACL file path is invalid. This setup is very likely to lead to configuration errors and security holes, please define " +
			"either an ACL file or declare users directly in your redis.conf, but not both."},
		{"layout", "aof-layout folder", 1, "argument(s) must be one of the following: file, multipart, directory"},
		{"nowhere", "# x\nport 0", 2, "Configured to not listen anywhere: there is no TCP port to bind to (port, bind), no unixsocket and no socket from systemd"},
		{"bound to nothing", `bind ""`, 1, "Configured to not listen anywhere: there is no TCP port to bind to (port, bind), no unixsocket and no socket from systemd"},
		{"same file", "appendfilename dump.rdb", 1, "dbfilename and appendfilename name the same file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fsys := files(t, map[string]string{"/r.conf": tt.conf})
			_, err := config.Load(config.Source{FS: fsys, File: "/r.conf"})
			var e *config.Error
			check.True(t, errors.As(err, &e), "no error")
			line := strings.Trim(strings.Split(tt.conf, "\n")[tt.line-1], " ")
			check.Eq(t, *e, config.Error{File: "/r.conf", Line: tt.line, Text: line, Reason: tt.reason})
		})
	}
}

func TestTOMLErrors(t *testing.T) {
	for _, tt := range []struct {
		name, toml string
		line       int
		text       string
		reason     string
	}{
		{"syntax", "[network]\nport = \n", 2, "port =", "expected value but found '\\n' instead"},
		{"unknown", "[network]\n\nprot = 1 # x", 3, "prot = 1 # x", "unknown directive 'network.prot'"},
		{"unknown at the top", "prot = 1", 1, "prot = 1", "unknown directive 'prot'"},
		{"wrong table", "[memory]\nport = 1", 2, "port = 1", "directive 'port' belongs into table [network], not [memory]"},
		{"wrong dotted", "memory.port = 1", 1, "memory.port = 1", "directive 'port' belongs into table [network], not [memory]"},
		{"no such table", "[memroy]", 1, "[memroy]", "there is no table 'memroy'"},
		{"nested table", "[network.tcp]\nport = 1", 1, "[network.tcp]", "there is no table 'network.tcp'"},
		{"array of tables", "[[network]]\nport = 1", 1, "[[network]]", "a table must be written with one pair of brackets"},
		{"inline table", "network = {port = 1}", 1, "network = {port = 1}", "table [network] must be written as a table of its own"},
		{"twice", "port = 1\n[network]\nport = 2", 3, "port = 2", "directive 'port' is set in line 1 already"},
		{"alias twice", "[encoding]\nhash-max-ziplist-value = 2\nhash_max_listpack_value = 2", 3, "hash_max_listpack_value = 2", "directive 'hash-max-listpack-value' is set in line 2 already"},
		{"bool", "appendonly = 1", 1, "appendonly = 1", "'appendonly' takes true or false"},
		{"number", "port = true", 1, "port = true", "'port' takes a number"},
		{"float", "port = 1.5", 1, "port = 1.5", "'port' takes a number"},
		{"list for one", "port = [1]", 1, "port = [1]", "'port' takes a number"},
		{"date", "logfile = 2020-01-01", 1, "logfile = 2020-01-01", "'logfile' takes a string"},
		{"octal", "unixsocketperm = 770", 1, "unixsocketperm = 770", "'unixsocketperm' takes an octal number as a string, such as \"770\""},
		{"memory", "maxmemory = 1.5", 1, "maxmemory = 1.5", "'maxmemory' takes a number of bytes or a string such as \"64mb\""},
		{"memory unit", "maxmemory = \"1tb\"", 1, "maxmemory = \"1tb\"", "argument must be a memory value"},
		{"bounds", "port = 70000", 1, "port = 70000", "argument must be between 0 and 65535 inclusive"},
		{"list of bools", "bind = [true]", 1, "bind = [true]", "'bind' takes an array of strings"},
		{"lines", "include = 1", 1, "include = 1", "'include' takes a string or an array of strings"},
		{"rename", "rename-command = [\"A\"]", 1, "rename-command = [\"A\"]", "Bad directive or wrong number of arguments"},
		{"lines behind a text", "logfile = '''\n\nx'''\n\nprot = 1", 5, "prot = 1", "unknown directive 'prot'"},
		{"contradiction", "\nport = 0", 2, "port = 0", "Configured to not listen anywhere: there is no TCP port to bind to (port, bind), no unixsocket and no socket from systemd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fsys := files(t, map[string]string{"/r.toml": tt.toml})
			_, err := config.Load(config.Source{FS: fsys, File: "/r.toml"})
			var e *config.Error
			check.True(t, errors.As(err, &e), "no error")
			check.Eq(t, *e, config.Error{File: "/r.toml", Line: tt.line, Text: tt.text, Reason: tt.reason})
		})
	}
}

func TestTOMLValues(t *testing.T) {
	for _, tt := range []struct {
		name, toml string
		id         config.ID
		want       string
	}{
		{"bool", "[append-only]\nappendonly = true", config.AppendOnly, "yes"},
		{"bool word", "appendonly = \"yes\"", config.AppendOnly, "yes"},
		{"bool for an enumeration", "appendfsync = false", config.AppendFsync, "no"},
		{"underscores", "[append_only]\nauto_aof_rewrite_percentage = 7", config.AutoAOFRewritePercentage, "7"},
		{"alias", "slave-priority = 7", config.ReplicaPriority, "7"},
		{"alias of cpulist", "server_cpulist = \"0-3\"", config.ServerCPUList, "0-3"},
		{"dotted", "network.port = 7", config.Port, "7"},
		{"quoted key", "\"port\" = 7", config.Port, "7"},
		{"number as text", "port = \"7\"", config.Port, "7"},
		{"hexadecimal", "port = 0x10", config.Port, "16"},
		{"memory", "maxmemory = \"1kb\"", config.MaxMemory, "1024"},
		{"memory in bytes", "maxmemory = 1000", config.MaxMemory, "1000"},
		{"percent", "maxmemory-clients = \"5%\"", config.MaxMemoryClients, "5%"},
		{"octal", "unixsocketperm = \"770\"", config.UnixSocketPerm, "770"},
		{"save list", "save = [\"900 1\", \"300 10\"]", config.Save, "900 1 300 10"},
		{"save numbers", "save = [900, 1]", config.Save, "900 1"},
		{"save pairs", "save = [[900, 1], [300, 10]]", config.Save, "900 1 300 10"},
		{"save text", "save = \"900 1 300 10\"", config.Save, "900 1 300 10"},
		{"save none", "save = []", config.Save, ""},
		{"save empty", "save = \"\"", config.Save, ""},
		{"bind", "bind = [\"127.0.0.1\", \"-::1\"]", config.Bind, "127.0.0.1 -::1"},
		{"flags", "shutdown-on-sigint = [\"nosave\", \"now\"]", config.ShutdownOnSigInt, "nosave now"},
		{"limits", "client-output-buffer-limit = [\"pubsub 1mb 0 0\"]", config.ClientOutputBufferLimit, "normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 0 0"},
		{"percentiles", "latency-tracking-info-percentiles = [50, 99.99]", config.LatencyTrackingInfoPercentiles, "50 99.99"},
		{"one percentile", "latency-tracking-info-percentiles = 99.5", config.LatencyTrackingInfoPercentiles, "99.5"},
		{"oom", "oom-score-adj-values = [-1, 0, 1]", config.OOMScoreAdjValues, "-1 0 1"},
		{"escapes", `logfile = "a\"\u00e4b"`, config.LogFile, "a\"\u00e4b"},
		{"windows", "\r\n[network]\r\nport = 7\r\n", config.Port, "7"},
		{"mark of byte order", "\ufeffport = 7", config.Port, "7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Load(config.Source{FS: files(t, map[string]string{"/r.toml": tt.toml}), File: "/r.toml"})
			check.NoErr(t, err)
			check.Eq(t, c.Value(tt.id), tt.want)
		})
	}
}

func TestConfLines(t *testing.T) {
	c := load(t, "PORT 7\r\n\t tcp-backlog   '12'  \nlogfile \"a\\x41\\n\\\"\"\nlist-max-ziplist-value 64\n"+
		"rename-command CONFIG \"\"\nrename-command DEBUG x\nhz 9999\nclient-output-buffer-limit normal 1 2 3\n"+
		"client-output-buffer-limit slave 1kb 0 0\nslaveof no one\n")
	check.Eq(t, c.Int(config.Port), 7)
	check.Eq(t, c.Int(config.TCPBacklog), 12)
	check.Eq(t, c.String(config.LogFile), "aA\n\"")
	check.Eq(t, c.Int(config.Hz), 500)
	check.Eq(t, c.Value(config.ClientOutputBufferLimit), "normal 1 2 3 slave 1024 0 0 pubsub 33554432 8388608 60")
	check.Eq(t, c.Lines(config.RenameCommand), []config.Line{
		{Args: []string{"CONFIG", ""}, File: "/r.conf", Line: 5, Text: `rename-command CONFIG ""`},
		{Args: []string{"DEBUG", "x"}, File: "/r.conf", Line: 6, Text: "rename-command DEBUG x"},
	})
	check.Eq(t, c.Lines(config.RenameCommand)[1].Error("no").Error(), "config: /r.conf:6: 'rename-command DEBUG x': no")
}

func TestSavePoints(t *testing.T) {
	for _, tt := range []struct {
		name, conf, options, want string
	}{
		{"default", "", "", "3600 1 300 100 60 10000"},
		{"one replaces the default", "save 900 1", "", "900 1"},
		{"they add up", "save 900 1\nsave 300 10 60 5", "", "900 1 300 10 60 5"},
		{"empty clears", "save 900 1\nsave \"\"", "", ""},
		{"empty and again", "save \"\"\nsave 900 1", "", "900 1"},
		{"arguments add", "save 900 1", "save \"100\" \"100\"", "900 1 100 100"},
		{"arguments alone", "", "save \"100 100\"", "100 100"},
		{"arguments clear", "save 900 1", "save \"\"", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Load(config.Source{
				FS: files(t, map[string]string{"/r.conf": tt.conf}), File: "/r.conf", Options: tt.options,
			})
			check.NoErr(t, err)
			check.Eq(t, c.Value(config.Save), tt.want)
		})
	}
}

func TestInclude(t *testing.T) {
	fsys := files(t, map[string]string{
		"/etc/r.conf":         "port 1\ninclude /etc/d/*.conf\ninclude /etc/none/*.conf\ndir /etc/d\ninclude sub/x\n",
		"/etc/d/b.conf":       "port 3\n",
		"/etc/d/a.conf":       "port 2\nhz 20\n",
		"/etc/d/.hidden.conf": "port 9\n",
		"/etc/d/t.toml":       "[network]\ntcp-backlog = 5\n",
		"/etc/d/sub/x":        "include /etc/d/[t].toml\n",
		"/etc/self.conf":      "include /etc/self.conf\n",
		"/etc/gone.conf":      "\ninclude /etc/gone\n",
		"/etc/wrong.conf":     "include /etc/d/wrong\n",
		"/etc/d/wrong":        "# c\nport x\n",
		"/etc/m.toml":         "include = [\"/etc/d/*.conf\"]\n[general]\nhz = 30\n",
	})
	c, err := config.Load(config.Source{FS: fsys, File: "/etc/r.conf"})
	check.NoErr(t, err)
	check.Eq(t, c.Int(config.Port), 3)
	check.Eq(t, c.Int(config.Hz), 20)
	check.Eq(t, c.Int(config.TCPBacklog), 5)

	c, err = config.Load(config.Source{FS: fsys, File: "/etc/m.toml"})
	check.NoErr(t, err)
	check.Eq(t, c.Int(config.Port), 3)
	check.Eq(t, c.Int(config.Hz), 30)

	for file, want := range map[string]config.Error{
		"/etc/self.conf":  {File: "/etc/self.conf", Line: 1, Text: "include /etc/self.conf", Reason: "include is nested too deeply; does a file include itself?"},
		"/etc/gone.conf":  {File: "/etc/gone.conf", Line: 2, Text: "include /etc/gone", Reason: "Fatal error, can't open config file '/etc/gone': No such file or directory"},
		"/etc/wrong.conf": {File: "/etc/d/wrong", Line: 2, Text: "port x", Reason: "argument couldn't be parsed into an integer"},
		"/etc/nothing":    {File: "/etc/nothing", Reason: "Fatal error, can't open config file '/etc/nothing': No such file or directory"},
	} {
		_, err := config.Load(config.Source{FS: fsys, File: file})
		var e *config.Error
		check.True(t, errors.As(err, &e), "no error")
		check.Eq(t, *e, want)
	}
}

func TestArguments(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want config.CommandLine
	}{
		{"none", nil, config.CommandLine{}},
		{"file", []string{"r.conf"}, config.CommandLine{File: "r.conf"}},
		{"stdin first", []string{"-", "--port", "1"}, config.CommandLine{Stdin: true, Options: `port "1" `}},
		{"stdin last", []string{"r.conf", "--port", "1", "-"}, config.CommandLine{File: "r.conf", Stdin: true, Options: `port "1" `}},
		{"several", []string{"--port", "1", "--bind", "a", "b"}, config.CommandLine{Options: "port \"1\" \nbind \"a\" \"b\" "}},
		{"value with dashes", []string{"--port", "--bla", "--loglevel", "verbose"}, config.CommandLine{Options: "port \"--bla\" \nloglevel \"verbose\" "}},
		{"in one", []string{"--maxmemory 700mb", "--port", "1"}, config.CommandLine{Options: "maxmemory 700mb \nport \"1\" "}},
		{"empty save", []string{"--save", "", "--port", "1"}, config.CommandLine{Options: "save \"\" \nport \"1\" "}},
		{"save without value", []string{"--save", "--port", "1"}, config.CommandLine{Options: "save \"\"\nport \"1\" "}},
		{"save at the end", []string{"--port", "1", "--save"}, config.CommandLine{Options: "port \"1\" \nsave \"\""}},
		{"no value at the end", []string{"--port"}, config.CommandLine{Options: "port "}},
		{"no dashes", []string{"r.conf", "loglevel", "verbose"}, config.CommandLine{File: "r.conf", Options: `"loglevel" "verbose" `}},
		{"quotes", []string{"--logfile", "a \"b"}, config.CommandLine{Options: `logfile "a \"b" `}},
		{"sentinel", []string{"--sentinel", "--port", "1"}, config.CommandLine{Options: "sentinel \nport \"1\" "}},
	} {
		t.Run(tt.name, func(t *testing.T) { check.Eq(t, config.ParseArgs(tt.args), tt.want) })
	}
}

func TestOrderOfSources(t *testing.T) {
	c, err := config.Load(config.Source{
		FS:      files(t, map[string]string{"/r.toml": "[network]\nport = 1\ntcp-backlog = 1\ntimeout = 1\n"}),
		File:    "/r.toml",
		Stdin:   strings.NewReader("tcp-backlog 2\ntimeout 2\n"),
		Options: config.ParseArgs([]string{"--timeout", "3"}).Options,
	})
	check.NoErr(t, err)
	check.Eq(t, c.Value(config.Port)+c.Value(config.TCPBacklog)+c.Value(config.Timeout), "123")
}

// Line numbers go on over the sources, as redis-server counts them.
func TestBanner(t *testing.T) {
	for _, tt := range []struct {
		name, conf, stdin string
		args              []string
		want              string
	}{
		{
			"arguments", "", "",
			[]string{"--port", "abc"},
			"Reading the configuration file, at line 2\n>>> 'port \"abc\"'\nargument couldn't be parsed into an integer\n",
		},
		{
			"arguments behind a file", "port 0\n", "",
			[]string{"--bogus", "1"},
			"Reading the configuration file, at line 3\n>>> 'bogus \"1\"'\nBad directive or wrong number of arguments\n",
		},
		{
			"standard input behind a file", "port 0\n", "hz 1\nfoo\n", nil,
			"Reading the configuration file, at line 3\n>>> 'foo'\nBad directive or wrong number of arguments\n",
		},
		{"file", "port 0\n   foo  ", "", nil, "Reading the configuration file, at line 2\n>>> 'foo'\nBad directive or wrong number of arguments\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := config.Source{Stdin: strings.NewReader(tt.stdin), Options: config.ParseArgs(tt.args).Options}
			if tt.conf != "" {
				src.FS, src.File = files(t, map[string]string{"/r.conf": tt.conf}), "/r.conf"
			}
			_, err := config.Load(src)
			var e *config.Error
			check.True(t, errors.As(err, &e), "no error")
			main := e.File // the name of another source has a line of its own
			check.Eq(t, e.Banner("7.2.4", main), "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\n"+tt.want)
		})
	}
	e := config.Error{File: "/d/x", Line: 3, Text: "foo", Reason: "bad"}
	check.Contains(t, e.Banner("7.2.4", "/r.conf"), "at line 3\nof /d/x\n>>> 'foo'\nbad\n")
	check.Eq(t, (&config.Error{Reason: "x"}).Banner("7.2.4", ""), "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\nx\n")
}

func TestSystemdSocketsAreListeners(t *testing.T) {
	src := config.Source{Options: "port 0"}
	_, err := config.Load(src)
	check.ErrContains(t, err, "not listen anywhere")
	src.Sockets = 1
	_, err = config.Load(src)
	check.NoErr(t, err)
}

func TestInert(t *testing.T) {
	c := load(t, "io-threads 4\nhz 20\nrepl-timeout 60\n")
	list := c.Inert()
	check.Eq(t, len(list), 1)
	check.Eq(t, list[0].Name, "io-threads")
}

func TestDebianConfiguration(t *testing.T) {
	const path = "/etc/redis/redis.conf"
	if _, err := os.ReadFile(path); err != nil {
		t.Fatal("Debian's redis-server is not installed, make test installs it: ", err)
	}
	c, err := config.Load(config.Source{FS: vfs.OS(), File: path})
	check.NoErr(t, err)
	check.Eq(t, c.Value(config.Dir), "/var/lib/redis")
	check.Eq(t, c.Value(config.Bind), "127.0.0.1 -::1")
	check.Eq(t, c.Bool(config.Daemonize), true)
	check.Eq(t, len(c.Inert()), 0)
}
