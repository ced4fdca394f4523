package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"redisd/pkg/config"
	"redisd/pkg/proc"
	"redisd/pkg/server"
)

// inheritedSockets gives copies of the listening sockets that the service manager
// passed. They must not stay os.Files: the runtime would put them into its own
// poller and a finalizer would close them.
func inheritedSockets() []int {
	var fds []int
	for _, f := range activation.Files(true) {
		if fd, err := unix.Dup(int(f.Fd())); err == nil {
			fds = append(fds, fd)
		}
		_ = f.Close()
	}
	return fds
}

func supervisedBySystemd(cfg *config.Config) bool {
	switch cfg.Enum(config.Supervised) {
	case config.SupervisedSystemd:
		return true
	case config.SupervisedAuto:
		return os.Getenv("NOTIFY_SOCKET") != ""
	}
	return false
}

// notifier tells systemd about states, or is nil.
func (r *runner) notifier() func(string) {
	if !supervisedBySystemd(r.cfg) {
		return nil
	}
	if os.Getenv("NOTIFY_SOCKET") == "" {
		r.log.Warnf("systemd supervision requested, but NOTIFY_SOCKET is not set: nobody to notify")
		return nil
	}
	return func(state string) {
		// A lost message is repeated by the next beat; READY is sent once, and
		// then systemd's own time limit tells.
		_, _ = daemon.SdNotify(false, state)
	}
}

// greet writes the first lines.
func (r *runner) greet() {
	pid := os.Getpid()
	r.log.Noticef("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo")
	r.log.Noticef("Redis version=%s, bits=64, commit=00000000, modified=0, pid=%d, just started (redisd %s)", server.RedisVersion, pid, version)
	if r.path == "" && len(os.Args) == 1 {
		r.log.Warnf("Warning: no config file specified, using the default config. In order to specify a config file use %s /path/to/redisd.toml", os.Args[0])
	} else {
		r.log.Noticef("Configuration loaded")
	}
	for _, d := range r.cfg.Inert() {
		r.log.Verbosef("Directive %s has no effect: %s", d.Name, d.Inert)
	}
}

// prepareProcess applies what the configuration says about the process itself.
// None of it is worth not starting for.
func (r *runner) prepareProcess() {
	warn := func(what string, err error) {
		if err != nil {
			r.log.Warnf("%s: %s", what, err)
		}
	}
	if !proc.Avoids(r.deadly, proc.CallAffinity) {
		warn("server-cpulist", proc.SetAffinity(r.cfg.String(config.ServerCPUList)))
	}
	if want := int(r.cfg.Int(config.MaxClients)) + 32; want > 0 {
		if have, err := proc.RaiseNoFile(want); have < want {
			r.log.Warnf("You requested maxclients of %d requiring at least %d max file descriptors.", want-32, want)
			r.log.Warnf("Current maximum open files is %d (%v). maxclients has been reduced to %d to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.", have, err, have-32)
			warn("maxclients", r.cfg.Override(config.MaxClients, fmt.Sprint(have-32)))
		}
	}
	if n, err := proc.Sysctl("net/core/somaxconn"); err == nil && n < r.cfg.Int(config.TCPBacklog) {
		r.log.Warnf("WARNING: The TCP backlog setting of %d cannot be enforced because /proc/sys/net/core/somaxconn is set to the lower value of %d.", r.cfg.Int(config.TCPBacklog), n)
	}
	warn("proc-title-template", r.setTitle())
}

// setTitle shows the title that the configuration asks for.
func (r *runner) setTitle() error {
	if r.title == nil || !r.cfg.Bool(config.SetProcTitle) {
		return nil
	}
	return r.title.Set(r.processTitle())
}

// processTitle fills proc-title-template.
func (r *runner) processTitle() string {
	port, tlsPort := fmt.Sprint(r.cfg.Int(config.Port)), fmt.Sprint(r.cfg.Int(config.TLSPort))
	known := port
	if port == "0" {
		known = tlsPort
	}
	listen := "*:" + known
	if words := r.cfg.List(config.Bind); len(words) > 0 && words[0] != "*" && words[0] != "" {
		listen = strings.TrimPrefix(words[0], "-") + ":" + known
	}
	if known == "0" {
		listen = r.cfg.String(config.UnixSocket)
	}
	values := map[string]string{
		"title": r.self, "listen-addr": listen, "server-mode": "", "port": port, "tls-port": tlsPort,
		"unixsocket": r.cfg.String(config.UnixSocket), "config-file": r.path,
	}
	t, ok := config.ExpandTitle(r.cfg.String(config.ProcTitleTemplate), func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	})
	if !ok {
		return r.self + " " + listen
	}
	return t
}

// up is called when the daemon serves: the pid file is written, and the command
// that started a background daemon returns.
func (r *runner) up() {
	if path := r.pidfile(); path != "" {
		if err := proc.WritePidfile(path); err != nil {
			r.log.Warnf("Failed to write PID file: %s", err)
		}
	}
	if r.daemon != nil {
		if err := r.daemon.Up(); err != nil {
			r.log.Warnf("Letting the starting command go: %s", err)
		}
	}
	if r.supervisedByUpstart() {
		// upstart takes a stopped job for a started one ("expect stop"), and
		// continues it.
		r.log.Noticef("supervised by upstart, will stop to signal readiness")
		if err := unix.Kill(os.Getpid(), unix.SIGSTOP); err != nil {
			r.log.Warnf("Stopping for upstart: %s", err)
		}
	}
}

func (r *runner) supervisedByUpstart() bool {
	switch r.cfg.Enum(config.Supervised) {
	case config.SupervisedUpstart, config.SupervisedAuto:
		return os.Getenv("UPSTART_JOB") != ""
	}
	return false
}

// pidfile is where the pid is written: a daemon in the background has a default.
func (r *runner) pidfile() string {
	if path := r.cfg.String(config.PidFile); path != "" {
		return path
	}
	if r.daemon != nil {
		return "/var/run/redis.pid"
	}
	return ""
}

func (r *runner) removePidfile() {
	if path := r.pidfile(); path != "" {
		_ = proc.RemovePidfile(path) // the next start writes over it
	}
}

// pidfileRemover is removePidfile, or nil when no pid file is written.
func (r *runner) pidfileRemover() func() {
	if r.pidfile() == "" {
		return nil
	}
	return r.removePidfile
}
