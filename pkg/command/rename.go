package command

import (
	"bytes"
	"math"

	"redisd/internal/num"
	"redisd/pkg/keyspace"
)

// Commands that bring a value to another key or database.

func renameSpecs() []Spec {
	names := []Arg{keyArg("key", 0), keyArg("newkey", 1)}
	return []Spec{
		{Name: "rename", Arity: 3, Flags: Write, Group: "generic", Since: "1.0.0", Handler: rename,
			Summary: "Renames a key and overwrites what had the new name.", Complexity: docO1,
			Keys: []KeySpec{{Flags: KeyRW | KeyAccess | KeyDelete, Index: 1, Step: 1}, {Flags: KeyOW | KeyUpdate, Index: 2, Step: 1}},
			Args: names},
		{Name: "renamenx", Arity: 3, Flags: Write | Fast, Group: "generic", Since: "1.0.0", Handler: renameNX,
			Summary: "Renames a key if the new name is free.", Complexity: docO1,
			History: [][2]string{{"3.2.0", "Two equal names are no error any more."}},
			Keys:    []KeySpec{{Flags: KeyRW | KeyAccess | KeyDelete, Index: 1, Step: 1}, {Flags: KeyOW | KeyInsert, Index: 2, Step: 1}},
			Args:    names},
		{Name: "move", Arity: 3, Flags: Write | Fast, Group: "generic", Since: "1.0.0", Handler: move,
			Summary: "Moves a key to another database if it is not there.", Complexity: docO1,
			Keys: OneKey(1, KeyRW|KeyAccess|KeyUpdate), Args: oneKeyArg(arg("db", "integer"))},
		{Name: "copy", Arity: -3, Flags: Write | DenyOOM, Group: "generic", Since: "6.2.0", Handler: copyKey,
			Summary:    "Copies a value, with its expiry, to another key or database.",
			Complexity: "O(N) where N is the number of elements of the value; O(1) for a string.",
			Keys:       []KeySpec{{Flags: KeyRO | KeyAccess, Index: 1, Step: 1}, {Flags: KeyOW | KeyUpdate, Index: 2, Step: 1}},
			Args: []Arg{keyArg("source", 0), keyArg("destination", 1),
				optional(with("DB", "destination-db", "integer"), ""), optional(word("REPLACE"), "")}},
	}
}

// int32 reads an argument that Redis keeps in a C int. message is the error for
// anything else; "" takes Redis's own words.
func (c *Ctx) int32(arg []byte, message string) (int, bool) {
	n, ok := num.ParseInt(arg)
	inRange := n >= math.MinInt32 && n <= math.MaxInt32
	switch {
	case ok && inRange:
		return int(n), true
	case message != "":
		c.Out.Error(message)
	case !ok:
		c.Out.Error(ErrNotInteger)
	default:
		c.Out.Error("ERR value is out of range, value must between -2147483648 and 2147483647")
	}
	return 0, false
}

func (c *Ctx) isDB(i int) bool { return i >= 0 && i < c.KS.Databases() }

// database reads the number of a database; when it is none it replies the error.
func (c *Ctx) database(arg []byte) (*keyspace.DB, bool) {
	i, ok := c.int32(arg, "")
	if !ok {
		return nil, false
	}
	if !c.isDB(i) {
		c.Out.Error(ErrDBRange)
		return nil, false
	}
	return c.KS.DB(i), true
}

func rename(c *Ctx) {
	if found, _ := c.renameKey(true); found {
		c.Out.OK()
	} else {
		c.Out.Error(ErrNoKey)
	}
}

func renameNX(c *Ctx) {
	found, moved := c.renameKey(false)
	switch {
	case !found:
		c.Out.Error(ErrNoKey)
	case moved:
		c.Out.Int(1)
	default:
		c.Out.Int(0)
	}
}

// renameKey tells whether the key was found, and whether it has another name now.
func (c *Ctx) renameKey(overwrite bool) (found, moved bool) {
	from, to := c.Args[1], c.Args[2]
	if _, found = c.DB.Peek(from); !found || bytes.Equal(from, to) {
		return found, false
	}
	if !overwrite {
		if _, there := c.DB.Peek(to); there {
			return true, false
		}
	}
	c.DB.Rename(from, to)
	c.Fx.Notify(EventNew, "new", to)
	c.Fx.Notify(EventGeneric, "rename_from", from)
	c.Fx.Notify(EventGeneric, "rename_to", to)
	c.Fx.Dirty++
	return true, true
}

func move(c *Ctx) {
	key := c.Args[1]
	to, ok := c.database(c.Args[2])
	if !ok {
		return
	}
	if to == c.DB {
		c.Out.Error(ErrSameObject)
		return
	}
	if !c.DB.Move(key, to) {
		c.Out.Int(0)
		return
	}
	c.Fx.NotifyIn(to.Index(), EventNew, "new", key)
	c.Fx.Notify(EventGeneric, "move_from", key)
	c.Fx.NotifyIn(to.Index(), EventGeneric, "move_to", key)
	c.Fx.Dirty++
	c.Out.Int(1)
}

func copyKey(c *Ctx) {
	from, to := c.Args[1], c.Args[2]
	db, replace := c.DB, false
	for i := 3; i < len(c.Args); i++ {
		switch a := c.Args[i]; {
		case Is(a, "REPLACE"):
			replace = true
		case Is(a, "DB") && i+1 < len(c.Args):
			var ok bool
			i++
			if db, ok = c.database(c.Args[i]); !ok {
				return
			}
		default:
			c.Out.Error(ErrSyntax)
			return
		}
	}
	if db == c.DB && bytes.Equal(from, to) {
		c.Out.Error(ErrSameObject)
		return
	}
	if _, found := c.Read(from); !found {
		c.Out.Int(0)
		return
	}
	if _, there := db.Peek(to); there && !replace {
		c.Out.Int(0)
		return
	}
	c.DB.Copy(from, db, to)
	c.Fx.NotifyIn(db.Index(), EventNew, "new", to)
	c.Fx.NotifyIn(db.Index(), EventGeneric, "copy_to", to)
	c.Fx.Dirty++
	c.Out.Int(1)
}
