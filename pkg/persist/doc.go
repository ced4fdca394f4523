// Package persist holds the jobs that write the dataset to disk: a save (RDB)
// and a rewrite of the append-only file, each done by a child process that gets
// a snapshot over a pipe. Both ends are here: what the parent sends and what
// it does when the child has ended (SaveJob, RewriteJob, SaveDone,
// RewriteDone), and what the child does (RunChild). FileSave writes the same
// files in the process itself, for SAVE and SHUTDOWN.
//
// Nothing in here knows about processes, pipes, epoll or logs: jobs turn
// snapshot entries and log bytes into buffers for the pipe and bytes from the
// child into events; done handlers are state machines that hand out steps; log
// lines are returned as values. The server joins them to the rest.
//
// # The pipe
//
// Two pipes, both of frames:
//
//	+------+-----------------+---------+
//	| type | length (u32 LE) | payload |
//	+------+-----------------+---------+
//
// parent to child:
//
//	1 header        options as pairs of strings, each u32 length and bytes; first frame
//	2 entries       the next bytes of the record stream
//	3 diff          the next bytes of the append-only file's commands
//	4 snapshot end  keys u64, n u32, n times (database u32, keys u64, digest u64)
//	5 stop diff     no diff frame follows
//	6 large value   number u64, the record up to the first part: a value comes in parts
//	7 part          number u64, section u32, place u64 u64, bytes of the record
//	8 large end     number u64: the value's parts have all come
//
// child to parent:
//
//	16 progress      keys u64, bytes u64
//	33 stop request  ("!") the child has all but the last of the difference
//	17 note          level byte, text: a line for the log
//	18 report        status u8 (0 = done, 1 = failed, 2 = not verified), keys u64, bytes u64,
//	                 difference bytes u64, microseconds of verification u64, error text
//	19 pulse         once a second: phase u8, then u64s in the order of Pulse
//	20 fence         text: what keeps the child in, at its start
//
// The record stream is the RDB encoding (SELECTDB, attributes, type, key, value
// with raw strings). Entries and diff are streams: a frame may end anywhere, so
// that a value of half a gigabyte needs no frame of that size. The two streams
// travel in one pipe in the order in which they arose; the child puts the
// difference behind the snapshot, so their relative order has no meaning.
//
// A value that is too large for one slice of the loop comes in parts, between
// which others come. The child keeps them in a file without a name, and when the
// value has ended it reads them in order of section, place and arrival: that is the
// value's record, as it would have come in the record stream.
//
// # Guarantees
//
// With Options.Verify a file is read back and compared, bytes, form, keys and digests,
// before the child reports success; see verify.go.
//
// The parent renames onto the live file, never the child. No temporary file is
// renamed before it was synced. Whatever fails, the live file stays as it was
// and the temporary files are removed. A child whose stream breaks before its
// end removes its files and exits with 1; a save that has the whole snapshot is
// finished even when the parent is gone. The difference is never held in memory
// by the child; the parent holds what the pipe has not taken and what arose
// after the stop request.
//
// # Non-guarantees
//
// A child killed with SIGKILL leaves its temporary files to the done handler or
// to SweepStale at the next start. The snapshot's correctness (every key as it
// was at the cut) is the keyspace's; the child only counts. docs/persistence.md
// has the tables of states and crashes.
//
// # Goroutines
//
// Jobs and done handlers belong to the loop. The Run function of a step may be
// called from any one goroutine, and until it has returned only Feed, Update and
// Cancel may be called on the job and its handler. RunChild blocks and starts
// one goroutine; FileSave belongs to its caller.
package persist
