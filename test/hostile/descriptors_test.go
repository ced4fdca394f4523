package hostile_test

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/test/rig"
)

// limitFiles sets how many descriptors the daemon may have from now on, and gives the
// limit from before.
func limitFiles(t testing.TB, s *rig.Server, n uint64) uint64 {
	t.Helper()
	var old unix.Rlimit
	check.NoErr(t, unix.Prlimit(s.Pid(), unix.RLIMIT_NOFILE, nil, &old))
	check.NoErr(t, unix.Prlimit(s.Pid(), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: old.Max}, nil))
	return old.Cur
}

func openFiles(t testing.TB, s *rig.Server) int {
	t.Helper()
	list, err := os.ReadDir("/proc/" + itoa(s.Pid()) + "/fd")
	check.NoErr(t, err)
	return len(list)
}

// TestDescriptorsRunOut: those who are here are served, nobody spins, the log tells of it
// and is not flooded; jobs that need descriptors fail with an error. When there are some
// again, those who waited come in.
func TestDescriptorsRunOut(t *testing.T) {
	s := rig.Start(t, rig.Options{TCP: true, Args: []string{"--maxmemory", "16gb"}})
	address := net.JoinHostPort("127.0.0.1", itoa(s.Port))
	good := dial(t, s)
	here := crowd(t, s, 10)
	before := memoryOf(s)
	most := limitFiles(t, s, uint64(openFiles(t, s)+10))
	mark := s.Mark()
	var waiting []*peer
	for i := range 60 {
		c, err := net.Dial([]string{"unix", "tcp"}[i%2], []string{s.Sock, address}[i%2])
		check.NoErr(t, err)
		t.Cleanup(func() { c.Close() })
		waiting = append(waiting, newPeer(t, c))
		waiting[i].send("PING\r\n")
	}
	s.WaitLog(mark, "Accepting client connection: Too many open files")

	commands := s.Int("total_commands_processed")
	b := watch(good)
	for _, p := range here {
		check.Eq(t, p.say("PING"), "+PONG")
	}
	check.Contains(t, s.Fails("BGSAVE"), "ERR")
	b.served()
	check.True(t, s.Int("total_commands_processed")-commands >= 310, "they are served")

	// Idle with connections that wait: hardly any processor time.
	start, used := time.Now(), cpu(t, s.Pid())
	const look = 1500 * time.Millisecond
	rig.Eventually(t, "a second and a half", func() bool { return time.Since(start) > look })
	busy := cpu(t, s.Pid()) - used
	t.Logf("busy for %s of %s", busy, time.Since(start))
	check.True(t, busy < look/3, "the loop spins: "+busy.String())
	lines := strings.Count(s.LogSince(mark), "Accepting client connection")
	check.True(t, lines >= 1 && lines <= 2+int(time.Since(start)/time.Second)+5, "one line a second at most: "+itoa(lines))

	limitFiles(t, s, most)
	for _, p := range waiting {
		check.Eq(t, p.line(), "+PONG")
	}
	s.Do("BGSAVE")
	s.WaitIdle()
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "ok")
	for _, p := range waiting {
		check.NoErr(t, p.Close())
	}
	back(t, s, before)
}
