package rig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Info reads sections of INFO, all of the default ones without a name.
func (s *Server) Info(sections ...string) map[string]string {
	s.t.Helper()
	text, err := s.Client().Info(context.Background(), sections...).Result()
	must(s.t, err)
	m := map[string]string{}
	for _, line := range strings.Split(text, "\r\n") {
		if k, v, ok := strings.Cut(line, ":"); ok {
			m[k] = v
		}
	}
	return m
}

// Field reads one field of INFO.
func (s *Server) Field(name string) string {
	s.t.Helper()
	v, ok := s.Info("everything")[name]
	if !ok {
		s.t.Fatalf("INFO has no field %s", name)
	}
	return v
}

// Int reads a field of INFO that is a number.
func (s *Server) Int(name string) int64 {
	s.t.Helper()
	n, err := strconv.ParseInt(s.Field(name), 10, 64)
	must(s.t, err)
	return n
}

// WaitField waits until a field of INFO has a value.
func (s *Server) WaitField(name, want string) {
	s.t.Helper()
	Eventually(s.t, fmt.Sprintf("%s:%s in INFO", name, want), func() bool { return s.Field(name) == want })
}

// WaitIdle waits until no background job runs or is scheduled.
func (s *Server) WaitIdle() {
	s.t.Helper()
	Eventually(s.t, "end of the background jobs", func() bool {
		m := s.Info("persistence")
		return m["rdb_bgsave_in_progress"] == "0" && m["aof_rewrite_in_progress"] == "0" && m["aof_rewrite_scheduled"] == "0"
	})
}

// Digest is DEBUG DIGEST.
func (s *Server) Digest() string {
	s.t.Helper()
	return fmt.Sprint(s.Do("DEBUG", "DIGEST"))
}

// Children are the process ids of the server's children, zombies included.
func (s *Server) Children() []int {
	var pids []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.Pid()))
	for _, t := range tasks {
		b, _ := os.ReadFile(t)
		for _, f := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				pids = append(pids, n)
			}
		}
	}
	sort.Ints(pids)
	return pids
}

// Child waits for the server's one child that has begun to write its temporary
// file, and returns its process id and that file's name.
func (s *Server) Child() (pid int, temp string) {
	s.t.Helper()
	Eventually(s.t, "child with a temporary file", func() bool {
		for _, p := range s.Children() {
			for _, name := range s.Temps() {
				if strings.Contains(name, "-"+strconv.Itoa(p)+".") && !strings.HasSuffix(name, ".diff") {
					pid, temp = p, name
					return true
				}
			}
		}
		return false
	})
	return pid, temp
}

// Temps are the names of temporary files in the working folder.
func (s *Server) Temps() []string {
	var names []string
	paths, _ := filepath.Glob(filepath.Join(s.Dir, "temp-*"))
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	return names
}

// Files are the names in the working folder.
func (s *Server) Files() []string {
	s.t.Helper()
	entries, err := os.ReadDir(s.Dir)
	must(s.t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// FDs lists what the server's descriptors point to, without sockets of clients.
func (s *Server) FDs() []string {
	s.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Pid()))
	must(s.t, err)
	var to []string
	for _, e := range entries {
		if l, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", s.Pid(), e.Name())); err == nil && !strings.HasPrefix(l, "socket:") {
			to = append(to, l)
		}
	}
	sort.Strings(to)
	return to
}

// Clean fails the test if the server has a child, a temporary file, or other
// descriptors than before.
func (s *Server) Clean(fdsBefore int) {
	s.t.Helper()
	if kids := s.Children(); len(kids) > 0 {
		s.t.Fatalf("children are left: %v", kids)
	}
	if temps := s.Temps(); len(temps) > 0 {
		s.t.Fatalf("temporary files are left: %v", temps)
	}
	// The old file is closed in the background.
	Eventually(s.t, fmt.Sprintf("return to %d descriptors", fdsBefore), func() bool { return len(s.FDs()) == fdsBefore })
}

// Gone tells whether a process has ended; one that nobody waited for counts.
func Gone(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(rest, "Z")
}

// KillPid sends sig to a process that a test knows the number of.
func KillPid(t testing.TB, pid int, sig syscall.Signal) {
	t.Helper()
	must(t, syscall.Kill(pid, sig))
}

// File is the path of a name in the working folder.
func (s *Server) File(name string) string { return filepath.Join(s.Dir, name) }

// Copy copies files of the working folder into a new folder and returns its path.
func (s *Server) Copy(names ...string) string {
	s.t.Helper()
	dir := s.t.TempDir()
	for _, n := range names {
		b, err := os.ReadFile(s.File(n))
		must(s.t, err)
		must(s.t, os.WriteFile(filepath.Join(dir, n), b, 0o644))
	}
	return dir
}
