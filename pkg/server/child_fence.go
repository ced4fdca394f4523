package server

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"redisd/pkg/config"
	"redisd/pkg/event"
	"redisd/pkg/persist"
	"redisd/pkg/proc"
)

// What is taken from a child (child-fence), and what is heard from one that the Go
// runtime has ended. The decision and its limits: docs/adr/0018-fenced-child.md.

// fence is what the configuration takes from the next child.
func (b *background) fence() *proc.Fence {
	s := b.srv
	parts := s.cfg.Int(config.ChildFence)
	f := &proc.Fence{Syscalls: parts&config.FenceSyscalls != 0, IOLast: parts&config.FenceIO != 0}
	if parts&config.FenceFiles != 0 {
		dir := s.absDir()
		// The second may be a link that leads elsewhere.
		f.Dirs = []string{dir, filepath.Join(dir, s.cfg.String(config.AppendDirname))}
	}
	if parts&config.FenceMemory != 0 {
		f.MemoryBytes = b.memoryLimit()
	}
	return f
}

// A child holds the largest string a few times: as it came, in the buffer of the file,
// which grows by copying, and compressed. Everything else it holds is small.
const (
	childMemoryBase   = 512 << 20
	childStringCopies = 8
)

// memoryLimit is child-memory-limit, or what it is computed to.
func (b *background) memoryLimit() uint64 {
	s := b.srv
	if n := s.cfg.Int(config.ChildMemoryLimit); n > 0 {
		return uint64(n)
	}
	return computedMemoryLimit(uint64(s.cfg.Int(config.ProtoMaxBulkLen)), s.arena.Used())
}

func computedMemoryLimit(longest, data uint64) uint64 {
	const most = 1 << 50 // proto-max-bulk-len may be absurd
	return childMemoryBase + childStringCopies*min(longest, data, most)
}

// makeGroup moves the child that was started into a group of its own, and tells how that
// went.
func (b *background) makeGroup() {
	b.group, b.jobs.cgroup = nil, "off"
	if b.srv.cfg.Int(config.ChildFence)&config.FenceCgroup == 0 {
		return
	}
	g, err := proc.NewCgroup()
	if err == nil {
		if err = g.Add(b.child.Pid); err != nil {
			_ = g.Remove()
		}
	}
	b.jobs.cgroup = proc.Outcome(err, "on")
	if err == nil {
		b.group = g
	}
}

func (b *background) removeGroup() {
	if b.group == nil {
		return
	}
	if err := b.group.Remove(); err != nil {
		b.srv.log.Verbosef("Removing the child's control group: %s", err)
	}
	b.group = nil
}

// fenceText is child_fence of INFO.
func (b *background) fenceText() string {
	if b.jobs.fence == "" {
		return "none"
	}
	return b.jobs.fence + ",cgroup=" + b.jobs.cgroup
}

// heard is called when the child was reaped: what the Go runtime wrote when it ended
// the process goes where the daemon's own goes, and its first line is the reason.
func (b *background) heard(e proc.Exit) {
	text := b.readTrace()
	if text != "" {
		_, _ = unix.Write(2, []byte(text)) // nobody is there to hear of an error
	}
	if e.OK() || b.abandoned != "" || b.killed {
		return
	}
	switch why := crashLine(text); {
	case e.Signal == unix.SIGSYS:
		// An unforeseen filter of the service manager: the next child tries nothing.
		b.noFence = true
		b.abandoned = "a filter of system calls ended the child; the next ones run without a fence"
	case strings.Contains(why, "out of memory"), strings.Contains(why, "cannot allocate"):
		b.abandoned = fmt.Sprintf("out of memory (limit %s, see child-memory-limit)", humanBytes(b.memoryLimit()))
	case why != "":
		b.abandoned = why
	}
	if b.abandoned != "" {
		b.srv.log.Warnf("Background child %d failed: %s", e.Pid, b.abandoned)
	}
}

// readTrace takes what is in the child's standard error, and closes it.
func (b *background) readTrace() string {
	if b.trace < 0 {
		return ""
	}
	var out []byte
	var buf [4096]byte
	for {
		n, errno := event.Read(b.trace, buf[:])
		if errno == unix.EINTR {
			continue
		}
		if n <= 0 {
			break
		}
		out = append(out, buf[:n]...)
	}
	event.Close(b.trace)
	b.trace = -1
	return string(out)
}

// crashLine is the line of a crash of the Go runtime that says why, or "".
func crashLine(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "runtime: out of memory") {
			return line
		}
	}
	return ""
}

// childSpec is what a child is started with.
func (b *background) childSpec(role string, cpus config.ID, files []int, stderr int) proc.Spec {
	s := b.srv
	spec := proc.Spec{
		Role: role, Title: role + " " + s.titleAddress(), Files: files, Stderr: stderr, Avoid: s.opt.Avoid,
		Nice: childNice, OOMScoreAdj: s.childOOMScore(), CPUList: s.cfg.String(cpus), Env: s.childEnv(), Fence: b.fence(),
	}
	if b.noFence {
		spec.Avoid, spec.Fence = proc.OptionalCalls(), nil
	}
	return spec
}

// phase is what the child said last of what it does.
func (b *background) phase() persist.Phase {
	if b.child == nil {
		return persist.PhaseNone
	}
	return b.job.Pulse().Phase
}
