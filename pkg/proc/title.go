package proc

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"unsafe"
)

// The title of a running process. ps shows the memory into which the kernel put
// the arguments at the exec; changing the title means writing there.
//
//	arg_start              arg_end = env_start              env_end
//	| argv[0] \0 argv[1] \0 | NAME=value \0 NAME=value \0 ... |
//
// Go's os.Args are strings that point into that memory (the environment is
// copied by the runtime, the arguments are not). So whoever changes the title
// must first move every argument away, before any other code keeps a part of one.

// Title is the memory behind the arguments of this process.
type Title struct {
	mem     []byte // arguments and environment
	argSize int    // length of the arguments in it
}

// TakeTitle moves os.Args to the heap and takes over the memory they came in. It
// must run in main before anything looks at os.Args. Without a readable
// /proc/self/stat it returns an error and a Title whose Set does nothing.
func TakeTitle() (*Title, error) {
	if len(os.Args) == 0 || os.Args[0] == "" {
		return &Title{}, fmt.Errorf("proc: title: no arguments")
	}
	start := unsafe.Pointer(unsafe.StringData(os.Args[0]))
	for i, a := range os.Args {
		os.Args[i] = strings.Clone(a)
	}
	argStart, argEnd, envEnd, err := argumentArea()
	if err != nil {
		return &Title{}, err
	}
	if argStart != uint64(uintptr(start)) || argEnd <= argStart {
		return &Title{}, fmt.Errorf("proc: title: the arguments are not where the kernel put them")
	}
	size := max(argEnd, envEnd) - argStart
	return &Title{
		mem:     unsafe.Slice((*byte)(start), size),
		argSize: int(argEnd - argStart),
	}, nil
}

// Set shows s as the command line and the base name of its first word as the
// thread name, which is what `pgrep -x` and top look at. A text
// longer than the arguments runs into the memory of the environment, whose
// copies in this process stay valid (/proc/PID/environ shows the text then); what
// does not fit there either is cut off. NUL bytes in s are not allowed.
func (t *Title) Set(s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return fmt.Errorf("proc: title: contains a NUL byte")
	}
	if len(t.mem) == 0 {
		return nil
	}
	// The kernel prints the arguments up to arg_end when the last byte there is
	// NUL, else everything up to the first NUL: both cases give just s.
	n := copy(t.mem[:len(t.mem)-1], s)
	clear(t.mem[n:max(t.argSize, n+1)])
	return setComm(path.Base(firstWord(s)))
}

// argumentArea reads fields 48, 49 and 51 of /proc/self/stat.
func argumentArea() (argStart, argEnd, envEnd uint64, err error) {
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, 0, 0, fmt.Errorf("proc: title: %w", err)
	}
	// Field 3 is the first one behind the name.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	const first = 3
	var v [3]uint64
	for i, n := range [3]int{48, 49, 51} {
		if n-first >= len(f) {
			return 0, 0, 0, fmt.Errorf("proc: title: /proc/self/stat has only %d fields", len(f)+first-1)
		}
		if v[i], err = strconv.ParseUint(f[n-first], 10, 64); err != nil {
			return 0, 0, 0, fmt.Errorf("proc: title: /proc/self/stat: %w", err)
		}
	}
	return v[0], v[1], v[2], nil
}
