package server_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
)

// freePort is a TCP port that nobody listened on a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	check.NoErr(t, err)
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// migrationPair is a server of ours and a redis-server, both on TCP ports.
func migrationPair(t *testing.T) (here *peer, herePort string, there *peer, therePort string) {
	herePort, therePort = freePort(t), freePort(t)
	there = startOracle(t, "--port", therePort, "--enable-debug-command", "yes")
	here = startServer(t, "port "+herePort, "enable-debug-command yes").dial()
	return here, herePort, there, therePort
}

// fillAllTypes makes a key of every type and of most encodings, and names them.
func fillAllTypes(p *peer) (keys []string) {
	run := func(words ...string) {
		p.ok(words...)
		keys = append(keys, words[1])
	}
	long := strings.Repeat("long and longer ", 500)
	run("SET", "int", "12345")
	run("SET", "embstr", "hello")
	run("SET", "raw", long)
	run("SETBIT", "bits", "8000", "1")
	run("PFADD", "hll", "a", "b", "c")
	run("RPUSH", "list", "a", "1", long)
	run("SADD", "ints", "1", "2", "3")
	run("SADD", "set", "a", "b")
	run("ZADD", "zset", "1", "a", "-inf", "b")
	run("HSET", "hash", "f", "v", "g", "1")
	run("XADD", "stream", "1-1", "f", "v")
	p.ok("XGROUP", "CREATE", "stream", "g", "0")
	p.ok("XREADGROUP", "GROUP", "g", "c", "STREAMS", "stream", ">")
	for i := range 1000 {
		n := strconv.Itoa(i)
		p.ok("RPUSH", "biglist", long[:i])
		p.ok("SADD", "bigset", "m"+n)
		p.ok("ZADD", "bigzset", n+".5", "m"+n)
		p.ok("HSET", "bighash", "f"+n, "v"+n)
	}
	return append(keys, "biglist", "bigset", "bigzset", "bighash")
}

func TestMigrateAllTypesToRedisAndBack(t *testing.T) {
	here, herePort, there, therePort := migrationPair(t)
	keys := fillAllTypes(here)
	here.ok("PEXPIREAT", "list", "1900000000000")
	before := here.text("DEBUG", "DIGEST")

	check.Eq(t, here.text(append([]string{"MIGRATE", "127.0.0.1", therePort, "", "0", "5000", "KEYS", "nosuch"}, keys...)...), "OK")
	check.Eq(t, here.ok("DBSIZE").Int, 0)
	check.Eq(t, there.text("DEBUG", "DIGEST"), before)
	check.Eq(t, here.info("stats")["migrate_cached_sockets"], "1")

	check.Eq(t, there.text(append([]string{"MIGRATE", "127.0.0.1", herePort, "", "0", "5000", "KEYS"}, keys...)...), "OK")
	check.Eq(t, there.ok("DBSIZE").Int, 0)
	check.Eq(t, here.text("DEBUG", "DIGEST"), before)
	ttl := here.ok("PEXPIRETIME", "list").Int
	check.True(t, ttl > 1900000000000-5000 && ttl < 1900000000000+5000, fmt.Sprintf("the expiry came along: %d", ttl))

	// One key, kept here, into another database.
	check.Eq(t, here.text("MIGRATE", "localhost", therePort, "hash", "3", "5000", "COPY"), "OK")
	there.ok("SELECT", "3")
	check.Eq(t, there.text("DEBUG", "DIGEST-VALUE", "hash"), here.text("DEBUG", "DIGEST-VALUE", "hash"))
}

// The replies are Redis's, whoever is the target.
func TestMigrateRepliesEqualRedis(t *testing.T) {
	here, _, there, _ := migrationPair(t)
	port, closed := freePort(t), freePort(t)
	target := startOracle(t, "--port", port, "--requirepass", "secret")
	target.ok("AUTH", "secret")
	target.ok("ACL", "SETUSER", "joe", "on", ">word", "~*", "+@all")
	for _, line := range []string{
		"MIGRATE 127.0.0.1 PORT k 0 1000", "MIGRATE 127.0.0.1 PORT nokey 0 1000",
		"MIGRATE 127.0.0.1 PORT k 0 1000 AUTH", "MIGRATE 127.0.0.1 PORT k 0 1000 AUTH2 joe", "MIGRATE 127.0.0.1 PORT k 0 1000 FOO",
		"MIGRATE 127.0.0.1 PORT k 0 1000 KEYS k", "MIGRATE 127.0.0.1 PORT k x 1000", "MIGRATE 127.0.0.1 PORT k 0 x",
		"MIGRATE 127.0.0.1 PORT k 0 1000 AUTH wrong", "MIGRATE 127.0.0.1 PORT k 0 1000 AUTH secret COPY",
		"MIGRATE 127.0.0.1 PORT k 0 1000 AUTH secret", "MIGRATE 127.0.0.1 PORT k 0 0 REPLACE AUTH secret",
		"MIGRATE 127.0.0.1 PORT j 99 1000 AUTH secret COPY", "MIGRATE 127.0.0.1 PORT j 1 1000 COPY AUTH2 joe word",
		"MIGRATE 127.0.0.1 PORT j 1 1000 COPY REPLACE", "MIGRATE 127.0.0.1 CLOSED j 1 1000", "MIGRATE 127.0.0.1 x j 1 1000",
		"MIGRATE no.such.host.invalid PORT j 1 1000", "EXISTS k j l",
		"MIGRATE 127.0.0.1 PORT EMPTY 1 1000 AUTH secret KEYS l j nokey", "EXISTS k j l", "MIGRATE 127.0.0.1 PORT EMPTY 0 1000 KEYS",
		"MIGRATE 127.0.0.1 PORT EMPTY 0 1000 KEYS nokey", "COMMAND GETKEYS MIGRATE h p k 0 1", "COMMAND GETKEYS MIGRATE h p EMPTY 0 1 AUTH2 KEYS x KEYS a b",
		"COMMAND GETKEYS MIGRATE h p k 0 1 KEYS a", "COMMAND INFO MIGRATE",
	} {
		for _, p := range []*peer{here, there} {
			p.ok("MSET", "k", "v", "l", "1")
			p.ok("SET", "j", "w", "EX", "100")
		}
		words := strings.Fields(strings.NewReplacer("PORT", port, "CLOSED", closed).Replace(line))
		for i := range words {
			if words[i] == "EMPTY" {
				words[i] = ""
			}
		}
		target.ok("FLUSHALL")
		target.ok("SET", "l", "taken")
		want := there.do(words...).String()
		left := target.ok("DBSIZE").Int
		target.ok("FLUSHALL")
		target.ok("SET", "l", "taken")
		if got := here.do(words...).String(); got != want {
			t.Errorf("%s\n   %s\nRedis\n   %s", line, got, want)
		}
		check.Eq(t, target.ok("DBSIZE").Int, left)
		check.Eq(t, here.ok("EXISTS", "k", "j", "l").Int, there.ok("EXISTS", "k", "j", "l").Int)
	}
}

func TestMigrateReconnects(t *testing.T) {
	here, _, there, therePort := migrationPair(t)
	migrate := func(db string) string {
		here.ok("SET", "k", "v")
		return here.do("MIGRATE", "127.0.0.1", therePort, "k", db, "5000", "REPLACE").String()
	}
	first := migrate("0")
	there.ok("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	check.Eq(t, migrate("0"), first) // the connection that was kept is gone
	check.Eq(t, migrate("2"), first)
	check.Eq(t, migrate("2"), first)
	there.ok("SELECT", "2")
	check.Eq(t, there.ok("DBSIZE").Int, 1)
	check.Eq(t, here.info("stats")["migrate_cached_sockets"], "1")
}

// fakeTarget answers each connection with a text and closes it, or keeps it open.
func fakeTarget(t *testing.T, answer string, hang bool) (port string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	check.NoErr(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				buf := make([]byte, 1<<16)
				_, _ = conn.Read(buf)
				_, _ = conn.Write([]byte(answer))
				if !hang {
					conn.Close()
				}
			}()
		}
	}()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func TestMigrateToBrokenTargets(t *testing.T) {
	const reading = "IOERR error or timeout reading to target instance"
	tests := []struct {
		name, answer string
		hang         bool
		want, left   string
	}{
		{"says nothing", "", true, reading, "a b c"},
		{"closes at once", "", false, reading, "a b c"},
		{"closes after the first key", "+OK\r\n+OK\r\n", false, reading, "b c"},
		{"stops after the first key", "+OK\r\n+OK\r\n", true, reading, "b c"},
		{"refuses one key", "+OK\r\n+OK\r\n-ERR no\r\n+OK\r\n", true, "ERR Target instance replied with error: ERR no", "b"},
		{"refuses the database", "-ERR DB\r\n+OK\r\n+OK\r\n+OK\r\n", true, "ERR Target instance replied with error: ERR DB", "a b c"},
		{"is no server", strings.Repeat("x", 100_000), true, reading, "a b c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			here := startServer(t, "appendonly yes", "enable-debug-command yes").dial()
			here.ok("MSET", "a", "1", "b", "2", "c", "3")
			check.Eq(t, here.refused("MIGRATE", "127.0.0.1", fakeTarget(t, tt.answer, tt.hang), "", "1", "100", "KEYS", "a", "b", "c"), tt.want)
			var left []string
			for _, key := range []string{"a", "b", "c"} {
				if here.ok("EXISTS", key).Int == 1 {
					left = append(left, key)
				}
			}
			check.Eq(t, strings.Join(left, " "), tt.left)
			here.ok("DEBUG", "LOADAOF") // what has gone stays away
			check.Eq(t, here.ok("DBSIZE").Int, int64(len(left)))
		})
	}
}
