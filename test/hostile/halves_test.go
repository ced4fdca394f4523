package hostile_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestHalfRequests stop in the middle and stay. They cost what they have sent, and go
// when they are idle for too long, if that is asked for; whose rest comes is served.
func TestHalfRequests(t *testing.T) {
	s := start(t)
	b := watch(dial(t, s))
	all := crowd(t, s, scale(500, 5000))
	before := memoryOf(s)
	for i, p := range all {
		p.send([]string{
			"*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$1000\r\n", "*", "*3\r\n$3\r\nSE", "SET half", "*2147483647\r\n$1\r\n",
		}[i%5])
	}
	grew(t, s, before, int64(len(all))*20*kb) // a buffer each; after two seconds of silence as much as it holds
	for i, rest := range []string{strings.Repeat("v", 1000) + "\r\n", "1\r\n$4\r\nPING\r\n", "T\r\n$4\r\nhalf\r\n$1\r\nv\r\n", " v\r\n"} {
		all[i].send(rest)
		check.Eq(t, all[i].line(), []string{"+OK", "+PONG", "+OK", "+OK"}[i])
	}
	mark := s.Mark()
	s.Do("CONFIG", "SET", "timeout", "1")
	for _, p := range all {
		check.Eq(t, p.gone(), "")
	}
	check.Contains(t, s.LogSince(mark), "Closing idle client")
	b.served()
}

// TestDrips sends requests byte by byte: they are served when they are whole, and cost no
// more than their length.
func TestDrips(t *testing.T) {
	s := start(t)
	b := watch(dial(t, s))
	before := memoryOf(s)
	for name, text := range map[string]string{
		"bulks":  request("SET", "drip", strings.Repeat("v", 10_000)),
		"words":  request(append([]string{"DEL"}, strings.Fields(strings.Repeat("k ", 2000))...)...),
		"inline": "SET drip " + strings.Repeat("v", 10_000) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, s)
			for i := range len(text) {
				p.send(text[i : i+1])
			}
			check.Eq(t, p.line()[:1] == "-", false)
		})
	}
	grew(t, s, before, mb)
	b.served()
}

// TestIdleCrowd: ten thousand connections that say nothing take little, and are no burden
// to the others.
func TestIdleCrowd(t *testing.T) {
	n := 10_000
	var limit syscall.Rlimit
	check.NoErr(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if room := int(limit.Cur) - 500; room < n {
		n = room
	}
	s := start(t, "--maxclients", fmt.Sprint(n+100))
	if most := int(toInt(t, s.Do("CONFIG", "GET", "maxclients"))) - 100; most < n {
		n = most
	}
	b := watch(dial(t, s))
	before := memoryOf(s)
	all := crowd(t, s, n)
	check.True(t, s.Int("connected_clients") >= int64(n), "all are here")
	const each = 2 * kb // Redis takes more than that for one
	t.Logf("%d clients, %d bytes each", n, (memoryOf(s).used-before.used)/int64(n))
	grew(t, s, before, int64(n)*each)
	for i := 0; i < n; i += 97 {
		check.Eq(t, all[i].say("PING"), "+PONG")
	}
	for _, p := range all {
		p.Close()
	}
	rig.Eventually(t, "end of the crowd", func() bool { return s.Int("connected_clients") < 20 })
	b.served()
	back(t, s, before)
}
