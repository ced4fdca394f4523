package daemon_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/test/rig"
)

// say sends an inline command and reads the first line of the reply.
func say(t *testing.T, c net.Conn, line string) string {
	t.Helper()
	check.NoErr(t, c.SetDeadline(time.Now().Add(rig.Patience)))
	_, err := io.WriteString(c, line+"\r\n")
	check.NoErr(t, err)
	got, err := bufio.NewReader(c).ReadString('\n')
	check.NoErr(t, err)
	return got
}

// TestMaxClients refuses the client that is one too many, and takes it when another
// one has left.
func TestMaxClients(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{})
	s.Do("CONFIG", "SET", "maxclients", "5")
	var conns []net.Conn
	for s.Int("connected_clients") < 5 {
		c := s.Dial()
		check.Eq(t, say(t, c, "PING"), "+PONG\r\n")
		conns = append(conns, c)
	}
	c := s.Dial()
	got, err := io.ReadAll(c)
	check.NoErr(t, err)
	check.Eq(t, string(got), "-ERR max number of clients reached\r\n")
	check.Eq(t, s.Int("rejected_connections"), 1)
	conns[0].Close()
	s.WaitField("connected_clients", "4")
	check.Eq(t, say(t, s.Dial(), "PING"), "+PONG\r\n")
}

// TestIdleTimeout closes who says nothing, and only them.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{})
	s.Do("CONFIG", "SET", "timeout", "1")
	idle, busy := s.Dial(), s.Dial()
	check.Eq(t, say(t, idle, "PING"), "+PONG\r\n")
	ended := make(chan error)
	go func() {
		_, err := io.ReadAll(idle)
		ended <- err
	}()
	start := time.Now()
	for done := false; !done; {
		check.Eq(t, say(t, busy, "PING"), "+PONG\r\n")
		select {
		case err := <-ended:
			check.NoErr(t, err)
			done = true
		default:
			check.True(t, time.Since(start) < rig.Patience, "the idle client is closed")
		}
	}
	check.True(t, time.Since(start) > 900*time.Millisecond, "not before the time")
}

// TestProtectedMode connects from an address that is not the loopback's.
func TestProtectedMode(t *testing.T) {
	t.Parallel()
	own := ""
	addrs, err := net.InterfaceAddrs()
	check.NoErr(t, err)
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			own = ip.IP.String()
		}
	}
	if own == "" {
		t.Skip("this machine has no address but the loopback's")
	}
	s := rig.Start(t, rig.Options{TCP: true, Args: []string{"--bind", "* -::*"}})
	dial := func(host string) net.Conn {
		c, err := net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(s.Port)))
		check.NoErr(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	got, err := io.ReadAll(dial(own))
	check.NoErr(t, err)
	check.True(t, strings.HasPrefix(string(got), "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set"), string(got))
	check.Eq(t, say(t, dial("127.0.0.1"), "PING"), "+PONG\r\n")
	s.Do("CONFIG", "SET", "protected-mode", "no")
	check.Eq(t, say(t, dial(own), "PING"), "+PONG\r\n")
	s.Do("CONFIG", "SET", "protected-mode", "yes")
	// A password is protection enough.
	s.Do("CONFIG", "SET", "requirepass", "secret")
	c := dial(own)
	check.Eq(t, say(t, c, "GET a"), "-NOAUTH Authentication required.\r\n")
	check.Eq(t, say(t, c, "AUTH wrong"), "-WRONGPASS invalid username-password pair or user is disabled.\r\n")
	check.Eq(t, say(t, c, "AUTH secret"), "+OK\r\n")
	check.Eq(t, say(t, c, "GET a"), "$-1\r\n")
}

// TestSlowReader asks for much more than it reads: nobody else waits for it, and it
// gets everything when it reads in the end.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{})
	const size, gets = 1 << 20, 100
	s.Do("SETRANGE", "big", size-1, "x")
	slow := s.Dial()
	_, err := io.WriteString(slow, strings.Repeat("GET big\r\n", gets))
	check.NoErr(t, err)
	rig.Eventually(t, "replies that wait", func() bool {
		return strings.Contains(fmt.Sprint(s.Do("CLIENT", "LIST")), "cmd=get") && s.Int("total_commands_processed") > gets
	})
	worst := time.Duration(0)
	for i := range 300 {
		start := time.Now()
		s.Do("SET", "k", i)
		worst = max(worst, time.Since(start))
	}
	check.True(t, worst < time.Second, fmt.Sprintf("others wait for the slow reader: %s", worst))
	check.NoErr(t, slow.SetReadDeadline(time.Now().Add(rig.Patience)))
	n, err := io.CopyN(io.Discard, slow, gets*(size+int64(len("$1048576\r\n\r\n"))))
	check.NoErr(t, err)
	check.Eq(t, n, gets*(size+int64(len("$1048576\r\n\r\n"))))
	clients := s.Int("connected_clients")
	slow.Close()
	s.WaitField("connected_clients", fmt.Sprint(clients-1))
}

// TestManyClients opens many connections, as a pool of an application does, and
// closes them again.
func TestManyClients(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{})
	before := s.Int("connected_clients")
	var conns []net.Conn
	for range 500 {
		conns = append(conns, s.Dial())
	}
	for _, c := range conns {
		check.Eq(t, say(t, c, "PING"), "+PONG\r\n")
	}
	check.Eq(t, s.Int("connected_clients"), before+500)
	for _, c := range conns {
		c.Close()
	}
	s.WaitField("connected_clients", fmt.Sprint(before))
}

// TestOOMScore: the score is left alone until the directive is turned on, counts from
// what it is then, and goes back to that.
func TestOOMScore(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{})
	file := fmt.Sprintf("/proc/%d/oom_score_adj", s.Pid())
	score := func() string {
		text, err := os.ReadFile(file)
		check.NoErr(t, err)
		return strings.TrimSpace(string(text))
	}
	check.NoErr(t, os.WriteFile(file, []byte("700"), 0))
	for _, step := range []struct {
		directive, value, want string
	}{
		{"oom-score-adj-values", "5 6 7", "700"}, {"oom-score-adj", "relative", "705"}, {"oom-score-adj-values", "15 6 7", "715"},
		{"oom-score-adj", "absolute", "15"}, {"oom-score-adj", "no", "700"}, {"oom-score-adj-values", "1 2 3", "700"},
	} {
		s.Do("CONFIG", "SET", step.directive, step.value)
		check.Eq(t, score(), step.want)
	}
}
