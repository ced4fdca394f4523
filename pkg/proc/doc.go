// Package proc is the daemon's hold on the operating system's processes: it
// starts children (this same binary again, in another role), reaps them, and
// sets what belongs to the process as a whole: title, CPU affinity, OOM score,
// resource limits, pid file, the step into the background.
//
// # How a child starts
//
// Go cannot fork, so a child is /proc/self/exe executed again. That path names
// the running file even after an upgrade replaced it on disk, so a daemon and
// its children are always of one build. [Start] uses syscall.ForkExec, which
// clones with CLONE_VM|CLONE_VFORK: no page table is copied and the cost does
// not grow with the dataset.
//
//	argv[0]   the title, as ps shows it; there are no further arguments
//	fd 0      /dev/null
//	fd 1, 2   the daemon's, unless Spec.Stderr is another
//	fd 3...   Spec.Files in their order; every other descriptor is closed by
//	          the exec (all descriptors of the daemon are close-on-exec)
//	environ   REDISD_CHILD=<role>, REDISD_CHILD_*, Spec.Env, and the few
//	          variables that steer the Go runtime; nothing else, so that no
//	          child talks to systemd or inherits a listener by accident
//
// SIGUSR1, the order to stop, is blocked in the new process until
// [ChildPrologue] has its handler: an order given at once is not lost and is not
// taken for a crash.
//
// # The fence
//
// [FencedPrologue] takes from the child what its [Fence] names: files outside of some
// folders (landlock), system calls that reach out of the process (seccomp), memory,
// and the front of the disk's queue. [NewCgroup] gives it a control group. What the
// system refuses is told and left out. A filter of the service manager that answers
// with the end of the process is found by [Deadly], in a process made for that.
//
// # Guarantees
//
//   - A pid in a [Table] has not been waited for, so it cannot have been reused:
//     Table.Kill never hits a stranger.
//   - Table.Reap leaves no zombie, whoever the parent of the process was.
//   - A child whose start failed leaves no process and no descriptor.
//
// # Non-guarantees
//
//   - A child does not die with the daemon by itself. PR_SET_PDEATHSIG follows
//     the thread that forked, not the process, and Go ends threads; a child
//     notices the end of the daemon by the end of its pipe.
//   - The Go runtime unblocks SIGTERM when it starts, so one that hits a child
//     before ChildPrologue (about a millisecond) kills it, at a time when it has
//     done nothing yet. A service manager avoids it by signalling the main process
//     only (KillMode=mixed).
//   - SIGSEGV sent to a child from outside ends it with exit code 2 and a trace:
//     that is what the Go runtime makes of it.
//   - Table.Reap waits for any child. Nothing else in the process may start
//     children and wait for them (os/exec would lose its exit status).
//   - What a file under /proc says is a moment's value.
//
// # Goroutines
//
// Table belongs to the loop's goroutine. Start may be called from any goroutine,
// Title, Daemonize, InvokedAs and ChildPrologue from main before others exist.
// The readers of /proc and the limits may be called from any goroutine.
package proc
