package script

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"redisd/pkg/resp"
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
	engine *Engine
	host   Host
	kind   Kind
	mod    api.Module
	mem    api.Memory
	stack  api.MutableGlobal // the C stack's pointer
	in     uint32            // where the buffers for arguments and replies are described
	out    uint32
	fn     functions
	tries  []api.Function // try_call, one for every level of protected calls
	depth  int
	thrown bool   // a host_throw is on its way to its host_try
	broken error  // why the interpreter cannot be used any more
	bug    string // a panic of the host's, on its way out
	argv   [][]byte
	reply  []byte // of the last call, for hostTake
	param  [9]uint64
}

// functions are the module's.
type functions struct {
	input, load, unref, run, library, usedBytes, settle, setLimit api.Function
}

// ErrBroken wraps the error of a script that broke its interpreter: the VM must be
// closed.
var ErrBroken = errors.New("script: the interpreter broke")

// NewVM makes an interpreter that may use limit bytes (0: 2 GB). deprecated adds
// the functions that Redis has withdrawn.
func (e *Engine) NewVM(kind Kind, host Host, limit int64, deprecated bool) (*VM, error) {
	ctx := experimental.WithMemoryAllocator(e.ctx, experimental.MemoryAllocatorFunc(mapMemory))
	mod, err := e.runtime.InstantiateModule(ctx, e.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, fmt.Errorf("script: starting the interpreter: %w", err)
	}
	v := &VM{engine: e, host: host, kind: kind, mod: mod, mem: mod.Memory()}
	v.stack = mod.ExportedGlobal("__stack_pointer").(api.MutableGlobal)
	f := mod.ExportedFunction
	v.fn = functions{
		input: f("input"), load: f("load"), unref: f("unref"), run: f("run"),
		library: f("library"), usedBytes: f("used_bytes"), settle: f("settle"), setLimit: f("set_limit"),
	}
	if _, err = v.call(f("_initialize")); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	ok, err := v.call(f("start"), flag(kind == Functions), flag(deprecated), api.EncodeF64(float64(limit)))
	if err == nil {
		err = v.findBuffers()
	}
	if err == nil && ok == 0 {
		err = fmt.Errorf("script: no memory for an interpreter within %d bytes", limit)
	}
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

func (v *VM) findBuffers() error {
	in, err := v.call(v.mod.ExportedFunction("input_at"))
	if err != nil {
		return err
	}
	out, err := v.call(v.mod.ExportedFunction("output_at"))
	v.in, v.out = uint32(in), uint32(out)
	return err
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// Close gives the interpreter's memory back.
func (v *VM) Close() error { return v.mod.Close(v.engine.ctx) }

// call calls a function of the module that gives an integer, or nothing. An error
// means that the VM is broken.
func (v *VM) call(f api.Function, args ...uint64) (uint64, error) {
	n, err := v.callWide(f, args...)
	return uint64(uint32(n)), err
}

func (v *VM) callWide(f api.Function, args ...uint64) (uint64, error) {
	if v.broken != nil {
		return 0, v.broken
	}
	n := copy(v.param[:], args)
	// INFO, called by a script, asks the interpreter that runs.
	outer, depth := v.engine.running, v.depth
	v.engine.running = v
	err := f.CallWithStack(v.engine.ctx, v.param[:max(n, 1)])
	v.engine.running, v.depth = outer, depth
	if err != nil {
		if v.bug != "" {
			panic(v.bug)
		}
		if v.broken == nil {
			v.broken = fmt.Errorf("%w: %w", ErrBroken, err)
		}
		return 0, v.broken
	}
	return v.param[0], nil
}

// give copies words to the input: with their lengths before them, or just one.
func (v *VM) give(framed bool, lists ...[][]byte) error {
	size := 0
	for _, l := range lists {
		for _, w := range l {
			size += len(w) + 4
		}
	}
	at, _, room := v.buffer(v.in)
	if size >= room {
		p, err := v.call(v.fn.input, uint64(size))
		if err != nil {
			return err
		}
		at = uint32(p)
	}
	dst, ok := v.mem.Read(at, uint32(size))
	if at == 0 || !ok {
		return errNoMemory
	}
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
	b, ok := v.mem.Read(at, uint32(n))
	if !ok {
		return nil, v.breaks(errors.New("its output lies outside of its memory"))
	}
	return b, nil
}

// buffer reads the description of a buffer of the module's.
func (v *VM) buffer(at uint32) (p uint32, n, room int) {
	b, ok := v.mem.Read(at, 12)
	if !ok {
		return 0, 0, 0
	}
	return binary.LittleEndian.Uint32(b), int(binary.LittleEndian.Uint32(b[4:])), int(binary.LittleEndian.Uint32(b[8:]))
}

func (v *VM) breaks(err error) error {
	v.broken = fmt.Errorf("%w: %w", ErrBroken, err)
	return v.broken
}

// Load compiles a script of EVAL.
func (v *VM) Load(code []byte) (Ref, error) {
	if err := v.give(false, [][]byte{code}); err != nil {
		return 0, err
	}
	ref, err := v.call(v.fn.load, 0, uint64(len(code)))
	if err != nil {
		return 0, err
	}
	if int32(ref) < 0 {
		text, err := v.output()
		if err != nil {
			return 0, err
		}
		return 0, errors.New(string(text))
	}
	return Ref(int32(ref)), nil
}

// Drop forgets a script or a function.
func (v *VM) Drop(r Ref) error {
	_, err := v.call(v.fn.unref, uint64(uint32(r)))
	return err
}

// LoadLibrary runs the code of a library; Host.Register gets its functions. The
// error's text is Redis's.
func (v *VM) LoadLibrary(code []byte) error {
	if err := v.give(false, [][]byte{code}); err != nil {
		return err
	}
	failed, err := v.call(v.fn.library, 0, uint64(len(code)))
	if err != nil || failed == 0 {
		return err
	}
	text, err := v.output()
	switch {
	case err != nil:
		return err
	case failed == 1:
		return fmt.Errorf("Error compiling function: %s", text)
	default:
		if len(text) >= 5 {
			text = text[5:] // the mark of an error and its length
		}
		return fmt.Errorf("Error registering functions: %s", text)
	}
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
	_, err := v.call(v.fn.run, uint64(uint32(r)), uint64(len(keys)), uint64(len(args)), flag(v.kind == Eval))
	if err != nil {
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
func (v *VM) Used() int64 {
	n, err := v.callWide(v.fn.usedBytes)
	if err != nil {
		return 0
	}
	return int64(api.DecodeF64(n))
}

// Mapped is the memory that the interpreter occupies, bytes. It does not shrink.
func (v *VM) Mapped() int64 { return int64(v.mem.Size()) }

// SetLimit bounds what the interpreter may allocate, bytes; 0 is 2 GB.
func (v *VM) SetLimit(bytes int64) error {
	_, err := v.call(v.fn.setLimit, api.EncodeF64(float64(bytes)))
	return err
}

// Settle lets the garbage collector do a step, or all its work, between scripts,
// and gives big buffers back.
func (v *VM) Settle(full bool) error {
	_, err := v.call(v.fn.settle, flag(full))
	return err
}
