package server

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"redisd/pkg/script"
)

// library is one library of functions.
type library struct {
	name      string
	code      []byte // with its first line
	functions []*function

	start   int64 // nanoseconds, when its code began to run
	limited bool  // its code may run for loadTimeout only
}

// function is one function of a library.
type function struct {
	name, desc string
	described  bool
	flags      script.Flags
	ref        script.Ref
	lib        *library
}

// libraries are the libraries that there are, by name, and their functions by name in
// lower case.
type libraries struct {
	byName map[string]*library
	funcs  map[string]*function
}

func newLibraries() *libraries {
	return &libraries{byName: map[string]*library{}, funcs: map[string]*function{}}
}

// find finds a function, its name in any case.
func (l *libraries) find(name []byte) *function {
	if f := l.funcs[string(name)]; f != nil {
		return f
	}
	return l.funcs[strings.ToLower(string(name))]
}

// sorted gives the libraries in the order of their names.
func (l *libraries) sorted() []*library {
	all := make([]*library, 0, len(l.byName))
	for _, lib := range l.byName {
		all = append(all, lib)
	}
	slices.SortFunc(all, func(a, b *library) int { return strings.Compare(a.name, b.name) })
	return all
}

func (l *libraries) link(lib *library) {
	l.byName[lib.name] = lib
	for _, f := range lib.functions {
		l.funcs[strings.ToLower(f.name)] = f
	}
}

func (l *libraries) unlink(lib *library) {
	delete(l.byName, lib.name)
	for _, f := range lib.functions {
		delete(l.funcs, strings.ToLower(f.name))
	}
}

// taken gives the first function of lib whose name another library has.
func (l *libraries) taken(lib *library) *function {
	for _, f := range lib.functions {
		if l.funcs[strings.ToLower(f.name)] != nil {
			return f
		}
	}
	return nil
}

// memory is about what libraries take outside of the interpreter, bytes.
func (l *libraries) memory() int64 {
	n := int64(0)
	for _, lib := range l.byName {
		n += int64(len(lib.name)+len(lib.code)) + cachedOverhead
		for _, f := range lib.functions {
			n += int64(2*len(f.name)+len(f.desc)) + cachedOverhead
		}
	}
	return n
}

func validFunctionName(name string) bool {
	if name == "" {
		return false
	}
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

var errLibraryName = errors.New("Library names can only contain letters, numbers, or underscores(_) and must be at least one character long")

// newLibrary runs the code of a library, so that it registers its functions. Nothing
// is linked.
func (sc *scripts) newLibrary(code []byte, limited bool) (*library, error) {
	meta, err := script.Metadata(code)
	switch {
	case err != nil:
		return nil, err
	case !validFunctionName(meta.Name):
		return nil, errLibraryName
	case !strings.EqualFold(meta.Engine, "lua"):
		return nil, fmt.Errorf("Engine '%s' not found", meta.Engine)
	}
	lib := &library{name: meta.Name, code: append([]byte(nil), code...), limited: limited}
	return lib, sc.runLibrary(lib, meta.Body)
}

// runLibrary fills lib.functions.
func (sc *scripts) runLibrary(lib *library, body []byte) error {
	v, err := sc.vm(script.Functions)
	if err != nil {
		return err
	}
	lib.functions, lib.start = nil, sc.srv.exec.watch.Nanos()
	sc.loading = lib
	err = v.LoadLibrary(body)
	sc.loading = nil
	switch {
	case errors.Is(err, script.ErrBroken):
		sc.srv.log.Warnf("Library %s broke the interpreter, which is replaced: %s", lib.name, err)
		sc.reloadLibraries()
		return errors.New("Error registering functions: the interpreter was stopped: it ran out of stack or failed")
	case err == nil && len(lib.functions) == 0:
		err = errors.New("No functions registered")
	}
	if err != nil {
		sc.release(lib)
	}
	return err
}

// release forgets the functions of a library that is not linked.
func (sc *scripts) release(lib *library) {
	v := sc.vms[script.Functions]
	for _, f := range lib.functions {
		if v != nil && v.Drop(f.ref) != nil {
			return // it is broken, and replaced at its next use
		}
	}
}

// Register implements redis.register_function.
func (sc *scripts) Register(f script.Function) error {
	lib := sc.loading
	if !validFunctionName(f.Name) {
		return errLibraryName
	}
	for _, other := range lib.functions {
		if other.name == f.Name {
			return errors.New("Function already exists in the library")
		}
	}
	lib.functions = append(lib.functions, &function{name: f.Name, desc: f.Desc, described: f.Has, flags: f.Flags, ref: f.Ref, lib: lib})
	return nil
}

// loadLibrary adds a library to libs (FUNCTION LOAD).
func (sc *scripts) loadLibrary(libs *libraries, code []byte, replace, limited bool) (*library, error) {
	meta, err := script.Metadata(code)
	if err != nil {
		return nil, err
	}
	old := libs.byName[meta.Name]
	if old != nil && !replace {
		if !strings.EqualFold(meta.Engine, "lua") {
			return nil, fmt.Errorf("Engine '%s' not found", meta.Engine)
		}
		return nil, fmt.Errorf("Library '%s' already exists", meta.Name)
	}
	if old != nil {
		libs.unlink(old)
	}
	lib, err := sc.newLibrary(code, limited)
	if err == nil {
		if f := libs.taken(lib); f != nil {
			sc.release(lib)
			err = fmt.Errorf("Function %s already exists", f.name)
		}
	}
	if err != nil {
		if old != nil {
			libs.link(old)
		}
		return nil, err
	}
	libs.link(lib)
	if old != nil {
		sc.release(old)
	}
	return lib, nil
}

// join adds the libraries of another set (FUNCTION RESTORE): all, or none and an error.
func (sc *scripts) join(more *libraries, replace bool) error {
	libs := sc.libs
	var old []*library
	undo := func(err error) error {
		for _, lib := range old {
			libs.link(lib)
		}
		for _, lib := range more.byName {
			sc.release(lib)
		}
		return err
	}
	for _, lib := range more.sorted() {
		have := libs.byName[lib.name]
		if have == nil {
			continue
		}
		if !replace {
			return undo(fmt.Errorf("Library %s already exists", lib.name))
		}
		libs.unlink(have)
		old = append(old, have)
	}
	for _, lib := range more.sorted() {
		if f := libs.taken(lib); f != nil {
			return undo(fmt.Errorf("Function %s already exists", f.name))
		}
	}
	for _, lib := range more.byName {
		libs.link(lib)
	}
	for _, lib := range old {
		sc.release(lib)
	}
	return nil
}

// flushLibraries forgets all libraries, and gives their interpreter's memory back.
func (sc *scripts) flushLibraries() {
	sc.libs = newLibraries()
	sc.drop(script.Functions)
}

// reloadLibraries replaces the interpreter of functions by a new one. A library whose
// code does not run again, which it did before, is gone.
func (sc *scripts) reloadLibraries() {
	sc.drop(script.Functions)
	old := sc.libs
	sc.libs = newLibraries()
	for _, lib := range old.sorted() {
		if _, err := sc.loadLibrary(sc.libs, lib.code, false, false); err != nil {
			sc.srv.log.Warnf("Loading the library %s again: %s", lib.name, err)
		}
	}
}
