package tlsio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

var (
	// ErrTimeout says that a handshake took too long.
	ErrTimeout = errors.New("tlsio: the handshake took too long")
	// ErrCanceled says that Cancel has ended a handshake.
	ErrCanceled = errors.New("tlsio: the handshake was ended to make room for others")
)

// Handshake is one that runs. Cancel ends it soon, with an error, if it still does.
type Handshake struct{ Cancel context.CancelFunc }

// Accept begins the server's side of a handshake on a connected, non-blocking socket.
// done is called once, on another goroutine: with the connection, or with why there is
// none. Until then nobody else may read or write the socket, and it must stay open; it
// remains the caller's.
func Accept(fd int, cfg *Config, bufs *Buffers, timeout time.Duration, done func(*Conn, error)) (*Handshake, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("tlsio: duplicating fd %d: %w", fd, err)
	}
	c := &Conn{bufs: bufs, more: true, link: link{fd: fd, bufs: bufs, file: os.NewFile(uintptr(dup), "tls")}}
	c.tls = tls.Server(&c.link, cfg.tls)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	go func() {
		defer cancel()
		err := c.tls.HandshakeContext(ctx)
		_ = c.link.file.Close() // the duplicate; it may have been closed by the context
		c.link.file = nil
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			done(nil, ErrTimeout)
		case errors.Is(err, context.Canceled):
			done(nil, ErrCanceled)
		case err != nil:
			done(nil, err)
		default:
			done(c, nil)
		}
	}()
	return &Handshake{Cancel: cancel}, nil
}
