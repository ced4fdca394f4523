package hostile_test

import (
	"fmt"
	"strings"
	"testing"

	"redisd/internal/check"
)

// TestGuessedPasswords: each wrong one is counted, the log of access control stays short,
// and who is a stranger may ask for little.
func TestGuessedPasswords(t *testing.T) {
	s := start(t, "--acllog-max-len", "20")
	b := watch(dial(t, s)) // it came before there was a password
	before := memoryOf(s)
	s.Do("CONFIG", "SET", "requirepass", "correct horse")
	n, p := scale(2000, 100_000), dial(t, s)
	const denied = "-WRONGPASS invalid username-password pair or user is disabled."
	for i := range n {
		check.Eq(t, p.say(fmt.Sprintf("AUTH guess%d", i)), denied)
	}
	check.Eq(t, s.Int("acl_access_denied_auth"), int64(n))
	log := s.Do("ACL", "LOG").([]any)
	check.Eq(t, len(log), 1) // the same reason, user and client: one entry that counts
	entry := fmt.Sprint(log[0])
	check.Contains(t, entry, "reason:auth")
	check.Contains(t, entry, fmt.Sprintf("count:%d", n))
	check.Contains(t, entry, "username:default")
	check.True(t, !strings.Contains(entry, "guess"), "passwords are not shown")
	for i := range 200 {
		check.Eq(t, p.say(fmt.Sprintf("AUTH user%d%s x", i, strings.Repeat("u", 10_000))), denied)
	}
	check.Eq(t, len(s.Do("ACL", "LOG", "1000").([]any)), 20)
	check.Eq(t, p.say("GET a"), "-NOAUTH Authentication required.")
	grew(t, s, before, mb)

	const wrong = "-ERR Protocol error: unauthenticated "
	for _, tt := range []struct{ name, send, want string }{
		{"many words", "*11\r\n", wrong + "multibulk length"},
		{"a long word", "*1\r\n$16385\r\n", wrong + "bulk length"},
	} {
		stranger := dial(t, s)
		stranger.send(tt.send)
		check.Eq(t, strings.TrimSpace(stranger.gone()), tt.want)
	}
	// Replies that it does not fetch end a stranger early.
	mark, deaf := s.Mark(), dial(t, s)
	for deaf.try(strings.Repeat("GET a\r\n", 1000)) == nil {
	}
	check.Contains(t, s.LogSince(mark), chokedLine)
	check.Eq(t, dial(t, s).say(`AUTH "correct horse"`), "+OK")
	b.served()
}
