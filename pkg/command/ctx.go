package command

import (
	"bytes"

	"redisd/internal/num"
	"redisd/pkg/keyspace"
	"redisd/pkg/resp"
)

// Error texts that many commands share; the first word is the error's code.
const (
	ErrSyntax     = "ERR syntax error"
	ErrWrongType  = "WRONGTYPE Operation against a key holding the wrong kind of value"
	ErrNotInteger = "ERR value is not an integer or out of range"
	ErrNotFloat   = "ERR value is not a valid float"
	ErrNoKey      = "ERR no such key"
	ErrRange      = "ERR index out of range"
	ErrDBRange    = "ERR DB index is out of range"
	ErrSameObject = "ERR source and destination objects are the same"
	ErrPositive   = "ERR value is out of range, must be positive"
)

// Ctx is what one call of a command sees. The server fills it and uses it again
// for the next call.
type Ctx struct {
	Args [][]byte // the words, the name first; good until the handler returns
	Spec *Spec
	KS   *keyspace.Keyspace
	DB   *keyspace.DB // the selected database
	Out  *resp.Writer
	Fx   Effects

	// NoBlock is set where a command must not wait: the log's.
	NoBlock bool
	// Script is set for the commands of scripts: those that name a time to wait for are refused.
	Script bool
	// Replaying is set while a log is loaded: times that have passed are kept.
	Replaying bool
	// SkipChecksums is set by a test: RESTORE takes values whose checksum is wrong.
	SkipChecksums bool
	// MaxString is proto-max-bulk-len: the longest string a command may build.
	MaxString int64
	// LazyExpire, LazyServerDel and LazyUserDel are the lazyfree-* directives.
	LazyExpire, LazyServerDel, LazyUserDel bool
	// LazyUserFlush is lazyfree-lazy-user-flush.
	LazyUserFlush bool
	// OwnIntegers says that small integers count as held by one key alone.
	OwnIntegers bool

	// MayReadAll tells whether the caller may read keys that the words of the command
	// do not name; nil says so for all.
	MayReadAll func(c *Ctx) bool

	scratch [24]byte
	geo     []geoPoint // room for what a search finds, used again
}

// Now is the time of the command, Unix milliseconds.
func (c *Ctx) Now() int64 { return c.KS.Now() }

// Read looks a key up for reading.
func (c *Ctx) Read(key []byte) (e keyspace.Entry, found bool) {
	if e, found = c.lookUp(key); !found {
		c.missed(key)
	}
	return e, found
}

// lookUp is Read that does not record a miss.
func (c *Ctx) lookUp(key []byte) (keyspace.Entry, bool) { return c.DB.Read(key) }

// missed records that a read found no key.
func (c *Ctx) missed(key []byte) { c.Fx.Notify(EventMiss, "keymiss", key) }

// ReadType is Read that demands a type: when the key has another one it replies
// the error and good is false. A missing key is good, with found false.
func (c *Ctx) ReadType(key []byte, t keyspace.Type) (e keyspace.Entry, found, good bool) {
	e, found = c.Read(key)
	if found && e.Type() != t {
		c.Out.Error(ErrWrongType)
		return e, true, false
	}
	return e, found, true
}

// WriteType is ReadType for a command that will change the key.
func (c *Ctx) WriteType(key []byte, t keyspace.Type) (e keyspace.Entry, found, good bool) {
	e, found = c.DB.Write(key)
	if found && e.Type() != t {
		c.Out.Error(ErrWrongType)
		return e, true, false
	}
	return e, found, true
}

// Value is the bytes of a string entry, good until the next change or Value.
func (c *Ctx) Value(e keyspace.Entry) []byte { return e.Value(&c.scratch) }

// Int reads an integer argument; when it is none it replies Redis's error.
func (c *Ctx) Int(arg []byte) (int64, bool) {
	n, ok := num.ParseInt(arg)
	if !ok {
		c.Out.Error(ErrNotInteger)
	}
	return n, ok
}

// Is tells whether arg is the word w, which is upper case, in any case.
func Is(arg []byte, w string) bool {
	return len(arg) == len(w) && bytes.EqualFold(arg, []byte(w))
}
