package command

import (
	"redisd/internal/hll"
	"redisd/pkg/keyspace"
)

// The HyperLogLog family: strings that count distinct elements. hyperloglog_debug.go
// has the commands for tests.

const errCorruptHLL = "INVALIDOBJ Corrupted HLL object detected"

func hyperLogLogSpecs() []Spec {
	const group = "hyperloglog"
	return append([]Spec{
		{Name: "pfadd", Arity: -2, Flags: Write | DenyOOM | Fast, Group: group, Since: "2.8.9", Handler: pfAdd,
			Summary:    "Adds elements to a HyperLogLog, which is created when there is none.",
			Complexity: "O(1) for each element.",
			Keys:       OneKey(1, KeyRW|KeyInsert),
			Args:       oneKeyArg(many(optional(arg("element", "string"), "")))},
		{Name: "pfcount", Arity: -2, Flags: ReadOnly | MayReplicate, Group: group, Since: "2.8.9", Handler: pfCount,
			Summary:    "Estimates how many distinct elements one HyperLogLog saw, or several together.",
			Complexity: "O(1) for one key, as the estimate is kept; O(N) for N keys, with a large constant.",
			Keys: []KeySpec{{Flags: KeyRW | KeyAccess, Index: 1, Last: -1, Step: 1,
				Notes: "RW because it may change the internal representation of the key, and propagate to replicas"}},
			Args: []Arg{many(keyArg("key", 0))}},
		{Name: "pfmerge", Arity: -2, Flags: Write | DenyOOM, Group: group, Since: "2.8.9", Handler: pfMerge,
			Summary:    "Merges HyperLogLogs into one.",
			Complexity: "O(N) for N keys, with a large constant.",
			Keys: []KeySpec{{Flags: KeyRW | KeyAccess | KeyInsert, Index: 1, Step: 1},
				{Flags: KeyRO | KeyAccess, Index: 2, Last: -1, Step: 1}},
			Args: []Arg{keyArg("destkey", 0), many(keyArg("sourcekey", 1))}},
	}, hyperLogLogDebugSpecs()...)
}

// isHLL tells whether b is a HyperLogLog; when not it replies the error.
func (c *Ctx) isHLL(b []byte) bool {
	if hll.IsValue(b) {
		return true
	}
	c.Out.Error("WRONGTYPE Key is not a valid HyperLogLog string value.")
	return false
}

// readHLL looks a key up for reading; when it holds something else it replies the
// error.
func (c *Ctx) readHLL(key []byte) (b []byte, found, good bool) {
	e, found, good := c.ReadType(key, keyspace.String)
	if !found || !good {
		return nil, found, good
	}
	b = c.Value(e)
	return b, true, c.isHLL(b)
}

// writtenHLL is a HyperLogLog that is being changed.
type writtenHLL struct {
	key   []byte
	entry keyspace.Entry
	b     []byte // the value, in the arena
}

// writeHLL looks a key up for writing; when it holds something else it replies the
// error.
func (c *Ctx) writeHLL(key []byte) (w writtenHLL, found, good bool) {
	e, found, good := c.WriteType(key, keyspace.String)
	if !found || !good {
		return w, found, good
	}
	if !c.isHLL(c.Value(e)) {
		return w, true, false
	}
	w.b, _ = e.Writable() // digits are no HyperLogLog
	w.key, w.entry = key, e
	return w, true, true
}

// createHLL makes key, which is not there, a HyperLogLog without elements.
func (c *Ctx) createHLL(key []byte) writtenHLL {
	hll.PutEmpty(c.DB.Mutable(key, hll.EmptyLen))
	c.created(key, false)
	e, _ := c.DB.Peek(key)
	b, _ := e.Writable()
	return writtenHLL{key, e, b}
}

// raiseHLL raises a register and tells whether that changed it; ok is false when the
// value is corrupt.
func (c *Ctx) raiseHLL(w *writtenHLL, index int, run uint8) (changed, ok bool) {
	if hll.IsDense(w.b) {
		return hll.DenseSet(w.b, index, run), true
	}
	var start hll.Cursor
	e, outcome := hll.Locate(w.b, &start, index, run, c.KS.Limits.HLLSparse)
	switch outcome {
	case hll.Same:
		return false, true
	case hll.Corrupted:
		return false, false
	case hll.Dense:
		if !c.makeDense(w) {
			return false, false
		}
		return hll.DenseSet(w.b, index, run), true
	}
	n := len(w.b)
	if e.Growth() > 0 {
		w.entry, w.b = c.DB.SetLen(w.key, w.entry, n+e.Growth())
	}
	if have := e.Apply(w.b, n); have != len(w.b) {
		w.entry, w.b = c.DB.SetLen(w.key, w.entry, have)
	}
	return true, true
}

// makeDense brings a sparse value into the dense form; false when it is corrupt.
func (c *Ctx) makeDense(w *writtenHLL) bool {
	var u hll.Union
	if !u.Merge(w.b) {
		return false
	}
	c.DB.SetComputed(w.key, hll.DenseLen, true, func(dst []byte) { u.Promote(dst, w.b) })
	w.entry, _ = c.DB.Peek(w.key)
	w.b, _ = w.entry.Writable()
	return true
}

func pfAdd(c *Ctx) {
	key := c.Args[1]
	w, found, good := c.writeHLL(key)
	if !good {
		return
	}
	updated := int64(0)
	if !found {
		w = c.createHLL(key)
		updated++
	}
	for _, element := range c.Args[2:] {
		index, run := hll.Place(element)
		changed, ok := c.raiseHLL(&w, index, run)
		if !ok {
			c.Out.Error(errCorruptHLL)
			c.pfChanged(key, updated) // what was added stays
			return
		}
		if changed {
			updated++
		}
	}
	if updated > 0 {
		hll.Invalidate(w.b)
	}
	c.pfChanged(key, updated)
	c.Out.Int(min(updated, 1))
}

// pfChanged records that a HyperLogLog changed so many times.
func (c *Ctx) pfChanged(key []byte, times int64) {
	if times > 0 {
		c.Fx.Notify(EventString, "pfadd", key)
		c.Fx.Dirty += times
	}
}

func pfCount(c *Ctx) {
	if len(c.Args) > 2 {
		c.pfCountUnion()
		return
	}
	key := c.Args[1]
	b, found, good := c.readHLL(key)
	if !good {
		return
	}
	if !found {
		c.Out.Int(0)
		return
	}
	n, fresh := hll.Cached(b)
	if !fresh {
		var ok bool
		if n, ok = hll.Count(b); !ok {
			c.Out.Error(errCorruptHLL)
			return
		}
		// A command that reads, and a value that changes: the log hears of it.
		e, _ := c.DB.Write(key)
		b, _ = e.Writable()
		hll.SetCached(b, n)
		c.Fx.Notify(EventNone, "", key)
		c.Fx.Dirty++
		c.Fx.Force = true
	}
	c.Out.Int(int64(n))
}

func (c *Ctx) pfCountUnion() {
	var u hll.Union
	for _, key := range c.Args[1:] {
		b, found, good := c.readHLL(key)
		if !good {
			return
		}
		if found && !u.Merge(b) {
			c.Out.Error(errCorruptHLL)
			return
		}
	}
	c.Out.Int(int64(u.Count()))
}

func pfMerge(c *Ctx) {
	var u hll.Union
	anyDense := false
	for _, key := range c.Args[1:] {
		b, found, good := c.readHLL(key)
		if !good {
			return
		}
		if !found {
			continue
		}
		anyDense = anyDense || hll.IsDense(b)
		if !u.Merge(b) {
			c.Out.Error(errCorruptHLL)
			return
		}
	}
	key := c.Args[1]
	w, found, _ := c.writeHLL(key)
	if !found {
		w = c.createHLL(key)
	}
	if sparse, ok := c.mergedSparse(&u, w.b, anyDense); ok {
		_, w.b = c.DB.SetLen(key, w.entry, len(sparse))
		copy(w.b, sparse)
	} else if hll.IsDense(w.b) {
		u.PutDense(w.b)
	} else {
		c.DB.SetComputed(key, hll.DenseLen, true, func(dst []byte) { u.Promote(dst, w.b) })
		e, _ := c.DB.Peek(key)
		w.b, _ = e.Writable()
	}
	hll.Invalidate(w.b)
	c.pfChanged(key, 1)
	c.Out.OK()
}

// mergedSparse is the sparse value b with all of u in it, register by register as
// Redis does it, in Go memory; false when the result must be dense.
func (c *Ctx) mergedSparse(u *hll.Union, b []byte, anyDense bool) ([]byte, bool) {
	if anyDense || hll.IsDense(b) {
		return nil, false
	}
	const most = 3 // bytes that a change may need
	longest := c.KS.Limits.HLLSparse
	s := append(make([]byte, 0, len(b)+64), b...)
	var at hll.Cursor
	for index, run := range u {
		if run == 0 {
			continue
		}
		e, outcome := hll.Locate(s, &at, index, run, longest)
		switch outcome {
		case hll.Dense, hll.Corrupted: // the latter cannot be: u took all of b
			return nil, false
		case hll.Changes:
			n := len(s)
			s = append(s, make([]byte, most)...)
			s = s[:e.Apply(s, n)]
		}
	}
	return s, true
}
