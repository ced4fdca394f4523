package rdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckOptions for CheckDecoder.
type CheckOptions struct {
	// Name is the file name to print.
	Name string
	// NowMillis is the Unix time by which keys count as expired.
	NowMillis int64
	// NoChecksum leaves the checksum alone, as rdbchecksum no does.
	NoChecksum bool
}

// CheckDecoder examines an RDB from where the decoder stands as redis-check-rdb
// does, all value types down to their elements, and writes what that tool
// prints to out. It reports whether the RDB is sound. Errors of out are ignored.
// Bytes behind the checksum are not looked at: after a true the decoder stands
// right behind the RDB, so that a check of an AOF can go on from there.
func CheckDecoder(d *Decoder, out io.Writer, opts CheckOptions) (ok bool) {
	c := checker{d: d, out: out, opts: opts, doing: "start"}
	c.info("Checking RDB file %s", opts.Name)
	d.startSum(d.pos)
	d.cur = cursor{valType: -1}
	err := c.run()
	d.summing = false
	if err != nil {
		c.failed(err)
	} else {
		c.info(`\o/ RDB looks OK! \o/`)
	}
	fmt.Fprintf(out, "[info] %d keys read\n", c.keys)
	fmt.Fprintf(out, "[info] %d expires\n", c.expires)
	fmt.Fprintf(out, "[info] %d already expired\n", c.expired)
	return err == nil
}

type checker struct {
	d    *Decoder
	out  io.Writer
	opts CheckOptions
	// doing is the tool's word for the step in hand.
	doing string
	// key is a copy of the key in hand, for the report, and keyType its type byte
	// (valid once haveType is set).
	key      []byte
	haveKey  bool
	keyType  byte
	haveType bool
	rec      Record

	keys, expires, expired int64
}

func (c *checker) info(format string, args ...any) {
	fmt.Fprintf(c.out, "[offset %d] %s\n", c.d.Offset(), fmt.Sprintf(format, args...))
}

// failed prints the report of an error.
func (c *checker) failed(err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Offset: c.d.Offset(), Reason: err.Error()}
	}
	fmt.Fprintf(c.out, "--- RDB ERROR DETECTED ---\n[offset %d] %s\n", e.Offset, e.Reason)
	fmt.Fprintf(c.out, "[additional info] While doing: %s\n", c.doing)
	if c.haveKey {
		fmt.Fprintf(c.out, "[additional info] Reading key '%s'\n", terminal(c.key))
	}
	if c.haveType {
		fmt.Fprintf(c.out, "[additional info] Reading type %d (%s)\n", c.keyType, CheckTypeName(c.keyType))
	}
}

func (c *checker) run() error {
	version, err := c.d.readHeader()
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Offset = c.d.Offset() // the tool names the place behind the header
		}
		return err
	}
	c.d.startRecord(&c.rec)
	for {
		c.doing = "read-type"
		op, err := c.d.readByte()
		if err != nil {
			return err
		}
		if op == OpEOF {
			return c.trailer(version)
		}
		if err := c.step(op); err != nil {
			return err
		}
	}
}

func (c *checker) step(op byte) (err error) {
	switch op {
	case OpExpire, OpExpireMillis:
		c.doing = "read-expire"
		_, err = c.d.attribute(op, &c.rec)
	case OpIdle, OpFreq:
		_, err = c.d.attribute(op, &c.rec)
	case OpSelectDB:
		c.doing = "read-len"
		var n int
		if n, err = c.d.readDB(); err == nil {
			c.info("Selecting DB ID %d", n)
		}
	case OpResizeDB:
		c.doing = "read-len"
		_, _, err = c.d.readResize()
	case OpAux:
		c.doing = "read-aux"
		err = c.aux()
	case OpModuleAux:
		c.doing = "read-module-aux"
		var name string
		if name, err = c.d.readModuleAuxHead(); err == nil {
			c.info("MODULE AUX for: %s", name)
			err = c.d.walker().moduleParts(name)
		}
	case OpFunction, OpFunction2:
		c.doing = "read-functions"
		_, err = c.d.readFunction(op)
	default:
		err = c.value(op)
	}
	return err
}

func (c *checker) aux() error {
	name, err := c.d.readString(&c.d.key)
	if err != nil {
		return err
	}
	name = append([]byte(nil), name...)
	value, err := c.d.readString(&c.d.val)
	if err != nil {
		return err
	}
	c.info("AUX FIELD %s = '%s'", terminal(name), terminal(value))
	return nil
}

// value checks a key and its value of type t.
func (c *checker) value(t byte) error {
	if !KnownType(t) {
		return c.d.corrupt(fmt.Sprintf("Invalid object type: %d", t))
	}
	c.doing, c.keyType, c.haveType = "read-key", t, true
	key, err := c.d.readString(&c.d.key)
	if err != nil {
		return err
	}
	c.key, c.haveKey = append(c.key[:0], key...), true
	c.keys++
	c.doing = "read-object-value"
	if err := c.d.judgeAny(t); err != nil {
		return err
	}
	if c.rec.ExpireAt != -1 {
		c.expires++
		if c.rec.ExpireAt < c.opts.NowMillis {
			c.expired++
		}
	}
	c.haveKey, c.haveType = false, false
	c.d.startRecord(&c.rec)
	return nil
}

func (c *checker) trailer(version int) error {
	if version < 5 {
		return nil
	}
	c.doing = "check-sum"
	state, err := c.d.readTrailer(!c.opts.NoChecksum)
	switch {
	case errors.Is(err, ErrChecksum):
		return c.d.fail(c.d.Offset(), ErrChecksum, "RDB CRC error")
	case err != nil:
		return err
	case state == ChecksumDisabled:
		c.info("RDB file was saved with checksum disabled: no check performed.")
	case state == ChecksumOK:
		c.info("Checksum OK")
	}
	return nil
}

// terminal makes bytes from a file fit to be printed: what comes before the
// first zero byte, as the C tool has it, with everything that could steer a
// terminal escaped.
func terminal(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	const limit = 1000 // the tool's own line length
	b = b[:min(len(b), limit)]
	var s strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) {
			fmt.Fprintf(&s, `\x%02x`, b[0])
			n = 1
		} else {
			s.Write(b[:n])
		}
		b = b[n:]
	}
	return s.String()
}
