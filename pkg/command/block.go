package command

import (
	"math"

	"redisd/internal/num"
	"redisd/pkg/keyspace"
)

// Blocking commands ask for it in their effects: the handler finds that it has
// nothing to give, calls Block and returns. The server keeps the client and runs
// the command again, from the start, when one of the keys may help it.

// NullKind is which null a reply is.
type NullKind uint8

// The nulls, which differ in RESP2.
const (
	NullBulk NullKind = iota
	NullArray
)

// Wait is what a command waits for.
type Wait struct {
	// Keys are what it waits for, in the database of the command; good until the
	// effects are applied. One may stand there twice.
	Keys [][]byte
	// Want is the type that a key must have.
	Want keyspace.Type
	// OrGone: a key that is gone, or has another type, wakes the command as well.
	OrGone bool
	// TimeoutMs is for how long, milliseconds; 0 for ever. It counts when the
	// command asks for the first time, not when it runs again.
	TimeoutMs int64
}

// Block asks the server to run the command again, from the start, when one of keys
// was touched and holds a value of type want. After timeoutMs milliseconds, unless
// it is 0, the client gets a null array, whatever null says: Redis does it for
// all commands. The handler must have replied nothing and returns right after. Where
// a command must not wait (NoBlock), Block replies null at once, and there is no
// more to do either.
//
// The handler may have changed words of c.Args, as XREAD does with $: those are
// the ones that run again.
func (c *Ctx) Block(keys [][]byte, want keyspace.Type, timeoutMs int64, null NullKind) {
	c.block(Wait{Keys: keys, Want: want, TimeoutMs: timeoutMs}, null)
}

// BlockOrGone is Block for XREADGROUP, which also runs again when a key was
// deleted or has got another type: it has an error to tell then.
func (c *Ctx) BlockOrGone(keys [][]byte, want keyspace.Type, timeoutMs int64, null NullKind) {
	c.block(Wait{Keys: keys, Want: want, TimeoutMs: timeoutMs, OrGone: true}, null)
}

func (c *Ctx) block(w Wait, null NullKind) {
	switch {
	case !c.NoBlock:
		c.Fx.wait, c.Fx.waits = w, true
	case null == NullArray:
		c.Out.NullArray()
	default:
		c.Out.Null()
	}
}

// Waits gives what the command waits for, and whether it does.
func (f *Effects) Waits() (Wait, bool) { return f.wait, f.waits }

// Timeout reads the timeout of a blocking command, seconds with a fraction, into
// milliseconds, rounded up; 0 means for ever. When it is no good it replies the error.
func (c *Ctx) Timeout(arg []byte) (ms int64, ok bool) {
	seconds, ok := num.ParseLongDouble(arg)
	if !ok {
		c.Out.Error("ERR timeout is not a float or out of range")
		return 0, false
	}
	ms, ok = seconds.ScaledUp(1000)
	if !ok {
		c.Out.Error(errTimeoutRange)
		return 0, false
	}
	return c.timeout(ms)
}

// TimeoutMillis is Timeout for one that is given in milliseconds, an integer.
func (c *Ctx) TimeoutMillis(arg []byte) (ms int64, ok bool) {
	ms, ok = num.ParseInt(arg)
	if !ok {
		c.Out.Error("ERR timeout is not an integer or out of range")
		return 0, false
	}
	return c.timeout(ms)
}

const errTimeoutRange = "ERR timeout is out of range"

// timeout checks what Timeout and TimeoutMillis have read: the time at which it is
// over must be a number.
func (c *Ctx) timeout(ms int64) (int64, bool) {
	switch {
	case ms < 0:
		c.Out.Error("ERR timeout is negative")
	case ms > math.MaxInt64-c.Now():
		c.Out.Error(errTimeoutRange)
	default:
		return ms, true
	}
	return 0, false
}
