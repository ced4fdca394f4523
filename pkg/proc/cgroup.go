package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A group of its own for a child, below the daemon's in the unified hierarchy, where
// the service manager has handed that over (Delegate=yes): it shows in systemd-cgls
// and systemd-cgtop beside the daemon, and gets a small weight where weights are on.

// errNotDelegated says that the group of the daemon is not the daemon's to divide.
var errNotDelegated = errors.New("not delegated")

// Cgroup is a group that was made for one child.
type Cgroup struct {
	dir string
}

// childWeight of 10000, the default being 100.
const childWeight = "25"

// NewCgroup makes a group for a child of this process. The error says why not: there is
// no unified hierarchy, it cannot be written, or it is not delegated. Loop goroutine.
func NewCgroup() (*Cgroup, error) {
	own, err := ownCgroup()
	if err != nil {
		return nil, err
	}
	if !delegated(own) {
		return nil, errNotDelegated
	}
	removeLeftGroups(own)
	g := &Cgroup{dir: filepath.Join(own, groupName(unix.Getpid()))}
	if err := os.Mkdir(g.dir, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, err
	}
	for _, file := range []string{"cpu.weight", "io.weight"} {
		// The files are there only if the controller is on in the daemon's group.
		_ = writeExisting(filepath.Join(g.dir, file), childWeight)
	}
	return g, nil
}

// Add moves a process into the group.
func (g *Cgroup) Add(pid int) error {
	return writeExisting(filepath.Join(g.dir, "cgroup.procs"), strconv.Itoa(pid))
}

// Remove removes the group, whose process has been reaped.
func (g *Cgroup) Remove() error { return os.Remove(g.dir) }

const groupPrefix, groupSuffix = "redisd-", "-child"

func groupName(pid int) string { return groupPrefix + strconv.Itoa(pid) + groupSuffix }

// removeLeftGroups removes those of daemons that are gone.
func removeLeftGroups(own string) {
	dirs, _ := filepath.Glob(filepath.Join(own, groupPrefix+"*"+groupSuffix))
	for _, d := range dirs {
		pid := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(d), groupPrefix), groupSuffix)
		if _, err := os.Stat("/proc/" + pid); errors.Is(err, os.ErrNotExist) {
			_ = os.Remove(d) // fails while there is somebody in it
		}
	}
}

// ownCgroup is the folder of the group that this process is in.
func ownCgroup() (string, error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::")
		if !ok {
			continue
		}
		for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
			dir := filepath.Join(mount, path)
			if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil && unified(mount) {
				return dir, nil
			}
		}
	}
	return "", fmt.Errorf("no unified hierarchy")
}

func unified(mount string) bool {
	var st unix.Statfs_t
	return unix.Statfs(mount, &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
}

// delegated tells whether a group was handed to this process. Who is not root can
// write only what was given to it; root could write everything, and must look at the
// mark that systemd leaves.
func delegated(dir string) bool {
	if unix.Access(dir, unix.W_OK) != nil || unix.Access(filepath.Join(dir, "cgroup.procs"), unix.W_OK) != nil {
		return false
	}
	if unix.Geteuid() != 0 {
		return true
	}
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		var value [8]byte
		if n, err := unix.Getxattr(dir, name, value[:]); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}

func writeExisting(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Outcome is the value of a part of the fence, or why it is not there, as INFO shows
// it: "no(EROFS)".
func Outcome(err error, value string) string { return outcome(err, value) }
