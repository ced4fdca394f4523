package command

import "redisd/pkg/keyspace"

// Commands on parts of strings.

func stringRangeSpecs() []Spec {
	const docRange = "O(N) where N is the length of what is returned."
	bounds := oneKeyArg(arg("start", "integer"), arg("end", "integer"))
	return []Spec{
		{Name: "append", Arity: 3, Flags: Write | DenyOOM | Fast, Group: "string", Since: "2.0.0", Handler: appendTo,
			Summary:    "Appends to a string; a missing key counts as an empty one.",
			Complexity: "O(N) where N is the length of what is appended; amortized, for the string grows with room to spare.",
			Keys:       OneKey(1, KeyRW|KeyInsert), Args: oneKeyArg(arg("value", "string"))},
		{Name: "getrange", Arity: 4, Flags: ReadOnly, Group: "string", Since: "2.4.0", Handler: getRange,
			Summary:    "Returns the part of a string between two offsets, both included; negative ones count from the end.",
			Complexity: docRange, Keys: OneKey(1, KeyRO|KeyAccess), Args: bounds},
		{Name: "substr", Arity: 4, Flags: ReadOnly, Group: "string", Since: "1.0.0", Handler: getRange,
			Summary:    "Returns the part of a string between two offsets.",
			Complexity: docRange, Deprecated: "2.0.0", ReplacedBy: "`GETRANGE`",
			Keys: OneKey(1, KeyRO|KeyAccess), Args: bounds},
		{Name: "setrange", Arity: 4, Flags: Write | DenyOOM, Group: "string", Since: "2.2.0", Handler: setRange,
			Summary:    "Overwrites a part of a string from an offset on, and lengthens it with zero bytes as needed.",
			Complexity: "O(N) where N is the length of the value, and of the zeros before it.",
			Keys:       OneKey(1, KeyRW|KeyUpdate), Args: oneKeyArg(arg("offset", "integer"), arg("value", "string"))},
	}
}

// lengthFits tells whether a string of at+more bytes may be made; when not it
// replies the error. What a log holds was allowed when it was written.
func (c *Ctx) lengthFits(at, more int64) bool {
	if c.Replaying || at <= c.MaxString-more {
		return true
	}
	c.Out.Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
	return false
}

func appendTo(c *Ctx) {
	key, val := c.Args[1], c.Args[2]
	e, found, good := c.WriteType(key, keyspace.String)
	if !good {
		return
	}
	total := len(val)
	if found {
		have := e.StrLen()
		if !c.lengthFits(int64(have), int64(len(val))) {
			return
		}
		total += have
		copy(c.DB.MutableAt(key, total, have, total)[have:], val)
	} else {
		c.DB.SetString(key, val, noExpiry)
	}
	c.created(key, found)
	c.Fx.Notify(EventString, "append", key)
	c.Fx.Dirty++
	c.Out.Int(int64(total))
}

func getRange(c *Ctx) {
	start, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	end, ok := c.Int(c.Args[3])
	if !ok {
		return
	}
	e, found, good := c.ReadType(c.Args[1], keyspace.String)
	if !good {
		return
	}
	var b []byte
	if found {
		b = c.Value(e)
	}
	c.Out.Bulk(between(b, start, end))
}

// between is the part of b from start to end, both included; negative offsets
// count from the end, and what lies outside is cut off.
func between(b []byte, start, end int64) []byte {
	n := int64(len(b))
	if start < 0 && end < 0 && start > end {
		return nil
	}
	if start < 0 {
		start = max(0, n+start)
	}
	if end < 0 {
		end = max(0, n+end)
	}
	end = min(end, n-1)
	if start > end {
		return nil
	}
	return b[start : end+1]
}

func setRange(c *Ctx) {
	key, val := c.Args[1], c.Args[3]
	at, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	if at < 0 {
		c.Out.Error("ERR offset is out of range")
		return
	}
	e, found, good := c.WriteType(key, keyspace.String)
	if !good {
		return
	}
	have := 0
	if found {
		have = e.StrLen()
	}
	if len(val) == 0 {
		c.Out.Int(int64(have))
		return
	}
	if !c.lengthFits(at, int64(len(val))) {
		return
	}
	b := c.DB.MutableAt(key, max(have, int(at)+len(val)), int(at), int(at)+len(val))
	copy(b[at:], val)
	c.created(key, found)
	c.Fx.Notify(EventString, "setrange", key)
	c.Fx.Dirty++
	c.Out.Int(int64(len(b)))
}
