package script

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/tetratelabs/wazero/api"
)

// errThrow unwinds the module's code up to the host_try that waits for it.
var errThrow = errors.New("script: a Lua error")

// hostTry calls a function of the module under protection: host_throw below it ends
// the call. Anything else that ends it breaks the interpreter.
func (v *VM) hostTry(stack []uint64) {
	if v.depth == len(v.tries) {
		v.tries = append(v.tries, v.mod.ExportedFunction("try_call"))
	}
	f := v.tries[v.depth]
	v.depth++
	depth, sp := v.depth, v.stack.Get()
	err := f.CallWithStack(v.engine.ctx, stack[:3])
	v.depth = depth - 1
	switch {
	case err == nil:
	case v.thrown:
		v.thrown = false
		v.stack.Set(sp)
	default:
		v.fail(err)
	}
}

// fail marks the interpreter as broken and unwinds to its caller.
func (v *VM) fail(err error) {
	if v.broken == nil {
		v.broken = fmt.Errorf("%w: %w", ErrBroken, err)
	}
	panic(v.broken)
}

func (v *VM) hostThrow([]uint64) {
	v.thrown = true
	panic(errThrow)
}

// at gives n bytes of the module's memory.
func (v *VM) at(p, n uint64) []byte {
	b, ok := v.mem.Read(uint32(p), uint32(n))
	if !ok {
		v.fail(errors.New("a range outside of its memory"))
	}
	return b
}

// words reads a frame of argc words.
func (v *VM) words(p, argc uint64) [][]byte {
	v.argv = v.argv[:0]
	for range argc {
		n := uint64(binary.LittleEndian.Uint32(v.at(p, 4)))
		w := v.at(p+4, n)
		v.argv = append(v.argv, w[:len(w):len(w)])
		p += 4 + n
	}
	return v.argv
}

// guard keeps a panic of the host's from being taken for an error of the module's.
func (v *VM) guard() {
	if r := recover(); r != nil {
		if v.bug == "" {
			v.bug = fmt.Sprintf("BUG: in a command of a script: %v\n%s", r, debug.Stack())
		}
		panic(r)
	}
}

func (v *VM) hostCall(stack []uint64) {
	defer v.guard()
	v.reply = v.host.Call(v.words(stack[0], stack[1]))
	if n := uint64(len(v.reply)); n <= uint64(uint32(stack[3])) {
		copy(v.at(stack[2], n), v.reply)
	}
	stack[0] = uint64(len(v.reply))
}

func (v *VM) hostTake(stack []uint64) {
	copy(v.at(stack[0], uint64(len(v.reply))), v.reply)
}

func (v *VM) hostACL(stack []uint64) {
	allowed, known := v.host.Allowed(v.words(stack[0], stack[1]))
	stack[0] = flag(allowed)
	if !known {
		stack[0] = uint64(^uint32(0))
	}
}

func (v *VM) hostLog(stack []uint64) { v.host.Log(int(stack[0]), v.at(stack[1], stack[2])) }

func (v *VM) hostSHA1(stack []uint64) {
	sum := sha1.Sum(v.at(stack[0], stack[1]))
	hex.Encode(v.at(stack[2], 2*sha1.Size), sum[:])
}

func (v *VM) hostSetRepl(stack []uint64) { v.host.SetRepl(int(stack[0])) }
func (v *VM) hostSetResp(stack []uint64) { v.host.SetProto(int(stack[0])) }

func (v *VM) hostTick(stack []uint64) {
	defer v.guard()
	stack[0] = flag(v.host.Tick())
}

func (v *VM) hostClock(stack []uint64) {
	stack[0] = api.EncodeF64(float64(v.host.Micros()) / 1e6)
}

func (v *VM) hostFunction(stack []uint64) {
	f := Function{
		Name: string(v.at(stack[0], stack[1])), Desc: string(v.at(stack[2], stack[3])), Has: stack[4] != 0,
		Flags: Flags(stack[5]), Ref: Ref(int32(stack[6])),
	}
	err := v.host.Register(f)
	if err == nil {
		stack[0] = 0
		return
	}
	stack[0] = uint64(copy(v.at(stack[7], stack[8]), err.Error()))
}
