package command

import (
	"math"

	"redisd/pkg/keyspace"
)

func objectSpecs() []Spec {
	sub := func(name, since, summary string, h Handler, help ...string) Spec {
		return Spec{Name: name, Arity: 3, Flags: ReadOnly, Since: since, Handler: h, Help: help,
			Summary: summary, Complexity: docO1, Hints: []string{hintVaries},
			Keys: OneKey(2, KeyRO), Args: oneKeyArg()}
	}
	return []Spec{{Name: "object", Arity: -2, Group: "generic", Since: "2.2.3",
		Summary: "Tells how values lie in memory.", Complexity: "Depends on the subcommand.",
		Sub: []Spec{
			sub("encoding", "2.2.3", "Names the encoding of the value at a key.", objectEncoding,
				"ENCODING <key>",
				"Return the kind of internal representation used in order to store the value",
				"associated with a <key>."),
			sub("freq", "4.0.0", "Returns a key's logarithmic access counter.", objectFreq,
				"FREQ <key>",
				"Return the access frequency index of the <key>. The returned integer is",
				"proportional to the logarithm of the recent access frequency of the key."),
			{Name: "help", Arity: 2, Flags: Loading | Stale, Since: "6.2.0", Handler: Help,
				Summary: "Explains the subcommands.", Complexity: docO1},
			sub("idletime", "2.2.3", "Returns the seconds since a key was last accessed.", objectIdleTime,
				"IDLETIME <key>",
				"Return the idle time of the <key>, that is the approximated number of",
				"seconds elapsed since the last access to the key."),
			sub("refcount", "2.2.3", "Returns the number of references to the value at a key.", objectRefCount,
				"REFCOUNT <key>",
				"Return the number of references of the value associated with the specified",
				"<key>."),
		}}}
}

// object looks up the key of a subcommand without leaving a trace on it; when
// there is none it replies null.
func (c *Ctx) object() (keyspace.Entry, bool) {
	e, found := c.DB.ReadQuietly(c.Args[2])
	if !found {
		c.Out.Null()
	}
	return e, found
}

func objectEncoding(c *Ctx) {
	if e, found := c.object(); found {
		c.Out.BulkString(e.Encoding().String())
	}
}

const policyNote = " Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."

func objectFreq(c *Ctx) {
	e, found := c.object()
	switch {
	case !found:
	case !c.KS.LFU():
		c.Out.Error("ERR An LFU maxmemory policy is not selected, access frequency not tracked." + policyNote)
	default:
		c.Out.Int(int64(e.Freq()))
	}
}

func objectIdleTime(c *Ctx) {
	e, found := c.object()
	switch {
	case !found:
	case c.KS.LFU():
		c.Out.Error("ERR An LFU maxmemory policy is selected, idle time not tracked." + policyNote)
	default:
		c.Out.Int(e.IdleSeconds())
	}
}

// sharedIntegers is how many small numbers Redis keeps ready-made and shares
// among keys; it counts their references as INT_MAX.
const sharedIntegers = 10000

func objectRefCount(c *Ctx) {
	e, found := c.object()
	if !found {
		return
	}
	if n, ok := e.Int(); ok && !c.OwnIntegers && n >= 0 && n < sharedIntegers {
		c.Out.Int(math.MaxInt32)
		return
	}
	c.Out.Int(1)
}
