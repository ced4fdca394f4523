package server_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"redisd/internal/check"
)

// The replies to these are the same, errors included.
func TestConfigRepliesEqualRedis(t *testing.T) {
	oracle, here := startOracle(t), startServer(t).dial()
	for _, words := range [][]string{
		{"CONFIG"}, {"CONFIG", "GET"}, {"CONFIG", "SET"}, {"CONFIG", "SET", "hz"}, {"CONFIG", "SET", "hz", "20", "port"},
		{"CONFIG", "SET", "nonsense", "1"}, {"CONFIG", "SET", "hz", "x"}, {"CONFIG", "SET", "hz", "20"}, {"CONFIG", "GET", "hz"},
		{"CONFIG", "SET", "hz", "30", "timeout", "7"}, {"CONFIG", "GET", "hz", "HZ"}, {"CONFIG", "GET", "timeout"},
		{"CONFIG", "SET", "hz", "40", "timeout", "-3"}, {"CONFIG", "GET", "hz"}, {"CONFIG", "SET", "hz", "1", "hz", "2"},
		{"CONFIG", "SET", "daemonize", "yes"}, {"CONFIG", "SET", "databases", "4"}, {"CONFIG", "GET", "nonsense*"},
		{"CONFIG", "GET", "MAXMEMORY"}, {"CONFIG", "SET", "maxmemory", "1gb"}, {"CONFIG", "GET", "maxmemory"},
		{"CONFIG", "SET", "maxmemory", "0"}, {"CONFIG", "SET", "maxmemory-policy", "nonsense"}, {"CONFIG", "SET", "appendfsync", "sometimes"},
		{"CONFIG", "SET", "save", "10 1 20"}, {"CONFIG", "SET", "save", "10 1 20 2"}, {"CONFIG", "GET", "save"}, {"CONFIG", "SET", "save", ""},
		{"CONFIG", "SET", "slowlog-max-len", "-1"}, {"CONFIG", "SET", "dir", "/nonexistent/x"}, {"CONFIG", "REWRITE"}, {"CONFIG", "REWRITE", "x"},
		{"CONFIG", "RESETSTAT", "x"}, {"CONFIG", "RESETSTAT"}, {"CONFIG", "NOSUCH"}, {"CONFIG", "NOSUCH", "x", "y"},
	} {
		want, got := oracle.do(words...), here.do(words...)
		if got.String() != want.String() {
			t.Errorf("%q\n   %s\nRedis\n   %s", words, got, want)
		}
	}
}

func TestConfigSetIsCarriedOut(t *testing.T) {
	here := startServer(t).dial()
	here.ok("CONFIG", "SET", "hz", "50", "slowlog-max-len", "3", "slowlog-log-slower-than", "0")
	check.Eq(t, here.info("server")["hz"], "50")
	for range 9 {
		here.ok("PING")
	}
	check.Eq(t, here.ok("SLOWLOG", "LEN").Int, 3)
	here.refused("CONFIG", "SET", "hz", "60", "maxmemory-policy", "x")
	check.Eq(t, here.info("server")["hz"], "50")
}

// TestBindToNothing: an empty bind leaves the Unix socket alone, as in Redis, and an
// address brings TCP back.
func TestBindToNothing(t *testing.T) {
	here := startServer(t, "bind 127.0.0.1").dial()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check.NoErr(t, err)
	addr := l.Addr().String()
	check.NoErr(t, l.Close())
	here.ok("CONFIG", "SET", "port", addr[strings.LastIndexByte(addr, ':')+1:])
	listens := func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	check.True(t, listens(), "port is listened on")
	here.ok("CONFIG", "SET", "bind", "")
	check.True(t, !listens(), "with an empty bind nothing listens")
	here.ok("CONFIG", "SET", "bind", "127.0.0.1")
	check.True(t, listens(), "with an address it does again")
}

func TestConfigRewrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "redis.conf")
	check.NoErr(t, os.WriteFile(file, []byte("# kept\nhz 10\n"), 0o644))
	r := startServerFile(t, file)
	here := r.dial()
	here.ok("CONFIG", "SET", "hz", "77")
	here.ok("CONFIG", "REWRITE")
	text, err := os.ReadFile(file)
	check.NoErr(t, err)
	check.Contains(t, string(text), "# kept\nhz 77\n")
	check.Contains(t, r.log.String(), "CONFIG REWRITE executed with success.")
	check.Eq(t, here.info("server")["config_file"], file)

	check.NoErr(t, os.Remove(file))
	check.NoErr(t, os.Mkdir(file, 0o755))
	check.Contains(t, here.refused("CONFIG", "REWRITE"), "ERR Rewriting config file: ")
}
