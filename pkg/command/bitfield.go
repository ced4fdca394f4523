package command

import (
	"redisd/internal/bitmap"
	"redisd/internal/num"
	"redisd/pkg/keyspace"
)

// BITFIELD: a string as an array of integers of any size.

func bitFieldSpecs() []Spec {
	block := func(token, name string, sub ...Arg) Arg {
		return Arg{Name: name, Type: "block", Token: token, Sub: sub}
	}
	at := func(more ...Arg) []Arg {
		return append([]Arg{arg("encoding", "string"), arg("offset", "integer")}, more...)
	}
	overflow := oneOf("wrap_sat_fail", word("WRAP"), word("SAT"), word("FAIL"))
	overflow.Token, overflow.Optional = "OVERFLOW", true
	get := block("GET", "encoding_offset", at()...)
	gets := get
	gets.Optional, gets.Multiple, gets.MultipleToken = true, true, true
	const complexity = "O(1) for each subcommand."
	return []Spec{
		{Name: "bitfield", Arity: -2, Flags: Write | DenyOOM, Group: "bitmap", Since: "3.2.0", Handler: bitField,
			Summary: "Reads, sets and increments integers of any size at any bit offsets of a string.", Complexity: complexity,
			Keys: []KeySpec{{Flags: KeyRW | KeyAccess | KeyUpdate | KeyVariable, Index: 1, Step: 1,
				Notes: "This command allows both access and modification of the key"}},
			Args: oneKeyArg(many(optional(oneOf("operation", get,
				block("", "write", overflow, oneOf("write_operation",
					block("SET", "encoding_offset_value", at(arg("value", "integer"))...),
					block("INCRBY", "encoding_offset_increment", at(arg("increment", "integer"))...)))), "")))},
		{Name: "bitfield_ro", Arity: -2, Flags: ReadOnly | Fast, Group: "bitmap", Since: "6.0.0", Handler: bitField,
			Summary: "Reads integers of any size at any bit offsets of a string.", Complexity: complexity,
			Keys: OneKey(1, KeyRO|KeyAccess), Args: oneKeyArg(gets)},
	}
}

// fieldWord is a subcommand of BITFIELD.
type fieldWord uint8

const (
	fieldGet fieldWord = iota
	fieldSet
	fieldIncr
)

// fieldOp is one step of BITFIELD.
type fieldOp struct {
	word     fieldWord
	overflow bitmap.Overflow
	field    bitmap.Field
	at       int
	operand  int64 // of SET and INCRBY
}

// usualFieldOps is how many steps need no Go memory.
const usualFieldOps = 16

func bitField(c *Ctx) {
	ops, end, ok := c.parseFieldOps(make([]fieldOp, 0, usualFieldOps))
	if !ok {
		return
	}
	if end == 0 {
		e, found, good := c.ReadType(c.Args[1], keyspace.String)
		if !good {
			return
		}
		var b []byte
		if found {
			b = c.Value(e)
		}
		c.Out.Array(len(ops))
		for i := range ops {
			c.Out.Int(ops[i].field.Get(b, ops[i].at))
		}
		return
	}
	if !c.Spec.Writes() {
		c.Out.Error("ERR BITFIELD_RO only supports the GET subcommand")
		return
	}
	from := end
	for i := range ops {
		if ops[i].word != fieldGet {
			from = min(from, ops[i].at)
		}
	}
	b, grew, good := c.bitString(from>>3, (end+7)>>3)
	if !good {
		return
	}
	c.Out.Array(len(ops))
	changes := int64(0)
	for i := range ops {
		if changed, done := c.fieldStep(b, &ops[i]); changed || done && grew {
			changes++
		}
	}
	if changes > 0 {
		c.Fx.Notify(EventString, "setbit", c.Args[1])
	} else if grew {
		changes = 1 // all steps failed, but the string is longer: the log must know
	}
	c.Fx.Dirty += changes
}

// fieldStep carries out one step and replies to it. done tells whether it wrote,
// changed whether that made a difference.
func (c *Ctx) fieldStep(b []byte, op *fieldOp) (changed, done bool) {
	old := op.field.Get(b, op.at)
	n, ok := old, true
	switch op.word {
	case fieldGet:
		c.Out.Int(old)
		return false, false
	case fieldSet:
		n, ok = op.field.Fit(op.operand, op.overflow)
	case fieldIncr:
		n, ok = op.field.Add(old, op.operand, op.overflow)
	}
	switch {
	case !ok:
		c.Out.Null()
		return false, false
	case op.word == fieldSet:
		c.Out.Int(old)
	default:
		c.Out.Int(n)
	}
	op.field.Set(b, op.at, n)
	return n != old, true
}

// parseFieldOps appends the steps of a BITFIELD to ops. end is the first bit behind
// all integers that are written, 0 when none is. When a word makes no sense it replies
// the error.
func (c *Ctx) parseFieldOps(ops []fieldOp) (all []fieldOp, end int, ok bool) {
	overflow := bitmap.Wrap
	for args := c.Args[2:]; len(args) > 0; {
		op := fieldOp{overflow: overflow}
		words := 4
		switch {
		case Is(args[0], "GET") && len(args) >= 3:
			words = 3
		case Is(args[0], "SET") && len(args) >= 4:
			op.word = fieldSet
		case Is(args[0], "INCRBY") && len(args) >= 4:
			op.word = fieldIncr
		case Is(args[0], "OVERFLOW") && len(args) >= 2:
			if overflow, ok = c.fieldOverflow(args[1]); !ok {
				return nil, 0, false
			}
			args = args[2:]
			continue
		default:
			c.Out.Error(ErrSyntax)
			return nil, 0, false
		}
		if op.field, ok = c.fieldType(args[1]); !ok {
			return nil, 0, false
		}
		if op.at, ok = c.bitOffset(args[2], op.field.Bits); !ok {
			return nil, 0, false
		}
		if op.word != fieldGet {
			if op.operand, ok = c.Int(args[3]); !ok {
				return nil, 0, false
			}
			end = max(end, op.at+op.field.Bits)
		}
		ops = append(ops, op)
		args = args[words:]
	}
	return ops, end, true
}

func (c *Ctx) fieldOverflow(name []byte) (bitmap.Overflow, bool) {
	switch {
	case Is(name, "WRAP"):
		return bitmap.Wrap, true
	case Is(name, "SAT"):
		return bitmap.Saturate, true
	case Is(name, "FAIL"):
		return bitmap.Fail, true
	}
	c.Out.Error("ERR Invalid OVERFLOW type specified")
	return 0, false
}

// fieldType reads a type such as i16 or u8; when it is none it replies the error.
func (c *Ctx) fieldType(name []byte) (bitmap.Field, bool) {
	if len(name) > 1 && (name[0] == 'i' || name[0] == 'u') {
		f := bitmap.Field{Signed: name[0] == 'i'}
		most := int64(63)
		if f.Signed {
			most = 64
		}
		if n, ok := num.ParseInt(name[1:]); ok && n >= 1 && n <= most {
			f.Bits = int(n)
			return f, true
		}
	}
	c.Out.Error("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
	return bitmap.Field{}, false
}
