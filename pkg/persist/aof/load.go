package aof

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"redisd/internal/vfs"
)

// ErrUnknownCommand is what Exec returns for a name that the table does not have.
var ErrUnknownCommand = errors.New("unknown command")

// LoadOptions say how a file is loaded.
type LoadOptions struct {
	// Exec applies a command; argv is valid until it returns. MULTI and EXEC are not
	// passed on: the commands between them come one after another once the EXEC
	// was read. Mandatory.
	Exec func(argv [][]byte) error
	// Ahead, if not nil, is told the next commands before the first of them runs.
	Ahead Ahead
	// Preamble loads the RDB that r starts with and returns its length in bytes.
	// It may read ahead. size is the size of the whole file. When nil a
	// file with a preamble is refused.
	Preamble func(r io.Reader, size int64) (n int64, err error)
	// AllowTruncated is aof-load-truncated: an incomplete end is cut off.
	AllowTruncated bool
	// CorruptTailMax is aof-load-corrupt-tail-max-size: damage at most so many bytes
	// in front of the end is cut off, and kept in a file beside. 0: never.
	CorruptTailMax int64
	// Progress, if not nil, is called at the start, about every 128 commands, while there is
	// nothing to do but wait for the disk, and at the end, with the offset reached (in a set:
	// over all files). The server serves its clients in it.
	Progress func(offset int64)
	// Event, if not nil, gets lines for the log.
	Event func(Event)
	// Micros, if not nil, reads a clock, for the times that LoadSet reports.
	Micros func() int64

	label string // what events call the file; default Path's last element
	part  bool   // the file is one of a set
	start int64  // bytes in the files before
}

// Ahead is who can fetch what the next commands will look at.
type Ahead interface {
	// Begin forgets what was added.
	Begin()
	// Add takes a command; false says that more are of no use.
	Add(argv [][]byte) bool
	// Warm fetches for what was added. The arguments are good until then.
	Warm()
}

// LoadResult says what was loaded.
type LoadResult struct {
	Commands  int64 // commands given to Exec
	Size      int64 // bytes in the file, after truncation
	Base      int64 // bytes that count as the last rewrite: the file, or the base of a set
	Preamble  int64 // bytes of the RDB in front, 0 = none
	Truncated int64 // bytes cut off at the end
}

// ErrorKind sorts what can go wrong with a load.
type ErrorKind uint8

// The kinds.
const (
	KindOpen     ErrorKind = iota + 1 // cannot be opened; wraps fs.ErrNotExist if it is not there
	KindRead                          // the system cannot read it, or not truncate it
	KindCut                           // the end is incomplete and must not be cut off
	KindFormat                        // damaged
	KindPreamble                      // the RDB in front is damaged
	KindCommand                       // Exec refused a command
	KindManifest                      // the list of a set is damaged
	KindRepaired                      // damage was cut off, but a part of it was applied: empty the dataset and load again
)

// LoadError is why a file cannot be loaded. Every kind is fatal for the start.
type LoadError struct {
	Kind   ErrorKind
	Path   string
	Offset int64  // of the damage, or of the command
	Text   string // for the log, in Redis's words, with file and offset
	Err    error  // cause
}

// Error tells file, offset and cause.
func (e *LoadError) Error() string {
	return fmt.Sprintf("aof: %s: offset %d: %v", e.Path, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *LoadError) Unwrap() error { return e.Err }

const (
	progressEvery = 128
	warmCommands  = 16
)

// Load replays the file at path. An empty file is fine. Errors are *LoadError.
// Runs on the caller's goroutine, as do the functions in opts. Another goroutine
// reads ahead of it; that one has ended when Load returns.
func Load(fsys vfs.FS, path string, opts LoadOptions) (LoadResult, error) {
	l := &loader{fs: fsys, path: path, opts: opts}
	if l.opts.label == "" {
		l.opts.label = path
	}
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		text := fmt.Sprintf("Fatal error: can't open the append log file %s for reading: %s", l.opts.label, Strerror(err))
		return LoadResult{}, &LoadError{KindOpen, path, 0, text, err}
	}
	err = l.run(f)
	_ = f.Close() // read only
	if err == nil {
		err = l.truncate()
	}
	l.progress()
	l.res.Base = l.res.Size
	return l.res, err
}

// loader is one Load.
type loader struct {
	fs   vfs.FS
	path string
	opts LoadOptions
	res  LoadResult
	at   int64 // offset reached
	end  int64 // of what is read: nothing but NULs follows

	valid   int64  // end of the last command that counts
	block   int64  // where the block in hand begins, -1 in front of the first checksum
	checked int64  // valid at the last checksum: nothing behind it is known to be right
	kept    string // the file that the damage goes to, "" when nothing is damaged
	again   bool   // commands behind checked were applied, and are damaged
	cutAt   int64  // where to cut, -1 = the file is whole
	multi   bool   // between MULTI and EXEC
	queued  []byte // arguments of the commands since MULTI, one behind another
	lengths []int  // of the arguments
	argcs   []int  // of the commands
	argv    [][]byte
}

func (l *loader) run(f vfs.File) error {
	l.cutAt = -1
	size, err := f.Size()
	if err != nil {
		return l.readError(err)
	}
	l.res.Size = size
	if size == 0 {
		return nil
	}
	if err := l.preamble(f, size); err != nil {
		return err
	}
	l.at, l.valid, l.checked, l.block = l.res.Preamble, l.res.Preamble, l.res.Preamble, -1
	if l.end, err = endOfData(f, l.at, size); err != nil {
		return l.readError(err)
	}
	if l.end == 0 && size > mostLostAtStart {
		l.end = size // the first NUL is a fault
	}
	l.progress()
	err = l.replay(f)
	if err == errCut {
		err = l.cutOrDamaged(f)
	}
	return l.ended(l.blame(f, err))
}

// replay runs the commands that f stands before and returns why there are no more,
// io.EOF at the end.
func (l *loader) replay(f vfs.File) error {
	pipe := readAhead(io.LimitReader(f, l.end-l.at), l.at, l.end)
	defer pipe.Stop()
	for {
		b := pipe.Next(l.progress)
		err := l.batch(b)
		if err == nil {
			err = b.err
		}
		if err != nil {
			return err
		}
		b.reset()
	}
}

// batch runs the commands of a batch.
func (l *loader) batch(b *batch) error {
	from := 0
	for i, c := range b.commands {
		if i%warmCommands == 0 && l.opts.Ahead != nil {
			l.ahead(b, i, from)
		}
		l.at = c.end
		if c.sum {
			l.verified()
			continue
		}
		if err := l.command(b.args[from:c.args:c.args]); err != nil {
			return err
		}
		from = c.args
		if i%progressEvery == progressEvery-1 {
			l.progress()
		}
	}
	l.at = b.to
	l.progress()
	return nil
}

// ahead tells of the commands from the i-th on, whose arguments begin at from.
func (l *loader) ahead(b *batch, i, from int) {
	a := l.opts.Ahead
	a.Begin()
	for _, c := range b.commands[i:min(i+warmCommands, len(b.commands))] {
		if !a.Add(b.args[from:c.args]) {
			break
		}
		from = c.args
	}
	a.Warm()
}

// preamble loads the RDB in front, if there is one, and places f behind it.
func (l *loader) preamble(f vfs.File, size int64) error {
	magic := make([]byte, 5)
	if n, err := f.ReadAt(magic, 0); err != nil && err != io.EOF {
		return l.readError(err)
	} else if !bytes.Equal(magic[:n], []byte("REDIS")) {
		return nil
	}
	what, fatal := "Reading RDB preamble from AOF file...", "Error reading the RDB preamble of the AOF file %s, AOF loading aborted"
	if l.opts.part {
		what, fatal = "Reading RDB base file on AOF loading...", "Error reading the RDB base file %s, AOF loading aborted"
	}
	l.event(Notice, "%s", what)
	if l.opts.Preamble == nil {
		return &LoadError{KindPreamble, l.path, 0, fmt.Sprintf(fatal, l.opts.label), errors.New("an RDB preamble cannot be read here")}
	}
	n, err := l.opts.Preamble(f, size)
	if err == nil && n > size {
		err = fmt.Errorf("preamble of %d bytes in a file of %d", n, size)
	}
	if err != nil {
		return &LoadError{KindPreamble, l.path, n, fmt.Sprintf(fatal+": %v", l.opts.label, err), err}
	}
	if _, err := f.Seek(n, io.SeekStart); err != nil {
		return l.readError(err)
	}
	l.res.Preamble = n
	if !l.opts.part {
		l.event(Notice, "Reading the remaining AOF tail...")
	}
	return nil
}

// command applies or queues a command that was read.
func (l *loader) command(args [][]byte) error {
	name := args[0]
	switch {
	case l.multi && bytes.EqualFold(name, []byte("EXEC")):
		if err := l.execQueued(); err != nil {
			return err
		}
		l.multi = false
	case bytes.EqualFold(name, []byte("EXEC")):
		l.event(Warning, "EXEC without MULTI at offset %d of the AOF file %s is ignored", l.valid, l.opts.label)
	case bytes.EqualFold(name, []byte("MULTI")):
		if l.multi {
			// Left by versions that did not cut off an incomplete transaction.
			// Redis goes on to the next EXEC as well.
			l.event(Warning, "MULTI inside the MULTI at offset %d of the AOF file %s is ignored", l.valid, l.opts.label)
		}
		l.multi = true
	case l.multi:
		l.queue(args)
	default:
		if err := l.exec(args); err != nil {
			return err
		}
	}
	if !l.multi {
		l.valid = l.at
	}
	return nil
}

func (l *loader) exec(args [][]byte) error {
	err := l.opts.Exec(args)
	if err == nil {
		l.res.Commands++
		return nil
	}
	text := fmt.Sprintf("Error of command '%s' reading the append only file %s at offset %d: %v", shown(args[0]), l.opts.label, l.valid, err)
	if errors.Is(err, ErrUnknownCommand) {
		text = fmt.Sprintf("Unknown command '%s' reading the append only file %s at offset %d", shown(args[0]), l.opts.label, l.valid)
	}
	return &LoadError{KindCommand, l.path, l.valid, text, fmt.Errorf("command %q: %w", shown(args[0]), err)}
}

// shown keeps a name that is garbage from flooding the log.
func shown(name []byte) []byte { return name[:min(len(name), 128)] }

func (l *loader) queue(args [][]byte) {
	l.argcs = append(l.argcs, len(args))
	for _, a := range args {
		l.lengths = append(l.lengths, len(a))
		l.queued = append(l.queued, a...)
	}
}

func (l *loader) execQueued() error {
	data, lengths := l.queued, l.lengths
	for _, argc := range l.argcs {
		l.argv = l.argv[:0]
		for _, n := range lengths[:argc] {
			l.argv = append(l.argv, data[:n:n])
			data = data[n:]
		}
		lengths = lengths[argc:]
		if err := l.exec(l.argv); err != nil {
			return err
		}
	}
	l.queued, l.lengths, l.argcs = l.queued[:0], l.lengths[:0], l.argcs[:0]
	if cap(l.queued) > keepScan {
		l.queued = nil
	}
	return nil
}

// ended sorts out why the reading stopped. nil: all is loaded, perhaps with cutAt set.
func (l *loader) ended(err error) error {
	var bad *formatError
	var sum *sumError
	var done *LoadError
	switch {
	case errors.As(err, &done):
		return err
	case errors.As(err, &bad):
		return l.damaged(err, bad.offset, l.valid)
	case errors.As(err, &sum):
		l.again = true
		return l.damaged(err, sum.from, l.checked)
	case err == io.EOF && !l.multi && l.end == l.res.Size:
		return nil
	case err == io.EOF && l.multi:
		l.event(Warning, "Revert incomplete MULTI/EXEC transaction in AOF file %s", l.opts.label)
	case err != errCut && err != io.EOF:
		return l.readError(err)
	}
	if nuls := l.res.Size - l.end; nuls > 0 {
		l.event(Warning, "The AOF file %s ends in %d NUL bytes, which a power failure leaves of what was not synced", l.opts.label, nuls)
	}
	if !l.opts.AllowTruncated {
		text := fmt.Sprintf("Unexpected end of file reading the append only file %s (good up to offset %d). You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename>. "+
			"2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server.", l.opts.label, l.valid)
		return &LoadError{KindCut, l.path, l.valid, text, errCut}
	}
	l.cutAt = l.valid
	return nil
}

// truncate cuts the incomplete end off, durably: what is appended next must not
// come behind it.
func (l *loader) truncate() error {
	if l.cutAt < 0 {
		return nil
	}
	if l.kept != "" {
		return l.repair()
	}
	l.event(Warning, "!!! Warning: short read while loading the AOF file %s!!!", l.opts.label)
	l.event(Warning, "!!! Truncating the AOF %s at offset %d !!!", l.opts.label, l.cutAt)
	if err := cutFile(l.fs, l.path, l.cutAt); err != nil {
		text := fmt.Sprintf("Error truncating the AOF file %s: %s", l.opts.label, Strerror(err))
		return &LoadError{KindRead, l.path, l.cutAt, text, err}
	}
	l.res.Truncated = l.res.Size - l.cutAt
	l.res.Size = l.cutAt
	l.event(Warning, "AOF %s loaded anyway because aof-load-truncated is enabled (%d bytes dropped)", l.opts.label, l.res.Truncated)
	return nil
}

func (l *loader) readError(err error) error {
	at := l.at
	text := fmt.Sprintf("Unrecoverable error reading the append only file %s at offset %d: %s", l.opts.label, at, Strerror(err))
	return &LoadError{KindRead, l.path, at, text, err}
}

func (l *loader) progress() {
	if l.opts.Progress != nil {
		l.opts.Progress(l.opts.start + l.at)
	}
}

func (l *loader) event(level Level, format string, args ...any) {
	if l.opts.Event != nil {
		l.opts.Event(Event{Level: level, Text: fmt.Sprintf(format, args...)})
	}
}

// missing says whether err is that a file is not there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
