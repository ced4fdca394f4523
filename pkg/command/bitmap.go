package command

import (
	"math"

	"redisd/internal/bitmap"
	"redisd/internal/num"
	"redisd/pkg/keyspace"
)

// The bitmap family: strings as arrays of bits. This file has single bits, bitcount.go
// what counts and searches, bitop.go BITOP, bitfield.go the integers.

func bitmapSpecs() []Spec {
	return append(append(bitSpecs(), bitCountSpecs()...), append(bitOpSpecs(), bitFieldSpecs()...)...)
}

func bitSpecs() []Spec {
	return []Spec{
		{Name: "setbit", Arity: 4, Flags: Write | DenyOOM, Group: "bitmap", Since: "2.2.0", Handler: setBit,
			Summary: "Sets or clears a bit of a string and returns what it was; the string grows as needed.", Complexity: docO1,
			Keys: OneKey(1, KeyRW|KeyAccess|KeyUpdate), Args: oneKeyArg(arg("offset", "integer"), arg("value", "integer"))},
		{Name: "getbit", Arity: 3, Flags: ReadOnly | Fast, Group: "bitmap", Since: "2.2.0", Handler: getBit,
			Summary: "Returns a bit of a string, 0 behind its end.", Complexity: docO1,
			Keys: OneKey(1, KeyRO|KeyAccess), Args: oneKeyArg(arg("offset", "integer"))},
	}
}

// bitOffset reads the place of a bit; of an integer of so many bits when bits is not
// 0: there #n is the n-th such integer. When it is no good it replies the error.
func (c *Ctx) bitOffset(arg []byte, bits int) (int, bool) {
	times := int64(1)
	if bits > 0 && len(arg) > 0 && arg[0] == '#' {
		arg, times = arg[1:], int64(bits)
	}
	n, ok := num.ParseInt(arg)
	if !ok || n < 0 || n > math.MaxInt64/times || !c.Replaying && n*times>>3 >= c.MaxString {
		c.Out.Error("ERR bit offset is not an integer or out of range")
		return 0, false
	}
	return int(n * times), true
}

// bitString looks the first key up for writing and makes it a string of at least
// size bytes, of which those from from on may be changed. grew tells whether it is new
// or longer now. When the key holds something else it replies the error.
func (c *Ctx) bitString(from, size int) (b []byte, grew, good bool) {
	key := c.Args[1]
	e, found, good := c.WriteType(key, keyspace.String)
	if !good {
		return nil, false, false
	}
	if found {
		if b, good = e.WritableAt(from, size); good && len(b) >= size {
			return b, false, true
		}
		grew = e.StrLen() < size
	}
	b = c.DB.MutableAt(key, size, from, size)
	c.created(key, found)
	return b, grew || !found, true
}

func setBit(c *Ctx) {
	at, ok := c.bitOffset(c.Args[2], 0)
	if !ok {
		return
	}
	on, ok := num.ParseInt(c.Args[3])
	if !ok || on&^1 != 0 {
		c.Out.Error("ERR bit is not an integer or out of range")
		return
	}
	b, grew, ok := c.bitString(at>>3, at>>3+1)
	if !ok {
		return
	}
	shift := 7 - at&7
	was := int64(b[at>>3]>>shift) & 1
	if grew || was != on {
		b[at>>3] = b[at>>3]&^(1<<shift) | byte(on)<<shift
		c.Fx.Notify(EventString, "setbit", c.Args[1])
		c.Fx.Dirty++
	}
	c.Out.Int(was)
}

func getBit(c *Ctx) {
	at, ok := c.bitOffset(c.Args[2], 0)
	if !ok {
		return
	}
	e, found, good := c.ReadType(c.Args[1], keyspace.String)
	if !good {
		return
	}
	if !found {
		c.Out.Int(0)
		return
	}
	c.Out.Int(bitmap.Field{Bits: 1}.Get(c.Value(e), at))
}
