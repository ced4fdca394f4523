// Package aof owns the append-only file: the live log that commands are
// appended to (Log), the loader that replays a file (Load, LoadSet), and the
// tool that checks and repairs one (Check).
//
// # Format
//
//	file      = [rdb] { command | note }
//	rdb       = "REDIS" ... EOF opcode, checksum     the preamble
//	command   = "*" argc CRLF { "$" length CRLF bytes CRLF }
//	note      = "#" text CRLF                        "#TS:1700000000" a time,
//	                                                 "#SUM:..." a checksum (annotate.go)
//
// Numbers are decimal without sign. A command belongs to the
// database of the last SELECT before it. Commands between MULTI and EXEC
// count only together. Several files in order make a set, listed by a manifest
// (Redis 7): one base, then increments.
//
// # Guarantees of Log
//
//   - The file is at every moment what was in it before, whole commands of the
//     batches in their order, and at most one piece of a batch at its end.
//   - Done never passes a batch that has not reached the point of the policy it
//     was appended under: written for everysec and no, synced for always.
//   - The account of the file's size is what the file has, also after short
//     writes and after Switch: a repair never cuts at another offset.
//   - A sync that failed is never followed by one that is believed: under
//     everysec the log stays in error until Switch or Start gives it another
//     file, under always the outcome is Exit.
//   - The calling goroutine waits for the disk in FlushAndSync and Close only. The
//     write(2) that Flush does itself happens while no sync is in flight and
//     the batch is small.
//   - A file is handed to Retire for closing only when nothing in the
//     background uses it any more.
//   - AppendCommand allocates nothing once its buffers have grown.
//
// # Non-guarantees
//
//   - write(2) may still wait for the kernel's limit of dirty pages. After one
//     slow write the following ones go through the background for a while.
//   - A read may show what a write has done before that write is durable: only
//     the writer's reply waits.
//   - Nothing is logged and nothing exits in here: lines are Events, decisions
//     are the caller's.
//   - no-appendfsync-on-rewrite gives up syncs while a child is at work, under
//     always too. That is what the directive says.
//
// # Goroutines
//
// Every method of Log belongs to the loop's goroutine. Config.Post, Config.Micros
// and the two runners are called from others as documented there. Load, LoadSet and
// Check run on the caller's goroutine.
package aof
