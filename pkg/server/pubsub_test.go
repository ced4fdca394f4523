package server_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/pkg/resp"
)

// next gives the next reply or message, in one line.
func (p *peer) next() string {
	p.t.Helper()
	check.NoErr(p.t, p.conn.SetDeadline(time.Now().Add(patience)))
	reply, err := resp.ReadReply(p.in)
	check.NoErr(p.t, err)
	return reply.String()
}

// tell sends a command and reads nothing.
func (p *peer) tell(words ...string) {
	p.t.Helper()
	_, err := p.conn.Write(resp.AppendCommandStrings(nil, words...))
	check.NoErr(p.t, err)
}

// told gives the next n messages, a line each.
func (p *peer) told(n int) string {
	p.t.Helper()
	lines := make([]string, n)
	for i := range lines {
		lines[i] = p.next()
	}
	return strings.Join(lines, "\n")
}

func TestSubscribersHearWhatIsPublished(t *testing.T) {
	r := startServer(t)
	two, three, p := r.dial(), r.dial(), r.dial()
	three.ok("HELLO", "3")
	two.tell("SUBSCRIBE", "a", "b", "a")
	check.Eq(t, two.told(3), `*["subscribe" "a" (integer) 1]`+"\n"+`*["subscribe" "b" (integer) 2]`+"\n"+`*["subscribe" "a" (integer) 2]`)
	three.tell("PSUBSCRIBE", "a*")
	check.Eq(t, three.next(), `>["psubscribe" "a*" (integer) 1]`)
	three.tell("SSUBSCRIBE", "a")
	check.Eq(t, three.next(), `>["ssubscribe" "a" (integer) 1]`)

	check.Eq(t, p.ok("PUBLISH", "a", "x\r\n").Int, int64(2))
	check.Eq(t, p.ok("SPUBLISH", "a", "y").Int, int64(1))
	check.Eq(t, p.ok("PUBLISH", "c", "z").Int, int64(0))
	check.Eq(t, two.next(), `*["message" "a" "x\r\n"]`)
	check.Eq(t, three.told(2), `>["pmessage" "a*" "a" "x\r\n"]`+"\n"+`>["smessage" "a" "y"]`)

	info := p.info("stats")
	check.Eq(t, info["pubsub_channels"]+" "+info["pubsub_patterns"]+" "+info["pubsubshard_channels"], "2 1 1")
	check.Contains(t, p.text("CLIENT", "LIST", "TYPE", "PUBSUB"), "flags=PU db=0 sub=2 psub=0 ssub=0 ")
	check.Contains(t, p.text("CLIENT", "LIST", "TYPE", "PUBSUB"), "flags=PU db=0 sub=0 psub=1 ssub=1 ")
	check.True(t, !strings.Contains(p.text("CLIENT", "LIST", "TYPE", "NORMAL"), "flags=P"), "subscribers are not normal")

	check.Eq(t, p.ok("CLIENT", "KILL", "TYPE", "PUBSUB").Int, int64(2))
	check.Eq(t, p.ok("PUBLISH", "a", "x").Int, int64(0))
	info = p.info("stats")
	check.Eq(t, info["pubsub_channels"]+" "+info["pubsub_patterns"]+" "+info["pubsubshard_channels"], "0 0 0")
}

func TestMessagesToOneselfFollowTheReply(t *testing.T) {
	p := startServer(t).dial()
	p.ok("HELLO", "3")
	p.ok("SUBSCRIBE", "a")
	p.tell("PUBLISH", "a", "x")
	check.Eq(t, p.told(2), "(integer) 1\n"+`>["message" "a" "x"]`)
	p.ok("MULTI")
	p.ok("PUBLISH", "a", "1")
	p.ok("ECHO", "e")
	p.tell("EXEC")
	check.Eq(t, p.told(2), `*[(integer) 1 "e"]`+"\n"+`>["message" "a" "1"]`)
	p.tell("CLIENT", "REPLY", "OFF")
	p.tell("PUBLISH", "a", "quiet")
	check.Eq(t, p.next(), `>["message" "a" "quiet"]`)
	p.tell("SUBSCRIBE", "b")
	p.tell("PING")
	p.tell("SUBSCRIBE") // an error, which is not wanted either
	p.tell("CLIENT", "REPLY", "ON")
	check.Eq(t, p.told(2), `>["subscribe" "b" (integer) 2]`+"\n+OK")
}

func TestSubscribersThatAreGone(t *testing.T) {
	r := startServer(t)
	p := r.dial()
	for name, leave := range map[string]func(*peer){
		"RESET": func(s *peer) { check.Eq(t, s.text("RESET"), "RESET") },
		"QUIT":  func(s *peer) { s.ok("QUIT") },
		"the connection ends": func(s *peer) {
			s.conn.Close()
			for strings.Contains(p.text("CLIENT", "LIST"), "flags=P") {
			}
		},
	} {
		s := r.dial()
		s.ok("SUBSCRIBE", "a")
		s.ok("PSUBSCRIBE", "a*")
		s.ok("SSUBSCRIBE", "a")
		leave(s)
		check.Eq(t, fmt.Sprint(name, p.ok("PUBLISH", "a", "x").Int, p.ok("SPUBLISH", "a", "x").Int), name+"0 0")
	}
}

func TestASlowSubscriberIsClosed(t *testing.T) {
	r := startServer(t, "client-output-buffer-limit pubsub 1mb 0 0")
	slow, p := r.dial(), r.dial()
	slow.ok("SUBSCRIBE", "a")
	message := strings.Repeat("x", 100<<10)
	closed := false
	for range 200 {
		if closed = p.ok("PUBLISH", "a", message).Int == 0; closed {
			break
		}
	}
	check.True(t, closed, "the limit of the class pubsub counts")
	p.eventually("the log tells of it", func() bool {
		return strings.Contains(r.log.String(), "scheduled to be closed ASAP for overcoming of output buffer limits")
	})
}

func TestKeyspaceNotifications(t *testing.T) {
	r := startServer(t)
	s, p := r.dial(), r.dial()
	s.ok("PSUBSCRIBE", "__key*")
	p.ok("SET", "silent", "1")
	for _, tt := range []struct{ events, want string }{
		{"K$", `__keyspace@3__:k set`},
		{"E$", `__keyevent@3__:set k`},
		{"KE$", "__keyspace@3__:k set __keyevent@3__:set k"},
		{"KA", "__keyspace@3__:k set __keyspace@3__:k del"},
		{"Kng", "__keyspace@3__:k new __keyspace@3__:k del"},
		{"Em", "__keyevent@3__:keymiss gone"},
		{"A", ""}, // neither K nor E
		{"", ""},
	} {
		p.ok("CONFIG", "SET", "notify-keyspace-events", tt.events)
		p.ok("SELECT", "3")
		p.ok("SET", "k", "v")
		p.ok("GET", "gone")
		p.ok("DEL", "k")
		p.ok("PUBLISH", "__key", "end")
		got := []string{}
		for {
			line := strings.Split(strings.Trim(s.next(), "*[]"), " ")
			if line[3] == `"end"` {
				break
			}
			got = append(got, strings.Trim(line[2], `"`), strings.Trim(line[3], `"`))
		}
		check.Eq(t, tt.events+": "+strings.Join(got, " "), tt.events+": "+tt.want)
	}
}

func TestMonitor(t *testing.T) {
	r := startServer(t)
	m, p := r.dial(), r.dial()
	check.Eq(t, m.text("MONITOR"), "OK")
	check.Contains(t, p.text("CLIENT", "LIST"), "flags=OU ")
	p.ok("SET", "k", "\x00\xff\"\\\n\r\t\a\b ~")
	p.do("AUTH", "secret")
	p.ok("CONFIG", "GET", "port") // administrative: not shown
	p.ok("SELECT", "3")
	p.ok("MULTI")
	p.ok("INCR", "n")
	p.ok("EXEC")
	p.ok("MULTI")
	p.do("NOSUCH")
	p.do("EXEC")
	form := regexp.MustCompile(`^\+\d{10}\.\d{6} \[(\d) unix:` + regexp.QuoteMeta(r.socket) + `\] (.*)$`)
	for _, want := range []string{
		`0 "SET" "k" "\x00\xff\"\\\n\r\t\a\b ~"`, `0 "AUTH" "(redacted)"`, `3 "SELECT" "3"`,
		`3 "MULTI"`, `3 "INCR" "n"`, `3 "EXEC"`, `3 "MULTI"`, `3 "EXEC"`,
	} {
		line := m.next()
		parts := form.FindStringSubmatch(line)
		check.True(t, parts != nil, line)
		check.Eq(t, parts[1]+" "+parts[2], want)
	}
	check.Eq(t, m.text("RESET"), "RESET")
	p.ok("PING")
	check.Eq(t, m.text("ECHO", "nothing else came"), "nothing else came")
}

func TestAMonitorMayLeave(t *testing.T) {
	r := startServer(t)
	m, p := r.dial(), r.dial()
	m.ok("MONITOR")
	m.conn.Close()
	for strings.Contains(p.text("CLIENT", "LIST"), "flags=O") {
	}
	p.ok("PING")
}

// listening is a conversation that two servers must answer alike. A line of - n means:
// read n replies more.
const listening = `
SUBSCRIBE a
PSUBSCRIBE p* p*
-1
GET x
PING
PING x
PING x y
HELLO 3
MULTI
PUBSUB CHANNELS
CLIENT LIST
NOSUCH x
GET
SSUBSCRIBE s1
SUBSCRIBE
UNSUBSCRIBE none
UNSUBSCRIBE
PUNSUBSCRIBE
GET x
SUNSUBSCRIBE
GET x
UNSUBSCRIBE
PUNSUBSCRIBE
SUNSUBSCRIBE
PUBSUB NUMSUB a b
PUBSUB SHARDNUMSUB
PUBSUB NUMPAT
PUBSUB NUMPAT x
PUBSUB CHANNELS a b
PUBSUB NOSUCH
PUBSUB
PUBLISH a
SPUBLISH a b c
MULTI
SSUBSCRIBE x
MONITOR
UNSUBSCRIBE
EXEC
SUBSCRIBE a
RESET
GET x
HELLO 3
SUBSCRIBE a
GET x
PING
PING x
PUBSUB CHANNELS
PUBSUB NUMSUB a b
PUNSUBSCRIBE
UNSUBSCRIBE
`

func TestListeningIsAnsweredAsByRedis(t *testing.T) {
	oracle, here := startOracle(t), startServer(t).dial()
	for line := range strings.Lines(strings.TrimSpace(listening)) {
		words := strings.Fields(line)
		var want, got string
		if words[0] == "-1" {
			want, got = oracle.next(), here.next()
		} else {
			want, got = oracle.do(words...).String(), here.do(words...).String()
		}
		if words[0] == "HELLO" { // tells versions
			want, got = want[:1], got[:1]
		}
		check.Eq(t, line+got, line+want)
	}
}

func TestChannelsOfAUser(t *testing.T) {
	r := startServer(t)
	p := r.dial()
	p.ok("ACL", "SETUSER", "u", "on", "nopass", "+@all", "resetchannels", "&news*", "&p*")
	s := r.dial()
	s.ok("AUTH", "u", "x")
	for _, words := range [][]string{
		{"SUBSCRIBE", "news", "other"}, {"PSUBSCRIBE", "new*"}, {"PSUBSCRIBE", "news1"}, {"SSUBSCRIBE", "other"},
		{"PUBLISH", "other", "x"}, {"SPUBLISH", "other", "x"},
	} {
		check.Eq(t, s.refused(words...), "NOPERM No permissions to access a channel")
	}
	s.ok("SUBSCRIBE", "news1")
	s.ok("PSUBSCRIBE", "news*")
	p.ok("ACL", "SETUSER", "u", "resetchannels", "&news*")
	check.Eq(t, s.do("PING").String(), `*["pong" ""]`)
	p.ok("ACL", "SETUSER", "u", "resetchannels", "&news?")
	check.Eq(t, p.ok("PUBLISH", "news1", "x").Int, int64(0))
	s.closed()
}

func TestScriptsPublish(t *testing.T) {
	r := startServer(t, "enable-debug-command yes")
	p, m := r.dial(), r.dial()
	m.ok("MONITOR")
	p.ok("HELLO", "3")
	p.ok("SUBSCRIBE", "a")
	p.tell("EVAL", "redis.call('set', KEYS[1], 'v'); return {redis.call('publish', 'a', 'x'), 'whole'}", "1", "k")
	check.Eq(t, p.told(2), `*[(integer) 1 "whole"]`+"\n"+`>["message" "a" "x"]`)
	for _, want := range []string{
		`unix:` + r.socket + `] "HELLO" "3"`, `unix:` + r.socket + `] "SUBSCRIBE" "a"`,
		`unix:` + r.socket + `] "EVAL" `, `[0 lua] "set" "k" "v"`, `[0 lua] "publish" "a" "x"`,
	} {
		check.Contains(t, m.next(), want)
	}
	m.ok("RESET")
	for _, call := range []string{"'subscribe', 'b'", "'psubscribe', 'b'", "'ssubscribe', 'b'", "'monitor'"} {
		check.Contains(t, p.refused("EVAL", "return redis.call("+call+")", "0"), "not allowed from script")
	}
	p.ok("DEBUG", "SET-DISABLE-DENY-SCRIPTS", "1")
	check.Contains(t, p.refused("EVAL", "return redis.call('subscribe', 'b')", "0"), "SUBSCRIBE isn't allowed for a DENY BLOCKING client")
}
