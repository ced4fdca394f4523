package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// EnvVar is the environment variable that main reads.
const EnvVar = "REDISD_FAILPOINTS"

// Set holds the active points. A nil Set has none.
type Set struct {
	points map[string]*point
}

type action uint8

const (
	actKill action = iota + 1
	actExit
	actError
	actHang
	actDelay
)

type point struct {
	act   action
	arg   int        // exit status or milliseconds
	errno unix.Errno // of actError
	nth   int64      // the hit that acts, 0 = all
	hits  atomic.Int64
}

// Parse reads a specification as the package describes it. An empty one gives
// a nil Set.
func Parse(spec string) (*Set, error) {
	items := strings.FieldsFunc(spec, func(r rune) bool { return r == ' ' || r == ';' || r == '\t' || r == '\n' })
	if len(items) == 0 {
		return nil, nil
	}
	s := &Set{points: make(map[string]*point, len(items))}
	for _, item := range items {
		name, act, ok := strings.Cut(item, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("failpoint: %q is not name=action", item)
		}
		p, err := parseAction(act)
		if err != nil {
			return nil, fmt.Errorf("failpoint: %q: %w", item, err)
		}
		s.points[name] = p
	}
	return s, nil
}

func parseAction(text string) (*point, error) {
	p := &point{}
	text, nth, counted := strings.Cut(text, "@")
	if counted {
		n, err := strconv.ParseInt(nth, 10, 64)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("bad count %q", nth)
		}
		p.nth = n
	}
	verb, arg, hasArg := strings.Cut(text, ":")
	switch verb {
	case "kill":
		p.act = actKill
	case "hang":
		p.act = actHang
	case "exit":
		p.act = actExit
	case "delay":
		p.act = actDelay
	case "error":
		p.act = actError
		p.errno = errnoByName(arg)
		if p.errno == 0 {
			return nil, fmt.Errorf("unknown errno %q", arg)
		}
		return p, nil
	default:
		return nil, fmt.Errorf("unknown action %q", verb)
	}
	if wants := p.act == actExit || p.act == actDelay; wants != hasArg {
		return nil, fmt.Errorf("action %q with a wrong argument", verb)
	}
	if hasArg {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("bad number %q", arg)
		}
		p.arg = n
	}
	return p, nil
}

func errnoByName(name string) unix.Errno {
	for _, e := range []unix.Errno{unix.EIO, unix.ENOSPC, unix.EDQUOT, unix.EROFS, unix.EACCES, unix.ENOMEM, unix.EMFILE} {
		if unix.ErrnoName(e) == name {
			return e
		}
	}
	return 0
}

// Hit acts if the point name is set, and returns its errno if its action is an
// error. It is called where a crash or an error is worth a test.
func (s *Set) Hit(name string) error {
	if s == nil {
		return nil
	}
	return s.hit(name)
}

func (s *Set) hit(name string) error {
	p := s.points[name]
	if p == nil {
		return nil
	}
	if n := p.hits.Add(1); p.nth != 0 && n != p.nth {
		return nil
	}
	switch p.act {
	case actKill:
		_ = unix.Kill(unix.Getpid(), unix.SIGKILL)
		select {} // the signal may be delivered a little later
	case actHang:
		select {}
	case actExit:
		os.Exit(p.arg)
	case actDelay:
		time.Sleep(time.Duration(p.arg) * time.Millisecond)
	case actError:
		return p.errno
	}
	return nil
}
