// Package event is the event loop of the daemon: level-triggered epoll, timers,
// functions posted from other goroutines, and the non-blocking sockets it
// serves. It knows nothing of Redis.
//
// # One turn
//
//	before sleep -> poll -> sample the clock -> after sleep -> ready file
//	descriptors -> posted functions -> due timers
//
// # Guarantees
//
//   - A handler is called only for events it asks for at that moment, plus the
//     Hangup bit: a watcher that was removed or changed earlier in the same turn
//     gets no stale event, and neither does a new watcher whose descriptor number
//     was used by another one when the poll returned.
//   - Errors and hangups arrive as Readable or Writable, whichever the watcher
//     asks for, so a handler learns of them from its read or write.
//   - Posted functions run in the order of Post, each once, on the loop. Those
//     posted while a batch runs wait for the next turn, which does not sleep.
//   - Timers run in the order of their time, then of their creation. One that was
//     created or re-armed while timers run waits for the next turn, so a delay of
//     zero cannot starve the sockets. Timers follow the monotonic clock.
//   - A turn without timers or posts allocates nothing, nor do Read, Write,
//     Accept, Modify.
//
// # Non-guarantees
//
//   - Readiness is a hint. After a nested turn, or when another process reads from
//     the same socket, a ready descriptor may answer EAGAIN.
//   - No fairness beyond the kernel's: at most 1024 descriptors are served in a
//     turn, the rest comes first in the next.
//   - Closing a descriptor that is still watched is a bug of the caller: call
//     Unwatch first. A child process that inherited it would keep it in the set.
//   - Functions still queued when Run returns are not run.
//
// # Goroutines
//
// One goroutine owns a Loop and calls everything on it, from Watch to Turn. Post
// and Stop may be called from any goroutine. The functions on descriptors (Read,
// Listen, Accept...) hold no state and may be called from anywhere; the raw ones
// must get non-blocking descriptors.
//
// # The Go scheduler
//
// read, write, accept4, close and a poll with a zero timeout take well
// under a microsecond of system time when there is nothing to copy, and they are
// made as raw system calls: entering and leaving the scheduler costs as much again.
// A raw call keeps its processor, so it must never block: a goroutine that wants to
// stop the world waits for it. Only the poll that may sleep tells the scheduler.
//
// The descriptors belong to this package's epoll set. They must never become an
// os.File or a net.Conn: the runtime would put them into its own poller, and a
// finalizer would close a number that someone else uses by then.
package event
