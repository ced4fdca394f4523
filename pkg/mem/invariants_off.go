//go:build !invariants

// Without the tag the checks are constants and empty functions: they cost nothing.

package mem

import "strings"

const invariants = false

type guard struct{}

// Own does nothing without the tag invariants.
func (a *Arena) Own() {}

// Disown does nothing without the tag invariants.
func (a *Arena) Disown() {}

func (a *Arena) guardInit(uint64) error          { return nil }
func (a *Arena) guardClose() error               { a.guard = guard{}; return nil }
func (a *Arena) checkCall(Purpose, int)          {}
func (a *Arena) checkLive(Purpose, Ref)          {}
func (a *Arena) checkPoison(Ref, uint64, uint64) {}
func (a *Arena) checkClean(Ref, uint64)          {}
func (a *Arena) poison(Ref, uint64)              {}
func (a *Arena) noteAlloc(Purpose, Ref, uint64)  {}
func (a *Arena) notePurpose(_, _ Purpose, _ Ref) {}
func (a *Arena) noteFree(Purpose, Ref)           {}
func (a *Arena) noteSpanGone(*class, uint64)     {}
func (a *Arena) describeLive(*strings.Builder)   {}
