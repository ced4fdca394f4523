//go:build amd64 || arm64

package proc

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A filter of system calls for a process that reads a pipe and writes files. It lists
// what is refused, not what is allowed: the Go runtime's own calls change with its
// versions, and one that is missing in a list would be a crash in the field. What is
// refused gets EPERM, except clone3, which gets ENOSYS: then clone is tried.

// Offsets in struct seccomp_data.
const (
	dataNumber = 0
	dataArch   = 4
	dataArg0   = 16 // its lower half; both architectures are little-endian
	dataArg1   = 24
)

// refusedSyscalls are the calls that every architecture has; refusedHere has the rest.
func refusedSyscalls() []uint32 {
	all := []uint32{
		// Other programs and processes.
		unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
		unix.SYS_PROCESS_MADVISE, unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_KCMP, unix.SYS_RT_SIGQUEUEINFO,
		unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_TKILL, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_BPF,
		// The network, and rings of calls, which no filter sees.
		unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT, unix.SYS_ACCEPT4,
		unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG, unix.SYS_RECVFROM, unix.SYS_RECVMSG, unix.SYS_RECVMMSG,
		unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		// Privileges and names.
		unix.SYS_SETUID, unix.SYS_SETGID, unix.SYS_SETREUID, unix.SYS_SETREGID, unix.SYS_SETRESUID, unix.SYS_SETRESGID,
		unix.SYS_SETFSUID, unix.SYS_SETFSGID, unix.SYS_SETGROUPS, unix.SYS_CAPSET, unix.SYS_SETNS, unix.SYS_UNSHARE,
		unix.SYS_PERSONALITY, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
		// The tree of files, and what landlock does not watch in it.
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN,
		unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT,
		unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT, unix.SYS_MKNODAT,
		unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR,
		unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_FANOTIFY_INIT,
		// The machine.
		unix.SYS_REBOOT, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
		unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_SYSLOG, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_SETTIMEOFDAY,
		unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX, unix.SYS_VHANGUP,
	}
	return append(all, refusedHere()...)
}

// filterSyscalls installs the filter in every thread. It cannot be taken back.
func filterSyscalls() error {
	return installFilter(childFilter(uint32(unix.Getpid())), unix.SECCOMP_FILTER_FLAG_TSYNC)
}

// installFilter gives a program to the kernel, for the calling thread or all.
func installFilter(prog []unix.SockFilter, flags uintptr) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The flag without which a filter needs privilege; the others get it with the filter.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("proc: no_new_privs: %w", err)
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&fprog)))
	if e != 0 {
		return fmt.Errorf("proc: seccomp: %w", e)
	}
	return nil
}

// childFilter is the program: what is listed is refused, new processes are, and
// signals to others.
func childFilter(pid uint32) []unix.SockFilter {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	// test goes on with the next instruction if the comparison holds, else past it.
	test := func(op uint16, k uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, Jf: 1, K: k}
	}
	ret := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	refuse := ret(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
	allow := ret(unix.SECCOMP_RET_ALLOW)

	prog := []unix.SockFilter{
		load(dataArch),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, K: auditArch}, refuse,
		load(dataNumber),
	}
	if foreignBit != 0 {
		prog = append(prog, test(unix.BPF_JSET, foreignBit), refuse)
	}
	for _, nr := range refusedSyscalls() {
		prog = append(prog, test(unix.BPF_JEQ, nr), refuse)
	}
	prog = append(prog, test(unix.BPF_JEQ, unix.SYS_CLONE3), ret(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)))
	// A block for one call: entered when the number is right, and it always returns.
	block := func(nr uint32, body ...unix.SockFilter) {
		head := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: uint8(len(body)), K: nr}
		prog = append(append(prog, head), body...)
	}
	block(unix.SYS_CLONE, load(dataArg0), test(unix.BPF_JSET, unix.CLONE_THREAD), allow, refuse)
	block(unix.SYS_KILL, load(dataArg0), test(unix.BPF_JEQ, pid), allow, refuse)
	block(unix.SYS_TGKILL, load(dataArg0), test(unix.BPF_JEQ, pid), allow, refuse)
	// What types into a terminal that the daemon was started from.
	block(unix.SYS_IOCTL, load(dataArg1), test(unix.BPF_JEQ, unix.TIOCSTI), refuse, allow)
	return append(prog, allow)
}
