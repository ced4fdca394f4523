package server

import (
	"runtime"

	"redisd/pkg/config"
	"redisd/pkg/proc"
)

// placeBackground binds the goroutines that wait for the disk in the loop's place to
// bio-cpulist: each keeps a thread for itself from now on. Without the directive the
// runtime gives them threads as they need them, which run where the loop's may.
func (s *Server) placeBackground() {
	list := s.cfg.String(config.BIOCPUList)
	if list == "" || proc.Avoids(s.opt.Avoid, proc.CallAffinity) {
		return
	}
	bind := func() {
		runtime.LockOSThread() // until the process ends
		if err := proc.SetThreadAffinity(list); err != nil {
			s.log.Warnf("bio-cpulist: %s", err)
		}
	}
	s.bio.EachWorker(bind)
	s.journal.log.EachWorker(bind)
}
