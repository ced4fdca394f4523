package server

import (
	"errors"
	"fmt"
	"os"

	"redisd/pkg/command"
	"redisd/pkg/config"
	"redisd/pkg/persist/aof"
	"redisd/pkg/persist/rdb"
)

// DEBUG RELOAD and LOADAOF put the dataset through a file. Clients are not served
// meanwhile: the command that asked for it is not over.

// strictReplayer refuses keys that are there already.
type strictReplayer struct{ *replayer }

// Record implements rdb.Handler.
func (r strictReplayer) Record(rec *rdb.Record) error {
	if err := r.absent(rec); err != nil {
		return err
	}
	return r.replayer.Record(rec)
}

// Value implements rdb.ValueHandler.
func (r strictReplayer) Value(rec *rdb.Record, d rdb.Source) error {
	if err := r.absent(rec); err != nil {
		return err
	}
	return r.replayer.Value(rec, d)
}

// FunctionLib implements rdb.FunctionHandler.
func (r strictReplayer) FunctionLib(code []byte) error {
	_, err := r.srv.scripts.loadLibrary(r.srv.scripts.libs, code, false, false)
	return err
}

func (r strictReplayer) absent(rec *rdb.Record) error {
	if _, exists := r.db.PeekExpired(rec.Key); exists {
		return fmt.Errorf("the key '%s' of DB %d is there already", rec.Key, r.db.Index())
	}
	return nil
}

// reloadOptions are the words of DEBUG RELOAD.
type reloadOptions struct{ merge, noFlush, noSave bool }

func parseReload(words [][]byte) (o reloadOptions, ok bool) {
	for _, w := range words {
		switch {
		case command.Is(w, "MERGE"):
			o.merge = true
		case command.Is(w, "NOFLUSH"):
			o.noFlush = true
		case command.Is(w, "NOSAVE"):
			o.noSave = true
		default:
			return o, false
		}
	}
	return o, true
}

const errReload = "ERR Error trying to load the RDB dump, check server logs."

func (s *Server) debugReload(c *command.Ctx) {
	o, ok := parseReload(c.Args[2:])
	if !ok {
		c.Out.Error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
		return
	}
	if s.load.active {
		c.Out.Error(errReload)
		return
	}
	path := s.cfg.String(config.DBFilename)
	if !o.noSave {
		// A child's file would replace the newer one that is written here.
		s.background.killSave("DEBUG RELOAD")
		if err := s.saveNow(); err != nil {
			c.Out.Error("ERR")
			return
		}
	}
	if found, err := s.exists(path); !found {
		s.log.Warnf("DEBUG RELOAD: %s: there is no such file (%v)", path, err)
		c.Out.Error(errReload)
		return
	}
	if !o.noFlush {
		s.scripts.flushLibraries()
		s.ks.FlushAll(false)
		s.caches.flushed()
	}
	r := s.newReplayer()
	var h rdb.Handler = r
	if o.noFlush && !o.merge {
		h = strictReplayer{r}
	}
	if _, err := s.loadRDB(path, r, h); err != nil {
		s.log.Warnf("DEBUG RELOAD: %s", err)
		if !o.noFlush && !unreadable(err) {
			s.abandon()
		}
		c.Out.Error(errReload)
		return
	}
	s.log.Warnf("DB reloaded by DEBUG RELOAD")
	c.Out.OK()
}

// unreadable tells that a load failed before the first key, so that what is in
// memory is not a part of the data.
func unreadable(err error) bool {
	return errors.Is(err, rdb.ErrSignature) || errors.Is(err, rdb.ErrVersion)
}

// abandon ends the process when a load broke off: what is in memory is a part of
// the data, and must neither be served nor saved over the rest.
func (s *Server) abandon() {
	if s.life.over {
		return
	}
	s.log.Warnf("The data is loaded in part only. Exiting...")
	os.Exit(1)
}

func (s *Server) debugLoadAOF(c *command.Ctx) {
	if s.load.active {
		c.Out.Error("ERR Error trying to load the append only file, check server logs.")
		return
	}
	s.awaitSwitch()
	if err := s.journal.flushAndSync(); err != nil {
		c.Out.Errorf("ERR Error writing the append only file: %s", err)
		return
	}
	layout, err := s.journal.parts.Detect()
	if err != nil || layout == aof.NoLayout {
		s.log.Warnf("DEBUG LOADAOF: %s: there is nothing to load (%v)", s.aofPath(), err)
		c.Out.Error("ERR Error trying to load the append only file, check server logs.")
		return
	}
	s.ks.FlushAll(false)
	s.caches.flushed()
	if _, err := s.loadAnyAOF(); err != nil {
		s.log.Warnf("DEBUG LOADAOF: %s", err)
		s.abandon()
		c.Out.Error("ERR Error trying to load the append only file, check server logs.")
		return
	}
	s.saves.dirty = 0
	s.log.Warnf("Append Only File loaded by DEBUG LOADAOF")
	c.Out.OK()
}

// awaitSwitch waits until the log has moved to a rewritten file, if it is about
// to: until then no file holds everything.
func (s *Server) awaitSwitch() {
	for s.journal.log.Held() {
		s.bio.Drain(persistQueue)
		s.loop.RunPosted()
	}
}
