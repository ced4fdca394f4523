package server

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"redisd/internal/num"
	"redisd/pkg/config"
	"redisd/pkg/event"
	"redisd/pkg/proc"
)

// identity is what tells this run of the daemon from others.
type identity struct {
	run  string // run_id, 40 hex digits
	repl string // master_replid, 40 hex digits

	commit string // the source it was built from, "00000000" when unknown
	dirty  bool   // ...with changes
	build  string // 16 hex digits
	system string // "Linux 6.1.0 x86_64"
}

func newIdentity(version string) *identity {
	id := &identity{run: randomHex(), repl: randomHex(), commit: "00000000"}
	sum := fnv.New64a()
	fmt.Fprint(sum, version, runtime.Version())
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, kv := range b.Settings {
			switch kv.Key {
			case "vcs.revision":
				id.commit = kv.Value[:min(8, len(kv.Value))]
				fmt.Fprint(sum, kv.Value)
			case "vcs.modified":
				id.dirty = kv.Value == "true"
			}
		}
	}
	id.build = fmt.Sprintf("%016x", sum.Sum64())
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		id.system = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " +
			unix.ByteSliceToString(u.Machine[:])
	}
	return id
}

// randomHex is 40 hex digits that no other daemon has.
func randomHex() string {
	var b [20]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// lruClockMask is the width of Redis's LRU clock: 24 bits of seconds.
const lruClockMask = 1<<24 - 1

func (s *Server) infoServer(w *infoWriter) {
	id := s.identity
	w.text("redis_version", RedisVersion)
	w.text("redis_git_sha1", id.commit)
	w.bool("redis_git_dirty", id.dirty)
	w.text("redis_build_id", id.build)
	w.text("redis_mode", "standalone")
	w.text("os", id.system)
	w.int("arch_bits", 64)
	w.text("monotonic_clock", "POSIX clock_gettime")
	w.text("multiplexing_api", "epoll")
	w.int("process_id", int64(os.Getpid()))
	w.text("process_supervised", s.supervisor())
	w.text("run_id", id.run)
	w.int("tcp_port", int64(s.port()))
	w.int("server_time_usec", s.loop.NowMicros())
	up := s.stats.nowSec - s.stats.startSec
	w.int("uptime_in_seconds", up)
	w.int("uptime_in_days", up/(3600*24))
	w.int("hz", int64(s.cron.hz))
	w.int("configured_hz", s.cfg.Int(config.Hz))
	w.int("lru_clock", s.loop.NowMillis()/1000&lruClockMask)
	w.text("executable", s.opt.Executable)
	w.text("config_file", absPath(s.opt.ConfigPath))
	w.zeros("io_threads_active")
	for i, l := range s.listenersByName() {
		w.text(fmt.Sprintf("listener%d", i), l)
	}
	if s.life.asked {
		w.zeros("shutdown_in_milliseconds")
	}
	w.text("redisd_version", s.opt.Version)
	w.text("go_version", runtime.Version())
}

// supervisor is who watches over the process.
func (s *Server) supervisor() string {
	switch {
	case s.opt.Notify != nil:
		return "systemd"
	case s.cfg.Enum(config.Supervised) == config.SupervisedUpstart:
		return "upstart"
	}
	return "no"
}

func absPath(path string) string {
	if path == "" {
		return ""
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// listenersByName describes the listeners, one line a kind, as 7.2 does:
// "name=tcp,bind=127.0.0.1,bind=-::1,port=6379".
func (s *Server) listenersByName() []string {
	var lines []string
	for _, kind := range []struct {
		name string
		tls  bool
		port int64
	}{{"tcp", false, s.cfg.Int(config.Port)}, {"tls", true, s.cfg.Int(config.TLSPort)}} {
		var hosts []string
		for _, l := range s.listeners {
			if l.addr.Network != event.Unix && l.tls == kind.tls {
				hosts = append(hosts, l.addr.Host)
			}
		}
		if len(hosts) == 0 {
			continue
		}
		if words := s.cfg.List(config.Bind); len(s.opt.Sockets) == 0 && len(words) > 0 {
			hosts = words
		}
		lines = append(lines, fmt.Sprintf("name=%s,bind=%s,port=%d", kind.name, strings.Join(hosts, ",bind="), kind.port))
	}
	for _, l := range s.listeners {
		if l.addr.Network == event.Unix {
			lines = append(lines, "name=unix,bind="+l.addr.Path)
		}
	}
	return lines
}

func (s *Server) infoClients(w *infoWriter) {
	blocked := 0
	for _, c := range s.clients.byFD {
		if c != nil && c.has(flagBlocked) {
			blocked++
		}
	}
	w.int("connected_clients", int64(s.clients.count))
	w.zeros("cluster_connections")
	w.int("maxclients", s.cfg.Int(config.MaxClients))
	w.int("client_recent_max_input_buffer", int64(s.stats.maxIn))
	w.int("client_recent_max_output_buffer", int64(s.stats.maxOut))
	w.int("blocked_clients", int64(blocked))
	w.int("tracking_clients", int64(len(s.caches.clients)))
	w.int("clients_in_timeout_table", int64(s.blocked.timers))
	w.int("total_blocking_keys", int64(s.blocked.keys))
	w.int("total_blocking_keys_on_nokey", int64(s.blocked.orGone))
	w.int("held_clients", int64(len(s.clients.held)))
}

func (s *Server) infoReplication(w *infoWriter) {
	w.text("role", "master")
	w.zeros("connected_slaves")
	w.text("master_failover_state", "no-failover")
	w.text("master_replid", s.identity.repl)
	w.text("master_replid2", strings.Repeat("0", len(s.identity.repl)))
	w.zeros("master_repl_offset")
	w.int("second_repl_offset", -1)
	w.zeros("repl_backlog_active")
	w.int("repl_backlog_size", s.cfg.Int(config.ReplBacklogSize))
	w.zeros("repl_backlog_first_byte_offset", "repl_backlog_histlen")
}

func (s *Server) infoCPU(w *infoWriter) {
	for _, who := range [...]struct {
		usage  int
		suffix string
	}{{proc.UsageSelf, ""}, {proc.UsageChildren, "_children"}, {proc.UsageThread, "_main_thread"}} {
		u, err := proc.ReadUsage(who.usage)
		if err != nil {
			continue
		}
		w.text("used_cpu_sys"+who.suffix, micros6(u.SystemMicros))
		w.text("used_cpu_user"+who.suffix, micros6(u.UserMicros))
	}
}

// micros6 is microseconds as seconds with six decimals.
func micros6(us int64) string { return fmt.Sprintf("%d.%06d", us/1e6, us%1e6) }

// infoModules has nothing to tell: there are no modules.
func (s *Server) infoModules(*infoWriter) {}

func (s *Server) infoCluster(w *infoWriter) { w.zeros("cluster_enabled") }

func (s *Server) infoKeyspace(w *infoWriter) {
	for i := range s.ks.Databases() {
		db := s.ks.DB(i)
		if db.Len() == 0 && db.Volatile() == 0 {
			continue
		}
		w.buf = append(num.AppendInt(append(w.buf, "db"...), int64(i)), ":keys="...)
		w.buf = append(num.AppendInt(w.buf, int64(db.Len())), ",expires="...)
		w.buf = append(num.AppendInt(w.buf, int64(db.Volatile())), ",avg_ttl="...)
		w.buf = num.AppendInt(w.buf, db.AvgTTL())
		w.end()
	}
}
