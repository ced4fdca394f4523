package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// commitReport is what writers and readers get done beside a slow disk.
type commitReport struct {
	Server  string  `json:"server"`
	Sets    float64 `json:"sets_per_s"`
	Gets    float64 `json:"gets_per_s"`
	Syncs   float64 `json:"syncs_per_s"`
	PerSync float64 `json:"sets_per_sync"`
}

// commit measures group commit: appendfsync always, writers that SET and readers
// that GET beside them, on a disk whose sync takes longer by a delay that strace puts
// into the system call. With a peer both servers are measured in turns and a table
// is printed.
//
// strace is attached to the running server and stops it at every system call, so
// the figures are of a machine that is slow at those; -seccomp starts the server below
// strace with a filter instead, which stops it at the syncs only.
func commit(args []string) (any, error) {
	fs := flag.NewFlagSet("commit", flag.ExitOnError)
	bin := fs.String("server", "bin/redisd", "server binary")
	peer := fs.String("peer", "", "binary to compare with")
	writers := fs.Int("writers", 64, "connections that SET")
	readers := fs.Int("readers", 16, "connections that GET")
	delay := fs.Int("delay", 5000, "microseconds that a sync takes longer")
	secs := fs.Float64("secs", 4, "seconds a turn")
	rounds := fs.Int("rounds", 3, "turns of each server, with a peer")
	seccomp := fs.Bool("seccomp", false, "stop the server at the syncs only")
	fs.Parse(args)
	one := func(bin string) (commitReport, error) {
		return commitOnce(bin, *writers, *readers, *delay, *secs, *seccomp)
	}
	if *peer == "" {
		return one(*bin)
	}
	fmt.Println("| what | peer | redisd | ratio | must |\n|---|---|---|---|---|")
	var ours, theirs []commitReport
	for range *rounds {
		b, err := one(*peer)
		if err != nil {
			return nil, err
		}
		a, err := one(*bin)
		if err != nil {
			return nil, err
		}
		ours, theirs = append(ours, a), append(theirs, b)
	}
	for _, row := range []struct {
		name, must string
		get        func(commitReport) float64
	}{
		{"SET/s", ">= 1.5x", func(r commitReport) float64 { return r.Sets }},
		{"GET/s", ">= 8x", func(r commitReport) float64 { return r.Gets }},
		{"SET a sync", "", func(r commitReport) float64 { return r.PerSync }},
	} {
		a, b := middle(ours, row.get), middle(theirs, row.get)
		fmt.Printf("| %s | %.0f | %.0f | %.2f | %s |\n", row.name, b, a, a/b, row.must)
	}
	return nil, nil
}

// middle is the median of a figure.
func middle(rs []commitReport, get func(commitReport) float64) float64 {
	var v []float64
	for _, r := range rs {
		v = append(v, get(r))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// commitOnce measures one server.
func commitOnce(bin string, writers, readers, delay int, secs float64, seccomp bool) (commitReport, error) {
	rep := commitReport{Server: bin}
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return rep, err
	}
	defer os.RemoveAll(dir)
	counts := dir + "/syncs"
	trace := []string{"-f", "-q", "-o", counts, "-e", "signal=none", "-e", "trace=fdatasync,fsync",
		"-e", "inject=fdatasync,fsync:delay_exit=" + strconv.Itoa(delay)}
	opts := []string{"--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"}
	var s *server
	if seccomp {
		s = &server{bin: bin, dir: dir, port: freePort(), args: opts, under: append(append([]string{"strace"}, trace...), "--seccomp-bpf")}
		if err := s.start(); err != nil {
			return rep, err
		}
		defer s.kill()
	} else {
		if s, err = startServer(bin, dir, opts...); err != nil {
			return rep, err
		}
		defer s.kill()
		stop, err := attach(s.cmd.Process.Pid, trace)
		if err != nil {
			return rep, err
		}
		defer stop()
	}
	// Writers and readers are two clients with a thread each, so that neither takes the
	// other's time.
	length := time.Duration(secs * float64(time.Second))
	value := strings.Repeat("v", 64)
	key := func(i int) string { return fmt.Sprintf("key:%012d", i%writers) }
	set := func(i int) [][]byte { return [][]byte{words(nil, "SET", key(i), value)} }
	get := func(i int) [][]byte { return [][]byte{words(nil, "GET", key(i))} }
	if _, err := drive(s, writers, set, countBytes, len("+OK\r\n"), 1, time.Second/2); err != nil {
		return rep, err // else every key is there
	}
	var gets turn
	var failed error
	var reading sync.WaitGroup
	if readers > 0 {
		reading.Go(func() {
			gets, failed = drive(s, readers, get, countBytes, len("$64\r\n")+len(value)+2, 1, length)
		})
	}
	n, t := calls(counts), time.Now()
	sets, err := drive(s, writers, set, countBytes, len("+OK\r\n"), 1, length)
	rep.Syncs = float64(calls(counts)-n) / time.Since(t).Seconds()
	reading.Wait()
	if err = errors.Join(err, failed); err != nil {
		return rep, err
	}
	rep.Sets, rep.Gets = sets.rate, gets.rate
	rep.PerSync = rep.Sets / max(rep.Syncs, 1)
	return rep, nil
}

// attach puts strace on all threads of a process; stop takes it off again.
func attach(pid int, trace []string) (stop func(), err error) {
	cmd := exec.Command("strace", append(trace, "-p", strconv.Itoa(pid))...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (apt-get install strace)", err)
	}
	for range 200 {
		if traced(pid) {
			return func() {
				cmd.Process.Signal(syscall.SIGINT)
				cmd.Wait()
			}, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	cmd.Process.Kill()
	cmd.Wait()
	return nil, fmt.Errorf("strace does not attach to process %d", pid)
}

// traced tells whether every thread of a process has a tracer.
func traced(pid int) bool {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, t := range tasks {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", pid, t.Name()))
		if strings.Contains(string(b), "TracerPid:\t0\n") {
			return false
		}
	}
	return len(tasks) > 0
}

// calls counts the syncs in what strace wrote; the second half of one that was
// interrupted is a line without a parenthesis.
func calls(path string) int {
	b, _ := os.ReadFile(path)
	return strings.Count(string(b), "sync(")
}
