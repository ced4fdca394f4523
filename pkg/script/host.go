package script

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"redisd/pkg/script/luago"
)

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

// bridge is the VM as the interpreter's C code sees it: luago.Host.
type bridge VM

var _ luago.Host = (*bridge)(nil)

// errThrow unwinds the interpreter's calls up to the Try that waits for it.
var errThrow = errors.New("script: a Lua error")

// maxDepth bounds protected calls inside of one another. Lua allows 200 calls of C
// functions, those of coroutines that resume one another included: more is a fault.
const maxDepth = 1000

// Try calls a function of the interpreter under protection: Throw below it ends the
// call. Anything else that ends it breaks the interpreter.
func (b *bridge) Try(f, l, ud int32) {
	if b.depth == maxDepth {
		panic(errDeep)
	}
	depth, sp := b.depth, b.mod.Stack()
	b.depth++
	if b.throws(f, l, ud) {
		b.mod.SetStack(sp)
	}
	b.depth = depth
}

var errDeep = errors.New("too many protected calls inside of one another")

func (b *bridge) throws(f, l, ud int32) (thrown bool) {
	defer func() {
		if b.thrown {
			b.thrown = false
			thrown = recover() != nil
		}
	}()
	b.mod.Xtry_call(f, l, ud)
	return false
}

// Throw ends the innermost Try.
func (b *bridge) Throw() {
	b.thrown = true
	panic(errThrow)
}

// at gives n bytes of the interpreter's memory.
func (b *bridge) at(p, n int32) []byte {
	from := uint64(uint32(p))
	return b.mod.Memory()[from : from+uint64(uint32(n))]
}

// words reads a frame of argc words: for each its address and its length.
func (b *bridge) words(frame, argc int32) [][]byte {
	argv, mem := b.argv[:0], b.mod.Memory()
	pairs := mem[uint32(frame):][:8*argc]
	for ; len(pairs) >= 8; pairs = pairs[8:] {
		p := uint64(binary.LittleEndian.Uint32(pairs))
		end := p + uint64(binary.LittleEndian.Uint32(pairs[4:]))
		argv = append(argv, mem[p:end:end])
	}
	b.argv = argv
	return argv
}

// Call is redis.call. A panic of the host's is its own and no fault of the
// interpreter's: inHost says whose code runs.
func (b *bridge) Call(frame, argc, reply, room int32) int32 {
	words := b.words(frame, argc)
	b.inHost = true
	b.reply = b.host.Call(words)
	b.inHost = false
	if n := int32(len(b.reply)); n <= room {
		copy(b.at(reply, n), b.reply)
	}
	return int32(len(b.reply))
}

// Take copies a reply that was too long for Call.
func (b *bridge) Take(to int32) { copy(b.at(to, int32(len(b.reply))), b.reply) }

// ACL is redis.acl_check_cmd.
func (b *bridge) ACL(frame, argc int32) int32 {
	words := b.words(frame, argc)
	b.inHost = true
	allowed, known := b.host.Allowed(words)
	b.inHost = false
	if !known {
		return -1
	}
	return flag(allowed)
}

// Log is redis.log.
func (b *bridge) Log(level, p, n int32) {
	text := b.at(p, n)
	b.inHost = true
	b.host.Log(int(level), text)
	b.inHost = false
}

// SHA1 is redis.sha1hex.
func (b *bridge) SHA1(p, n, to int32) {
	sum := sha1.Sum(b.at(p, n))
	hex.Encode(b.at(to, 2*sha1.Size), sum[:])
}

// SetRepl is redis.set_repl.
func (b *bridge) SetRepl(flags int32) { b.host.SetRepl(int(flags)) }

// SetResp is redis.setresp.
func (b *bridge) SetResp(version int32) { b.host.SetProto(int(version)) }

// Tick asks whether the script must end.
func (b *bridge) Tick() int32 {
	b.inHost = true
	stop := b.host.Tick()
	b.inHost = false
	return flag(stop)
}

// Clock is os.clock, seconds.
func (b *bridge) Clock() float64 { return float64(b.host.Micros()) / 1e6 }

// Function is redis.register_function; it gives the length of the error's text at err.
func (b *bridge) Function(name, n, desc, dn, has, flags, ref, errAt, room int32) int32 {
	f := Function{
		Name: string(b.at(name, n)), Desc: string(b.at(desc, dn)), Has: has != 0,
		Flags: Flags(flags), Ref: Ref(ref),
	}
	b.inHost = true
	err := b.host.Register(f)
	b.inHost = false
	if err == nil {
		return 0
	}
	return int32(copy(b.at(errAt, room), err.Error()))
}
