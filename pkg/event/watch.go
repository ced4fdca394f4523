package event

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Here: who is called for which descriptor.

// Events is a set of readiness bits.
type Events uint32

const (
	// Readable: a read, or an accept, does not block.
	Readable Events = 1 << iota
	// Writable: a write does not block.
	Writable
	// Hangup: the peer closed, or shut down its writing side, or the descriptor is
	// in error. It is a hint that data may still precede: read on until the end.
	// It is delivered for closed peers and errors to everybody, and for half-closed
	// peers to those who ask for it.
	Hangup
)

// String names the bits, as "readable|writable".
func (e Events) String() string {
	var s string
	for i, name := range [...]string{"readable", "writable", "hangup"} {
		if e&(1<<i) != 0 {
			if s != "" {
				s += "|"
			}
			s += name
		}
	}
	if s == "" {
		return "none"
	}
	return s
}

// Handler is what a descriptor is watched for.
type Handler interface {
	// Ready is called on the loop with the events that hold and are asked for. It may
	// do anything to the loop, to this watcher and to others. It is called again in
	// every turn until the condition is gone (level-triggered).
	Ready(ev Events)
}

// HandlerFunc makes a Handler of a function.
type HandlerFunc func(ev Events)

// Ready calls f.
func (f HandlerFunc) Ready(ev Events) { f(ev) }

// watcher is the registration of one descriptor number.
type watcher struct {
	handler Handler // nil: not watched
	// gen identifies this registration; the kernel hands it back with each event, so
	// one that was meant for an earlier user of the number is recognised. 0: not
	// watched.
	gen  uint32
	want Events // 0: parked, not in the epoll set
}

// Watch registers h for fd, which must be non-blocking and not watched yet. With
// no events the watcher is parked: it is known but asks the kernel for nothing, so
// that even a hangup does not wake the loop, until Modify. Regular files cannot be
// watched (EPERM).
func (l *Loop) Watch(fd int, ev Events, h Handler) error {
	l.assertOwner()
	if fd < 0 || h == nil {
		return fmt.Errorf("event: watch fd %d: %w", fd, unix.EBADF)
	}
	if w := l.watcher(fd); w != nil && w.gen != 0 {
		return fmt.Errorf("event: watch fd %d: %w", fd, unix.EEXIST)
	}
	l.gen++
	if l.gen == 0 { // after four thousand million connections
		l.gen = 1
	}
	if ev != 0 {
		if err := l.control(unix.EPOLL_CTL_ADD, fd, l.gen, ev); err != nil {
			return err
		}
	}
	for fd >= len(l.watchers) {
		l.watchers = append(l.watchers, make([]watcher, max(64, fd+1-len(l.watchers)))...)
	}
	l.watchers[fd] = watcher{handler: h, gen: l.gen, want: ev}
	return nil
}

// Modify changes the events that fd is watched for, 0 to park it. It makes no
// system call when nothing changes.
func (l *Loop) Modify(fd int, ev Events) error {
	l.assertOwner()
	w := l.watcher(fd)
	if w == nil || w.gen == 0 {
		return fmt.Errorf("event: modify fd %d: %w", fd, unix.ENOENT)
	}
	if w.want == ev {
		return nil
	}
	op := unix.EPOLL_CTL_MOD
	switch {
	case w.want == 0:
		op = unix.EPOLL_CTL_ADD
	case ev == 0:
		op = unix.EPOLL_CTL_DEL
	}
	if err := l.control(op, fd, w.gen, ev); err != nil {
		return err
	}
	w.want = ev
	return nil
}

// Unwatch forgets fd; call it before closing. It does nothing for a descriptor
// that is not watched.
func (l *Loop) Unwatch(fd int) {
	l.assertOwner()
	w := l.watcher(fd)
	if w == nil || w.gen == 0 {
		return
	}
	if w.want != 0 {
		// The only errors are ENOENT and EBADF: then it is out of the set already.
		_ = l.control(unix.EPOLL_CTL_DEL, fd, w.gen, 0)
	}
	*w = watcher{}
}

// Watched returns the events fd is watched for, and whether it is watched.
func (l *Loop) Watched(fd int) (Events, bool) {
	w := l.watcher(fd)
	if w == nil || w.gen == 0 {
		return 0, false
	}
	return w.want, true
}

// watcher returns the slot of fd, nil when there is none. It is valid until the
// next Watch.
func (l *Loop) watcher(fd int) *watcher {
	if fd < 0 || fd >= len(l.watchers) {
		return nil
	}
	return &l.watchers[fd]
}

func (l *Loop) control(op, fd int, gen uint32, ev Events) error {
	e := unix.EpollEvent{Fd: int32(fd), Pad: int32(gen)}
	if ev&Readable != 0 {
		e.Events |= unix.EPOLLIN
	}
	if ev&Writable != 0 {
		e.Events |= unix.EPOLLOUT
	}
	if ev&Hangup != 0 {
		e.Events |= unix.EPOLLRDHUP
	}
	if err := unix.EpollCtl(l.epfd, op, fd, &e); err != nil {
		return fmt.Errorf("event: epoll_ctl fd %d: %w", fd, err)
	}
	return nil
}

// dispatch calls the handlers of evs and returns how many it called. A handler may
// change the slice of watchers, so nothing of it is kept across a call.
func (l *Loop) dispatch(evs []unix.EpollEvent) int {
	served := 0
	for i := range evs {
		e := &evs[i]
		fd := int(e.Fd)
		if fd == l.post.fd {
			l.post.drain()
			continue
		}
		if fd >= len(l.watchers) {
			continue
		}
		w := &l.watchers[fd]
		if w.gen != uint32(e.Pad) {
			continue
		}
		if ev := ready(e.Events, w.want); ev != 0 {
			served++
			w.handler.Ready(ev)
		}
	}
	l.stats.Events += uint64(served)
	return served
}

// ready translates the kernel's events for a watcher that wants want; 0 means that
// it has nothing to do, because it changed its mind earlier in this turn.
func ready(kernel uint32, want Events) Events {
	if want == 0 {
		return 0
	}
	if kernel&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		return want&(Readable|Writable) | Hangup
	}
	var ev Events
	if kernel&unix.EPOLLIN != 0 {
		ev |= Readable
	}
	if kernel&unix.EPOLLOUT != 0 {
		ev |= Writable
	}
	if kernel&unix.EPOLLRDHUP != 0 {
		ev |= Hangup
	}
	return ev & want
}
