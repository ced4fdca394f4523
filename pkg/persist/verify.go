package persist

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"redisd/internal/clock"
	"redisd/internal/vfs"
	"redisd/pkg/persist/digest"
)

// Verification of a file before anybody gives it a live name. What was written is read
// back from the disk behind the writer, as far as it was synced, by a goroutine of its
// own: then little is left to read when the writer is through. Three things are looked
// at, from the cheapest to the dearest:
//
//   - the bytes, in chunks: each has the hash that it had when it was written. So damage
//     is found wherever it is, and its offset told;
//   - the form: what was read is an RDB that ends in the checksum of what was written, or
//     commands, to the last byte;
//   - what it says: keys and digest of each database are those that the daemon counted.
//
// What was read before the last sync may have gone bad since. When the file is complete
// its bytes are compared once more with the hashes, and nothing else.

// chunkSize is how much of the file one hash covers.
const chunkSize = flushSize

// verifyAhead is how much must be on the disk before any of it is read back, where the
// options do not say how often it is synced: a file that is smaller is read once, when it
// is complete.
const verifyAhead = IncrementalSync

// chunk is a piece of the file as it was written.
type chunk struct {
	off  int64
	n    int
	hash uint64
}

// verifier reads a file back while it is written. The writer's goroutine calls wrote,
// synced, mark, waitBase, finish and stop; everything below run is of its own goroutine.
type verifier struct {
	fsys     vfs.FS
	name     string
	commands bool  // the base is commands, not an RDB
	ahead    int64 // bytes that must be on the disk before any are read
	started  bool
	bad      atomic.Bool // err is set: the writer need not go on

	mu     sync.Mutex
	wake   sync.Cond // something of the following has changed
	chunks []chunk   // written, not read back, in order
	ready  int64     // bytes that were synced
	base   int64     // where the base ends, -1 while that is not known
	want   *tally    // what it holds, with base
	crc    uint64    // the checksum of an RDB that ends there; 0 when it has none
	end    bool      // nothing more will be written
	size   int64     // of the file, with end
	quit   bool      // nobody waits for the result any more
	based  bool      // the base was verified
	ended  bool      // run has returned
	err    error     // why, nil when all is well

	seal seal // of the complete file, set before it is looked at

	in     *vfs.Uncached
	last   bool    // the file is complete: what is read from now on stays
	early  []chunk // read back before that: 24 bytes for 256 KB
	rest   []byte  // of the chunk that Read hands out
	at     int64   // offset behind rest
	tail   [8]byte // the last bytes before at
	phase  phase
	watch  clock.Stopwatch
	micros int64 // taken in all
}

// phase is what of the file is read.
type phase uint8

const (
	inBase phase = iota
	inDiff
)

var errQuit = errors.New("persist: the verification was called off")

// newVerifier makes one for a file that does not exist yet, or is empty.
func newVerifier(fsys vfs.FS, name string, opts *Options) *verifier {
	v := &verifier{
		fsys: fsys, name: name, base: -1, watch: clock.NewStopwatch(),
		commands: opts.commands(), ahead: cmp.Or(opts.SyncEvery, verifyAhead),
	}
	v.wake.L = &v.mu
	return v
}

// commands tells whether the file is made of commands only.
func (o *Options) commands() bool { return o.Role == RoleAOF && !o.Preamble }

// wrote takes what was written at off.
func (v *verifier) wrote(off int64, b []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.chunks = appendChunks(v.chunks, off, b)
}

// appendChunks adds the chunks of what was written at off.
func appendChunks(dst []chunk, off int64, b []byte) []chunk {
	for len(b) > 0 {
		n := min(len(b), chunkSize)
		dst = append(dst, chunk{off, n, digest.Bytes(uint64(off), b[:n])})
		b, off = b[n:], off+int64(n)
	}
	return dst
}

// synced says that the first n bytes of the file are on the disk.
func (v *verifier) synced(n int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n < v.ahead && !v.end {
		return
	}
	v.ready = n
	if !v.started {
		v.started = true
		go v.run()
	}
	v.wake.Broadcast()
}

// mark says that the base ends at off, and what it holds; of an RDB with a checksum
// also that.
func (v *verifier) mark(off int64, want *tally, crc uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.base, v.want, v.crc = off, want, crc
	v.wake.Broadcast()
}

// waitBase waits until the base was verified. All of it must have been synced.
func (v *verifier) waitBase() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for !v.based && !v.ended {
		v.wake.Wait()
	}
	return v.err
}

// finish waits for the verification of the whole file, of so many bytes, all synced.
func (v *verifier) finish(size int64) (err error) {
	if v.seal, err = sealOf(v.fsys, v.name); err != nil {
		return err
	}
	v.mu.Lock()
	v.end, v.size = true, size
	v.mu.Unlock()
	v.synced(size)
	v.mu.Lock()
	defer v.mu.Unlock()
	for !v.ended {
		v.wake.Wait()
	}
	return v.err
}

// stop ends the verification, whatever it is at. A nil verifier has none.
func (v *verifier) stop() {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.quit = true
	v.wake.Broadcast()
	for v.started && !v.ended {
		v.wake.Wait()
	}
}

// failed is why the file is not what it should be, nil as far as is known.
func (v *verifier) failed() error {
	if !v.bad.Load() {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

func (v *verifier) run() {
	start := v.watch.Micros()
	err := v.verify()
	if v.in != nil {
		_ = v.in.Close() // it was for reading
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.micros = v.watch.Micros() - start
	v.err, v.ended = err, true
	v.bad.Store(err != nil)
	v.wake.Broadcast()
}

func (v *verifier) verify() (err error) {
	if v.in, err = vfs.OpenUncached(v.fsys, v.name); err != nil {
		return v.broken(err, "opening it for reading")
	}
	found, err := v.readBase()
	if err != nil {
		return v.misread(err)
	}
	v.mu.Lock()
	want := v.want
	v.mu.Unlock()
	if text := found.compare(want, true); text != "" {
		return v.wrong("%s", text)
	}
	v.mu.Lock()
	v.based = true
	v.wake.Broadcast()
	v.mu.Unlock()
	v.phase = inDiff
	if err := v.readDiff(); err != nil {
		return v.misread(err)
	}
	if err := v.again(); err != nil {
		return err
	}
	size, err := v.in.Size()
	if err != nil {
		return v.broken(err, "reading its size")
	}
	if size != v.at {
		return v.wrong("it has %d bytes, %d were written", size, v.at)
	}
	return nil
}

// again compares the bytes that were read before the file was complete once more.
func (v *verifier) again() error {
	v.in.Forget()
	for _, c := range v.early {
		v.mu.Lock()
		quit := v.quit
		v.mu.Unlock()
		if quit {
			return errQuit
		}
		if _, err := c.read(v.in, v.name, v.at); err != nil {
			return err
		}
	}
	return nil
}

// wrong is the error for a file that differs.
func (v *verifier) wrong(format string, args ...any) error { return differs(v.name, format, args...) }

// broken is the error for a file that cannot be read.
func (v *verifier) broken(err error, what string) error {
	return &VerifyError{File: v.name, Text: what, Err: err}
}

func differs(name, format string, args ...any) error {
	return &VerifyError{File: name, Text: fmt.Sprintf(format, args...)}
}

// misread makes an error of a parser one of the file.
func (v *verifier) misread(err error) error {
	var e *VerifyError
	switch {
	case errors.Is(err, errQuit):
		return errQuit
	case errors.As(err, &e):
		return e
	case v.commands || v.phase == inDiff:
		return v.wrong("%s", err)
	}
	return v.wrong("its contents are not what was encoded: %s", err)
}

// Read gives the bytes of the phase, checked: io.EOF at its end.
func (v *verifier) Read(p []byte) (int, error) {
	for len(v.rest) == 0 {
		if err := v.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, v.rest)
	v.rest = v.rest[n:]
	return n, nil
}

// next reads the next chunk, waiting until it was synced.
func (v *verifier) next() error {
	c, ready, err := v.await()
	if err != nil {
		return err
	}
	b, err := c.read(v.in, v.name, ready)
	if err != nil {
		return err
	}
	v.rest, v.at = b, c.off+int64(c.n)
	copy(v.tail[:], v.tail[min(len(b), len(v.tail)):])
	copy(v.tail[max(0, len(v.tail)-len(b)):], b[max(0, len(b)-len(v.tail)):])
	return nil
}

// read reads the chunk back and refuses it when it is not what was written. The file was
// synced up to the offset ready.
func (c chunk) read(in *vfs.Uncached, name string, ready int64) ([]byte, error) {
	b, err := in.Bytes(c.off, c.n, ready)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		size, _ := in.Size()
		return nil, differs(name, "it ends at offset %d, where %d bytes or more were written", size, c.off+int64(c.n))
	}
	if err != nil {
		return nil, &VerifyError{File: name, Text: fmt.Sprintf("reading at offset %d", c.off), Err: err}
	}
	if digest.Bytes(uint64(c.off), b) != c.hash {
		return nil, differs(name, "the bytes at offsets %d to %d are not those that were written", c.off, c.off+int64(c.n)-1)
	}
	return b, nil
}

// readBack reads chunks of a file that was synced.
func readBack(fsys vfs.FS, name string, chunks []chunk, size int64) error {
	in, err := vfs.OpenUncached(fsys, name)
	if err != nil {
		return &VerifyError{File: name, Text: "opening it for reading", Err: err}
	}
	defer in.Close() // it was for reading
	for _, c := range chunks {
		if _, err := c.read(in, name, size); err != nil {
			return err
		}
	}
	return nil
}

// await waits for a chunk that can be read.
func (v *verifier) await() (c chunk, ready int64, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for {
		switch {
		case v.quit:
			return c, 0, errQuit
		case v.phase == inBase && v.base >= 0 && v.at == v.base:
			return c, 0, io.EOF
		case len(v.chunks) > 0 && v.chunks[0].off+int64(v.chunks[0].n) <= v.ready:
			c = v.chunks[0]
			v.chunks = v.chunks[1:]
			v.note(c)
			return c, v.ready, nil
		case v.end && v.at == v.size:
			return c, 0, io.EOF
		}
		v.wake.Wait()
	}
}

// note remembers a chunk that is to be read once more. v.mu is held.
func (v *verifier) note(c chunk) {
	switch {
	case !v.end:
		v.early = append(v.early, c)
	case !v.last:
		v.last = true
		v.in.Forget() // what lies there was read before
	}
}

// verifyMicros is how long the verification took, 0 when there was none.
func (o *output) verifyMicros() uint64 {
	if o.verify == nil {
		return 0
	}
	o.verify.mu.Lock()
	defer o.verify.mu.Unlock()
	return uint64(o.verify.micros)
}
