package proc

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights that a landlock ruleset of each version of the interface knows, and of these,
// what a folder of data needs: no programs, no devices, sockets, pipes or links.
const (
	landlockFS1 = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1
	landlockFS2 = landlockFS1 | unix.LANDLOCK_ACCESS_FS_REFER
	landlockFS3 = landlockFS2 | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	landlockFS5 = landlockFS3 | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

	landlockData = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE
)

// landlockABI is the version of the kernel's interface, from 1.
func landlockABI() (int, error) {
	n, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e != 0 {
		return 0, fmt.Errorf("proc: landlock: %w", e)
	}
	return int(n), nil
}

// landlock confines every thread of the process, and those to come, to folders. From
// version 4 on it takes TCP away, too. It cannot be taken back.
func landlock(dirs []string) error {
	abi, err := landlockABI()
	if err != nil {
		return err
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: landlockFS(abi)}
	size := unsafe.Sizeof(attr.Handled_access_fs)
	if abi >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		size += unsafe.Sizeof(attr.Handled_access_net)
	}
	fd, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if e != 0 {
		return fmt.Errorf("proc: landlock: %w", e)
	}
	ruleset := int(fd)
	defer unix.Close(ruleset)
	for _, d := range dirs {
		if err := landlockAllow(ruleset, d, attr.Handled_access_fs&landlockData); err != nil {
			return err
		}
	}
	if err := noNewPrivileges(); err != nil {
		return err
	}
	if _, _, e := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0); e != 0 {
		return fmt.Errorf("proc: landlock: %w", e)
	}
	return nil
}

func landlockFS(abi int) uint64 {
	switch {
	case abi >= 5:
		return landlockFS5
	case abi >= 3:
		return landlockFS3
	case abi == 2:
		return landlockFS2
	}
	return landlockFS1
}

// landlockAllow opens what is below a folder.
func landlockAllow(ruleset int, dir string, rights uint64) error {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	beneath := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, e := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&beneath)), 0, 0, 0)
	if e != 0 {
		return fmt.Errorf("proc: landlock: %s: %w", dir, e)
	}
	return nil
}

// noNewPrivileges sets the flag without which landlock needs privilege, in
// every thread: an exec gains nothing any more.
func noNewPrivileges() error {
	if _, _, e := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); e != 0 {
		return fmt.Errorf("proc: no_new_privs: %w", e)
	}
	return nil
}
