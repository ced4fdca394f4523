package diff

import "strconv"

// Commands of bitmaps, HyperLogLogs and streams.

func (g generator) offset() string {
	if g.chance(12) {
		return g.pick("-1", "x", "", "4294967295", "4294967296", "9223372036854775807", "#", "#-1")
	}
	return strconv.Itoa(g.Intn(g.pickInt(20, 200, 5000)))
}

func (g generator) bitmaps() []string {
	k := g.key()
	switch g.Intn(16) {
	case 0, 1, 2, 3:
		bit := g.offset()
		if len(bit) > 9 {
			bit = g.pick("-1", "4294967296") // not half a gigabyte
		}
		if g.chance(30) {
			return []string{"setbit", k, bit, g.pick("2", "x", "-1")}
		}
		return []string{"setbit", k, bit, g.pick("0", "1", "1")}
	case 4:
		return []string{"getbit", k, g.offset()}
	case 5, 6:
		c := []string{"bitcount", k}
		if g.chance(2) {
			c = append(c, g.index(), g.index())
			c = append(c, g.pickWords("BIT")...)
		}
		return c
	case 7, 8, 9:
		c := []string{"bitpos", k, g.pick("0", "1", "1", "0", "2")}
		switch g.Intn(4) {
		case 0:
			c = append(c, g.index())
		case 1:
			c = append(c, g.index(), g.index())
		case 2:
			c = append(c, g.index(), g.index(), g.pick("BIT", "byte", "x"))
		}
		return c
	case 10, 11:
		op := g.pick("and", "OR", "xor", "nand")
		if g.chance(4) {
			return []string{"bitop", "NOT", k, g.key()}
		}
		return join([]string{"bitop", op, k}, g.keys(4))
	case 12:
		return join([]string{"bitfield_ro", k}, g.bitfieldGet(), g.bitfieldGet()[:g.pickInt(0, 3)])
	case 13:
		return []string{"set", k, g.value()}
	}
	c := []string{"bitfield", k}
	for range g.Intn(4) + 1 {
		switch g.Intn(4) {
		case 0:
			c = join(c, g.bitfieldGet())
		case 1:
			c = append(c, "SET", g.bitType(), g.bitOffset(), g.int())
		case 2:
			c = append(c, "incrby", g.bitType(), g.bitOffset(), g.int())
		case 3:
			c = append(c, "OVERFLOW", g.pick("wrap", "SAT", "fail", "x"))
		}
	}
	return c
}

func (g generator) bitType() string {
	if g.chance(20) {
		return g.pick("u64", "i65", "u0", "x8", "", "i")
	}
	return g.pick("u", "i") + strconv.Itoa(g.Intn(63)+1)
}

func (g generator) bitOffset() string {
	if g.chance(15) {
		return g.pick("-1", "x", "#", "#-1", "99999999999999999999")
	}
	return g.pick("", "#") + strconv.Itoa(g.Intn(100))
}

func (g generator) bitfieldGet() []string { return []string{"get", g.bitType(), g.bitOffset()} }

func (g generator) hyperloglogs() []string {
	k := g.key()
	words := func(n int) (w []string) {
		for range n {
			w = append(w, strconv.Itoa(g.Intn(20_000)))
		}
		return w
	}
	switch g.Intn(10) {
	case 0, 1, 2:
		return join([]string{"pfadd", k}, words(g.Intn(8)))
	case 3:
		return join([]string{"pfadd", k}, words(g.Intn(400)))
	case 4, 5, 6:
		return join([]string{"pfcount"}, g.keys(3))
	case 7:
		return join([]string{"pfmerge", k}, g.keys(3)[:g.pickInt(0, 1)], g.keys(3))
	case 8:
		return []string{g.pick("get", "del"), k}
	}
	if !g.chance(8) {
		return join([]string{"pfadd", k}, words(2))
	}
	return []string{g.pick("set", "append"), k, g.pick("HYLL", "HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80", g.elem())}
}

// newID is an ID as XADD takes it, mostly above those before it, without the parts
// that are the server's to choose.
func (g generator) newID() string {
	if g.chance(800) {
		return "18446744073709551615-18446744073709551615" // nothing can come behind it
	}
	if g.chance(25) {
		return g.pick("0-0", "0-1", "5", "x", "1-", "-", "1-x", "0-*", "x-*")
	}
	*g.clock += g.Intn(3)
	ms := strconv.Itoa(*g.clock)
	if g.chance(6) {
		return ms + "-*"
	}
	return ms + "-" + g.pick("0", "0", "0", "1", "2")
}

// oldID is one that may have been given.
func (g generator) oldID() string {
	ms := strconv.Itoa(max(0, *g.clock-g.Intn(g.pickInt(3, 30, 200))))
	if g.chance(3) {
		return ms
	}
	return ms + "-" + g.pick("0", "0", "0", "1", "2")
}

// streamID is one that a range or a group may name.
func (g generator) streamID() string {
	if g.chance(20) {
		return g.pick("x", "", "$", ">", "18446744073709551615-18446744073709551615", "1-x", "(")
	}
	return g.pick("", "", "", "", "(") + g.pick("-", "+", "0", "0-0", g.oldID(), g.oldID())
}

// exactID has no special signs.
func (g generator) exactID() string {
	if g.chance(20) {
		return g.pick("0", "0-0", "x", "")
	}
	return g.oldID()
}

// ids are two bounds of a range.
func (g generator) ids() []string {
	if g.chance(2) {
		return []string{"-", "+"}
	}
	return []string{g.streamID(), g.streamID()}
}

func (g generator) trim() []string {
	var c []string
	if g.chance(2) {
		c = append(c, "maxlen", g.pick("=", "~", "")) // "" is left out
		c = append(c, g.pick("0", "1", "3", "10", "20", "30", "50", "100", "-1", "x"))
	} else {
		c = append(c, "MINID", g.pick("=", "~", ""), g.exactID())
	}
	if c[1] == "" {
		c = append(c[:1], c[2:]...)
	}
	if g.chance(3) {
		c = append(c, "LIMIT", g.pick("0", "1", "10", "-1", "x"))
	}
	return c
}

func (g generator) group() string { return g.pick("g1", "g2", "g1", "g1", "g2", "g1", "g2", "nogroup") }

func (g generator) consumer() string { return g.pick("alice", "bob", "alice", "bob", "carol", "") }

// fields are names and values of an entry.
func (g generator) fields() (c []string) {
	for range g.pickInt(1, 1, 2, 2, 3) {
		c = append(c, g.pick("a", "b", "c", g.elem()), g.elem())
	}
	return c
}

// read makes what XREAD and XREADGROUP end with.
func (g generator) read(ids ...string) []string {
	n := g.pickInt(1, 1, 2)
	c := append(g.options("COUNT", g.count), "STREAMS")
	keys := g.keys(n)
	c = append(c, keys...)
	for range keys {
		c = append(c, g.pick(ids...))
	}
	return c
}

func (g generator) streams() []string {
	k := g.key()
	idle := func() string { return g.pick("0", "0", "0", "1000000000", "-1", "x") }
	switch g.Intn(38) {
	case 0, 1, 2, 3, 4, 5, 6, 32, 33, 34:
		c := []string{"xadd", k}
		if g.chance(8) {
			c = append(c, "nomkstream")
		}
		if g.chance(12) {
			c = join(c, g.trim())
		}
		return join(c, []string{g.newID()}, g.fields())
	case 7:
		return []string{"xlen", k}
	case 8, 9:
		ids := g.ids()
		if g.chance(2) {
			return join([]string{"xrange", k}, ids, g.options("COUNT", g.count))
		}
		return join([]string{"xrevrange", k, ids[1], ids[0]}, g.options("COUNT", g.count))
	case 10, 11:
		return join([]string{"xdel", k, g.exactID()}, g.some(3, g.exactID))
	case 12:
		return join([]string{"xtrim", k}, g.trim())
	case 13, 14:
		return join([]string{"xread"}, g.read("0", "0", g.exactID(), g.exactID(), "$", ">", "+"))
	case 15:
		if g.chance(6) { // it takes a millisecond of redis-server's
			return join([]string{"xread", "BLOCK", g.pick("1", "-1", "x")}, g.read("$", g.exactID()))
		}
		return []string{"xlen", k}
	case 16, 17:
		c := []string{"xgroup", "create", k, g.group(), g.pick("$", "0", g.exactID())}
		c = append(c, g.pickWords("MKSTREAM")...)
		return join(c, g.options("ENTRIESREAD", func() string { return g.pick("0", "3", "-1", "-2", "x", "100") }))
	case 18:
		switch g.Intn(4) {
		case 0:
			return join([]string{"xgroup", "SETID", k, g.group(), g.pick("$", "0", g.exactID())},
				g.options("ENTRIESREAD", func() string { return g.pick("0", "3", "-1", "-2", "x", "100") }))
		case 1:
			return []string{"xgroup", g.pick("destroy", "nope", "help"), k, g.group()}
		case 2:
			return []string{"xgroup", "CREATECONSUMER", k, g.group(), g.consumer()}
		}
		return []string{"xgroup", "delconsumer", k, g.group(), g.consumer()}
	case 35:
		return []string{"xgroup", "create", k, g.group(), g.pick("$", "0", "0")}
	case 36:
		c := []string{"xadd", k, g.newID()}
		return join(c, g.fields())
	case 19, 20, 21, 22:
		c := []string{"xreadgroup", "GROUP", g.group(), g.consumer()}
		if g.chance(6) {
			c = append(c, "NOACK")
		}
		return join(c, g.read(">", ">", ">", "0", g.exactID(), "$"))
	case 23, 24:
		return join([]string{"xack", k, g.group(), g.exactID()}, g.some(3, g.exactID))
	case 25, 26:
		c := []string{"xpending", k, g.group()}
		if g.chance(2) {
			if g.chance(3) {
				c = append(c, "IDLE", idle())
			}
			c = join(c, g.ids(), []string{g.count()})
			if g.chance(3) {
				c = append(c, g.consumer())
			}
		}
		return c
	case 27, 28:
		c := join([]string{"xclaim", k, g.group(), g.consumer(), idle(), g.exactID()}, g.some(3, g.exactID))
		switch g.Intn(8) {
		case 0:
			c = append(c, "RETRYCOUNT", g.pick("1", "0", "7", "-1", "x"))
		case 1:
			c = append(c, "FORCE")
		case 2:
			c = append(c, "justid", "force")
		case 3:
			c = append(c, "LASTID", g.exactID())
		case 4:
			c = append(c, "TIME", "1000000", "force")
		case 5:
			c = append(c, "IDLE", g.pick("1000000000", "x"))
		}
		return c
	case 29:
		c := join([]string{"xautoclaim", k, g.group(), g.consumer(), idle(), g.pick("0", "-", g.streamID(), g.exactID())}, g.options("COUNT", g.count))
		return join(c, g.pickWords("JUSTID"))
	case 30:
		switch g.Intn(4) {
		case 0:
			return []string{"xinfo", "groups", k}
		case 1:
			return []string{"xinfo", "CONSUMERS", k, g.group()}
		case 2:
			return join([]string{"xinfo", "stream", k, "FULL"}, g.options("COUNT", g.count))
		}
		return []string{"xinfo", "stream", k}
	}
	if !g.chance(4) {
		return join([]string{"xadd", k, g.newID()}, g.fields())
	}
	c := []string{"xsetid", k, g.exactID()}
	if g.chance(2) {
		c = append(c, "ENTRIESADDED", g.pick("0", "1", "1000", "-1", "x"), "MAXDELETEDID", g.exactID())
	}
	return c
}
