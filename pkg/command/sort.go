package command

import "redisd/pkg/keyspace"

// SORT and SORT_RO: this file has the words of the call and the reply, sort_items.go
// the elements and their order, sort_pattern.go the keys that patterns name.

func sortSpecs() []Spec {
	const complexity = "O(N+M*log(M)) where N is the number of elements and M that of those returned; O(N) when they are not sorted."
	const cats = CatSet | CatSortedSet | CatList | CatDangerous
	pattern := with("BY", "pattern", "pattern")
	pattern.Key = 2
	gets := with("GET", "pattern", "pattern")
	gets.Key, gets.MultipleToken = 2, true
	alpha := word("ALPHA")
	alpha.Name = "sorting"
	args := oneKeyArg(optional(pattern, ""),
		optional(Arg{Name: "offset_count", Type: "block", Token: "LIMIT", Sub: []Arg{arg("offset", "integer"), arg("count", "integer")}}, ""),
		many(optional(gets, "")), optional(oneOf("order", word("ASC"), word("DESC")), ""), optional(alpha, ""))
	keys := []KeySpec{{Flags: KeyRO | KeyAccess, Index: 1, Step: 1},
		{Flags: KeyRO | KeyAccess, Unknown: true,
			Notes: "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort"}}
	destination := keyArg("destination", 2)
	destination.Token = "STORE"
	return []Spec{
		{Name: "sort", Arity: -2, Flags: Write | DenyOOM, Categories: cats, Group: "generic", Since: "1.0.0", Handler: sortKey,
			Summary: "Sorts the elements of a list, set or sorted set, and returns or stores them.", Complexity: complexity,
			Keys: append(keys[:2:2], KeySpec{Flags: KeyOW | KeyUpdate, Unknown: true,
				Notes: "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array"}),
			FindKeys: sortKeys, Args: append(args[:len(args):len(args)], optional(destination, ""))},
		{Name: "sort_ro", Arity: -2, Flags: ReadOnly, Categories: cats, Group: "generic", Since: "7.0.0", Handler: sortKey,
			Summary: "Returns the sorted elements of a list, set or sorted set.", Complexity: complexity,
			Keys: keys, FindKeys: func([][]byte) []KeyRef { return []KeyRef{{1, KeyRO | KeyAccess}} }, Args: args},
	}
}

// sortKeys finds the keys of a SORT: the first word, and what the last STORE names.
func sortKeys(argv [][]byte) []KeyRef {
	keys := []KeyRef{{1, KeyRO | KeyAccess}}
	for i := 2; i < len(argv); i++ {
		switch a := argv[i]; {
		case Is(a, "LIMIT"):
			i += 2
		case Is(a, "GET") || Is(a, "BY"):
			i++
		case Is(a, "STORE") && i+1 < len(argv):
			keys = append(keys[:1], KeyRef{i + 1, KeyOW | KeyUpdate})
		}
	}
	return keys
}

// sortCall is one SORT.
type sortCall struct {
	desc, alpha, unsorted bool
	by                    *sortPattern // nil: the elements themselves
	gets                  []sortPattern
	offset, count         int64
	store                 []byte // nil: reply
	unordered             bool   // elements come from a set, in no order that means anything
	items                 []sortItem
	text                  []byte // what items point into
	name                  []byte // room for the name of a key
}

// parseSort reads the options; when they make no sense it replies the error.
func (c *Ctx) parseSort() (o *sortCall, ok bool) {
	o = &sortCall{count: -1}
	args := c.Args
	for i := 2; i < len(args); i++ {
		left := len(args) - i - 1
		switch a := args[i]; {
		case Is(a, "ASC"):
			o.desc = false
		case Is(a, "DESC"):
			o.desc = true
		case Is(a, "ALPHA"):
			o.alpha = true
		case Is(a, "LIMIT") && left >= 2:
			if o.offset, ok = c.Int(args[i+1]); !ok {
				return nil, false
			}
			if o.count, ok = c.Int(args[i+2]); !ok {
				return nil, false
			}
			i += 2
		case Is(a, "STORE") && left >= 1 && c.Spec.Writes():
			i++
			o.store = args[i]
		case Is(a, "BY") && left >= 1:
			i++
			p := parseSortPattern(args[i])
			if !p.constant && !c.mayReadAll("BY") {
				return nil, false
			}
			o.by = &p
			o.unsorted = o.unsorted || p.constant
		case Is(a, "GET") && left >= 1:
			if !c.mayReadAll("GET") {
				return nil, false
			}
			i++
			o.gets = append(o.gets, parseSortPattern(args[i]))
		default:
			c.Out.Error(ErrSyntax)
			return nil, false
		}
	}
	return o, true
}

// mayReadAll demands that the caller may read every key, because an option names keys
// by what it finds.
func (c *Ctx) mayReadAll(option string) bool {
	if c.MayReadAll == nil || c.MayReadAll(c) {
		return true
	}
	c.Out.Errorf("ERR %s option of SORT denied due to insufficient ACL permissions.", option)
	return false
}

// limits gives the part of n elements that LIMIT asks for.
func (o *sortCall) limits(n int) (from, to int) {
	from = int(min(max(o.offset, 0), int64(n)))
	if o.count < 0 {
		return from, n
	}
	return from, from + int(min(o.count, int64(n-from)))
}

func sortKey(c *Ctx) {
	o, ok := c.parseSort()
	if !ok {
		return
	}
	e, found := c.Read(c.Args[1])
	if found && e.Type() != keyspace.List && e.Type() != keyspace.Set && e.Type() != keyspace.ZSet {
		c.Out.Error(ErrWrongType)
		return
	}
	o.unordered = found && e.Type() == keyspace.Set
	if o.unsorted && o.unordered && (o.store != nil || c.Script) {
		// Stored in some order, a log or a replica would have another one.
		o.unsorted, o.alpha, o.by = false, true, nil
	}
	from, to := 0, 0
	if found {
		n := sortLen(e)
		from, to = o.limits(n)
		if o.unsorted && !o.unordered {
			o.load(e, from, to)
			from, to = 0, to-from
		} else {
			o.load(e, 0, n)
		}
	}
	if !o.unsorted {
		if !c.weigh(o) {
			c.Out.Error("ERR One or more scores can't be converted into double")
			return
		}
		o.sort(from, to)
	}
	if o.store == nil {
		c.replySorted(o, o.items[from:to])
	} else {
		c.storeSorted(o, o.items[from:to])
	}
}

func (c *Ctx) replySorted(o *sortCall, items []sortItem) {
	c.Out.Array(len(items) * max(len(o.gets), 1))
	for i := range items {
		element := o.element(&items[i])
		if o.gets == nil {
			c.Out.Bulk(element)
		}
		for j := range o.gets {
			if val, found := c.followPattern(o, &o.gets[j], element); found {
				c.Out.Bulk(val)
			} else {
				c.Out.Null()
			}
		}
	}
}

// storeSorted makes the list that STORE names. All values are looked up before it
// takes the place of what is there: that may be among them.
func (c *Ctx) storeSorted(o *sortCall, items []sortItem) {
	key := o.store
	if o.gets != nil {
		items = c.gotten(o, items)
	}
	remove := c.DB.Delete
	if c.LazyServerDel {
		remove = c.DB.Unlink
	}
	existed := remove(key)
	c.Out.Int(int64(len(items)))
	if len(items) == 0 {
		if existed {
			c.Fx.Notify(EventGeneric, "del", key)
			c.Fx.Dirty++
		}
		return
	}
	l := c.DB.NewList(key).List()
	for i := range items {
		l.PushTail(o.element(&items[i]))
	}
	c.created(key, existed)
	c.Fx.Notify(EventList, "sortstore", key)
	c.Fx.Dirty += int64(len(items))
}

// gotten is what the GET patterns give for items, an item each; nothing is an empty
// string.
func (c *Ctx) gotten(o *sortCall, items []sortItem) []sortItem {
	all := make([]sortItem, 0, len(items)*len(o.gets))
	for i := range items {
		for j := range o.gets {
			val, _ := c.followPattern(o, &o.gets[j], o.element(&items[i]))
			all = append(all, o.keep(val))
		}
	}
	return all
}
