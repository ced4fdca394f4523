package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

// WritePidfile writes the pid of this process and a newline into the file, which
// need not exist. It is written in place: the file may be ours in a folder that
// is not.
func WritePidfile(path string) error {
	if err := os.WriteFile(path, pidLine(), 0o644); err != nil {
		return fmt.Errorf("proc: pid file: %w", err)
	}
	return nil
}

// RemovePidfile removes the file if it holds the pid of this process. A file that
// is gone, or that another daemon has written since, is left alone without error.
func RemovePidfile(path string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("proc: pid file: %w", err)
	}
	if !bytes.Equal(b, pidLine()) {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("proc: pid file: %w", err)
	}
	return nil
}

func pidLine() []byte {
	return append(strconv.AppendInt(nil, int64(os.Getpid()), 10), '\n')
}
