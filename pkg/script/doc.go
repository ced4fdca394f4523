// Package script runs Lua 5.1 for EVAL and for libraries of functions. It knows
// nothing of the server: a Host carries out the commands that scripts call.
//
// # How it is built
//
// The interpreter is the one that Redis has, Lua 5.1 in C with the libraries cjson,
// cmsgpack, struct and bit (the folder lua), compiled to WebAssembly and from that
// translated to Go (the package luago). So a script behaves to the last error text as
// with Redis, and yet it cannot leave its memory: whatever goes wrong in there, a fault
// in the C code too, ends that one interpreter with an error.
//
// A VM is one interpreter and its memory, which is mapped outside of the Go heap, grows
// up to a limit, and is given back with Close. There are two kinds, one for EVAL and one
// for functions, as the two have different globals.
//
//	Go                            module
//	VM.Run ── run ──────────────▶ lua_pcall ─▶ luaV_execute
//	                                  │             │ redis.call
//	bridge.Try ◀──────────────────────┘             │ arguments: a frame of
//	  └─ try_call ─▶ the function                   ▼ [address, length]...
//	bridge.Throw: a panic that Try ends          bridge.Call ─▶ Host.Call
//	                                                ◀─ the reply, as RESP
//	decode ◀── marks (see lua/reply.c) ── the value that the script returned
//
// # Guarantees
//
//   - Nothing but the caller's goroutine runs; no goroutine is started.
//   - Host.Tick is called at least every 20,000 loop turns, calls and steps of a
//     pattern match. When it says so the script ends, and no pcall of its can go on.
//   - What the interpreter allocates is bounded by SetLimit: a script that needs more
//     fails with "not enough memory".
//   - A call costs no allocation on the Go heap.
//
// # Non-guarantees
//
//   - A Go panic of Host.Call goes through: the VM must not be used after it.
//   - Calls of one library function (string.rep, table.concat) are not interrupted.
//   - A VM is not safe for use by several goroutines, and runs one script at a time.
package script
