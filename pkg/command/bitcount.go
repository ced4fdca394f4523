package command

import (
	"redisd/internal/bitmap"
	"redisd/pkg/keyspace"
)

// BITCOUNT and BITPOS: bits of a whole string or of a range of it.

func bitCountSpecs() []Spec {
	unit := optional(oneOf("index_unit", word("BYTE"), word("BIT")), "7.0.0")
	block := func(name string, sub ...Arg) Arg { return Arg{Name: name, Type: "block", Optional: true, Sub: sub} }
	history := [][2]string{{"7.0.0", "The options `BYTE` and `BIT`."}}
	return []Spec{
		{Name: "bitcount", Arity: -2, Flags: ReadOnly, Group: "bitmap", Since: "2.6.0", Handler: bitCount,
			Summary: "Counts the bits of a string that are set, or those of a range.", Complexity: "O(N)", History: history,
			Keys: OneKey(1, KeyRO|KeyAccess),
			Args: oneKeyArg(block("index", arg("start", "integer"), arg("end", "integer"), unit))},
		{Name: "bitpos", Arity: -3, Flags: ReadOnly, Group: "bitmap", Since: "2.8.7", Handler: bitPos,
			Summary: "Finds the first bit of a string that is set, or the first that is not.", Complexity: "O(N)", History: history,
			Keys: OneKey(1, KeyRO|KeyAccess),
			Args: oneKeyArg(arg("bit", "integer"),
				block("index", arg("start", "integer"), block("end_index", arg("end", "integer"), unit)))},
	}
}

// inBits reads the word BIT or BYTE; when it is neither it replies the error.
func (c *Ctx) inBits(arg []byte) (bit, ok bool) {
	bit = Is(arg, "BIT")
	if !bit && !Is(arg, "BYTE") {
		c.Out.Error(ErrSyntax)
		return false, false
	}
	return bit, true
}

// bitRange makes a range from start to end, both included and in bytes or bits, one
// of the bits from..to-1 of a string of size bytes. Negative offsets count from the
// end.
func bitRange(start, end int64, inBits bool, size int) (from, to int) {
	scale, total := int64(8), int64(size)
	if inBits {
		scale, total = 1, total*8
	}
	if start < 0 {
		start = max(0, total+start)
	}
	if end < 0 {
		end = max(0, total+end)
	}
	end = min(end, total-1)
	if start > end {
		return 0, 0
	}
	return int(start * scale), int((end + 1) * scale)
}

func bitCount(c *Ctx) {
	e, found, good := c.ReadType(c.Args[1], keyspace.String)
	if !good {
		return
	}
	if !found { // as in Redis, before the other words are looked at
		c.Out.Int(0)
		return
	}
	b := c.Value(e)
	if len(c.Args) == 2 {
		c.Out.Int(int64(bitmap.Count(b)))
		return
	}
	if len(c.Args) != 4 && len(c.Args) != 5 {
		c.Out.Error(ErrSyntax)
		return
	}
	start, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	end, ok := c.Int(c.Args[3])
	if !ok {
		return
	}
	if start < 0 && end < 0 && start > end {
		c.Out.Int(0)
		return
	}
	inBits := false
	if len(c.Args) == 5 {
		if inBits, ok = c.inBits(c.Args[4]); !ok {
			return
		}
	}
	from, to := bitRange(start, end, inBits, len(b))
	c.Out.Int(int64(bitmap.CountRange(b, from, to)))
}

func bitPos(c *Ctx) {
	bit, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	if bit != 0 && bit != 1 {
		c.Out.Error("ERR The bit argument must be 1 or 0.")
		return
	}
	e, found, good := c.ReadType(c.Args[1], keyspace.String)
	if !good {
		return
	}
	if !found { // zeros without end
		c.Out.Int(-bit)
		return
	}
	b := c.Value(e)
	from, to, endless, ok := c.bitPosRange(len(b))
	if !ok {
		return
	}
	at := bitmap.Find(b, bit == 1, from, to)
	if at < 0 && bit == 0 && endless && from < to {
		at = to // the zeros behind the end
	}
	c.Out.Int(int64(at))
}

// bitPosRange reads the range of BITPOS in a string of size bytes; endless says that
// it has no end of its own. When it is no good it replies the error.
func (c *Ctx) bitPosRange(size int) (from, to int, endless, ok bool) {
	n := len(c.Args)
	if n == 3 {
		return 0, size * 8, true, true
	}
	if n > 6 {
		c.Out.Error(ErrSyntax)
		return 0, 0, false, false
	}
	start, ok := c.Int(c.Args[3])
	if !ok {
		return 0, 0, false, false
	}
	inBits := false
	if n == 6 {
		if inBits, ok = c.inBits(c.Args[5]); !ok {
			return 0, 0, false, false
		}
	}
	end := int64(-1)
	if n > 4 {
		if end, ok = c.Int(c.Args[4]); !ok {
			return 0, 0, false, false
		}
	}
	from, to = bitRange(start, end, inBits, size)
	return from, to, n == 4, true
}
