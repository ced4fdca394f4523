package server

import (
	"bytes"
	"errors"
	"fmt"

	"redisd/internal/num"
	"redisd/pkg/command"
	"redisd/pkg/config"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/aof"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/persist/value"
)

// replayer puts what a file holds into the keyspace. It is the fake client in
// whose name a log's commands run.
type replayer struct {
	srv    *Server
	client *client
	db     *keyspace.DB // of the RDB records
	values *value.Loader
	checks rdb.Scrutiny // of values
	x      *executor
}

// nextCommands fetches what the next commands of a log will look at. It implements
// aof.Ahead.
type nextCommands struct {
	keyspace.Ahead
	r *replayer
}

// Begin forgets what was added.
func (n *nextCommands) Begin() { n.Ahead.Begin(n.r.client.db) }

func (s *Server) newReplayer() *replayer {
	c := &client{fd: -1, srv: s, db: s.ks.DB(0), proto: 2, flags: flagReplay | flagAuthenticated}
	x := &executor{srv: s, watch: s.exec.watch}
	x.ctx = command.Ctx{KS: s.ks, Replaying: true, NoBlock: true, MaxString: s.exec.ctx.MaxString}
	r := &replayer{srv: s, client: c, db: s.ks.DB(0), values: value.NewLoader(s.ks), x: x}
	if s.cfg.Enum(config.SanitizeDumpPayload) == config.SanitizeYes {
		r.checks = rdb.Packs
	}
	return r
}

// exec runs one logged command.
func (r *replayer) exec(argv [][]byte) error {
	if r.srv.life.over {
		return errInterrupted
	}
	if len(argv) == 2 && command.Is(argv[0], "SELECT") {
		return r.selectDB(argv[1])
	}
	spec := r.srv.table.ResolveLogged(argv)
	if spec == nil || spec.Handler == nil {
		return aof.ErrUnknownCommand
	}
	if !spec.ArityFits(len(argv)) {
		return fmt.Errorf("wrong number of arguments for '%s' reading the append only file", argv[0])
	}
	r.srv.slowDown()
	r.x.w.Buf = r.x.w.Buf[:0]
	running := r.srv.exec.client
	r.srv.exec.client = r.client
	ctx := &r.x.ctx
	ctx.Args, ctx.Spec, ctx.DB, ctx.Out = argv, spec, r.client.db, &r.x.w
	ctx.Fx.Reset(r.client.db.Index())
	errorsBefore := r.x.w.Errors
	r.srv.ks.SetQuiet(false)
	spec.Handler(ctx)
	r.srv.exec.client = running
	if r.x.w.Errors != errorsBefore {
		r.failed(spec)
	}
	return nil
}

// failed counts a command of the log that failed, and tells of the first ones: when it
// was logged it had not, so the data is another one than it was then. The load goes on,
// as in Redis.
func (r *replayer) failed(spec *command.Spec) {
	const told = 10
	if r.srv.stats.unexpectedErrors++; r.srv.stats.unexpectedErrors > told {
		return
	}
	reply, _, _ := bytes.Cut(r.x.w.Buf[r.x.w.ErrorAt+1:], []byte("\r"))
	r.srv.log.Warnf("== CRITICAL == This server is sending an error to its AOF-loading-client: '%s' after processing the command '%s'", reply, spec.FullName)
}

// selectDB follows a SELECT of the log. One that is not there ends the load: the
// commands behind it would land in another database.
func (r *replayer) selectDB(word []byte) error {
	n, ok := num.ParseInt(word)
	if !ok || n < 0 || n >= int64(r.srv.ks.Databases()) {
		return fmt.Errorf("the append only file selects database %s, and the directive databases is %d", word, r.srv.ks.Databases())
	}
	r.client.db = r.srv.ks.DB(int(n))
	return nil
}

// warmKeys fetches what the next keys of an RDB will look at.
func (r *replayer) warmKeys(hashes []uint64) { r.db.Warm(hashes) }

// Aux implements rdb.Handler.
func (r *replayer) Aux(key, value []byte) error {
	switch string(key) {
	case "redis-ver":
		r.srv.log.Noticef("Loading RDB produced by version %s", value)
	case "ctime":
		if t, ok := num.ParseInt(value); ok {
			r.srv.log.Noticef("RDB age %d seconds", max(0, r.srv.stats.nowSec-t))
		}
	case "used-mem":
		if n, ok := num.ParseInt(value); ok {
			r.srv.load.usedMem = n
			r.srv.log.Noticef("RDB memory usage when created %.2f Mb", float64(n)/(1<<20))
		}
	case "redis-bits", "aof-base", "aof-preamble", "repl-stream-db", "repl-id", "repl-offset":
	default:
		r.srv.log.Tracef("Unrecognized RDB AUX field: '%s'", key)
	}
	return nil
}

// SelectDB implements rdb.Handler.
func (r *replayer) SelectDB(n int) error {
	if n >= r.srv.ks.Databases() {
		return fmt.Errorf("FATAL: Data file was created with a Redis server configured to handle more than %d databases. Exiting", r.srv.ks.Databases())
	}
	r.db = r.srv.ks.DB(n)
	return nil
}

// ResizeDB implements rdb.Handler.
func (r *replayer) ResizeDB(keys, expires uint64) error {
	r.db.Reserve(keys, expires)
	return nil
}

// Record implements rdb.Handler. Keys whose time has passed are dropped, as a
// master does.
func (r *replayer) Record(rec *rdb.Record) error {
	if dropped, err := r.arrived(rec); dropped || err != nil {
		return err
	}
	r.db.SetString(rec.Key, rec.Str, rec.ExpireAt)
	r.loaded(rec)
	return nil
}

// Value implements rdb.ValueHandler: a key of another type. A value with nothing in
// it, which some versions of Redis wrote, is left out as Redis does.
func (r *replayer) Value(rec *rdb.Record, d rdb.Source) error {
	dropped, err := r.arrived(rec)
	switch {
	case err != nil:
		return err
	case dropped:
		return d.SkipValue(rec.Type)
	}
	err = r.values.Load(r.db, rec.Key, rec.Type, rec.ExpireAt, d, r.checks)
	if errors.Is(err, rdb.ErrEmptyKey) {
		const told = 10
		if r.srv.load.empty++; r.srv.load.empty <= told {
			r.srv.log.Noticef("rdbLoadObject skipping empty key: %s", rec.Key)
		}
		return nil
	}
	if err == nil {
		r.loaded(rec)
	}
	return err
}

// arrived does what is due at each key of an RDB, and tells whether it is dropped.
func (r *replayer) arrived(rec *rdb.Record) (dropped bool, err error) {
	if r.srv.life.over {
		return false, errInterrupted
	}
	r.srv.slowDown()
	if rec.ExpireAt >= 0 && rec.ExpireAt < r.srv.ks.Now() {
		r.srv.load.expired++
		return true, nil
	}
	return false, nil
}

// loaded counts a key that is there now, and sets what the file tells of its use.
func (r *replayer) loaded(rec *rdb.Record) {
	r.srv.load.loaded++
	if rec.Idle < 0 && rec.Freq < 0 {
		return
	}
	if e, ok := r.db.Peek(rec.Key); ok {
		if rec.Idle >= 0 {
			e.SetIdle(rec.Idle)
		}
		if rec.Freq >= 0 {
			e.SetFreq(uint8(rec.Freq))
		}
	}
}

// FunctionLib implements rdb.FunctionHandler.
func (r *replayer) FunctionLib(code []byte) error {
	if _, err := r.srv.scripts.loadLibrary(r.srv.scripts.libs, code, true, false); err != nil {
		return fmt.Errorf("a library of functions: %w", err)
	}
	return nil
}
