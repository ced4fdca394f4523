// Package luago is Lua 5.1 of Redis as Go: its C code, and ours in ../lua, compiled to
// WebAssembly and from that translated to Go ahead of time. lua.go is made by
// ../lua/build.sh; module.go is what the translated code stands on. Names that begin
// with "_" are functions of the C code, those that begin with "X" are what the module
// exports.
//
//	mapping   0        64 KB                      Memory()          reach, 4 GB and more
//	          | Module | memory: stack, data, heap    | not mapped for use    |
//	          ^ the receiver of every function
//
// # Guarantees
//
//   - The code reaches nothing but the mapping and its Host. An address has 32 bits,
//     and the mapping is as long as any address reaches: what lies beyond the memory
//     is found by the processor, without a comparison for each access.
//   - Nothing is allocated on the Go heap but for the growth of the goroutine's stack.
//
// # Non-guarantees
//
//   - A fault of the C code is a panic, of any value. An access outside of the memory is
//     one only under debug.SetPanicOnFault; else it ends the process.
//   - Recursion is bounded by Lua's own limits and those of the host, not here.
//   - A Module is not safe for use by several goroutines.
package luago
