package script

import (
	"bytes"
	"errors"
	"fmt"

	"redisd/pkg/config"
)

// Flags are what a script declares of itself.
type Flags uint8

// The flags, as FUNCTION LIST names them.
const (
	NoWrites   Flags = 1 << iota // no-writes
	AllowOOM                     // allow-oom
	AllowStale                   // allow-stale
	NoCluster                    // no-cluster
	CrossSlot                    // allow-cross-slot-keys
	Compat                       // a script of EVAL that declares nothing
)

// FlagNames are the names of the flags, in the order of their bits.
func FlagNames() []string {
	return []string{"no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"}
}

func flagNamed(name string) (Flags, bool) {
	for i, n := range FlagNames() {
		if n == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// Shebang reads the first line of a script of EVAL: "#!lua flags=a,b". skip is how
// many bytes of the script it takes; the line end stays, so that lines keep their
// numbers. A script without the line is Compat.
func Shebang(code []byte) (flags Flags, skip int, err error) {
	if !bytes.HasPrefix(code, []byte("#!")) {
		return Compat, 0, nil
	}
	skip = bytes.IndexByte(code, '\n')
	if skip < 0 {
		return 0, 0, errors.New("Invalid script shebang")
	}
	parts, ok := config.SplitArgs(string(code[:skip]))
	if !ok || len(parts) == 0 {
		return 0, 0, errors.New("Invalid engine in script shebang")
	}
	if parts[0] != "#!lua" {
		return 0, 0, fmt.Errorf("Unexpected engine in script shebang: %s", parts[0])
	}
	for _, p := range parts[1:] {
		list, is := bytes.CutPrefix([]byte(p), []byte("flags="))
		if !is {
			return 0, 0, fmt.Errorf("Unknown lua shebang option: %s", p)
		}
		for _, name := range bytes.Split(list, []byte(",")) {
			f, known := flagNamed(string(name))
			if !known && len(list) > 0 {
				return 0, 0, fmt.Errorf("Unexpected flag in script shebang: %s", name)
			}
			flags |= f
		}
	}
	return flags, skip, nil
}

// Library is what the first line of a library's code tells, and the code that is
// behind it.
type Library struct {
	Engine, Name string
	Body         []byte
}

// Metadata reads the first line of a library: "#!lua name=x".
func Metadata(code []byte) (Library, error) {
	if !bytes.HasPrefix(code, []byte("#!")) {
		return Library{}, errors.New("Missing library metadata")
	}
	end := bytes.IndexByte(code, '\n')
	if end < 0 {
		return Library{}, errors.New("Invalid library metadata")
	}
	parts, ok := config.SplitArgs(string(code[:end]))
	if !ok || len(parts) == 0 {
		return Library{}, errors.New("Invalid library metadata")
	}
	l := Library{Engine: parts[0][2:], Body: code[end:]}
	named := false
	for _, p := range parts[1:] {
		if len(p) < 5 || !bytes.EqualFold([]byte(p[:5]), []byte("name=")) {
			return Library{}, fmt.Errorf("Invalid metadata value given: %s", p)
		}
		if named {
			return Library{}, errors.New("Invalid metadata value, name argument was given multiple times")
		}
		l.Name, named = p[5:], true
	}
	if !named {
		return Library{}, errors.New("Library name was not given")
	}
	return l, nil
}

// Names gives the names of the flags that are set.
func (f Flags) Names() []string {
	var names []string
	for i, n := range FlagNames() {
		if f&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}
