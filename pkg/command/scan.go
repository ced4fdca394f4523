package command

import (
	"bytes"
	"math"
	"slices"

	"redisd/internal/glob"
	"redisd/internal/num"
	"redisd/pkg/keyspace"
	"redisd/pkg/resp"
)

func scanSpecs() []Spec {
	return []Spec{
		{Name: "keys", Arity: 2, Flags: ReadOnly, Group: "generic", Categories: CatDangerous, Since: "1.0.0", Handler: keys,
			Summary:    "Returns all keys that match a pattern.",
			Complexity: "O(N) where N is the number of keys in the database, for keys and patterns of bounded length.",
			Hints:      []string{hintAllShards, hintAnyOrder}, Args: []Arg{arg("pattern", "pattern")}},
		{Name: "scan", Arity: -2, Flags: ReadOnly, Group: "generic", Since: "2.8.0", Handler: scan,
			Summary:    "Iterates over the keys, some at each call.",
			Complexity: "O(1) for a call; O(N) for a whole iteration over N keys.",
			History:    [][2]string{{"6.0.0", "The option `TYPE`."}},
			Hints:      []string{hintVaries, "request_policy:special", "response_policy:special"},
			Args: []Arg{arg("cursor", "integer"), optional(with("MATCH", "pattern", "pattern"), ""),
				optional(with("COUNT", "count", "integer"), ""), optional(with("TYPE", "type", "string"), "6.0.0")}},
	}
}

// scanOptions are those of SCAN.
type scanOptions struct {
	count    int64
	pattern  []byte // nil: any key
	typeName []byte // nil: any type
}

func (c *Ctx) parseScan(args [][]byte) (o scanOptions, ok bool) {
	o.count = 10
	for i := 0; i < len(args); i += 2 {
		if i+1 == len(args) {
			c.Out.Error(ErrSyntax)
			return o, false
		}
		value := args[i+1]
		switch a := args[i]; {
		case Is(a, "COUNT"):
			if o.count, ok = c.Int(value); !ok {
				return o, false
			}
			if o.count < 1 {
				c.Out.Error(ErrSyntax)
				return o, false
			}
		case Is(a, "MATCH"):
			o.pattern = value
			if isStar(value) {
				o.pattern = nil
			}
		case Is(a, "TYPE"):
			o.typeName = value
		default:
			c.Out.Error(ErrSyntax)
			return o, false
		}
	}
	return o, true
}

func (o *scanOptions) wants(e keyspace.Entry) bool {
	return o.matches(e.Key()) &&
		(o.typeName == nil || bytes.EqualFold(o.typeName, []byte(e.Type().String())))
}

// cursor reads the cursor of SCAN as C's strtoul does: a sign is taken, and no
// digits are 0.
func cursor(b []byte) (uint64, bool) {
	digits := b
	negative := false
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		negative = b[0] == '-'
		digits = b[1:]
		if len(digits) == 0 {
			return 0, false
		}
	}
	if len(digits) == 0 {
		return 0, true
	}
	n, ok := num.ParseUint(digits)
	if negative {
		n = -n
	}
	return n, ok
}

// emptyBuckets is how many times COUNT a SCAN looks at buckets, full or not.
const emptyBuckets = 10

func scan(c *Ctx) {
	pos, ok := cursor(c.Args[1])
	if !ok {
		c.Out.Error(errCursor)
		return
	}
	o, ok := c.parseScan(c.Args[2:])
	if !ok {
		return
	}
	var expired [][]byte
	c.scanBuckets(&o, pos, func(pos uint64) (next uint64, seen, n int) {
		next = c.DB.Scan(pos, func(e keyspace.Entry) {
			seen++
			switch {
			case !o.wants(e):
			case e.Expired():
				expired = append(expired, bytes.Clone(e.Key()))
			default:
				c.Out.Bulk(e.Key())
				n++
			}
		})
		return next, seen, n
	})
	for _, key := range expired {
		c.DB.Peek(key) // takes it away
	}
}

const errCursor = "ERR invalid cursor"

// beginScan reads the arguments of HSCAN, SSCAN and ZSCAN, in Redis's order: cursor,
// key, options. When there is nothing to scan it has replied, and ok is false.
func (c *Ctx) beginScan(t keyspace.Type) (e keyspace.Entry, o scanOptions, pos uint64, ok bool) {
	if pos, ok = cursor(c.Args[2]); !ok {
		c.Out.Error(errCursor)
		return e, o, pos, false
	}
	e, found, good := c.ReadType(c.Args[1], t)
	if !good {
		return e, o, pos, false
	}
	if !found {
		c.Out.Array(2)
		c.Out.BulkString("0")
		c.Out.Array(0)
		return e, o, pos, false
	}
	if o, ok = c.parseScan(c.Args[3:]); ok && o.typeName != nil {
		c.Out.Error(ErrSyntax)
		ok = false
	}
	return e, o, pos, ok
}

// matches tells whether MATCH lets an element of that name through.
func (o *scanOptions) matches(name []byte) bool {
	return o.pattern == nil || glob.Match(o.pattern, name, false)
}

// scanBuckets calls step from cursor pos on until it has seen COUNT elements, or looked
// at many empty buckets, and replies the cursor and what the steps have written: n words
// each.
func (c *Ctx) scanBuckets(o *scanOptions, pos uint64, step func(pos uint64) (next uint64, seen, n int)) {
	start := len(c.Out.Buf)
	left := int64(math.MaxInt64)
	if o.count < left/emptyBuckets {
		left = o.count * emptyBuckets
	}
	words := 0
	for all := int64(0); ; left-- {
		next, seen, n := step(pos)
		pos = next
		all, words = all+int64(seen), words+n
		if pos == 0 || left == 0 || all >= o.count {
			break
		}
	}
	// The cursor comes first, but is known only now.
	var buf [64]byte
	head := resp.AppendArray(buf[:0], 2)
	var digits [20]byte
	head = resp.AppendBulk(head, num.AppendUint(digits[:0], pos))
	head = resp.AppendArray(head, words)
	c.Out.Buf = slices.Insert(c.Out.Buf, start, head...)
}
