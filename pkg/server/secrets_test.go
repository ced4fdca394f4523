package server_test

import (
	"strings"
	"testing"

	"redisd/internal/check"
)

// What MONITOR and the slow log show of commands that carry a secret, whether they work,
// are refused or make no sense, is what Redis shows. An empty want says that MONITOR, which
// leaves administrative commands out, shows nothing.
func TestSecretsStayOutOfMonitorAndSlowLog(t *testing.T) {
	const hidden = `"(redacted)"`
	tests := []struct{ name, words, monitor, slow string }{
		{"HELLO", `HELLO|3|AUTH|joe|secret`, `"HELLO" "3" "AUTH" ` + hidden + ` ` + hidden, ""},
		{"HELLO that names the client", `HELLO|2|AUTH|joe|secret|SETNAME|me`, `"HELLO" "2" "AUTH" ` + hidden + ` ` + hidden + ` "SETNAME" "me"`, ""},
		{"HELLO with the name first", `HELLO|2|SETNAME|me|AUTH|joe|secret`, `"HELLO" "2" "SETNAME" "me" "AUTH" ` + hidden + ` ` + hidden, ""},
		{"HELLO with a wrong password", `HELLO|3|AUTH|joe|secret2`, `"HELLO" "3" "AUTH" ` + hidden + ` ` + hidden, ""},
		{"HELLO with a wrong option behind", `HELLO|3|AUTH|joe|secret|BADOPT`, `"HELLO" "3" "AUTH" ` + hidden + ` ` + hidden + ` "BADOPT"`, ""},
		{"HELLO with a wrong name behind", `HELLO|3|AUTH|joe|secret|SETNAME|a b`, `"HELLO" "3" "AUTH" ` + hidden + ` ` + hidden + ` "SETNAME" "a b"`, ""},
		{"HELLO twice", `HELLO|3|AUTH|joe|secret|AUTH|joe|secret2`, `"HELLO" "3" "AUTH" ` + hidden + ` ` + hidden + ` "AUTH" ` + hidden + ` ` + hidden, ""},
		{"AUTH", `AUTH|joe|secret`, `"AUTH" ` + hidden + ` ` + hidden, ""},
		{"AUTH with a wrong password", `AUTH|joe|secret2`, `"AUTH" ` + hidden + ` ` + hidden, ""},
		{"AUTH without a user", `AUTH|secret`, `"AUTH" ` + hidden, ""},
		{"MIGRATE AUTH", `MIGRATE|127.0.0.1|1|k|0|1000|AUTH|secret`, `"MIGRATE" "127.0.0.1" "1" "k" "0" "1000" "AUTH" ` + hidden, ""},
		{"MIGRATE AUTH2", `MIGRATE|127.0.0.1|1|k|0|1000|COPY|AUTH2|joe|secret`, `"MIGRATE" "127.0.0.1" "1" "k" "0" "1000" "COPY" "AUTH2" ` + hidden + ` ` + hidden, ""},
		{"MIGRATE with a wrong option behind", `MIGRATE|127.0.0.1|1|k|0|1000|AUTH2|joe|secret|BADOPT`, `"MIGRATE" "127.0.0.1" "1" "k" "0" "1000" "AUTH2" ` + hidden + ` ` + hidden + ` "BADOPT"`, ""},
		{"MIGRATE with a wrong time", `MIGRATE|127.0.0.1|1|k|0|x|AUTH|secret`, `"MIGRATE" "127.0.0.1" "1" "k" "0" "x" "AUTH" ` + hidden, ""},
		{"ACL SETUSER", `ACL|SETUSER|ann|on|>secret`, "", `"ACL" "SETUSER" ` + hidden + ` ` + hidden + ` ` + hidden},
		{"ACL SETUSER with a wrong rule", `ACL|SETUSER|ann|>secret|BADRULE`, "", `"ACL" "SETUSER" ` + hidden + ` ` + hidden + ` ` + hidden},
		{"CONFIG SET", `CONFIG|SET|masterauth|secret|hz|12`, "", `"CONFIG" "SET" "masterauth" ` + hidden + ` "hz" "12"`},
		{"CONFIG SET with a wrong value", `CONFIG|SET|hz|x|requirepass|secret`, "", `"CONFIG" "SET" "hz" "x" "requirepass" ` + hidden},
		{"CONFIG SET requirepass", `CONFIG|SET|requirepass|secret`, "", `"CONFIG" "SET" "requirepass" ` + hidden},
		{"CONFIG SET with a wrong name", `CONFIG|SET|nosuch|1|masteruser|joe|requirepass|secret`, "", `"CONFIG" "SET" "nosuch" "1" "masteruser" ` + hidden + ` "requirepass" ` + hidden},
	}
	for _, side := range []struct {
		name string
		p    *peer
	}{
		{"redisd", startServer(t, "slowlog-log-slower-than 0").dial()},
		{"redis-server", startOracle(t, "--slowlog-log-slower-than", "0")},
	} {
		p, m := side.p, side.p.another()
		p.ok("ACL", "SETUSER", "joe", "on", ">secret", "allcommands", "allkeys", "allchannels")
		p.ok("SET", "k", "v")
		m.ok("MONITOR")
		for _, tt := range tests {
			if side.name == "redis-server" && strings.HasPrefix(tt.name, "HELLO twice") {
				continue // 7.0 logs in at the first, and is not asked for the second
			}
			t.Run(side.name+"/"+tt.name, func(t *testing.T) {
				p.t, m.t = t, t
				p.ok("SLOWLOG", "RESET")
				p.do(strings.Split(tt.words, "|")...)
				p.ok("ECHO", "end")
				monitor := ""
				for line := m.next(); !strings.Contains(line, `"ECHO" "end"`); line = m.next() {
					_, line, _ = strings.Cut(line, "] ")
					monitor += line
				}
				check.Eq(t, monitor, tt.monitor)
				entries := p.ok("SLOWLOG", "GET").Elems
				slow := entries[1].Elems[3].String() // the ECHO is the first
				if tt.slow == "" {
					tt.slow = tt.monitor
				}
				check.Eq(t, slow, "*["+tt.slow+"]")
				p.ok("CONFIG", "SET", "requirepass", "")
				p.ok("HELLO", "2")
				m.next()
			})
		}
	}
}
