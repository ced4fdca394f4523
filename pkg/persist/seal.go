package persist

import "redisd/internal/vfs"

// seal is what the file system said of a complete file before it was verified. Whoever
// writes to the file afterwards or cuts it breaks the seal, up to the rename: that costs no
// reading. A disk that loses bits breaks none.
type seal struct {
	size     int64
	modified int64 // nanoseconds; 0: there is no seal
}

// sealOf asks for it.
func sealOf(fsys vfs.FS, name string) (seal, error) {
	info, err := fsys.Stat(name)
	if err != nil {
		return seal{}, &VerifyError{File: name, Text: "asking for its size", Err: err}
	}
	return seal{info.Size(), info.ModTime().UnixNano()}, nil
}

// unbroken compares it with what the file system says now.
func (s seal) unbroken(fsys vfs.FS, name string) error {
	if s.modified == 0 {
		return nil
	}
	now, err := sealOf(fsys, name)
	switch {
	case err != nil:
		return err
	case now.size != s.size:
		return differs(name, "it has %d bytes, %d were verified", now.size, s.size)
	case now.modified != s.modified:
		return differs(name, "it was written to after it was verified")
	}
	return nil
}

// unbroken refuses a file that was changed after the child has verified it.
func (h *handler) unbroken(name string) error { return h.seal.unbroken(h.cfg.FS, name) }
