package server

import (
	"fmt"

	"redisd/pkg/config"
)

// The limits of the append-only file's size: aof-max-size-soft and aof-max-size-hard.

// softGrowth is the part of the base, one in so many, by which a log above its soft limit
// must have grown before it is rewritten once more: a dataset that needs more than the
// limit must not be rewritten all the time.
const softGrowth = 10

// logAbove tells whether the log is above a limit, 0 being none.
func (s *Server) logAbove(id config.ID) bool {
	limit := s.cfg.Int(id)
	return limit > 0 && s.journal.on() && s.journal.log.Size() > limit
}

// warnLogSize tells once when the log has passed its soft limit, and once when it has
// come back below it.
func (b *background) warnLogSize() {
	s := b.srv
	above := s.logAbove(config.AOFMaxSizeSoft) || s.logAbove(config.AOFMaxSizeHard)
	if above == b.jobs.logAbove {
		return
	}
	b.jobs.logAbove = above
	if !above {
		s.log.Noticef("The append only file is below its limits again: %d bytes.", s.journal.log.Size())
		return
	}
	s.log.Warnf("The append only file has %d bytes: aof-max-size-soft is %d, aof-max-size-hard is %d.",
		s.journal.log.Size(), s.cfg.Int(config.AOFMaxSizeSoft), s.cfg.Int(config.AOFMaxSizeHard))
}

// logTooBig tells whether the log is to be rewritten because of its size: above the hard
// limit as soon as anything can be gained by it.
func (b *background) logTooBig() bool {
	s := b.srv
	grown := s.journal.log.Size() - s.journal.log.Base()
	if s.logAbove(config.AOFMaxSizeHard) {
		return grown > 0
	}
	return s.logAbove(config.AOFMaxSizeSoft) && grown > 0 && grown >= s.journal.log.Base()/softGrowth
}

// logFull is why writes are refused while the log is above its hard limit, or "".
func (s *Server) logFull() string {
	if !s.logAbove(config.AOFMaxSizeHard) {
		return ""
	}
	return fmt.Sprintf("MISCONF The append only file has %d bytes, more than aof-max-size-hard allows (%d). "+
		"Commands that may modify the data set are disabled until a rewrite has made it smaller, or the limit is raised.",
		s.journal.log.Size(), s.cfg.Int(config.AOFMaxSizeHard))
}
