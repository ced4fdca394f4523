package server

import (
	"errors"

	"redisd/pkg/config"
	"redisd/pkg/proc"
)

// oomScore is the process's place in the kernel's list of whom to kill for memory.
// It is the system's until oom-score-adj takes it over, and goes back to what it was
// when the directive lets it go.
type oomScore struct {
	taken bool
	base  int // oom_score_adj when it was taken: relative values count from there
}

// changeOOM applies oom-score-adj and its values. Nothing is written while the
// directive is, and was, off.
func (s *Server) changeOOM() error {
	o := s.oom
	on := s.cfg.Enum(config.OOMScoreAdj) != config.OOMNo
	if !on && !o.taken {
		return nil
	}
	want := o.base
	if on {
		if !o.taken {
			base, err := proc.OOMScoreAdj()
			if err != nil {
				return s.oomFailed(err)
			}
			o.base, o.taken = base, true
		}
		want = o.score(s.cfg, config.OOMMaster)
	}
	o.taken = on
	if err := proc.SetOOMScoreAdj(want); err != nil {
		return s.oomFailed(err)
	}
	return nil
}

func (s *Server) oomFailed(err error) error {
	s.log.Warnf("Unable to write oom_score_adj: %s", err)
	return errors.New("Failed to set current oom_score_adj. Check server logs.")
}

// score is what the configuration wants for one kind of process.
func (o *oomScore) score(cfg *config.Config, kind int) int {
	if cfg.Enum(config.OOMScoreAdj) == config.OOMAbsolute {
		return cfg.OOMValue(kind)
	}
	return o.base + cfg.OOMValue(kind)
}

// childOOMScore is the score of the next child, nil for that of its parent.
func (s *Server) childOOMScore() *int {
	if !s.oom.taken {
		return nil
	}
	v := s.oom.score(s.cfg, config.OOMChild)
	return &v
}
