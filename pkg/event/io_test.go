package event_test

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/event"
)

func TestReadAndWrite(t *testing.T) {
	a, b := pair(t)
	var buf [16]byte
	n, errno := event.Read(a, buf[:])
	check.Eq(t, n, 0)
	check.Eq(t, errno, unix.EAGAIN)
	send(t, b, "hello")
	n, errno = event.Read(a, buf[:3])
	check.Eq(t, errno, unix.Errno(0))
	check.Eq(t, string(buf[:n]), "hel")
	n, errno = event.Read(a, nil)
	check.Eq(t, n, 0)
	check.Eq(t, errno, unix.Errno(0))
	n, errno = event.Write(a, nil)
	check.Eq(t, n, 0)
	check.Eq(t, errno, unix.Errno(0))
	check.NoErr(t, unix.Shutdown(b, unix.SHUT_WR))
	n, _ = event.Read(a, buf[:])
	check.Eq(t, string(buf[:n]), "lo")
	n, errno = event.Read(a, buf[:])
	check.Eq(t, n, 0)
	check.Eq(t, errno, unix.Errno(0)) // end of the stream
	shut(t, b)
	_, errno = event.Write(a, []byte("x"))
	check.Eq(t, errno, unix.EPIPE)
	_, errno = event.Read(-1, buf[:])
	check.Eq(t, errno, unix.EBADF)
	check.Eq(t, event.Close(-1), unix.EBADF)
}

func TestWriteFillsTheSocketAndSaysSo(t *testing.T) {
	a, _ := pair(t)
	block := bytes.Repeat([]byte("x"), 1<<20)
	total, short := 0, false
	for {
		n, errno := event.Write(a, block)
		if errno == unix.EAGAIN {
			break
		}
		check.Eq(t, errno, unix.Errno(0))
		total += n
		short = short || n < len(block)
	}
	check.True(t, short && total > 0, "a partial write is reported as such")
}

func TestStrerrorHasTheWordsOfC(t *testing.T) {
	tests := []struct {
		errno unix.Errno
		want  string
	}{
		{0, "Success"},
		{unix.EADDRINUSE, "Address already in use"},
		{unix.EADDRNOTAVAIL, "Cannot assign requested address"},
		{unix.EACCES, "Permission denied"},
		{unix.ENOENT, "No such file or directory"},
		{unix.ENOSPC, "No space left on device"},
		{unix.EIO, "Input/output error"},
		{unix.EAGAIN, "Resource temporarily unavailable"},
		{unix.EAFNOSUPPORT, "Address family not supported by protocol"},
		{unix.ESRMNT, "Srmount error"},
		{unix.ENOTUNIQ, "Name not unique on network"},
		{unix.ERFKILL, "Operation not possible due to RF-kill"},
		{unix.ELIBSCN, ".lib section in a.out corrupted"},
		{4095, "Unknown error 4095"},
	}
	for _, tc := range tests {
		t.Run(tc.want, func(t *testing.T) { check.Eq(t, event.Strerror(tc.errno), tc.want) })
	}
}
