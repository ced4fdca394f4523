package proc

import "golang.org/x/sys/unix"

const (
	auditArch  = unix.AUDIT_ARCH_AARCH64
	foreignBit = 0 // there is one interface only
)

// refusedHere are calls that only this architecture has.
func refusedHere() []uint32 { return nil }
