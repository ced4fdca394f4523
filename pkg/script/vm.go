package script

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"

	"redisd/pkg/resp"
	"redisd/pkg/script/luago"
)

// Kind says what an interpreter is for.
type Kind int

// The kinds.
const (
	Eval      Kind = iota // scripts of EVAL: KEYS and ARGV are globals
	Functions             // libraries: keys and arguments are a function's
)

// VM is one interpreter.
type VM struct {
	host   Host
	kind   Kind
	mod    *luago.Module
	in     int32 // where the buffers for arguments and replies are described
	out    int32
	depth  int   // of protected calls
	thrown bool  // a Throw is on its way to its Try
	inHost bool  // the host's code runs: a panic is the host's
	broken error // why the interpreter cannot be used any more
	argv   [][]byte
	reply  []byte // of the last call, for Take
}

// ErrBroken wraps the error of a script that broke its interpreter: the VM must be
// closed.
var ErrBroken = errors.New("script: the interpreter broke")

// maxMemory bounds the memory of one interpreter, bytes.
const maxMemory = 2<<30 - 1<<16

// NewVM makes an interpreter that may use limit bytes (0: 2 GB). deprecated adds
// the functions that Redis has withdrawn.
func NewVM(kind Kind, host Host, limit int64, deprecated bool) (*VM, error) {
	v := &VM{host: host, kind: kind}
	var err error
	if v.mod, err = luago.New((*bridge)(v), maxMemory); err != nil {
		return nil, err
	}
	started, err := v.call(start, params{flag(kind == Functions), flag(deprecated)})
	if err == nil && started == 0 {
		err = errors.New("script: no memory for an interpreter")
	}
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	v.in, v.out = v.mod.Xinput_at(), v.mod.Xoutput_at()
	v.SetLimit(limit)
	return v, nil
}

func flag(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// Close gives the interpreter's memory back.
func (v *VM) Close() error {
	m := v.mod
	v.mod, v.broken = nil, errClosed
	return m.Close()
}

var errClosed = errors.New("script: the interpreter is closed")

// An entry is a function of the module that may run Lua, so that it may fail.
type (
	entry  func(m *luago.Module, p params) int32
	params [4]int32
)

func start(m *luago.Module, p params) int32   { return m.Xstart(p[0], p[1], 0) }
func input(m *luago.Module, p params) int32   { return m.Xinput(p[0]) }
func load(m *luago.Module, p params) int32    { return m.Xload(p[0], p[1]) }
func library(m *luago.Module, p params) int32 { return m.Xlibrary(p[0], p[1]) }
func unref(m *luago.Module, p params) int32   { m.Xunref(p[0]); return 0 }
func settle(m *luago.Module, p params) int32  { m.Xsettle(p[0]); return 0 }
func run(m *luago.Module, p params) int32     { m.Xrun(p[0], p[1], p[2], p[3]); return 0 }

// call enters the interpreter. An error means that the VM is broken.
func (v *VM) call(f entry, p params) (n int32, err error) {
	if v.broken != nil {
		return 0, v.broken
	}
	defer v.leave(v.depth, debug.SetPanicOnFault(true), &err)
	return f(v.mod, p), nil
}

// leave ends a call. A panic that is not the host's is a fault in the C code, or an
// access outside of its memory: it ends the interpreter.
func (v *VM) leave(depth int, faults bool, err *error) {
	debug.SetPanicOnFault(faults)
	v.depth = depth
	if v.inHost {
		return
	}
	if r := recover(); r != nil {
		*err = v.breaks(fmt.Errorf("%v", r))
	}
}

func (v *VM) breaks(err error) error {
	v.broken = fmt.Errorf("%w: %w", ErrBroken, err)
	return v.broken
}

// give copies words to the input: with their lengths before them, or just one.
func (v *VM) give(framed bool, lists ...[][]byte) error {
	size := 0
	for _, l := range lists {
		for _, w := range l {
			size += len(w) + 4
		}
	}
	if size > maxMemory {
		return errNoMemory
	}
	at, _, room := v.buffer(v.in)
	if size >= int(room) {
		p, err := v.call(input, params{int32(size)})
		if err != nil {
			return err
		}
		at = uint32(p)
	}
	mem := v.mod.Memory()
	if at == 0 || uint64(at)+uint64(size) > uint64(len(mem)) {
		return errNoMemory
	}
	dst := mem[at:][:size]
	for _, l := range lists {
		for _, w := range l {
			if framed {
				binary.LittleEndian.PutUint32(dst, uint32(len(w)))
				dst = dst[4:]
			}
			dst = dst[copy(dst, w):]
		}
	}
	return nil
}

var errNoMemory = errors.New("ERR not enough memory for the script's arguments")

// output is what the module left for the caller, in its memory.
func (v *VM) output() ([]byte, error) {
	at, n, _ := v.buffer(v.out)
	mem := v.mod.Memory()
	if uint64(at)+uint64(n) > uint64(len(mem)) {
		return nil, v.breaks(errors.New("its output lies outside of its memory"))
	}
	return mem[at : at+n], nil
}

// buffer reads the description of a buffer of the module's.
func (v *VM) buffer(at int32) (p, n, room uint32) {
	b := v.mod.Memory()[at:][:12]
	return binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
}

// Load compiles a script of EVAL.
func (v *VM) Load(code []byte) (Ref, error) {
	if err := v.give(false, [][]byte{code}); err != nil {
		return 0, err
	}
	ref, err := v.call(load, params{0, int32(len(code))})
	if err != nil {
		return 0, err
	}
	if ref < 0 {
		text, err := v.output()
		if err != nil {
			return 0, err
		}
		return 0, errors.New(string(text))
	}
	return Ref(ref), nil
}

// Drop forgets a script or a function.
func (v *VM) Drop(r Ref) error {
	_, err := v.call(unref, params{int32(r)})
	return err
}

// LoadLibrary runs the code of a library; Host.Register gets its functions. The
// error's text is Redis's.
func (v *VM) LoadLibrary(code []byte) error {
	if err := v.give(false, [][]byte{code}); err != nil {
		return err
	}
	failed, err := v.call(library, params{0, int32(len(code))})
	if err != nil || failed == 0 {
		return err
	}
	text, err := v.output()
	if err != nil {
		return err
	}
	if failed == 1 {
		return fmt.Errorf("Error compiling function: %s", text)
	}
	if len(text) >= 5 {
		text = text[5:] // the mark of an error and its length
	}
	return fmt.Errorf("Error registering functions: %s", text)
}

// Outcome tells what a script replied.
type Outcome int

// The outcomes.
const (
	Fine    Outcome = iota
	Failed          // an error of the script's own, to be counted
	Counted         // an error of a command, which has been counted
)

// Run calls a script or a function with keys and arguments, and writes what it
// returns to w; name stands in error texts. An error that is not a script's means
// that nothing was written; it wraps ErrBroken when the VM must be closed.
func (v *VM) Run(r Ref, name string, keys, args [][]byte, w *resp.Writer) (Outcome, error) {
	if err := v.give(true, keys, args); err != nil {
		return Failed, err
	}
	if _, err := v.call(run, params{int32(r), int32(len(keys)), int32(len(args)), flag(v.kind == Eval)}); err != nil {
		return Failed, err
	}
	out, err := v.output()
	if err != nil {
		return Failed, err
	}
	d := decoder{w: w, name: name}
	return d.decode(out), nil
}

// Used is what the interpreter has allocated, bytes.
func (v *VM) Used() int64 { return int64(v.mod.Xused_bytes()) }

// Mapped is the memory that the interpreter occupies, bytes. It does not shrink.
func (v *VM) Mapped() int64 { return int64(len(v.mod.Memory())) }

// SetLimit bounds what the interpreter may allocate, bytes; 0 is 2 GB.
func (v *VM) SetLimit(bytes int64) { v.mod.Xset_limit(float64(bytes)) }

// Settle lets the garbage collector do a step, or all its work, between scripts,
// and gives big buffers back.
func (v *VM) Settle(full bool) error {
	_, err := v.call(settle, params{flag(full)})
	return err
}
