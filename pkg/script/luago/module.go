package luago

import (
	"errors"
	"fmt"
	"math/bits"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Host is what the interpreter calls; lua/vm.h tells what each function does.
type Host interface {
	Try(f, l, ud int32)
	Throw()
	Call(frame, argc, reply, room int32) int32
	Take(to int32)
	ACL(frame, argc int32) int32
	Log(level, p, n int32)
	SHA1(p, n, hex int32)
	SetRepl(flags int32)
	SetResp(version int32)
	Tick() int32
	Function(name, n, desc, dn, has, flags, ref, err, room int32) int32
	Clock() float64
}

// Module is one interpreter. It lies at the beginning of a mapping outside of the Go
// heap, and the interpreter's memory lies behind it in the same mapping, so that the
// receiver of every method leads to the memory without another load. The garbage
// collector does not look in here: who has made a module keeps its host.
type Module struct {
	host  Host
	bytes uint64 // of memory that are in use
	most  uint64 // that may be
	globals
	tables
}

const (
	pageBits = 16 // of WebAssembly's pages
	// start is where the memory begins, behind the structure.
	start = 64 << 10
	// reach is how far an access can go: an address of 32 bits, and what instructions
	// add to it, which is below the size of the data. What is not memory in there is
	// not mapped for use, so that the processor finds accesses out of bounds.
	reach = start + 1<<32 + 64<<20
)

// The structure must fit before the memory.
const _ = start - unsafe.Sizeof(Module{})

// New maps a module whose memory may grow to most bytes.
func New(host Host, most int64) (*Module, error) {
	all, err := unix.MmapPtr(-1, 0, nil, reach, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("luago: reserving addresses for an interpreter: %w", err)
	}
	if err := protect(all, start+initial); err != nil {
		return nil, errors.Join(fmt.Errorf("luago: memory for an interpreter: %w", err), unix.MunmapPtr(all, reach))
	}
	m := (*Module)(all)
	m.host, m.bytes, m.most = host, initial, uint64(most)
	m.fill()
	m.begin()
	m.X_initialize()
	return m, nil
}

func protect(p unsafe.Pointer, n uintptr) error {
	return unix.Mprotect(unsafe.Slice((*byte)(p), n), unix.PROT_READ|unix.PROT_WRITE)
}

// Close gives the mapping back: the module must not be used after it.
func (m *Module) Close() error { return unix.MunmapPtr(unsafe.Pointer(m), reach) }

// Memory is the interpreter's memory. It never moves; it may get longer.
func (m *Module) Memory() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(m), start)), m.bytes)
}

// Stack is the pointer of the C stack.
func (m *Module) Stack() int32 { return m.___stack_pointer }

// SetStack puts the pointer back when calls were left by a panic.
func (m *Module) SetStack(p int32) { m.___stack_pointer = p }

func (m *Module) size() int { return int(m.bytes) }

// memory_grow implements the instruction; -1 when there is no room.
func memory_grow(m *Module, pages, _ int64) int64 {
	old := m.bytes
	grown := old + uint64(pages)<<pageBits
	if pages < 0 || grown > m.most {
		return -1
	}
	if protect(unsafe.Pointer(m), uintptr(start+grown)) != nil {
		return -1
	}
	m.bytes = grown
	return int64(old >> pageBits)
}

func memory_init(m *Module, data string, to uint32, from, n int) {
	copy(m.Memory()[to:][:n], data[from:])
}

func memory_copy(m *Module, to, from, n uint32) {
	b := m.Memory()
	copy(b[to:uint64(to)+uint64(n)], b[from:uint64(from)+uint64(n)])
}

func memory_zero(m *Module, at, n uint32) { clear(m.Memory()[at : uint64(at)+uint64(n)]) }

// The accesses. They must stay so short that the compiler puts them into functions as
// large as luaV_execute, where it allows a cost of 20.

func load8(m *Module, a uint64) byte { return *(*byte)(unsafe.Add(unsafe.Pointer(m), start+a)) }

func store8(m *Module, a uint64, v byte) { *(*byte)(unsafe.Add(unsafe.Pointer(m), start+a)) = v }

func load16(m *Module, a uint64) uint16 {
	v := *(*uint16)(unsafe.Add(unsafe.Pointer(m), start+a))
	if big {
		return bits.ReverseBytes16(v)
	}
	return v
}

func store16(m *Module, a uint64, v uint16) {
	if big {
		v = bits.ReverseBytes16(v)
	}
	*(*uint16)(unsafe.Add(unsafe.Pointer(m), start+a)) = v
}

func load32(m *Module, a uint64) uint32 {
	v := *(*uint32)(unsafe.Add(unsafe.Pointer(m), start+a))
	if big {
		return bits.ReverseBytes32(v)
	}
	return v
}

func store32(m *Module, a uint64, v uint32) {
	if big {
		v = bits.ReverseBytes32(v)
	}
	*(*uint32)(unsafe.Add(unsafe.Pointer(m), start+a)) = v
}

func load64(m *Module, a uint64) uint64 {
	v := *(*uint64)(unsafe.Add(unsafe.Pointer(m), start+a))
	if big {
		return bits.ReverseBytes64(v)
	}
	return v
}

func store64(m *Module, a uint64, v uint64) {
	if big {
		v = bits.ReverseBytes64(v)
	}
	*(*uint64)(unsafe.Add(unsafe.Pointer(m), start+a)) = v
}

// big says that the processor's numbers begin with their highest byte.
const big = runtime.GOARCH == "s390x" || runtime.GOARCH == "ppc64" || runtime.GOARCH == "mips64" || runtime.GOARCH == "mips"

// noFiles answers the C library, which has streams linked in: there are none.
type noFiles struct{}

const badDescriptor = 8

func (noFiles) Xfd_close(int32) int32                       { return badDescriptor }
func (noFiles) Xfd_fdstat_get(_, _ int32) int32             { return badDescriptor }
func (noFiles) Xfd_read(_, _, _, _ int32) int32             { return badDescriptor }
func (noFiles) Xfd_seek(_ int32, _ int64, _, _ int32) int32 { return badDescriptor }
func (noFiles) Xfd_write(_, _, _, _ int32) int32            { return badDescriptor }
