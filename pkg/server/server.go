package server

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"redisd/internal/clock"
	"redisd/internal/failpoint"
	"redisd/internal/vfs"
	"redisd/pkg/bio"
	"redisd/pkg/command"
	"redisd/pkg/config"
	"redisd/pkg/event"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
	"redisd/pkg/proc"
)

// Versions that INFO and HELLO tell. RedisVersion is the one whose behaviour
// redisd follows.
const (
	RedisVersion = "7.2.4"
	serverName   = "redis"
)

// Options are what a Server is made from; cmd fills them.
type Options struct {
	Config     *config.Config
	ConfigPath string // "" without a configuration file
	Executable string
	Version    string // redisd's own
	Log        Log
	FS         vfs.FS
	Clock      clock.Clock

	Failpoints *failpoint.Set // nil unless a test set some
	Avoid      []string       // system calls that would end the process, as proc.Deadly gives them

	// Sockets are listening descriptors that the process was started with.
	Sockets []int
	// Notify tells the service manager a state such as "READY=1"; nil without one.
	Notify func(state string)
	// ReopenLog reopens the log file; moved asks whether it was moved away.
	ReopenLog func() error
	LogMoved  func() bool
	// Chdir changes the working directory.
	Chdir func(dir string) error
	// Up is called once when commands are accepted: pid file, end of daemonizing.
	Up func()
	// RemovePidfile removes the pid file; nil when none was written.
	RemovePidfile func()
	// LookupHost gives the addresses of a host name, in at most timeoutMs milliseconds;
	// nil when only addresses are to be used.
	LookupHost func(name string, timeoutMs int64) ([]netip.Addr, error)
	// SetLog applies loglevel, logfile, log-format and syslog-* from the configuration.
	SetLog func() error
	// SetTitle applies proc-title-template.
	SetTitle func() error
}

// Server is the daemon: pointers to its subsystems.
type Server struct {
	opt        *Options
	cfg        *config.Config
	log        Log
	loop       *event.Loop
	bio        *bio.Pool
	arena      *mem.Arena
	ks         *keyspace.Keyspace
	table      *command.Table
	clients    *clients
	blocked    *blocked
	watches    *watches
	exec       *executor
	stats      *stats
	latency    *latency
	slowlog    *slowlog
	identity   *identity
	journal    *journal
	scripts    *scripts
	saves      *saves
	background *background
	load       *loading
	evict      *eviction
	life       *life
	cron       *cron
	limits     *limits
	oom        *oomScore
	crash      *crash
	watchdog   *watchdog
	tls        *encryption
	migrants   *migrants
	acl        *accessControl
	channels   *channels
	caches     *caches
	monitors   *monitors
	children   *proc.Table

	listeners    []*listener
	acceptLimit  *limiter
	attackLimit  *limiter
	expireActive bool
	expireTimer  event.TimerID // wakes the loop for a slice of it; 0 for none
}

// limits are directives that the hot way reads.
type limits struct {
	queryBuffer int64
}

// New makes a server that holds no data and listens nowhere yet; Run does the rest.
func New(o Options) (*Server, error) {
	loop, err := event.New(o.Clock)
	if err != nil {
		return nil, err
	}
	s := &Server{opt: &o, cfg: o.Config, log: o.Log, loop: loop, bio: bio.New(bio.CloseFile, bio.Fsync, bio.LazyFree, persistQueue), expireActive: true}
	s.arena, err = mem.New(mem.Config{
		HugePages: s.cfg.Bool(config.HugePages),
		Background: func(work, done func()) {
			s.bio.Submit(bio.LazyFree, func() { work(); s.loop.Post(done) })
		},
	})
	if err != nil {
		return nil, err
	}
	s.ks = keyspace.New(keyspace.Config{Databases: int(s.cfg.Int(config.Databases)), Arena: s.arena})
	s.table = command.NewTable(append(command.Families(), s.adminFamilies()...)...)
	if err := s.renameCommands(); err != nil {
		return nil, err
	}
	s.stats = newStats(len(s.table.All()))
	s.latency = newLatency(func() int64 { return s.stats.nowSec })
	s.slowlog, s.identity = &slowlog{}, newIdentity(o.Version)
	s.clients = newClients(loop, s.log, s.stats)
	s.blocked, s.watches = newBlocked(s), newWatches(s)
	s.exec = &executor{srv: s, watch: clock.NewStopwatch()}
	s.exec.w.Grow = s.exec.growReply
	s.exec.ctx.KS = s.ks
	s.scripts = newScripts(s)
	s.acl = newAccessControl(s)
	s.channels, s.monitors = newChannels(s), &monitors{srv: s}
	s.caches = newCaches(s)
	s.cron = &cron{hz: int(s.cfg.Int(config.Hz))}
	s.limits, s.oom, s.migrants = &limits{}, &oomScore{}, newMigrants(s)
	s.crash, s.watchdog = &crash{}, newWatchdog(s)
	s.children = &proc.Table{}
	s.tls = newEncryption(s)
	s.load, s.life = &loading{}, newLife(o.Clock)
	s.saves, s.evict = newSaves(o.Clock), newEviction(s)
	if s.background, err = newBackground(s); err != nil {
		return nil, err
	}
	if s.journal, err = newJournal(s); err != nil {
		return nil, err
	}
	s.clients.durable = s.journal.durable
	s.acceptLimit = &limiter{clock: o.Clock, every: time.Second}
	s.attackLimit = &limiter{clock: o.Clock, every: time.Minute}
	if err := s.applyConfig(); err != nil {
		return nil, err
	}
	s.hookConfig()
	if err := errors.Join(s.watchAdmin(), s.watchACL(), s.watchEviction()); err != nil {
		return nil, err
	}
	s.stats.startGo = goHeap()
	s.stats.startMemory = s.usedMemory()
	return s, nil
}

// loopSlice is the scheduler slice that the loop asks for, in microseconds: the
// shortest that the kernel grants. A command that arrives must not wait for the
// slice of a busy child.
const loopSlice = 100

// ErrStart wraps what keeps the daemon from starting; the text is for the operator.
var ErrStart = errors.New("start")

// Run opens the sockets, loads the data and serves until shutdown. It returns the
// exit code.
func (s *Server) Run() (int, error) {
	// The loop stays on this thread, and so does the arena's owner.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s.arena.Own()
	if proc.Avoids(s.opt.Avoid, proc.CallSlice) {
		s.log.Tracef("Scheduler slice of the loop: a filter refuses it")
	} else if err := proc.ShortSlice(loopSlice); err != nil {
		s.log.Tracef("Scheduler slice of the loop: %s", err)
	}
	defer s.loop.Close()
	// A bad reference into the arena becomes a panic of this goroutine.
	debug.SetPanicOnFault(true)
	defer s.crashed()
	s.loop.BeforeSleep(func() { s.beforeSleep(); s.stats.endTurn(s.exec.watch.Nanos()) })
	s.loop.AfterSleep(func() { s.stats.beginTurn(s.exec.watch.Nanos()); s.afterSleep() })
	s.loop.UpdateTime()
	s.afterSleep()
	s.stats.startSec = s.stats.nowSec
	s.watchSignals()
	s.placeBackground()
	if err := s.lockDir(); err != nil {
		return 1, err
	}
	if err := s.tls.configure(); err != nil {
		return 1, err
	}
	if err := s.listen(); err != nil {
		return 1, err
	}
	// Tools look for "PID: <n>", and connect when they have found it.
	s.log.Noticef("Running mode=standalone, port=%d, PID: %d", s.port(), os.Getpid())
	if err := s.loadAtStart(); err != nil {
		return 1, err
	}
	if s.life.over {
		return s.life.code, nil
	}
	s.watchdog.beat()
	s.loop.After(1, s.beat)
	s.ready()
	err := s.loop.Run()
	s.watchdog.set(0)
	s.tls.cancelAll()
	s.clients.shutAll()
	s.bio.Close()
	s.scripts.close()
	// For programs that run several servers one after the other, as tests do: a
	// process has room for some thirty arenas.
	if cerr := s.arena.Close(); cerr != nil {
		s.log.Tracef("Giving the arena back: %s", cerr)
	}
	return s.life.code, err
}

// ready tells everybody that commands are accepted now.
func (s *Server) ready() {
	tcp, tls := false, false
	for _, l := range s.listeners {
		switch {
		case l.tls && !tls:
			tls = true
			s.log.Noticef("Ready to accept connections tls")
		case l.tls:
		case l.addr.Network == event.Unix:
			s.log.Noticef("Ready to accept connections unix")
			s.log.Noticef("The server is now ready to accept connections at %s", l.addr.Path)
		case !tcp:
			tcp = true
			s.log.Noticef("Ready to accept connections tcp")
		}
	}
	if s.opt.Up != nil {
		s.opt.Up()
	}
	s.notifyManager("READY=1\nSTATUS=Ready to accept connections\n")
}

func (s *Server) notifyManager(state string) {
	if s.opt.Notify != nil {
		s.opt.Notify(state)
	}
}

// describe is the client as CLIENT LIST shows it, for log lines.
func (s *Server) describe(c *client) string { return s.clientInfo(c) }

// listen opens the sockets of the configuration, or takes those it was given.
func (s *Server) listen() error {
	if len(s.opt.Sockets) > 0 {
		for _, fd := range s.opt.Sockets {
			a, err := event.FromFD(fd)
			if err != nil {
				return fmt.Errorf("socket %d of the service manager: %w", fd, err)
			}
			l := &listener{srv: s, fd: fd, addr: a, tls: a.Network != event.Unix && a.Port != 0 && a.Port == s.tlsPort()}
			if err := s.addListeners([]*listener{l}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.listenTCP(false); err != nil {
		return err
	}
	if err := s.listenTCP(true); err != nil {
		return err
	}
	if path := s.cfg.String(config.UnixSocket); path != "" {
		a := event.Address{Network: event.Unix, Path: path, Perm: uint32(s.cfg.Int(config.UnixSocketPerm))}
		fd, err := event.Listen(a, int(s.cfg.Int(config.TCPBacklog)))
		if err != nil {
			return err
		}
		return s.addListeners([]*listener{{srv: s, fd: fd, addr: a}})
	}
	return nil
}

// port is the one that the daemon is known by: that of tls-port when there is no other.
func (s *Server) port() int {
	if p := int(s.cfg.Int(config.Port)); p != 0 {
		return p
	}
	return s.tlsPort()
}

func (s *Server) tlsPort() int { return int(s.cfg.Int(config.TLSPort)) }

// listenTCP listens on port, or with tls set on tls-port. A port 0 is not listened on.
func (s *Server) listenTCP(tls bool) error {
	opened, err := s.openTCP(tls)
	if err != nil {
		return err
	}
	return s.addListeners(opened)
}

// openTCP listens on port or tls-port of every address of the bind directive, which
// may be none. On an error nothing stays open.
func (s *Server) openTCP(tls bool) ([]*listener, error) {
	port, kind := int(s.cfg.Int(config.Port)), "tcp"
	if tls {
		port, kind = s.tlsPort(), "tls"
	}
	if port == 0 {
		return nil, nil
	}
	failed := fmt.Errorf("Failed listening on port %d (%s), aborting.", port, kind)
	addrs, err := event.ParseBind(strings.Join(s.cfg.List(config.Bind), " "))
	if err != nil {
		return nil, err
	}
	var opened []*listener
	for _, a := range addrs {
		a.Port = port
		fd, err := event.Listen(a, int(s.cfg.Int(config.TCPBacklog)))
		if err == nil {
			opened = append(opened, &listener{srv: s, fd: fd, addr: a, tls: tls})
			continue
		}
		var le *event.ListenError
		if errors.As(err, &le) && le.Ignorable() {
			s.log.Verbosef("%s", err)
			continue
		}
		for _, l := range opened {
			event.Close(l.fd)
		}
		s.log.Warnf("Warning: %s", err)
		return nil, failed
	}
	if len(opened) == 0 && len(addrs) > 0 {
		return nil, failed
	}
	return opened, nil
}

// addListeners takes connections from sockets. When one of them cannot be watched, all
// are closed.
func (s *Server) addListeners(opened []*listener) error {
	for i, l := range opened {
		err := s.loop.Watch(l.fd, event.Readable, l)
		if err == nil {
			continue
		}
		s.log.Warnf("Listening on %s: %s", l.addr, err)
		for _, watched := range opened[:i] {
			watched.close()
		}
		for _, l := range opened[i:] {
			event.Close(l.fd)
		}
		return err
	}
	s.listeners = append(s.listeners, opened...)
	return nil
}

// closeListeners stops accepting; the socket file goes too when remove is set.
func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		l.close()
		if l.addr.Network == event.Unix && len(s.opt.Sockets) == 0 {
			s.log.Noticef("Removing the unix socket file.")
			if err := s.opt.FS.Remove(l.addr.Path); err != nil {
				s.log.Warnf("Removing %s: %s", l.addr.Path, err)
			}
		}
	}
	s.listeners = nil
}
