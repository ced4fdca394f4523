package event

import (
	"bytes"
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// Strerror returns the text that strerror(3) of C has for errno, which is what
// operators and log scanners know. Go's own table has the same words with the first
// letter made small.
func Strerror(errno unix.Errno) string {
	if errno == 0 {
		return "Success"
	}
	text := []byte(errno.Error())
	if bytes.HasPrefix(text, []byte("errno ")) { // not in Go's table
		return "Unknown error " + strconv.Itoa(int(errno))
	}
	if c := text[0]; c >= 'a' && c <= 'z' {
		text[0] = c - 'a' + 'A'
	}
	return string(text)
}

// errorText is Strerror for the errnos among errors.
func errorText(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return Strerror(errno)
	}
	return err.Error()
}
