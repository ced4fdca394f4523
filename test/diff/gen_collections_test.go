package diff

import "strconv"

// Commands of lists, sets and hashes.

// elem is an element, member or field: few, so that they meet, and of all kinds.
func (g generator) elem() string {
	switch g.Intn(12) {
	case 0:
		return g.pick("", "-1", "0", "007", "12345678901", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "3.5", "bin\x00\r\n\xff")
	case 1:
		return g.bytes(g.pickInt(8, 9, 64, 65, 100))
	case 2, 3, 4:
		return strconv.Itoa(g.Intn(12))
	case 5:
		return strconv.Itoa(g.Intn(100_000) - 50_000)
	}
	return "m" + strconv.Itoa(g.Intn(14))
}

// elems are n elements or fewer, once in a while many.
func (g generator) elems(n int) []string {
	if g.chance(25) {
		n = 150
	}
	return append([]string{g.elem()}, g.some(n-1, g.elem)...)
}

// index is a position: near either end, or far outside.
func (g generator) index() string {
	if g.chance(15) {
		return g.pick("100", "-100", "9223372036854775807", "-9223372036854775808", "x", "1.5", "")
	}
	return strconv.Itoa(g.Intn(14) - 7)
}

// span is from one position to another.
func (g generator) span() []string {
	if g.chance(3) {
		return []string{"0", "-1"}
	}
	return []string{g.index(), g.index()}
}

// count is a number of elements, mostly small.
func (g generator) count() string {
	if g.chance(12) {
		return g.pick("-1", "0", "1000", "9223372036854775807", "-9223372036854775808", "x", "")
	}
	return strconv.Itoa(g.Intn(6))
}

// timeout is for commands that would block: the shortest there is, or a bad one.
func (g generator) timeout() string {
	if g.chance(4) {
		return g.pick("-1", "x", "", "nan", "-0.5", "1e-5")
	}
	return "0.001"
}

func (g generator) side() string {
	if g.chance(25) {
		return g.pick("up", "", "lefts")
	}
	return g.pick("left", "right", "LEFT", "RIGHT")
}

func join(head []string, more ...[]string) []string {
	for _, m := range more {
		head = append(head, m...)
	}
	return head
}

// numKeys are keys behind their number, which is wrong now and then.
func (g generator) numKeys(n int) []string {
	keys := g.keys(n)
	count := strconv.Itoa(len(keys))
	if g.chance(25) {
		count = g.pick("0", "-1", "1", "2", "99", "x", "9223372036854775807")
	}
	return append([]string{count}, keys...)
}

func (g generator) lists() []string {
	k := g.key()
	switch g.Intn(30) {
	case 0, 1, 2, 3, 25, 26, 27:
		return join([]string{g.pick("lpush", "rpush"), k}, g.elems(5))
	case 4:
		return join([]string{g.pick("lpushx", "rpushx"), k}, g.elems(3))
	case 5, 6:
		return []string{"linsert", k, g.pick("before", "AFTER", "before", "after", "up"), g.elem(), g.elem()}
	case 7, 8:
		return []string{"lset", k, g.index(), g.elem()}
	case 9, 10:
		return []string{"lrem", k, g.pick("0", "1", "-1", "2", "-3", g.index()), g.elem()}
	case 11:
		return []string{"ltrim", k, g.index(), g.index()}
	case 12, 13:
		return []string{g.pick("lpop", "rpop"), k, g.count()}[:g.pickInt(2, 3)]
	case 14:
		return []string{"llen", k}
	case 15:
		return []string{"lindex", k, g.index()}
	case 16, 17:
		return join([]string{"lrange", k}, g.span())
	case 18, 19: // 7.2 refuses the rank whose negative does not fit, 7.0 does not
		c := []string{"lpos", k, g.elem()}
		for range g.Intn(4) {
			c = append(c, g.pick("rank", "COUNT", "maxlen", "RANK"), g.pick("0", "1", "-1", "2", "-2", "3", "100", "-9223372036854775807", "x"))
		}
		return c
	case 20, 21:
		return []string{"lmove", k, g.key(), g.side(), g.side()}
	case 22:
		return []string{"rpoplpush", k, g.key()}
	case 23:
		c := join([]string{"lmpop"}, g.numKeys(3), []string{g.side()})
		return join(c, g.options("COUNT", g.count))
	case 24:
		switch g.Intn(12) { // each takes a millisecond of redis-server's
		case 0:
			return join([]string{g.pick("blpop", "brpop")}, g.keys(3), []string{g.timeout()})
		case 1:
			return []string{"blmove", k, g.key(), g.side(), g.side(), g.timeout()}
		case 2:
			return []string{"brpoplpush", k, g.key(), g.timeout()}
		case 3:
			c := join([]string{"blmpop", g.timeout()}, g.numKeys(3), []string{g.side()})
			return join(c, g.options("COUNT", g.count))
		}
	}
	return join([]string{"rpush", k}, g.elems(20))
}

// options is an option with its value, or nothing, or half of it, or twice.
func (g generator) options(word string, value func() string) []string {
	switch g.Intn(12) {
	case 0:
		return []string{word}
	case 1:
		return []string{word, value(), word, value()}
	case 2:
		return []string{"FOO"}
	case 3, 4, 5, 6:
		return []string{word, value()}
	}
	return nil
}

func (g generator) sets() []string {
	k := g.key()
	switch g.Intn(28) {
	case 0, 1, 2, 3, 22, 23, 24:
		return join([]string{"sadd", k}, g.elems(5))
	case 4:
		c := []string{"sadd", k} // numbers alone stay an intset
		for range g.Intn(8) + 1 {
			c = append(c, strconv.Itoa(g.Intn(1<<g.pickInt(3, 15, 16, 31, 32, 40))))
		}
		return c
	case 5, 6:
		return join([]string{"srem", k}, g.elems(4))
	case 7:
		return []string{"smembers", k}
	case 8:
		return []string{"sismember", k, g.elem()}
	case 9:
		return join([]string{"smismember", k}, g.elems(4))
	case 10:
		return []string{"scard", k}
	case 11:
		return []string{"spop", k, g.count()}[:g.pickInt(2, 3)]
	case 12:
		return []string{"srandmember", k, g.pick(g.count(), g.index())}[:g.pickInt(2, 3)]
	case 13, 14:
		return []string{"smove", k, g.key(), g.elem()}
	case 15, 16:
		return join([]string{g.pick("sinter", "sunion", "sdiff")}, g.keys(4))
	case 17, 18, 19, 20:
		return join([]string{g.pick("sinterstore", "sunionstore", "sdiffstore"), k}, g.keys(4))
	case 21:
		return join([]string{"sintercard"}, g.numKeys(3), g.options("LIMIT", g.count))
	}
	return join([]string{"sadd", k}, g.elems(10))
}

func (g generator) hashes() []string {
	k := g.key()
	number := func() string { return g.pick(g.int(), g.value(), "1", "-3", "0.5", "3.0e3") }
	switch g.Intn(22) {
	case 0, 1, 2, 3, 4:
		c := []string{g.pick("hset", "hset", "hmset"), k}
		for range g.pickInt(1, 1, 2, 3, 3, 40) {
			c = append(c, g.elem(), g.pick(g.elem(), g.value()))
		}
		return c
	case 5:
		return []string{"hsetnx", k, g.elem(), g.elem()}
	case 6:
		return []string{"hget", k, g.elem()}
	case 7:
		return join([]string{"hmget", k}, g.elems(4))
	case 8:
		return []string{g.pick("hgetall", "hkeys", "hvals"), k}
	case 9:
		return []string{"hlen", k}
	case 10:
		return []string{g.pick("hstrlen", "hexists"), k, g.elem()}
	case 11, 12, 13:
		return join([]string{"hdel", k}, g.elems(4))
	case 14, 15:
		return []string{"hincrby", k, g.elem(), g.int()}
	case 16, 17:
		return []string{"hincrbyfloat", k, g.elem(), number()}
	case 18:
		c := []string{"hrandfield", k, g.pick(g.count(), g.index())}[:g.pickInt(2, 3, 3)]
		return join(c, g.pickWords("WITHVALUES"))
	case 19:
		return []string{"hset", k, g.elem(), number()}
	}
	return []string{"hset", k, g.elem(), g.elem()}
}

// pickWords is each of the words, or not.
func (g generator) pickWords(words ...string) (some []string) {
	for _, w := range words {
		if g.chance(2) {
			some = append(some, w)
		}
	}
	return some
}
