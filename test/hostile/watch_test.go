package hostile_test

import (
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
)

// TestManyWatchedKeys: a client that watches very many keys costs each of them once, not
// each of them for each other; so do the commands that ask whether they have changed.
func TestManyWatchedKeys(t *testing.T) {
	s := start(t)
	b := watch(dial(t, s))
	before := memoryOf(s)
	n, p := scale(100_000, 500_000), dial(t, s)
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "watched:" + itoa(i)
	}
	used := cpu(t, s.Pid())
	for range 2 { // the second time nothing is new
		p.send(request(append([]string{"WATCH"}, keys...)...))
		check.Eq(t, p.line(), "+OK")
	}
	s.Do("FLUSHALL")
	check.Eq(t, p.say("MULTI"), "+OK")
	check.Eq(t, p.say("PING"), "+QUEUED")
	check.Eq(t, p.say("EXEC"), "*1") // there was nothing, and there is nothing
	check.Eq(t, p.line(), "+PONG")
	took := cpu(t, s.Pid()) - used
	t.Logf("%d keys: %s", n, took)
	check.True(t, took < time.Duration(n)*50*time.Microsecond, "it took "+took.String())

	p.send(request(append([]string{"WATCH"}, keys...)...))
	check.Eq(t, p.line(), "+OK")
	check.True(t, memoryOf(s).used-before.used > int64(n*len(keys[0])), "they count as memory of the client")
	s.Do("SET", keys[n-1], "v")
	check.Eq(t, p.say("MULTI"), "+OK")
	check.Eq(t, p.say("PING"), "+QUEUED")
	check.True(t, strings.HasPrefix(p.say("EXEC"), "*-1"), "one of them has changed")
	s.Do("DEL", keys[n-1])
	b.served()
	back(t, s, before)
}

// TestManyBlockingKeys: the same for a client that waits for very many keys, and for many
// that wait for one.
func TestManyBlockingKeys(t *testing.T) {
	s := start(t)
	b := watch(dial(t, s))
	before := memoryOf(s)
	n := scale(100_000, 500_000)
	words := []string{"BLPOP"}
	for i := range n {
		words = append(words, "waited:"+itoa(i))
	}
	used := cpu(t, s.Pid())
	p := dial(t, s)
	p.send(request(append(words, "0")...))
	s.WaitField("blocked_clients", "1")
	check.Eq(t, s.Do("RPUSH", words[n], "v"), any(int64(1)))
	check.Eq(t, p.line(), "*2")
	took := cpu(t, s.Pid()) - used
	t.Logf("%d keys: %s", n, took)
	check.True(t, took < time.Duration(n)*50*time.Microsecond, "it took "+took.String())

	all := crowd(t, s, 1000)
	used = cpu(t, s.Pid())
	for _, p := range all {
		p.send("BLPOP one 0\r\n")
	}
	s.WaitField("blocked_clients", itoa(len(all)))
	for i := range all {
		s.Do("RPUSH", "one", i)
	}
	for _, p := range all {
		check.Eq(t, p.line(), "*2")
	}
	took = cpu(t, s.Pid()) - used
	check.True(t, took < 5*time.Second, "a thousand clients took "+took.String())
	for _, p := range all {
		check.NoErr(t, p.Close())
	}
	check.NoErr(t, p.Close())
	b.served()
	back(t, s, before)
}
