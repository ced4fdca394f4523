package command

import (
	"math/rand/v2"

	"redisd/internal/hll"
)

// PFDEBUG and PFSELFTEST.

func hyperLogLogDebugSpecs() []Spec {
	return []Spec{
		{Name: "pfdebug", Arity: 3, Flags: Write | DenyOOM | Admin, Group: "hyperloglog", Since: "2.8.9", Handler: pfDebug,
			Summary: "Shows what is in a HyperLogLog, for tests.", Complexity: "N/A", SysCmd: true,
			Keys: OneKey(2, KeyRW|KeyAccess), Args: []Arg{arg("subcommand", "string"), keyArg("key", 0)}},
		{Name: "pfselftest", Arity: 1, Flags: Admin, Group: "hyperloglog", Since: "2.8.9", Handler: pfSelfTest,
			Summary: "Tests the implementation of HyperLogLogs.", Complexity: "N/A", SysCmd: true},
	}
}

func pfSelfTest(c *Ctx) {
	if err := hll.SelfTest(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), c.KS.Limits.HLLSparse); err != nil {
		c.Out.Error("ERR " + err.Error())
		return
	}
	c.Out.OK()
}

func pfDebug(c *Ctx) {
	w, found, good := c.writeHLL(c.Args[2])
	if !good {
		return
	}
	if !found {
		c.Out.Error("ERR The specified key does not exist")
		return
	}
	switch word := c.Args[1]; {
	case Is(word, "GETREG"):
		c.pfDebugRegisters(&w)
	case Is(word, "DECODE"):
		c.pfDebugRuns(w.b)
	case Is(word, "ENCODING"):
		if hll.IsDense(w.b) {
			c.Out.Simple("dense")
		} else {
			c.Out.Simple("sparse")
		}
	case Is(word, "TODENSE"):
		changed, ok := c.pfDebugDense(&w)
		switch {
		case !ok:
		case changed:
			c.Out.Int(1)
		default:
			c.Out.Int(0)
		}
	default:
		c.Out.Errorf("ERR Unknown PFDEBUG subcommand '%s'", word)
	}
}

// pfDebugDense brings the value into the dense form; when it is corrupt it replies
// the error.
func (c *Ctx) pfDebugDense(w *writtenHLL) (changed, ok bool) {
	if hll.IsDense(w.b) {
		return false, true
	}
	if !c.makeDense(w) {
		c.Out.Error(errCorruptHLL)
		return false, false
	}
	c.Fx.Dirty++
	return true, true
}

func (c *Ctx) pfDebugRegisters(w *writtenHLL) {
	if _, ok := c.pfDebugDense(w); !ok {
		return
	}
	c.Out.Array(hll.Registers)
	for i := range hll.Registers {
		c.Out.Int(int64(hll.DenseGet(w.b, i)))
	}
}

func (c *Ctx) pfDebugRuns(b []byte) {
	if hll.IsDense(b) {
		c.Out.Error("ERR HLL encoding is not sparse")
		return
	}
	text, ok := hll.AppendRuns(nil, b)
	if !ok {
		c.Out.Error(errCorruptHLL)
		return
	}
	c.Out.Bulk(text)
}
