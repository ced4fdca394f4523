package server

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"redisd/pkg/config"
	"redisd/pkg/event"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/aof"
	"redisd/pkg/proc"
)

// settings pairs directives with the function that carries their values out. It
// runs at start, and again whenever CONFIG SET or a reload changes one of them.
func (s *Server) settings() []setting {
	return []setting{
		{s.applyLimits, []config.ID{config.ClientQueryBufferLimit, config.ProtoMaxBulkLen}},
		{s.applyClientLimits, []config.ID{config.ClientOutputBufferLimit, config.MaxMemoryClients, config.MaxMemory}},
		{s.applyLazy, []config.ID{config.LazyFreeLazyExpire, config.LazyFreeLazyServerDel, config.LazyFreeLazyUserDel, config.LazyFreeLazyUserFlush}},
		{s.applyEncodings, []config.ID{
			config.HashMaxListpackEntries, config.HashMaxListpackValue, config.ListMaxListpackSize, config.ListCompressDepth,
			config.SetMaxIntsetEntries, config.SetMaxListpackEntries, config.SetMaxListpackValue,
			config.ZsetMaxListpackEntries, config.ZsetMaxListpackValue, config.HLLSparseMaxBytes,
			config.StreamNodeMaxBytes, config.StreamNodeMaxEntries,
		}},
		{s.applyPolicy, []config.ID{config.MaxMemoryPolicy, config.LFULogFactor, config.LFUDecayTime}},
		{s.applyScripts, []config.ID{config.BusyReplyThreshold, config.LuaMemoryLimit}},
		{s.applyTrackingLimit, []config.ID{config.TrackingTableMaxKeys}},
		{s.applyEvents, []config.ID{config.NotifyKeyspaceEvents}},
		{s.applyHz, []config.ID{config.Hz}},
		{s.applyLatency, []config.ID{config.LatencyMonitorThreshold}},
		{s.applyFsync, []config.ID{config.AppendFsync, config.NoAppendFsyncOnRewrite, config.AOFChecksum}},
		{s.applyCrashLog, []config.ID{config.CrashLogEnabled}},
		{s.applyWatchdog, []config.ID{config.WatchdogPeriod}},
		{s.applyTimestamps, []config.ID{config.AOFTimestampEnabled}},
	}
}

// liveSettings are directives whose change is an action of its own, which start
// carries out elsewhere.
func (s *Server) liveSettings() []setting {
	return []setting{
		{s.changeAppendOnly, []config.ID{config.AppendOnly}},
		{s.changeLayout, []config.ID{config.AOFLayout}},
		{s.changeGC, []config.ID{config.AOFDisableAutoGC}},
		{s.changeBind, []config.ID{config.Bind}},
		{s.changePort, []config.ID{config.Port}},
		{s.tls.configure, []config.ID{
			config.TLSPort, config.TLSCertFile, config.TLSKeyFile, config.TLSKeyFilePass, config.TLSCACertFile, config.TLSCACertDir,
			config.TLSAuthClients, config.TLSProtocols, config.TLSCiphers, config.TLSSessionCaching, config.TLSSessionCacheTimeout,
		}},
		{s.changeTLSPort, []config.ID{config.TLSPort}},
		{s.changeLog, []config.ID{config.CrashLogEnabled, config.LogLevel, config.LogFile, config.LogFormat, config.SyslogEnabled, config.SyslogIdent, config.SyslogFacility}},
		{s.changeTitle, []config.ID{config.ProcTitleTemplate}},
		{s.changeDir, []config.ID{config.Dir}},
		{s.changeMaxClients, []config.ID{config.MaxClients}},
		{s.changeOOM, []config.ID{config.OOMScoreAdj, config.OOMScoreAdjValues}},
	}
}

// setting is a function and the directives that it carries out.
type setting struct {
	apply func() error
	ids   []config.ID
}

// applyConfig carries all settings out, at start.
func (s *Server) applyConfig() error {
	for _, t := range s.settings() {
		if err := t.apply(); err != nil {
			return err
		}
	}
	_ = s.changeOOM() // is in the log, and not worth not starting for
	return nil
}

// hookConfig has changes of the configuration carried out from now on.
func (s *Server) hookConfig() {
	for _, t := range append(s.settings(), s.liveSettings()...) {
		s.cfg.OnApply(t.apply, t.ids...)
	}
}

// renameCommands applies rename-command, at start only.
func (s *Server) renameCommands() error {
	for _, l := range s.cfg.Lines(config.RenameCommand) {
		if err := s.table.Rename(strings.ToLower(l.Args[0]), l.Args[1]); err != nil {
			return l.Error(err.Error())
		}
	}
	return nil
}

func (s *Server) applyLimits() error {
	s.limits.queryBuffer = s.cfg.Int(config.ClientQueryBufferLimit)
	bulk := s.cfg.Int(config.ProtoMaxBulkLen)
	s.clients.known.MaxBulk, s.clients.unknown.MaxBulk = bulk, bulk
	s.clients.known.Authenticated = true
	s.clients.unknown.Authenticated = false
	s.exec.ctx.MaxString = bulk
	return nil
}

func (s *Server) applyScripts() error {
	const most = math.MaxInt64 / 1000000 // of milliseconds in nanoseconds
	s.scripts.threshold = min(s.cfg.Int(config.BusyReplyThreshold), most) * 1e6
	s.scripts.setLimit(s.cfg.Int(config.LuaMemoryLimit))
	return nil
}

func (s *Server) applyLazy() error {
	c := &s.exec.ctx
	c.LazyExpire = s.cfg.Bool(config.LazyFreeLazyExpire)
	c.LazyServerDel = s.cfg.Bool(config.LazyFreeLazyServerDel)
	c.LazyUserDel = s.cfg.Bool(config.LazyFreeLazyUserDel)
	c.LazyUserFlush = s.cfg.Bool(config.LazyFreeLazyUserFlush)
	s.ks.Lazy.Expire, s.ks.Lazy.Server = c.LazyExpire, c.LazyServerDel
	return nil
}

// applyEncodings gives the keyspace the limits of compact encodings.
func (s *Server) applyEncodings() error {
	n := func(id config.ID) int { return int(s.cfg.Int(id)) }
	s.ks.Limits = keyspace.Limits{
		HashEntries: n(config.HashMaxListpackEntries), HashValue: n(config.HashMaxListpackValue),
		ListSize: n(config.ListMaxListpackSize), ListCompress: n(config.ListCompressDepth),
		SetIntset: n(config.SetMaxIntsetEntries), SetEntries: n(config.SetMaxListpackEntries), SetValue: n(config.SetMaxListpackValue),
		ZSetEntries: n(config.ZsetMaxListpackEntries), ZSetValue: n(config.ZsetMaxListpackValue),
		StreamNodeBytes: n(config.StreamNodeMaxBytes), StreamNodeEntries: n(config.StreamNodeMaxEntries),
		HLLSparse: n(config.HLLSparseMaxBytes),
	}
	return nil
}

func (s *Server) applyPolicy() error {
	p := s.cfg.Enum(config.MaxMemoryPolicy)
	s.ks.SetAccessPolicy(p == config.AllKeysLFU || p == config.VolatileLFU,
		int(s.cfg.Int(config.LFUDecayTime)), int(s.cfg.Int(config.LFULogFactor)))
	return nil
}

func (s *Server) applyHz() error {
	s.cron.hz = int(s.cfg.Int(config.Hz))
	return nil
}

func (s *Server) applyLatency() error {
	s.latency.setThreshold(s.cfg.Int(config.LatencyMonitorThreshold))
	return nil
}

func (s *Server) applyFsync() error {
	s.journal.log.SetNoSyncOnRewrite(s.cfg.Bool(config.NoAppendFsyncOnRewrite))
	s.journal.log.SetChecksums(s.cfg.Bool(config.AOFChecksum))
	if err := s.journal.log.SetPolicy(s.fsyncPolicy()); err != nil {
		return err
	}
	if h := s.background.rewriteDone; h != nil {
		h.Update(s.journal.log.State(), s.journal.log.Policy() == aof.Always)
	}
	return nil
}

// changeAppendOnly turns the log on or off. Turning it on starts the rewrite that
// makes the file; until that is done nothing is logged.
func (s *Server) changeAppendOnly() error {
	on := s.cfg.Bool(config.AppendOnly)
	switch {
	case on && s.journal.off():
		return s.turnLogOn()
	case !on && !s.journal.off():
		s.turnLogOff()
	}
	return nil
}

func (s *Server) turnLogOn() error {
	b := s.background
	s.journal.log.AwaitRewrite()
	if s.exec.tx.active {
		b.schedule.rewrite = true
		s.log.Warnf("AOF was enabled during a transaction. An AOF background was scheduled to start when possible.")
		return nil
	}
	if b.active() {
		b.schedule.rewrite = true
		s.log.Noticef("AOF was enabled but there is already another background operation. An AOF background was scheduled to start when possible.")
		return nil
	}
	if err := b.startRewrite(); err != nil {
		s.journal.log.Stop()
		s.log.Warnf("Redis needs to enable the AOF but can't trigger a background AOF rewrite operation. Check the above logs for more info about the error.")
		return errors.New("Unable to turn on AOF. Check server logs.")
	}
	return nil
}

func (s *Server) turnLogOff() {
	b := s.background
	s.awaitPart()
	b.killRewrite("Killing running AOF rewrite child", "appendonly was turned off")
	s.awaitSwitch() // what is held belongs into the file that the rename leaves
	b.schedule.rewrite = false
	if b.rewriteDone == nil {
		s.journal.diff = nil
	}
	s.journal.log.Stop()
	s.journal.live = nil
	if b.rewriteDone != nil {
		b.rewriteDone.Update(s.journal.log.State(), false)
	}
}

func (s *Server) changeBind() error {
	if !s.relisten(false) || !s.relisten(true) {
		return errors.New("Failed to bind to specified addresses.")
	}
	return nil
}

func (s *Server) changePort() error {
	return s.relistenPort(false)
}

func (s *Server) changeTLSPort() error { return s.relistenPort(true) }

func (s *Server) relistenPort(tls bool) error {
	if !s.relisten(tls) {
		return errors.New("Unable to listen on this port. Check server logs.")
	}
	return nil
}

// relisten leaves the TCP addresses of port, or of tls-port, and listens on those that
// the configuration names now; when that fails it goes back.
func (s *Server) relisten(tls bool) bool {
	var keep, old []*listener
	for _, l := range s.listeners {
		if l.addr.Network == event.Unix || l.tls != tls {
			keep = append(keep, l)
			continue
		}
		old = append(old, l)
		l.close()
	}
	s.listeners = keep
	opened, err := s.openTCP(tls)
	if err == nil {
		err = s.addListeners(opened)
	}
	if err != nil {
		s.reopen(old)
	}
	return err == nil
}

// reopen listens again where a failed change of address had left.
func (s *Server) reopen(old []*listener) {
	for _, l := range old {
		fd, err := event.Listen(l.addr, int(s.cfg.Int(config.TCPBacklog)))
		if err == nil {
			err = s.addListeners([]*listener{{srv: s, fd: fd, addr: l.addr, tls: l.tls}})
		}
		if err != nil {
			s.log.Warnf("Listening on %s again: %s", l.addr, err)
		}
	}
}

func (s *Server) changeLog() error {
	if s.opt.SetLog == nil {
		return nil
	}
	return s.opt.SetLog()
}

func (s *Server) changeTitle() error {
	if s.opt.SetTitle == nil {
		return nil
	}
	return s.opt.SetTitle()
}

func (s *Server) changeMaxClients() error {
	return s.roomForClients(int(s.cfg.Int(config.MaxClients)))
}

// roomForClients makes room for n clients among the open files; when the system
// does not give so many, it says how many it gives.
func (s *Server) roomForClients(n int) error {
	have, err := proc.RaiseNoFile(n + reservedFiles)
	if have >= n+reservedFiles {
		return nil
	}
	return fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d (%v)", have-reservedFiles, err)
}

// reservedFiles are descriptors that are not clients: logs, listeners, pipes,
// Redis's CONFIG_MIN_RESERVED_FDS.
const reservedFiles = 32

// changeDir goes to the new working directory, to which every file name is relative,
// and locks it like the first one. A live log follows with a rewrite.
func (s *Server) changeDir() error {
	if err := s.opt.Chdir(s.cfg.String(config.Dir)); err != nil {
		return errors.New(aof.Strerror(err))
	}
	was := s.life.dir
	if err := s.takeLock(); err != nil {
		return errors.Join(err, s.opt.Chdir(was))
	}
	if s.life.dir == was {
		return nil
	}
	if err := s.openParts(); err != nil {
		s.life.dir = was
		return errors.Join(err, s.opt.Chdir(was))
	}
	if s.journal.on() {
		s.log.Noticef("dir was changed: a rewrite brings the append only file to the new folder.")
		s.background.scheduleRewrite()
	}
	return s.cfg.Override(config.Dir, s.life.dir)
}
