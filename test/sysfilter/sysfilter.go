// Package sysfilter puts a filter of system calls on a test's process, as a service
// manager does.
package sysfilter

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// KillOn puts a filter on the calling thread, which must be locked, and on what it
// executes: a system call of the list ends the process by SIGSYS. That is what
// systemd's SystemCallFilter does without SystemCallErrorNumber.
func KillOn(calls []uint32) error { return filter(calls, unix.SECCOMP_RET_KILL_PROCESS) }

// RefuseOn is KillOn with another end: the call fails with EPERM, as with
// SystemCallErrorNumber=EPERM.
func RefuseOn(calls []uint32) error {
	return filter(calls, unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM))
}

func filter(calls []uint32, action uint32) error {
	prog := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}}
	for _, nr := range calls {
		prog = append(prog, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: nr},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action})
	}
	prog = append(prog, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&fprog)), 0, 0)
}
