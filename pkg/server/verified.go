package server

import (
	"errors"

	"redisd/pkg/persist"
)

// verified is how the verification of files went.
type verified struct {
	failures int64
	reason   string // of the last failure, "" when there was none
	micros   int64  // that the last one took, -1 for none
}

// note takes the end of a job, or of a save in the process itself. A file that is not
// what it should be is a failure of its own: the disk, or the daemon, is not to be
// trusted.
func (v *verified) note(err error, r *persist.Report) {
	if r != nil && r.VerifyMicros > 0 {
		v.micros = int64(r.VerifyMicros)
	}
	var ce *persist.ChildError
	var ve *persist.VerifyError
	if errors.As(err, &ce) && ce.Unverified || errors.As(err, &ve) {
		v.failures++
		v.reason = err.Error()
	}
}

func (s *Server) infoVerified(w *infoWriter) {
	v := &s.background.jobs.verified
	w.int("snapshot_verify_failures", v.failures)
	w.text("snapshot_last_verify_error", v.reason)
	w.int("snapshot_last_verify_usec", v.micros)
}
