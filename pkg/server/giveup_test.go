package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/resp"
	"redisd/pkg/server"
)

// gateFS is the machine's file system, where one call of those that match waits until
// the test opens the gate.
type gateFS struct {
	vfs.FS
	mu      sync.Mutex
	match   func(call, name string) bool // nil: nothing waits
	reached chan struct{}
	opened  chan struct{}
}

// close makes the next call that matches wait for open, which is called at the end of
// the test at the latest.
func (g *gateFS) close(t *testing.T, match func(call, name string) bool) (open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.match, g.reached, g.opened = match, make(chan struct{}), make(chan struct{})
	open = sync.OnceFunc(func() { close(g.opened) })
	t.Cleanup(open)
	return open
}

func (g *gateFS) pass(call, name string) {
	g.mu.Lock()
	match, reached, opened := g.match, g.reached, g.opened
	if match == nil || !match(call, filepath.Base(name)) {
		g.mu.Unlock()
		return
	}
	g.match = nil
	g.mu.Unlock()
	close(reached)
	<-opened
}

func (g *gateFS) OpenFile(name string, flag int, perm os.FileMode) (vfs.File, error) {
	g.pass("open", name)
	return g.FS.OpenFile(name, flag, perm)
}

func (g *gateFS) Rename(from, to string) error {
	g.pass("rename", to)
	return g.FS.Rename(from, to)
}

// children is DEBUG CHILDREN, the latest first.
func (p *peer) children() []map[string]string {
	p.t.Helper()
	var all []map[string]string
	for _, e := range p.ok("DEBUG", "CHILDREN").Elems {
		m := map[string]string{}
		for i := 0; i+1 < len(e.Elems); i += 2 {
			value := e.Elems[i+1]
			m[e.Elems[i].Text] = value.Text
			if value.Kind == ':' {
				m[e.Elems[i].Text] = fmt.Sprint(value.Int)
			}
		}
		all = append(all, m)
	}
	return all
}

// idle waits until no job is at work.
func (p *peer) idle() {
	p.t.Helper()
	p.eventually("end of the job", func() bool {
		f := p.info("persistence")
		return f["rdb_bgsave_in_progress"]+f["aof_rewrite_in_progress"] == "00"
	})
}

// TestJobIsGivenUpInEachPhase gives a job up while its child works, while the log comes
// to its next increment, and at a step of the done handler: nothing is lost, nothing is
// left, nothing has failed, and everywhere stands why. Past the point of no return the
// job goes through.
func TestJobIsGivenUpInEachPhase(t *testing.T) {
	const child = "" // no gate: the child waits
	rename := func(name string) string { return "rename " + name }
	tests := []struct {
		name, layout, command string
		gate                  string // call and part of a name
		off                   bool   // the log waits for the rewrite
		late                  bool   // there is no way back
	}{
		{name: "save", layout: "file", command: "BGSAVE", gate: child},
		{name: "save is renamed", layout: "file", command: "BGSAVE", gate: rename("dump.rdb"), late: true},
		{name: "rewrite", layout: "file", command: "BGREWRITEAOF", gate: child},
		{name: "log waits", layout: "file", gate: child, off: true},
		{name: "handler", layout: "file", command: "BGREWRITEAOF", gate: "open temp-rewriteaof-bg"},
		{name: "handler, log waits", layout: "file", gate: "open temp-rewriteaof-bg", off: true},
		{name: "rename", layout: "file", command: "BGREWRITEAOF", gate: rename("appendonly.aof"), late: true},
		{name: "rewrite", layout: "multipart", command: "BGREWRITEAOF", gate: child},
		{name: "log waits", layout: "multipart", gate: child, off: true},
		{name: "rolling", layout: "multipart", command: "BGREWRITEAOF", gate: "open incr.aof"},
		{name: "rolling, manifest", layout: "multipart", command: "BGREWRITEAOF", gate: rename(".manifest")},
		{name: "handler", layout: "multipart", command: "BGREWRITEAOF", gate: rename(".base.rdb")},
		{name: "handler, log waits", layout: "multipart", gate: rename(".incr.aof"), off: true},
		{name: "manifest", layout: "multipart", gate: rename(".manifest"), off: true, late: true},
	}
	for _, tt := range tests {
		t.Run(tt.layout+"/"+tt.name, func(t *testing.T) {
			fsys := &gateFS{FS: vfs.OS()}
			var srv *server.Server
			on := "yes"
			if tt.off {
				on = "no"
			}
			r := startServerAs(t, rigOptions{fs: fsys, prepare: func(s *server.Server) { srv = s }},
				"aof-layout "+tt.layout, "appendonly "+on, "save 100000 1", "auto-aof-rewrite-percentage 0", "enable-debug-command yes")
			p := r.dial()
			p.fill(2000, 100)
			waits := tt.gate == child || strings.HasPrefix(tt.name, "rolling")
			if waits {
				p.ok("CONFIG", "SET", "rdb-key-save-delay", "100000000")
			}
			open := func() {}
			if tt.gate != child {
				call, part, _ := strings.Cut(tt.gate, " ")
				open = fsys.close(t, func(c, name string) bool { return c == call && strings.Contains(name, part) })
			}
			if tt.off {
				p.ok("CONFIG", "SET", "appendonly", "yes")
			} else {
				p.ok(tt.command)
			}
			p.ok("CONFIG", "SET", "rdb-key-save-delay", "0")
			if tt.gate != child {
				select {
				case <-fsys.reached:
				case <-time.After(patience):
					t.Fatalf("the gate is not reached:\n%s", r.log)
				}
			}
			// Its reply may have to wait for the gate.
			writer := r.dial()
			_, err := writer.conn.Write(resp.AppendCommandStrings(nil, "SET", "meanwhile", "1"))
			check.NoErr(t, err)
			p.eventually("the write", func() bool { return p.text("GET", "meanwhile") == "1" })
			srv.GiveUpJob("a test wants it")
			srv.GiveUpJob("once more")
			open()
			reply, err := resp.ReadReply(writer.in)
			check.NoErr(t, err)
			check.Eq(t, reply.Text, "OK")
			p.idle()

			f, last := p.info("persistence"), p.children()[0]
			check.Eq(t, f["rdb_last_bgsave_status"]+f["aof_last_bgrewrite_status"], "okok")
			if tt.late {
				check.Eq(t, []string{last["result"], last["reason"], f["snapshot_giveups"]}, []string{"ok", "", "0"})
			} else {
				kind := map[bool]string{true: "save", false: "rewrite"}[tt.command == "BGSAVE"]
				check.Eq(t, []string{last["kind"], last["result"], last["reason"]}, []string{kind, "given up", "a test wants it"})
				check.Eq(t, []string{f["snapshot_giveups"], f["snapshot_last_giveup_reason"]}, []string{"1", kind + ": a test wants it"})
				check.Eq(t, strings.Count(r.log.String(), "is given up: a test wants it. The next automatic job waits for 60 seconds."), 1)
				check.Eq(t, f["aof_rewrite_scheduled"], map[bool]string{true: "1", false: "0"}[tt.off])
				check.True(t, p.number("child_backoff_sec") > 50, "automatic jobs wait")
			}
			check.Eq(t, p.number("snapshot_extra_bytes"), 0)
			temps, err := filepath.Glob("*temp-*")
			more, _ := filepath.Glob("appendonlydir/temp-*")
			check.NoErr(t, err)
			check.Eq(t, append(temps, more...), []string(nil))

			// One that is asked for does not wait, and the log has everything.
			if tt.command == "BGSAVE" {
				p.ok("BGSAVE")
			} else {
				p.ok("BGREWRITEAOF")
			}
			p.idle()
			check.Eq(t, p.children()[0]["result"], "ok")
			check.Eq(t, p.info("persistence")["aof_enabled"], "1")
			want := p.text("DEBUG", "DIGEST")
			p.ok("DEBUG", "LOADAOF")
			check.Eq(t, p.text("DEBUG", "DIGEST"), want)
			check.Eq(t, p.number("child_backoff_sec"), 0)
		})
	}
}
