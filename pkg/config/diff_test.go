package config_test

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/config"
	"redisd/pkg/resp"
)

// oracle is a real redis-server on a unix socket.
type oracle struct {
	conn net.Conn
	r    *bufio.Reader
}

// startRedis starts redis-server in a folder of its own. Its start is awaited by
// connecting; it ends with the test.
func startRedis(t *testing.T, args ...string) *oracle {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: make test installs it")
	}
	dir := t.TempDir()
	sock := filepath.Join(dir, "s")
	cmd := exec.Command(path, append(args, "--port", "0", "--unixsocket", sock, "--dir", dir)...)
	check.NoErr(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("unix", sock)
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
			return &oracle{conn, bufio.NewReader(conn)}
		}
		check.True(t, time.Now().Before(deadline), "redis-server does not start")
	}
}

func (o *oracle) do(t *testing.T, args ...string) resp.Reply {
	t.Helper()
	_, err := o.conn.Write(resp.AppendCommandStrings(nil, args...))
	check.NoErr(t, err)
	r, err := resp.ReadReply(o.r)
	check.NoErr(t, err)
	return r
}

// names that 7.0 does not have, or that differ on purpose.
func differs(name string) bool {
	switch name {
	case "port", "unixsocket", "dir", "pidfile": // of this process
		return true
	case "set-max-listpack-entries", "set-max-listpack-value", "cluster-announce-human-nodename", "locale-collate": // 7.2
		return true
	case "server-cpulist", "bio-cpulist", "aof-rewrite-cpulist", "bgsave-cpulist": // 7.2
		return true
	case "signal-operations", "huge-pages", "log-format", "aof-layout", "aof-checksum", "aof-load-corrupt-tail-max-size", // redisd's
		"child-timeout", "child-fence", "child-memory-limit":
		return true
	case "lua-memory-limit", "verify-snapshots", "snapshot-max-extra-memory", "snapshot-max-bytes-per-sec", "snapshot-check-free-space",
		"snapshot-min-free-space", "aof-max-size-soft", "aof-max-size-hard": // redisd's
		return true
	}
	return false
}

func TestGetAgreesWithRedis(t *testing.T) {
	o := startRedis(t)
	theirs := map[string]string{}
	all := o.do(t, "CONFIG", "GET", "*").Elems
	for i := 0; i < len(all); i += 2 {
		theirs[all[i].Text] = all[i+1].Text
	}
	check.True(t, len(theirs) > 150, "an empty answer")
	for _, p := range config.New().Get("*") {
		if !differs(p.Name) {
			v, ok := theirs[p.Name]
			check.True(t, ok, "Redis does not know "+p.Name)
			check.Eq(t, p.Name+" = "+p.Value, p.Name+" = "+v)
		}
		delete(theirs, p.Name)
	}
	check.Eq(t, theirs, map[string]string{})
}

func TestSetAgreesWithRedis(t *testing.T) {
	o := startRedis(t)
	c := config.New()
	for _, tt := range [][]string{
		{"hz", "abc"}, {"hz", "5000"}, {"hz", "0"}, {"hz", "-1"}, {"hz", "010"}, {"hz", " 10"}, {"HZ", "+5"}, {"hz", ""},
		{"maxmemory", "1gb"}, {"maxmemory", "1g"}, {"maxmemory", "10kB"}, {"maxmemory", "-1"}, {"maxmemory", "x"}, {"maxmemory", "0"},
		{"maxmemory-clients", "5%"}, {"maxmemory-clients", "101%"}, {"maxmemory-clients", "%"}, {"maxmemory-clients", "-5%"}, {"maxmemory-clients", "5mb"},
		{"save", "900 1"}, {"save", "900 1 300"}, {"save", "900  1"}, {"save", "0 1"}, {"save", "1 -1"}, {"save", "900 1 300 10"}, {"save", ""},
		{"client-output-buffer-limit", "normal 1mb 1kb 5"}, {"client-output-buffer-limit", "replica 0 0 0 pubsub 1 1 1"},
		{"client-output-buffer-limit", "master 0 0 0"}, {"client-output-buffer-limit", "slave 0 0"}, {"client-output-buffer-limit", "slave 0 0 -1"},
		{"client-output-buffer-limit", ""},
		{"appendfsync", "ALWAYS"}, {"appendfsync", "sometimes"}, {"maxmemory-policy", "lru"}, {"maxmemory-policy", "allkeys-lfu"},
		{"shutdown-on-sigint", "now save"}, {"shutdown-on-sigint", "save nosave"}, {"shutdown-on-sigint", ""}, {"shutdown-on-sigint", "default"},
		{"notify-keyspace-events", "KEA"}, {"notify-keyspace-events", "Kg$x"}, {"notify-keyspace-events", "Q"}, {"notify-keyspace-events", "Knm"},
		{"notify-keyspace-events", "g$lshzxetd"}, {"notify-keyspace-events", ""},
		{"latency-tracking-info-percentiles", "50.5 100.0 0.001"}, {"latency-tracking-info-percentiles", "101"},
		{"latency-tracking-info-percentiles", "x"}, {"latency-tracking-info-percentiles", ""},
		{"oom-score-adj-values", "1 2 3"}, {"oom-score-adj-values", "1 2"}, {"oom-score-adj-values", "1 2 3000"}, {"oom-score-adj-values", "1 2 x"},
		{"appendonly", "maybe"}, {"activerehashing", "NO"}, {"rdbchecksum", "no"}, {"DAEMONIZE", "yes"}, {"dir", "/"}, {"dbfilename", "x"},
		{"proto-max-bulk-len", "1"}, {"proto-max-bulk-len", "2mb"}, {"maxclients", "0"}, {"slowlog-log-slower-than", "-2"}, {"slowlog-log-slower-than", "-1"},
		{"list-max-listpack-size", "99999999999"}, {"list-max-ziplist-size", "5"}, {"slave-priority", "x"}, {"Slave-Priority", "x"}, {"replica-priority", "7"},
		{"hash-max-ziplist-entries", "9"}, {"hash-max-listpack-value", "1kb"}, {"unixsocketperm", "777"}, {"replicaof", "a 1"},
		{"proc-title-template", "{x}"}, {"proc-title-template", "{"}, {"proc-title-template", " "}, {"proc-title-template", "{{a {port}"},
		{"cluster-announce-hostname", "a_b"}, {"cluster-announce-hostname", "a-b.c"}, {"cluster-announce-hostname", strings.Repeat("a", 256)},
		{"bind", strings.Repeat("a ", 16) + "b"}, {"port", "65536"}, {"port", "x"}, {"tracking-table-max-keys", "-1"},
		{"nosuch", "1"}, {"hz", "11", "nosuch", "1"}, {"hz", "11", "hz", "12"}, {"hz", "11", "timeout", "x"}, {"hz", "13", "timeout", "4"},
		{"repl-backlog-size", "0"}, {"active-defrag-cycle-min", "100"}, {"lua-time-limit", "77"}, {"key-load-delay", "-5"}, {"rename-command", "a b"},
		{"maxmemory-samples", "0"}, {"syslog-facility", "local1"}, {"aclfile", "x"}, {"io-threads", "2"}, {"oom-score-adj", "maybe"},
	} {
		t.Run(strings.Join(tt, " "), func(t *testing.T) {
			r := o.do(t, append([]string{"CONFIG", "SET"}, tt...)...)
			err := c.Set(config.Caller{Local: true}, pairs(tt...)...)
			ours := "OK"
			var e *config.SetError
			if errors.As(err, &e) {
				ours = e.Reply()
			}
			check.Eq(t, ours, r.Text)
			for i := 0; i < len(tt); i += 2 {
				theirs := o.do(t, "CONFIG", "GET", tt[i]).Elems
				mine := c.Get(tt[i])
				check.Eq(t, len(theirs), 2*len(mine))
				if len(mine) == 1 && !differs(tt[i]) {
					check.Eq(t, mine[0], config.Pair{Name: theirs[0].Text, Value: theirs[1].Text})
				}
			}
		})
	}
}

// Files that redis-server refuses are refused with the same lines.
func TestFatalErrorsAgreeWithRedis(t *testing.T) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: make test installs it")
	}
	for _, tt := range []struct {
		name, conf string
		args       []string
	}{
		{"unknown", "port 0\n\nfoo  bar # x\n", nil},
		{"quotes", "logfile \"a\n", nil},
		{"value", "# c\n  Maxmemory   xx  \n", nil},
		{"count", "port 1 2\n", nil},
		{"argument", "port 0\n", []string{"--hz", "a b"}},
		{"no value", "", []string{"--port", "6380", "--loglevel"}},
		{"two values", "", []string{"--port", "6379", "6380"}},
		{"dashes", "", []string{"--port", "--loglevel", "verbose"}},
		{"dashed value", "", []string{"--port", "--bla", "--loglevel", "verbose"}},
		{"enumeration", "", []string{"--logfile", "--my--log--file", "--syslog-facility", "--bla"}},
		{"empty set", "", []string{"--shutdown-on-sigint", "now force", "--shutdown-on-sigterm"}},
		{"master", "", []string{"--replicaof", "127.0.0.1", "abc"}},
		{"half a master", "", []string{"--replicaof", "--127.0.0.1", "--abc"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "r.conf")
			check.NoErr(t, os.WriteFile(file, []byte(tt.conf), 0o644))
			cmd := exec.Command(path, append([]string{file}, tt.args...)...)
			cmd.Dir = dir
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			check.True(t, cmd.Run() != nil, "redis-server starts")

			cl := config.ParseArgs(append([]string{file}, tt.args...))
			_, err := config.Load(config.Source{FS: vfs.OS(), File: cl.File, Options: cl.Options})
			var e *config.Error
			check.True(t, errors.As(err, &e), "no error")
			check.Eq(t, e.Banner("7.0.15", e.File), stderr.String())
		})
	}
}
