package persist

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"redisd/internal/failpoint"
	"redisd/internal/vfs"
	"redisd/pkg/persist/rdb"
)

// Exit codes of a child.
const (
	ExitDone    = 0   // the file is complete and synced
	ExitFailed  = 1   // it could not be written, or the stream broke; no file is left
	ExitStopped = 255 // stopped on purpose (SIGUSR1): no error
)

// ChildConfig is what a child needs beside its stream.
type ChildConfig struct {
	FS   vfs.FS
	Pid  int            // its own process id, for the names of its files
	Fail *failpoint.Set // nil outside of tests
	// Fence is told to the parent at the start: what keeps this process in.
	Fence string
	// Unsynced tells how much of a file is not on the disk, as vfs.Unsynced; nil
	// when the system must not be asked.
	Unsynced func(vfs.File) (int64, bool)
}

// progressEvery is the number of keys between two progress frames: about ten
// a second.
const progressEvery = 1 << 16

// child is the running work of RunChild.
type child struct {
	cfg   ChildConfig
	opts  Options
	ctl   io.Writer
	in    *demux
	spool *spool
	parts *partStore
	out   *output
	got   tally        // what has arrived
	value *rdb.Decoder // of large values; nil before the first
	diff  uint64
	pulse *pulse

	// With a verification of commands: the sums of what arrives, in the daemon's terms and
	// in those of the file; nil else. An RDB's terms are the daemon's.
	arrived, inFile *summer
}

// RunChild does a child's work: it reads the parent's frames from in, writes the
// file, tells results on ctl, and returns the exit code. It blocks until then.
// Nothing is removed that a caller could still want, and everything else is:
// after ExitDone a save has left TempRDB, a rewrite TempRewriteDone; after any
// other code, and when the parent cannot be told, there is no file. A goroutine may
// still wait for in afterwards; it ends with the process or when in is closed.
func RunChild(in io.Reader, ctl io.Writer, cfg ChildConfig) int {
	c := &child{cfg: cfg, ctl: ctl}
	_ = c.send(frameFence, []byte(cfg.Fence))
	c.pulse = startPulse(func(p Pulse) { _ = c.send(framePulse, p.append(nil)) }, cfg.Unsynced)
	c.cfg.FS = c.pulse.wrap(cfg.FS)
	br := bufio.NewReaderSize(in, 64<<10)
	err := cfg.Fail.Hit("child-begin")
	if err == nil {
		err = c.header(br)
	}
	if err == nil {
		err = c.work(br)
	}
	c.pulse.stop()
	if err == nil {
		err = c.send(frameReport, Report{
			OK: true, Keys: c.got.total, Bytes: uint64(c.out.size()), DiffBytes: c.diff,
			VerifyMicros: c.out.verifyMicros(), Modified: c.out.seal().modified,
		}.append(nil))
		if err == nil {
			return ExitDone
		}
		// Without a parent nobody takes the file: a daemon that has started since then
		// swept the folder before this one was written.
		c.remove()
		return ExitFailed
	}
	if errors.Is(err, errFrame) {
		c.note('#', "%s", err)
	}
	var ve *VerifyError
	_ = c.send(frameReport, Report{
		Keys: c.got.total, DiffBytes: c.diff, Unverified: errors.As(err, &ve), Text: err.Error(),
	}.append(nil))
	return ExitFailed
}

func (c *child) header(r io.Reader) error {
	t, payload, err := readFrame(r, nil)
	if err != nil {
		return fmt.Errorf("persist: reading the header: %w", err)
	}
	if t != frameHeader {
		return fmt.Errorf("%w: type %d where the header belongs", errFrame, t)
	}
	c.opts, err = parseOptions(payload)
	return err
}

// work writes the file and cleans up if that fails.
func (c *child) work(r io.Reader) (err error) {
	c.spool = &spool{fsys: c.cfg.FS, name: TempDiff(c.opts.Dir, c.cfg.Pid)}
	c.parts = newPartStore(c.cfg.FS, TempParts(c.opts.Dir, c.cfg.Pid))
	c.in = newDemux(r, c.spool, c.parts)
	go c.in.run()
	defer func() {
		close(c.in.quit)
		c.spool.close()
		c.parts.close()
		if err != nil {
			c.out.abandon()
			c.remove()
		}
	}()
	if c.opts.Role == RoleRDB {
		return c.save()
	}
	return c.rewrite()
}

// remove removes the child's files; with a second try, because an error may have been in
// the way of the first.
func (c *child) remove() {
	if removeTemp(c.cfg.FS, c.opts.Dir, c.opts.Role, c.cfg.Pid) != nil {
		_ = removeTemp(c.cfg.FS, c.opts.Dir, c.opts.Role, c.cfg.Pid)
	}
}

// snapshot decodes the record stream and writes the file's first, or only,
// part.
func (c *child) snapshot() error {
	f := newFormat(c.out, &c.opts)
	if c.opts.Verify && c.opts.commands() {
		c.arrived, c.inFile = newSummer(false), newSummer(true)
		f = &summed{f, []*summer{c.inFile, c.arrived}}
	}
	if err := f.begin(); err != nil {
		return err
	}
	if err := c.records(f, rdb.NewDecoder(c.in), true); err != nil {
		return err
	}
	if err := c.large(f); err != nil {
		return err
	}
	if err := c.compare(); err != nil {
		return err
	}
	if err := c.cfg.Fail.Hit("child-snapshot-end"); err != nil {
		return err
	}
	if err := f.end(); err != nil || c.out.verify == nil {
		return err
	}
	if err := c.out.flush(); err != nil {
		return err
	}
	want := c.in.end
	if c.opts.commands() {
		want = c.inFile.tally
	}
	c.out.verify.mark(c.out.written, want, c.out.trailer)
	return nil
}

// records writes the records of a stream. Between two of them it writes the large
// values that are whole meanwhile, so that their parts need not be kept to the end.
func (c *child) records(f format, d *rdb.Decoder, between bool) error {
	rec := &rdb.Record{}
	for {
		err := rdb.ReadRecord(d, rec)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = put(f, rec, d)
		}
		if err != nil {
			return err
		}
		c.got.key(rec.DB)
		c.key()
		if between {
			if err := c.large(f); err != nil {
				return err
			}
		}
	}
}

// put writes a record, whose value d stands before if it is no string.
func put(f format, rec *rdb.Record, d *rdb.Decoder) error {
	if rec.Type == rdb.TypeString {
		return f.record(rec)
	}
	return f.value(rec, func(v rdb.Visitor) error { return d.Visit(rec.Type, v, rdb.Structure) })
}

// large writes the large values whose parts have all come.
func (c *child) large(f format) error {
	for v := c.parts.take(); v != nil; v = c.parts.take() {
		if c.value == nil {
			c.value = rdb.NewDecoder(nil)
		}
		c.value.Reset(c.parts.reader(v))
		if err := c.records(f, c.value, false); err != nil {
			return err
		}
		c.parts.release(v)
	}
	return nil
}

// key does what is due between two.
func (c *child) key() {
	c.pulse.key()
	if c.got.total%progressEvery == 1 {
		_ = c.send(frameProgress, Progress{c.got.total, uint64(c.out.size())}.append(nil))
	}
	c.opts.delay()
}

// delay is the test hook rdb-key-save-delay.
func (o *Options) delay() {
	if us := o.KeySaveDelayMicros; us > 0 {
		time.Sleep(time.Duration(us) * time.Microsecond)
	} else if us < 0 && rand.Int64N(-us) == 0 {
		time.Sleep(time.Microsecond)
	}
}

// compare refuses a file that has not what the parent counted: an encoder and a
// decoder that do not agree must not replace good data.
func (c *child) compare() error {
	end := c.in.end
	if end.total != c.got.total {
		return fmt.Errorf("%w: %d keys of %d arrived", errFrame, c.got.total, end.total)
	}
	if text := c.got.compare(end, false); text != "" {
		return fmt.Errorf("%w: %s", errFrame, text)
	}
	if c.arrived != nil {
		if text := c.arrived.tally.compare(end, true); text != "" {
			return fmt.Errorf("%w: %s", errFrame, text)
		}
	}
	return nil
}

// send tells the parent something. An error has a meaning for the last report only:
// before it the stream tells what to do without a parent.
func (c *child) send(t frameType, payload []byte) error {
	_, err := c.ctl.Write(appendFrame(nil, t, payload))
	return err
}

func (c *child) note(level byte, format string, args ...any) {
	_ = c.send(frameNote, append([]byte{level}, fmt.Sprintf(format, args...)...))
}

// complain tells an error in Redis's words, unless it is no error of a file.
func (c *child) complain(err error, text string) error {
	if err == nil {
		return nil
	}
	var ve *VerifyError
	switch {
	case errors.As(err, &ve):
		c.note('#', "Verification failed, the file is discarded: %s", ve.text())
	case c.ours(err):
		c.note('#', "%s: %s", text, reason(err))
	}
	return err
}

// ours says whether an error came from a file and not from the stream.
func (c *child) ours(err error) bool {
	var e *rdb.Error
	switch {
	case errors.Is(err, errGivenUp), errors.Is(err, errTruncated), errors.Is(err, errFrame):
		return false
	case errors.As(err, &e):
		return c.in.ioErr != nil && errors.Is(err, c.in.ioErr) || c.parts.readErr != nil && errors.Is(err, c.parts.readErr)
	}
	return true
}
