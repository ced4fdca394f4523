package command_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
)

// Values that RESTORE takes from anywhere: what is no value is refused and changes
// nothing, and what is taken is a value like any other, whatever is done with it.

// makeSmall makes a key of every type and encoding, each of a few hundred bytes.
func (s *session) makeSmall() (keys []string) {
	for i := range 12 {
		for _, line := range []string{
			"RPUSH list %[1]d text%[1]d", "SADD set text%[1]d %[1]d", "SADD ints %[2]d", "HSET hash f%[1]d %[2]d",
			"ZADD zset %[1]d.5 m%[1]d", "XADD stream %[1]d-1 field %[2]d", "APPEND string text%[1]d",
			"RPUSH nodes %[1]d %[3]s", "HSET table f%[1]d %[3]s", "SADD settable %[1]d %[3]s%[1]d", "ZADD skiplist %[1]d %[3]s%[1]d",
		} {
			s.run(fmt.Sprintf(line, i+1, i*i*1000, strings.Repeat("x", 70)))
		}
	}
	s.run("ZADD zset inf top -inf bottom")
	s.run("XADD stream 20-1 other fields number 7")
	s.run("XDEL stream 3-1")
	s.run("XGROUP CREATE stream g 0")
	s.run("XGROUP CREATE stream h 5")
	s.run("XGROUP CREATECONSUMER stream g nobody")
	s.run("XREADGROUP GROUP g alice COUNT 4 STREAMS stream >")
	s.run("XREADGROUP GROUP g bob COUNT 2 STREAMS stream >")
	s.ctx.DB.Each(func(e keyspace.Entry) { keys = append(keys, string(e.Key())) })
	return keys
}

// payloads are what DUMP gives for these keys.
func (s *session) payloads() map[string][]byte {
	s.ctx.KS.Limits.ListSize = 5 // else a quicklist is long
	all := map[string][]byte{}
	for _, k := range s.makeSmall() {
		e, _ := s.ctx.DB.Peek([]byte(k))
		all[k+" "+e.Encoding().String()] = []byte(s.dump(k))
	}
	return all
}

func (s *session) dump(key string) string {
	s.t.Helper()
	argv := [][]byte{[]byte("DUMP"), []byte(key)}
	s.exec(argv)
	out := s.ctx.Out.Buf
	_, out, _ = bytes.Cut(out, []byte("\r\n"))
	return string(bytes.TrimSuffix(out, []byte("\r\n")))
}

func (s *session) restore(key string, payload []byte, more ...string) string {
	s.t.Helper()
	argv := [][]byte{[]byte("RESTORE"), []byte(key), []byte("0"), payload}
	for _, m := range more {
		argv = append(argv, []byte(m))
	}
	return s.exec(argv)
}

// use does things with the key k, which holds a value of a type.
var use = map[string]string{
	"string": "GET k; STRLEN k; APPEND k x; SETRANGE k 5 y; GETRANGE k 0 -1; BITCOUNT k; PFADD k a; PFCOUNT k; GETDEL k",
	"list": "LLEN k; LRANGE k 0 -1; LINDEX k -1; LINDEX k 3; LPOS k 5; LSET k 0 new; LINSERT k BEFORE new newer; LREM k 0 7; " +
		"LREM k -1 text2; RPUSH k 1 2 3; LPUSH k 4; LTRIM k 1 -2; LPOP k 2; RPOP k; LMOVE k k LEFT RIGHT; SORT k ALPHA; LPOP k 1000",
	"set": "SCARD k; SMEMBERS k; SISMEMBER k 5; SADD k 1 new; SREM k 3 text3; SRANDMEMBER k 3; SPOP k; SSCAN k 0; SMOVE k j 5; " +
		"SUNIONSTORE j k j; SINTER k j; SORT k ALPHA; SPOP k 1000",
	"zset": "ZCARD k; ZRANGE k 0 -1 WITHSCORES; ZRANGEBYSCORE k -inf +inf; ZRANGEBYLEX k - +; ZRANK k m3; ZREVRANGE k 0 -1; ZSCORE k m2; " +
		"ZADD k 3 new; ZINCRBY k 2 m5; ZREM k m4; ZCOUNT k 1 5; ZSCAN k 0; ZRANDMEMBER k 4; ZREMRANGEBYRANK k 0 1; ZREMRANGEBYSCORE k 3 4; " +
		"ZUNIONSTORE j 2 k j; ZPOPMIN k; ZPOPMAX k 1000",
	"hash": "HLEN k; HGETALL k; HGET k f3; HSET k f3 new f99 newer; HDEL k f2; HINCRBY k n 5; HRANDFIELD k 3 WITHVALUES; HSCAN k 0; " +
		"HSTRLEN k f4; HSETNX k f5 x; HKEYS k; HVALS k",
	"stream": "XLEN k; XRANGE k - +; XREVRANGE k + -; XINFO STREAM k FULL; XINFO GROUPS k; XPENDING k g; XPENDING k g - + 10; XREAD STREAMS k 0; " +
		"XADD k * a b; XDEL k 2-1; XREADGROUP GROUP g carol STREAMS k >; XREADGROUP GROUP g alice STREAMS k 0; XACK k g 1-1 2-1; " +
		"XCLAIM k g bob 0 4-1 5-1; XAUTOCLAIM k g carol 0 0; XGROUP DELCONSUMER k g alice; XTRIM k MAXLEN 3; XSETID k 9999999999999-1; " +
		"XGROUP DESTROY k g; XTRIM k MAXLEN 0; XADD k * a b",
}

// live uses the value at k in every way, and a copy of it.
func (s *session) live() {
	for range 2 {
		e, found := s.ctx.DB.Peek([]byte("k"))
		if !found {
			break
		}
		s.run("OBJECT ENCODING k")
		e.ValueDigest()
		_ = e.MemUsage()
		s.run("COPY k copy REPLACE")
		again := s.dump("k")
		check.Eq(s.t, s.restore("twin", []byte(again), "REPLACE"), "+OK")
		for _, line := range strings.Split(use[e.Type().String()], "; ") {
			s.run(line)
			s.ctx.KS.SetNow(now + 1)
		}
		s.run("RENAME copy k")
		s.run("EXPIRE k 100")
		s.run("PERSIST k")
	}
	s.run("DEL k copy twin j")
	check.Eq(s.t, s.ctx.DB.Len(), 0)
}

// damage changes, cuts or inserts a few bytes before the footer.
func damage(rnd *rand.Rand, p []byte) []byte {
	for range 1 + rnd.IntN(3) {
		at := rnd.IntN(len(p) - 10)
		switch rnd.IntN(5) {
		case 0:
			p[at] ^= 1 << rnd.IntN(8)
		case 1:
			p[at] = byte(rnd.Uint32())
		case 2:
			p[at] = []byte{0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xf0, 0xf4, 0xfe, 0xff}[rnd.IntN(13)]
		case 3:
			p = append(p[:at], p[at+min(1+rnd.IntN(4), len(p)-11-at):]...)
		case 4:
			p = append(p[:at+1], p[at:]...)
		}
	}
	return p
}

func TestRestoreOfDamagedValues(t *testing.T) {
	s := newSession(t)
	all := s.payloads()
	check.Eq(t, len(all), 11)
	s.ctx.KS.FlushAll(false)
	s.ctx.SkipChecksums = true
	rnd := rand.New(rand.NewPCG(11, 12))
	rounds := 400
	if testing.Short() {
		rounds = 150
	}
	for name, p := range all {
		taken := 0
		for range rounds {
			bad := damage(rnd, bytes.Clone(p))
			s.run("SET k old")
			if got := s.restore("k", bad, "REPLACE"); got != "+OK" {
				check.True(t, got == "-ERR Bad data format" || got == "-ERR DUMP payload version or checksum are wrong", got)
				check.Eq(t, s.run("GET k"), "$3 old")
				s.run("DEL k")
				continue
			}
			taken++
			s.live()
		}
		t.Logf("%s: %d of %d taken", name, taken, rounds)
	}
	s.empty()
}

func (s *session) empty() {
	s.t.Helper()
	s.ctx.KS.FlushAll(false)
	for s.ctx.KS.LazyFree() {
	}
	check.Eq(s.t, s.arena.Used(), 0)
}

// FuzzRestore: whatever a payload holds, RESTORE refuses it and leaves the key as it
// was, or makes a key with which every command can work.
func FuzzRestore(f *testing.F) {
	seeds := newSession(f)
	for _, p := range seeds.payloads() {
		f.Add(p[0], p[1:len(p)-10])
	}
	s := newSession(f)
	s.ctx.SkipChecksums = true
	f.Fuzz(func(t *testing.T, typ byte, body []byte) {
		s.t = t
		p := rdb.AppendDumpFooter(append([]byte{typ}, body...), 0)
		s.run("SET k old")
		if s.restore("k", p, "REPLACE") != "+OK" {
			check.Eq(t, s.run("GET k"), "$3 old")
			s.run("DEL k")
			return
		}
		s.live()
		s.empty()
	})
}
