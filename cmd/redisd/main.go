package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"redisd/internal/clock"
	"redisd/internal/failpoint"
	"redisd/internal/vfs"
	"redisd/pkg/config"
	"redisd/pkg/proc"
	"redisd/pkg/server"
)

// version is redisd's own; the build stamps it (-ldflags "-X main.version=...").
var version = "dev"

func main() {
	if role, args, ok := proc.InvokedAs(); ok {
		if role == proc.RoleProbe {
			os.Exit(proc.RunProbe(args))
		}
		os.Exit(runChild(role))
	}
	title, err := proc.TakeTitle()
	if err != nil {
		title = nil // the title is for ps only
	}
	if code, ok := runTool(os.Args); ok {
		os.Exit(code)
	}
	if code, ok := answer(os.Args[1:], os.Stdout); ok {
		os.Exit(code)
	}
	os.Exit(runDaemon(title))
}

// answer handles the arguments that want a text instead of a daemon.
func answer(args []string, out io.Writer) (code int, ok bool) {
	if len(args) != 1 {
		return 0, false
	}
	switch args[0] {
	case "-v", "--version":
		fmt.Fprintf(out, "Redis server v=%s sha=00000000:0 malloc=redisd-arena bits=64 build=%s\nredisd %s\n",
			server.RedisVersion, version, version)
		return 0, true
	case "-h", "--help":
		fmt.Fprint(out, usage)
		return 0, true
	}
	return 0, false
}

const usage = `Usage: redisd [/path/to/redisd.toml | /path/to/redis.conf] [options] [-]
       redisd - (read configuration from standard input)
       redisd check-aof [--fix | --fix-any | --truncate-to-timestamp SECS] FILE
       redisd check-aof --convert-to file|multipart DIR
       redisd check-rdb [--fix] FILE
       redisd -v or --version
       redisd -h or --help

Options are directives of the configuration file, as --port 7777 or
--save 900 1 --appendonly yes. They win over the file.

Examples:
       redisd                                  (defaults: port 6379, data in the current directory)
       redisd /etc/redisd/redisd.toml --port 7777
       echo 'maxclients 100' | redisd -
`

// runDaemon starts the server and serves until it ends; the result is the exit code.
func runDaemon(title *proc.Title) int {
	daemon, daemonized := proc.Daemonized()
	sockets := inheritedSockets()
	if err := proc.CloseOnExecFrom(3); err != nil {
		fmt.Fprintln(os.Stderr, "redisd:", err)
		return 1
	}
	cfg, path, err := loadConfig(os.Args[1:], len(sockets))
	if err != nil {
		var ce *config.Error
		if errors.As(err, &ce) {
			fmt.Fprint(os.Stderr, ce.Banner(server.RedisVersion, path))
			return 1
		}
		fmt.Fprintln(os.Stderr, "redisd:", err)
		return 1
	}
	if cfg.Bool(config.Daemonize) && !daemonized && !supervisedBySystemd(cfg) {
		if _, err := proc.Daemonize(); err != nil {
			fmt.Fprintln(os.Stderr, "redisd:", err)
			return 1
		}
		return 0
	}
	r := &runner{cfg: cfg, path: path, title: title, sockets: sockets, daemon: daemon}
	defer profile()()
	return r.run()
}

// loadConfig reads the sources that the arguments name.
func loadConfig(args []string, sockets int) (*config.Config, string, error) {
	cl := config.ParseArgs(args)
	src := config.Source{FS: vfs.OS(), Options: cl.Options, Sockets: sockets}
	if cl.File != "" {
		abs, err := filepath.Abs(cl.File)
		if err != nil {
			return nil, cl.File, err
		}
		src.File = abs
	}
	if cl.Stdin {
		src.Stdin = os.Stdin
	}
	cfg, err := config.Load(src)
	return cfg, src.File, err
}

// runner is one daemon from its configuration to its exit code.
type runner struct {
	cfg     *config.Config
	path    string
	title   *proc.Title
	sockets []int
	daemon  *proc.Daemon // nil unless started by Daemonize
	logs    *logs
	log     server.Log
	deadly  []string // calls that a filter ends the process for
	self    string   // path of the binary as it was called, absolute
}

func (r *runner) run() int {
	signal.Ignore(syscall.SIGPIPE)
	r.self = executable() // before the working directory changes
	if dir := r.cfg.String(config.Dir); dir != "" {
		if err := os.Chdir(dir); err != nil {
			fmt.Fprintf(os.Stderr, "redisd: Can't chdir to '%s': %s\n", dir, err)
			return 1
		}
	}
	if cwd, err := os.Getwd(); err == nil {
		// In full: CONFIG GET shows it, and a change of folder can be taken back.
		err = r.cfg.Override(config.Dir, cwd)
		if err != nil {
			fmt.Fprintln(os.Stderr, "redisd:", err)
			return 1
		}
	}
	var err error
	if r.logs, err = newLogs(r.cfg, r.daemon != nil); err != nil {
		fmt.Fprintln(os.Stderr, "redisd:", err)
		return 1
	}
	r.log = server.NewLog(r.logs.logger)
	r.greet()
	fail, err := failpoint.Parse(os.Getenv(failpoint.EnvVar))
	if err != nil {
		return r.refuse(err)
	}
	if r.deadly, err = proc.Deadly(); err != nil {
		r.log.Warnf("Looking for system calls that end the process: %s", err)
	}
	if len(r.deadly) > 0 {
		r.log.Warnf("A filter of system calls ends this process when it uses one of these, which are left out: %s", strings.Join(r.deadly, " "))
	}
	s, err := server.New(server.Options{
		Config: r.cfg, ConfigPath: r.path, Version: version, Executable: r.self,
		Log: r.log, FS: vfs.OS(), Clock: clock.System(), Failpoints: fail, Avoid: r.deadly,
		Sockets: r.sockets, Notify: r.notifier(), ReopenLog: r.logs.reopen, LogMoved: r.logs.moved,
		SetLog: r.logs.apply, SetTitle: r.setTitle, Chdir: os.Chdir, LookupHost: lookupHost, RemovePidfile: r.pidfileRemover(), Up: r.up,
	})
	if err != nil {
		return r.refuse(err)
	}
	r.prepareProcess()
	code, err := s.Run()
	if err != nil {
		return r.refuse(err)
	}
	return code
}

// refuse tells why the daemon does not start, where the operator looks: in the
// log, and on the terminal when the log is elsewhere.
func (r *runner) refuse(err error) int {
	r.log.Warnf("%s", err)
	if r.logs.elsewhere() {
		fmt.Fprintln(os.Stderr, "redisd:", err)
	}
	r.removePidfile()
	return 1
}

func executable() string {
	if strings.Contains(os.Args[0], "/") {
		if path, err := filepath.Abs(os.Args[0]); err == nil {
			return path
		}
	}
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
