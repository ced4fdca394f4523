package server_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
)

// again opens one more connection to the server of p.
func (p *peer) again() *peer {
	p.t.Helper()
	conn, err := net.Dial("unix", p.conn.RemoteAddr().String())
	check.NoErr(p.t, err)
	p.t.Cleanup(func() { conn.Close() })
	return &peer{p.t, conn, bufio.NewReader(conn)}
}

// heard gives all that comes until now, a line each; the reply to a PING ends it.
func (p *peer) heard() []string {
	p.t.Helper()
	lines := []string{}
	p.tell("PING")
	for {
		line := p.next()
		if line == "+PONG" || line == `*["pong" ""]` || line == "+QUEUED" {
			return lines
		}
		lines = append(lines, line)
	}
}

// cast are the connections of a test with trackers.
type cast struct {
	three  *peer // RESP3
	two    *peer // RESP2, tells channel
	tell3  *peer // RESP3, tells passive
	other  *peer // RESP3, changes its ways
	writer *peer

	channel, passive *peer // who are told in the place of others

	numbers map[string]string // numbers of connections: names
}

func newCast(first *peer) *cast {
	c := &cast{numbers: map[string]string{}}
	for _, p := range []struct {
		at   **peer
		name string
	}{
		{&c.three, "three"}, {&c.two, "two"}, {&c.tell3, "tell3"}, {&c.other, "other"}, {&c.writer, "writer"},
		{&c.channel, "channel"}, {&c.passive, "passive"},
	} {
		*p.at = first.again()
		c.numbers[fmt.Sprint((*p.at).ok("CLIENT", "ID").Int)] = p.name
		if p.name != "two" && p.name != "channel" && p.name != "writer" {
			(*p.at).ok("HELLO", "3")
		}
	}
	c.three.ok("CLIENT", "TRACKING", "ON")
	c.two.ok("CLIENT", "TRACKING", "ON", "REDIRECT", c.number("channel"))
	c.tell3.ok("CLIENT", "TRACKING", "ON", "REDIRECT", c.number("passive"))
	c.channel.ok("SUBSCRIBE", "__redis__:invalidate")
	return c
}

func (c *cast) number(name string) string {
	for n, who := range c.numbers {
		if who == name {
			return n
		}
	}
	return ""
}

func (c *cast) all() []*peer {
	return []*peer{c.three, c.two, c.tell3, c.other, c.writer, c.channel, c.passive}
}

// run sends a command on connection i and gives what every connection hears then.
func (c *cast) run(i int, words []string) string {
	sent := make([]string, len(words))
	for j, w := range words {
		sent[j] = w
		if name, ok := strings.CutPrefix(w, "#"); ok {
			sent[j] = c.number(name)
		}
	}
	c.all()[i].tell(sent...)
	out := []string{c.all()[i].next()}
	if strings.HasPrefix(out[0], ">") { // its reply may come behind a message
		out = append(out, c.all()[i].next())
	}
	for j, p := range c.all() {
		for _, line := range p.heard() {
			out = append(out, fmt.Sprint(j, " ", line))
		}
	}
	slices.Sort(out[1:]) // what one command did comes in no order that anybody relies on
	text := strings.Join(out, "\n")
	return regexp.MustCompile(`\(integer\) \d+`).ReplaceAllStringFunc(text, func(n string) string {
		if name := c.numbers[strings.TrimPrefix(n, "(integer) ")]; name != "" && strings.HasPrefix(words[0], "CLIENT") {
			return name
		}
		return n
	})
}

// templates splits at | and at line ends.
func templates(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '|' || r == '\n' })
}

// changes are commands that change keys, or look as if they did.
var changes = templates(`SET s 1|SET s 2 XX|SET s 2 NX|SET none 1 XX|SETNX s 1|SETEX s 100 1|GETSET s 2|GETDEL s|GETEX s EX 1000|GETEX s PERSIST|GETEX s
APPEND s x|SETRANGE s 1 x|SETRANGE s 0 |INCR n|DECRBY n 1|INCRBYFLOAT n 1|MSET s 1 n 2|MSETNX s 1 n 2|SETBIT s 1 1|BITOP NOT b s|BITOP AND b none none2
BITFIELD s SET u8 0 1|BITFIELD s GET u8 0|PFADD p a|PFADD p a b c|PFMERGE p p2|PFCOUNT p|DEL s|DEL none|UNLINK l h|EXPIRE s 100|EXPIRE none 100|EXPIRE s 100 XX
EXPIRE s -1|PEXPIREAT n 99999999999999|PERSIST s|PERSIST n|RENAME s n|RENAME none s|RENAMENX s n|RENAME s s|COPY s n|COPY s n REPLACE|COPY none n|MOVE s 1
LPUSH l a|RPUSH l b c|LPUSHX none a|LPOP l|RPOP l 2|LPOP none|LSET l 0 z|LSET l 100 z|LINSERT l BEFORE a x|LINSERT l BEFORE zz x|LREM l 0 a|LREM l 0 zz|LTRIM l 0 1
LMOVE l l2 LEFT RIGHT|RPOPLPUSH l l|LMPOP 2 l2 l LEFT|BLPOP l 0.01|BLMOVE l l2 LEFT LEFT 0.01
SADD S a|SADD S a b|SREM S a|SREM S zz|SPOP S 100|SMOVE S S2 a|SMOVE S S2 zz|SINTERSTORE S2 S S|SUNIONSTORE S2 S none|SDIFFSTORE S2 S S
HSET h f 1|HSETNX h f 2|HINCRBY h g 1|HINCRBYFLOAT h g 1|HDEL h f|HDEL h zz|HMSET h f 1 g 2
ZADD z 1 a|ZADD z 1 a|ZADD z 2 a 3 b|ZADD z NX 5 a|ZADD z XX 5 zz|ZINCRBY z 1 a|ZREM z a|ZREM z zz|ZPOPMIN z|ZPOPMAX z 2|ZMPOP 1 z MIN|ZREMRANGEBYRANK z 0 0
ZREMRANGEBYSCORE z 100 200|ZREMRANGEBYLEX z - [a|ZUNIONSTORE z2 1 z|ZINTERSTORE z2 2 z none|ZRANGESTORE z2 z 0 -1|ZDIFFSTORE z2 1 none
GEOADD g 1 1 a|GEOADD g 1 1 a|GEOSEARCHSTORE g2 g FROMMEMBER a BYRADIUS 10 km|GEORADIUS g 1 1 10 km STORE g2
XADD x * f 1|XADD x NOMKSTREAM * f 1|XADD none NOMKSTREAM * f 1|XTRIM x MAXLEN 1|XTRIM x MAXLEN 100|XDEL x 1-1|XSETID x 9999999999999-1|XGROUP CREATE x G $ MKSTREAM
XGROUP DESTROY x G|XGROUP CREATECONSUMER x G c|XGROUP DELCONSUMER x G c|XGROUP SETID x G 0|XREADGROUP GROUP G c STREAMS x >|XACK x G 1-1|XCLAIM x G c 0 1-1|XAUTOCLAIM x G c 0 0
SORT l ALPHA STORE l2|SORT none STORE l2|RESTORE n 0 x|FLUSHDB|FLUSHALL ASYNC|EVAL return(redis.call('incr',KEYS[1])) 1 n|EVAL return(redis.call('get',KEYS[1])) 2 n s|TOUCH s|OBJECT ENCODING s`)

// tellMore are commands that give an event without a change that Redis would tell of.
var tellMore = regexp.MustCompile(`^(XGROUP|XREADGROUP|XSETID|XCLAIM|XAUTOCLAIM)`)

// ways are commands by which a connection changes how it tracks; # stands for the number
// of a connection.
var ways = templates(`CLIENT TRACKING ON|CLIENT TRACKING OFF|CLIENT TRACKING ON NOLOOP|CLIENT TRACKING ON BCAST|CLIENT TRACKING ON BCAST NOLOOP
CLIENT TRACKING ON BCAST PREFIX s PREFIX n|CLIENT TRACKING ON PREFIX s|CLIENT TRACKING ON OPTIN|CLIENT TRACKING ON OPTOUT|CLIENT TRACKING ON OPTIN OPTOUT
CLIENT TRACKING ON OPTIN BCAST|CLIENT TRACKING ON BCAST PREFIX s PREFIX s2|CLIENT TRACKING ON REDIRECT #passive|CLIENT TRACKING ON REDIRECT #channel NOLOOP
CLIENT TRACKING ON REDIRECT 0|CLIENT TRACKING ON REDIRECT x|CLIENT TRACKING ON REDIRECT -1|CLIENT TRACKING ON REDIRECT #passive REDIRECT #passive
CLIENT TRACKING ON REDIRECT|CLIENT TRACKING ON PREFIX|CLIENT TRACKING ON BAD|CLIENT TRACKING BAD|CLIENT TRACKING OFF BCAST|CLIENT TRACKING
CLIENT CACHING YES|CLIENT CACHING NO|CLIENT CACHING MAYBE|CLIENT CACHING|CLIENT TRACKINGINFO|CLIENT GETREDIR|CLIENT GETREDIR x|CLIENT TRACKING OFF|CLIENT TRACKING OFF|CLIENT TRACKING OFF
RESET|HELLO 3|HELLO 2|MULTI|EXEC|EXEC|DISCARD|PING`)

// TestTrackersHearWhatRedisTellsThem lets the same trackers and writers run on
// redis-server, by chance, and compares all that each of them is sent.
func TestTrackersHearWhatRedisTellsThem(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 1))
	our, their := newCast(startServer(t).dial()), newCast(startOracle(t))
	var past []string
	run := func(i int, command string) {
		words := strings.Split(command, " ")
		past = append(past, fmt.Sprint(i, " ", command))
		got, want := our.run(i, words), their.run(i, words)
		if words[0] != "CLIENT" {
			// Replies to other commands are compared elsewhere.
			_, got, _ = strings.Cut(got, "\n")
			_, want, _ = strings.Cut(want, "\n")
		}
		if tellMore.MatchString(command) {
			for line := range strings.SplitSeq(want, "\n") {
				check.Contains(t, got, line)
			}
			// Whom redis-server did not tell it tells of the next change.
			our.run(4, []string{"XADD", "x", "*", "f", "1"})
			their.run(4, []string{"XADD", "x", "*", "f", "1"})
		} else if got != want {
			t.Fatalf("seed %d: after\n%s\nredisd:\n%s\nredis-server:\n%s", seed, strings.Join(past[max(0, len(past)-12):], "\n"), got, want)
		}
	}
	reads := []string{"EXISTS s n b p l l2 S S2", "EXISTS h z z2 g g2 x none", "GET s", "MGET s n", "LRANGE l 0 -1", "XREAD STREAMS x 0", "SINTER S S2", "STRLEN none"}
	for range 1500 {
		switch rnd.IntN(10) {
		case 0, 1, 2, 3:
			run([]int{0, 1, 2, 3, 4, 4, 4}[rnd.IntN(7)], changes[rnd.IntN(len(changes))])
		case 4, 5:
			run(3, ways[rnd.IntN(len(ways))])
		default:
			run(rnd.IntN(4), reads[rnd.IntN(len(reads))])
		}
	}
}
