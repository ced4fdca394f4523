package rdb

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Handler takes what Load finds, in the order of the file. An error ends the
// loading and is returned inside an *Error. Slices are valid during the call
// only.
type Handler interface {
	// Aux is called for each information field.
	Aux(key, value []byte) error
	// SelectDB says to which database the following records belong. Refusing
	// one that is too high is the handler's part. n is never negative.
	SelectDB(n int) error
	// ResizeDB is a hint how many keys (with expiry) the database will get. It is
	// what the file claims, bounded only by the size of the input if that is
	// known.
	ResizeDB(keys, expires uint64) error
	// Record is called for each key whose value is a string, expired ones too.
	Record(rec *Record) error
}

// ValueHandler is a Handler that holds values of all types. Without it a value that
// is no string ends the loading.
type ValueHandler interface {
	// Value is called instead of Record for a value that is no string. It must take
	// the value from src, with Visit or SkipValue, whole, and nothing else.
	// ErrEmptyKey from Visit is no reason to return an error.
	Value(rec *Record, src Source) error
}

// Source is where a value is taken from: a Decoder that stands before it, or what a
// LoadAhead has decoded already.
type Source interface {
	// Visit gives the value of type t to v; see Decoder.Visit.
	Visit(t byte, v Visitor, s Scrutiny) error
	// SkipValue takes it without keeping it.
	SkipValue(t byte) error
	// AtMost is a bound for a number of things that the input claims; see Decoder.AtMost.
	AtMost(n uint64) int
}

// FunctionHandler is a Handler that holds function libraries. Without it a file
// with libraries is refused, unless Options.IgnoreFunctions.
type FunctionHandler interface {
	// FunctionLib gets the source of a library, its first line "#!engine name=x".
	FunctionLib(code []byte) error
}

// ModuleAuxHandler is a Handler that wants to know about data of modules that
// belongs to no key. The data itself is skipped. Without it a file with such
// data is refused as Redis refuses it, unless Options.IgnoreModuleAux.
type ModuleAuxHandler interface {
	// ModuleAux gets the module type's name (9 characters).
	ModuleAux(name string) error
}

// Options for Load. The zero value loads without comparing the checksum.
type Options struct {
	// Checksum compares the file's checksum with its contents.
	Checksum bool
	// Size is the number of bytes from the start of the RDB to the end of the
	// input when that is known, else 0. It lets lengths that cannot be true be
	// refused at once.
	Size int64
	// Progress, if not nil, is called about every 2 MB with the number of bytes
	// read, in the middle of a record as well. It must not use the decoder.
	Progress func(offset int64)
	// IgnoreFunctions drops function libraries when the handler takes none.
	IgnoreFunctions bool
	// IgnoreModuleAux drops modules' data when the handler takes none.
	IgnoreModuleAux bool

	// What follows is for LoadAhead.

	// Scrutiny is what is looked for in values; a handler's Visit may not ask for more.
	Scrutiny Scrutiny
	// Hash, if not nil, is called for each key, on the goroutine that decodes: it must be a
	// function of the bytes alone. Warm, if not nil, gets what it returned for the next
	// keys before the first of them comes: it can fetch what they will look at.
	Hash func(key []byte) uint64
	Warm func(hashes []uint64)
}

// ChecksumState says what became of the checksum at the end.
type ChecksumState uint8

// The states.
const (
	// ChecksumNone: not reached, or the version (below 5) has none.
	ChecksumNone ChecksumState = iota
	// ChecksumIgnored: there, but Options.Checksum was not set.
	ChecksumIgnored
	// ChecksumDisabled: zero, the writer had checksums off.
	ChecksumDisabled
	// ChecksumOK: compared and equal.
	ChecksumOK
)

// Result of Load, valid after an error too.
type Result struct {
	// Version of the format, 0 when the header was not read.
	Version int
	// Consumed is the number of bytes of the RDB, header to checksum.
	Consumed int64
	// Records is the number of keys given to the handler.
	Records int64
	// Checksum is what became of the checksum.
	Checksum ChecksumState
}

// Load reads a whole RDB from r and hands it to h. It stops after the checksum
// but may have read ahead; to go on reading r use NewDecoder and Decoder.Load.
// Runs on the caller's goroutine, as does everything it calls.
func Load(r io.Reader, opts Options, h Handler) (Result, error) {
	return NewDecoder(r).Load(opts, h)
}

// Load reads one RDB, header to checksum, from where the decoder stands.
// Afterwards the decoder stands right behind it: Read, Buffered and Offset tell
// what follows. So an RDB at the start of an AOF is read with the same decoder
// that then hands out the commands.
func (d *Decoder) Load(opts Options, h Handler) (Result, error) {
	start := d.Offset()
	if opts.Size > 0 {
		d.size = start + opts.Size
	}
	d.startSum(d.pos)
	d.progress, d.nextProgress = opts.Progress, start+progressStep
	l := loader{d: d, opts: opts, h: h}
	err := l.run()
	d.progress, d.summing = nil, false
	l.res.Consumed = d.Offset() - start
	return l.res, err
}

type loader struct {
	d    *Decoder
	opts Options
	h    Handler
	rec  Record
	res  Result
	at   int64 // offset of what the handler is called for
}

func (l *loader) run() (err error) {
	if l.res.Version, err = l.d.readHeader(); err != nil {
		return err
	}
	l.d.startRecord(&l.rec)
	for {
		at := l.d.Offset()
		op, err := l.d.readByte()
		if err != nil {
			return err
		}
		if op == OpEOF {
			return l.trailer()
		}
		handled, err := l.d.attribute(op, &l.rec)
		if !handled {
			err = l.step(at, op)
		}
		if err != nil {
			return err
		}
	}
}

// readHeader takes "REDIS" and the four digits of the version.
func (d *Decoder) readHeader() (int, error) {
	at := d.Offset()
	b, err := d.readFixed(9)
	if err != nil {
		return 0, err
	}
	if string(b[:5]) != "REDIS" {
		return 0, d.fail(at, ErrSignature, "Wrong signature trying to load DB from file")
	}
	v, err := strconv.ParseUint(string(b[5:]), 10, 16)
	if err != nil || v < 1 || v > MaxVersion {
		return int(v), d.fail(at, ErrVersion, "Can't handle RDB format version "+printable(trimZeros(b[5:])))
	}
	return int(v), nil
}

func trimZeros(b []byte) []byte {
	for len(b) > 1 && b[0] == '0' {
		b = b[1:]
	}
	return b
}

// step handles everything that is not about the next key.
func (l *loader) step(at int64, op byte) error {
	switch op {
	case OpSelectDB:
		return l.selectDB(at)
	case OpResizeDB:
		return l.resize(at)
	case OpAux:
		return l.aux(at)
	case OpModuleAux:
		return l.moduleAux(at)
	case OpFunction, OpFunction2:
		return l.function(at, op)
	default:
		return l.record(at, op)
	}
}

func (l *loader) record(at int64, t byte) error {
	l.at = at
	if err := l.d.readKeyValue(at, t, &l.rec); err != nil {
		return err
	}
	if err := l.give(at, t); err != nil {
		var e *Error
		if errors.As(err, &e) {
			return err
		}
		l.d.cur = cursor{key: l.rec.Key, inKey: true, valType: int(t)}
		return l.refused(at, err)
	}
	l.res.Records++
	l.d.startRecord(&l.rec)
	return nil
}

// give hands the key to the handler.
func (l *loader) give(at int64, t byte) error {
	if t == TypeString {
		return l.h.Record(&l.rec)
	}
	if h, ok := l.h.(ValueHandler); ok {
		return h.Value(&l.rec, l.d)
	}
	return noValues(t, l.rec.Key, at)
}

// unsupported is the reason why something cannot be held.
type unsupported string

func (e unsupported) Error() string        { return string(e) }
func (e unsupported) Is(target error) bool { return target == ErrUnsupported }

func noValues(t byte, key []byte, at int64) error {
	return unsupported(fmt.Sprintf("value type '%s' of key '%s' at offset %d is not supported here", TypeName(t), printable(key), at))
}

// refused wraps what the handler returned.
func (l *loader) refused(at int64, err error) error {
	if err == nil {
		return nil
	}
	return l.d.fail(at, err, err.Error())
}

func (l *loader) selectDB(at int64) error {
	n, err := l.d.readDB()
	if err != nil {
		return err
	}
	l.rec.DB, l.at = n, at
	return l.refused(at, l.h.SelectDB(n))
}

func (l *loader) resize(at int64) error {
	keys, expires, err := l.d.readResize()
	if err != nil {
		return err
	}
	if l.d.size >= 0 {
		// A key takes at least three bytes: type, key, value.
		most := uint64(max(0, l.d.size-l.d.Offset())) / 3
		keys = min(keys, most)
		expires = min(expires, keys)
	}
	l.at = at
	return l.refused(at, l.h.ResizeDB(keys, expires))
}

func (l *loader) aux(at int64) error {
	d := l.d
	if err := d.readKey(); err != nil {
		return err
	}
	value, err := d.readString(&d.val)
	if err != nil {
		return err
	}
	key := d.cur.key
	d.cur, d.pinned = cursor{valType: -1}, nil
	l.at = at
	return l.refused(at, l.h.Aux(key, value))
}

func (l *loader) moduleAux(at int64) error {
	name, err := l.d.readModuleAuxHead()
	if err != nil {
		return err
	}
	if err := l.d.walker().moduleParts(name); err != nil {
		return err
	}
	l.at = at
	return l.refused(at, offerModuleAux(l.h, l.opts, name))
}

func offerModuleAux(to Handler, opts Options, name string) error {
	if h, ok := to.(ModuleAuxHandler); ok {
		return h.ModuleAux(name)
	}
	if opts.IgnoreModuleAux {
		return nil
	}
	return unsupported(fmt.Sprintf("The RDB file contains AUX module data I can't load: no matching module '%s'", name))
}

func (l *loader) function(at int64, op byte) error {
	code, err := l.d.readFunction(op)
	if err != nil {
		return err
	}
	l.at = at
	return l.refused(at, offerLibrary(l.h, l.opts, code))
}

func offerLibrary(to Handler, opts Options, code []byte) error {
	if h, ok := to.(FunctionHandler); ok {
		return h.FunctionLib(code)
	}
	if opts.IgnoreFunctions {
		return nil
	}
	return unsupported("function libraries are not supported yet")
}

// trailer takes the checksum, which the version has or has not.
func (l *loader) trailer() error {
	if l.res.Version < 5 {
		return nil
	}
	state, err := l.d.readTrailer(l.opts.Checksum)
	l.res.Checksum = state
	return err
}

func (d *Decoder) readTrailer(compare bool) (ChecksumState, error) {
	at, want := d.Offset(), d.sum()
	d.summing = false
	got, err := d.readMillis()
	switch {
	case err != nil:
		return ChecksumNone, err
	case !compare:
		return ChecksumIgnored, nil
	case got == 0:
		return ChecksumDisabled, nil
	case uint64(got) != want:
		return ChecksumNone, d.fail(at, ErrChecksum, fmt.Sprintf(
			"RDB CRC error: Wrong RDB checksum expected: (%x) but got (%x)", want, uint64(got)))
	default:
		return ChecksumOK, nil
	}
}
