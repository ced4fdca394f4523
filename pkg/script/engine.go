package script

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

//go:embed lua.wasm
var module []byte // built by lua/build.sh; never written to

// Host is what scripts may ask of the program around them. All methods are called
// on the goroutine that runs the script. Arguments are good until the method returns.
type Host interface {
	// Call carries out a command and gives its reply in the protocol's version that
	// was set, an error as "-CODE text\r\n". The reply is good until the next call.
	Call(argv [][]byte) (reply []byte)
	// Allowed tells whether the user may run a command; known is false when there is
	// no such command.
	Allowed(argv [][]byte) (allowed, known bool)
	// Log writes a line to the log; the level is 0 (debug) to 3 (warning).
	Log(level int, text []byte)
	// SetRepl says where the writes that follow go to: bit 0 the log, bit 1 replicas.
	SetRepl(flags int)
	// SetProto sets the version of the protocol, 2 or 3, of the replies that follow.
	SetProto(version int)
	// Tick is called now and then while Lua runs; true ends the script.
	Tick() (stop bool)
	// Register adds a function to the library that is loaded. The error's text, at
	// most 500 bytes, is raised in the script.
	Register(f Function) error
	// Micros is a clock for os.clock.
	Micros() int64
}

// Function is what redis.register_function gives.
type Function struct {
	Name  string
	Desc  string
	Has   bool // a description was given
	Flags Flags
	Ref   Ref
}

// Ref stands for a compiled script or a function in its VM.
type Ref int32

// Engine is the compiled interpreter. It is made once; use it on one goroutine.
type Engine struct {
	ctx      context.Context // of calls
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	running  *VM // whose code runs
}

// maxPages bounds the memory of one interpreter, in pages of 64 KB: 2 GB.
const maxPages = 2 << 30 >> 16

// NewEngine compiles the interpreter, which takes some 0.2 seconds of a processor.
// It may run on any goroutine.
func NewEngine() (*Engine, error) {
	ctx := context.Background()
	e := &Engine{ctx: ctx}
	e.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(maxPages).WithDebugInfoEnabled(false))
	if err := e.addHost(); err != nil {
		return nil, fmt.Errorf("script: the host's functions: %w", err)
	}
	var err error
	if e.compiled, err = e.runtime.CompileModule(ctx, module); err != nil {
		return nil, fmt.Errorf("script: compiling the interpreter: %w", err)
	}
	return e, nil
}

// Close gives everything back; no VM may be used after it.
func (e *Engine) Close() error { return e.runtime.Close(e.ctx) }

// addHost gives the module the functions that it imports.
func (e *Engine) addHost() error {
	const i32, f64 = api.ValueTypeI32, api.ValueTypeF64
	none, one := []api.ValueType{}, []api.ValueType{i32}
	ints := func(n int) []api.ValueType {
		t := make([]api.ValueType, n)
		for i := range t {
			t[i] = i32
		}
		return t
	}
	b := e.runtime.NewHostModuleBuilder("redisd")
	for _, f := range []struct {
		name   string
		in     int
		result []api.ValueType
		run    func(v *VM, stack []uint64)
	}{
		{"try", 3, none, (*VM).hostTry},
		{"throw", 0, none, (*VM).hostThrow},
		{"call", 4, one, (*VM).hostCall},
		{"take", 1, none, (*VM).hostTake},
		{"acl", 2, one, (*VM).hostACL},
		{"log", 3, none, (*VM).hostLog},
		{"sha1", 3, none, (*VM).hostSHA1},
		{"setrepl", 1, none, (*VM).hostSetRepl},
		{"setresp", 1, none, (*VM).hostSetResp},
		{"tick", 0, one, (*VM).hostTick},
		{"function", 9, one, (*VM).hostFunction},
		{"clock", 0, []api.ValueType{f64}, (*VM).hostClock},
	} {
		run, n := f.run, f.in
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
			for i := range n {
				stack[i] = uint64(uint32(stack[i])) // the upper halves are anything
			}
			run(e.running, stack)
		}), ints(f.in), f.result).Export(f.name)
	}
	if _, err := b.Instantiate(e.ctx); err != nil {
		return err
	}
	return e.addNoFiles()
}

// addNoFiles answers the C library, which has streams linked in: there are none.
func (e *Engine) addNoFiles() error {
	const i32, i64 = api.ValueTypeI32, api.ValueTypeI64
	const badDescriptor = 8
	b := e.runtime.NewHostModuleBuilder("wasi_snapshot_preview1")
	for name, in := range map[string][]api.ValueType{
		"fd_close": {i32}, "fd_fdstat_get": {i32, i32}, "fd_read": {i32, i32, i32, i32},
		"fd_seek": {i32, i64, i32, i32}, "fd_write": {i32, i32, i32, i32},
	} {
		b.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) {
			stack[0] = badDescriptor
		}), in, []api.ValueType{i32}).Export(name)
	}
	_, err := b.Instantiate(e.ctx)
	return err
}
