package diff

import "strconv"

// Commands of sorted sets, geo and SORT.

func (g generator) score() string {
	switch g.Intn(10) {
	case 0:
		return g.pick("inf", "-inf", "+inf", "nan", "1e308", "-1e308", "5e-324", "x", "", "-0", "0.1", "3.0000000000000001")
	case 1, 2:
		return strconv.FormatFloat(g.NormFloat64()*100, 'g', g.Intn(17)+1, 64)
	}
	return strconv.Itoa(g.Intn(20) - 10)
}

func (g generator) scoreBound() string {
	return g.pick("", "", "(") + g.pick("-inf", "+inf", "0", "5", "-5", g.score())
}

func (g generator) lexBound() string {
	if g.chance(10) {
		return g.pick("", "x", "m", "--", "(")
	}
	return g.pick("-", "+", "["+g.elem(), "("+g.elem())
}

// bounds are two of one kind, the smaller one mostly first.
func (g generator) bounds(kind string) []string {
	switch kind {
	case "score":
		if g.chance(4) {
			return []string{"-inf", "+inf"}
		}
		return []string{g.scoreBound(), g.scoreBound()}
	case "lex":
		if g.chance(4) {
			return []string{"-", "+"}
		}
		return []string{g.lexBound(), g.lexBound()}
	}
	return g.span()
}

func (g generator) limit() []string {
	if g.chance(3) {
		return []string{g.pick("limit", "LIMIT"), g.pick("0", "1", "2", "-1", "x", g.index()), g.pick("1", "3", "-1", "0", g.count())}
	}
	return nil
}

func (g generator) zadd(k string) []string {
	c := []string{"zadd", k}
	for range g.pickInt(0, 0, 0, 0, 1, 1, 2, 3) {
		c = append(c, g.pick("nx", "XX", "GT", "lt", "CH", "ch", "INCR"))
	}
	for range g.pickInt(1, 1, 2, 3, 4, 40) {
		c = append(c, g.score(), g.elem())
	}
	return c
}

// zrange makes the words of ZRANGE and ZRANGESTORE behind the key.
func (g generator) zrange() []string {
	kind := g.pick("index", "score", "lex", "index")
	c := g.bounds(kind)
	if kind == "score" {
		c = append(c, "BYSCORE")
	}
	if kind == "lex" {
		c = append(c, "bylex")
	}
	if g.chance(12) {
		c = append(c, g.pick("BYSCORE", "BYLEX", "FOO"))
	}
	c = append(c, g.pickWords("REV")...)
	if kind != "index" || g.chance(12) {
		c = append(c, g.limit()...)
	}
	return c
}

// aggregate makes the options of unions and intersections of n keys.
func (g generator) aggregate(n int) (o []string) {
	if g.chance(3) {
		o = append(o, "WEIGHTS")
		for range n {
			o = append(o, g.pick("1", "2", "-1", "0.5", "0", "inf", g.score()))
		}
	}
	if g.chance(3) {
		o = append(o, "aggregate", g.pick("sum", "MIN", "max", "avg"))
	}
	return o
}

func (g generator) sortedSets() []string {
	k := g.key()
	switch g.Intn(44) {
	case 0, 1, 2, 3, 4, 5, 34, 35, 36, 37, 38:
		return g.zadd(k)
	case 6:
		return []string{"zincrby", k, g.score(), g.elem()}
	case 7, 8:
		return join([]string{"zrem", k}, g.some(4, g.elem), []string{g.elem()})
	case 9:
		return []string{"zscore", k, g.elem()}
	case 10:
		return join([]string{"zmscore", k}, g.elems(4))
	case 11:
		return []string{"zcard", k}
	case 12:
		return join([]string{"zcount", k}, g.bounds("score"))
	case 13:
		return join([]string{"zlexcount", k}, g.bounds("lex"))
	case 14:
		return []string{g.pick("zrank", "zrevrank"), k, g.elem()}
	case 15, 16, 17:
		return join([]string{"zrange", k}, g.zrange(), g.pickWords("WITHSCORES"))
	case 18:
		return join([]string{"zrevrange", k}, g.bounds("index"), g.pickWords("WITHSCORES"))
	case 19:
		return join([]string{g.pick("zrangebyscore", "zrevrangebyscore"), k}, g.bounds("score"), g.pickWords("WITHSCORES"), g.limit())
	case 20:
		return join([]string{g.pick("zrangebylex", "zrevrangebylex"), k}, g.bounds("lex"), g.limit())
	case 21:
		kind := g.pick("rank", "score", "lex")
		return join([]string{"zremrangeby" + kind, k}, g.bounds(kind))
	case 22, 23:
		return join([]string{"zrangestore", k, g.key()}, g.zrange())
	case 24:
		return []string{g.pick("zpopmin", "zpopmax"), k, g.count()}[:g.pickInt(2, 3)]
	case 25:
		return join([]string{"zmpop"}, g.numKeys(3), []string{g.pick("min", "MAX", "mid")}, g.options("COUNT", g.count))
	case 26:
		c := []string{"zrandmember", k, g.pick(g.count(), g.index())}[:g.pickInt(2, 3, 3)]
		return join(c, g.pickWords("WITHSCORES"))
	case 27, 28:
		keys := g.numKeys(3)
		name := g.pick("zunion", "zinter", "zdiff")
		c := join([]string{name}, keys)
		if name != "zdiff" || g.chance(10) {
			c = join(c, g.aggregate(len(keys)-1))
		}
		return join(c, g.pickWords("WITHSCORES"))
	case 29, 30:
		keys := g.numKeys(3)
		name := g.pick("zunionstore", "zinterstore", "zdiffstore")
		c := join([]string{name, k}, keys)
		if name != "zdiffstore" || g.chance(10) {
			c = join(c, g.aggregate(len(keys)-1))
		}
		return c
	case 31:
		return join([]string{"zintercard"}, g.numKeys(3), g.options("LIMIT", g.count))
	case 32:
		switch g.Intn(8) { // each takes a millisecond of redis-server's
		case 0:
			return join([]string{g.pick("bzpopmin", "bzpopmax")}, g.keys(3), []string{g.timeout()})
		case 1:
			return join([]string{"bzmpop", g.timeout()}, g.numKeys(3), []string{g.pick("min", "max")}, g.options("COUNT", g.count))
		}
	}
	c := []string{"zadd", k} // equal scores, for ranges by name
	for range g.Intn(6) + 1 {
		c = append(c, "0", g.elem())
	}
	return c
}

func (g generator) longitude() string {
	if g.chance(20) {
		return g.pick("180", "-180", "180.1", "x", "nan", "")
	}
	return strconv.FormatFloat(13+g.Float64()*4, 'f', g.Intn(8), 64)
}

func (g generator) latitude() string {
	if g.chance(20) {
		return g.pick("85.05112878", "-85.05112878", "86", "x", "")
	}
	return strconv.FormatFloat(36+g.Float64()*4, 'f', g.Intn(8), 64)
}

func (g generator) place() string { return "m" + strconv.Itoa(g.Intn(8)) }

func (g generator) places(n int) []string {
	return append([]string{g.place()}, g.some(n-1, g.place)...)
}

func (g generator) unit() string {
	if g.chance(20) {
		return g.pick("parsec", "")
	}
	return g.pick("m", "km", "KM", "ft", "mi")
}

func (g generator) radius() string {
	if g.chance(20) {
		return g.pick("-1", "0", "x", "1e10", "nan")
	}
	return strconv.Itoa(g.Intn(400))
}

// within makes the words that tell where GEOSEARCH looks.
func (g generator) within() []string {
	c := []string{"frommember", g.place()}
	if g.chance(2) {
		c = []string{"FROMLONLAT", g.longitude(), g.latitude()}
	}
	if g.chance(2) {
		return join(c, []string{"BYBOX", g.radius(), g.radius(), g.unit()})
	}
	return join(c, []string{"byradius", g.radius(), g.unit()})
}

// geoOptions make the order unique where there is a limit.
func (g generator) geoOptions() []string {
	c := []string{g.pick("asc", "DESC")}
	if g.chance(3) {
		c = append(c, "COUNT", g.pick("1", "2", "3", "5", "100", g.count()))
		if g.chance(20) {
			c = append(c, "ANY")
		}
	}
	return c
}

func (g generator) geo() []string {
	k := g.key()
	with := func() []string { return g.pickWords("WITHCOORD", "withdist", "WITHHASH") }
	switch g.Intn(21) {
	case 0, 1, 2, 3, 4, 18, 19, 20:
		c := []string{"geoadd", k}
		c = append(c, g.pickWords("CH")...)
		if g.chance(5) {
			c = append(c, g.pick("NX", "XX", "nx"))
		}
		for range g.Intn(4) + 1 {
			c = append(c, g.longitude(), g.latitude(), g.place())
		}
		return c
	case 5:
		return join([]string{"geopos", k}, g.places(4))
	case 6, 7:
		return []string{"geodist", k, g.place(), g.place(), g.unit()}[:g.pickInt(4, 5)]
	case 8:
		return join([]string{"geohash", k}, g.places(4))
	case 9, 10, 11, 12:
		return join([]string{"geosearch", k}, g.within(), g.geoOptions(), with())
	case 13, 14:
		return join([]string{"geosearchstore", k, g.key()}, g.within(), g.geoOptions(), g.pickWords("STOREDIST"))
	}
	c := []string{g.pick("georadius", "georadius_ro"), k, g.longitude(), g.latitude(), g.radius(), g.unit()}
	if g.chance(2) {
		c = []string{g.pick("georadiusbymember", "georadiusbymember_ro"), k, g.place(), g.radius(), g.unit()}
	}
	c = join(c, g.geoOptions(), with())
	if g.chance(4) {
		c = append(c, g.pick("STORE", "storedist"), g.key())
	}
	return c
}

func (g generator) sorting() []string {
	switch g.Intn(8) {
	case 0:
		return join([]string{"rpush", g.pick("l:1", "l:2")}, g.elems(10))
	case 1:
		return join([]string{"sadd", g.pick("t:1", "t:2")}, g.elems(10))
	case 2:
		return []string{"zadd", "z:1", g.score(), g.elem(), g.score(), g.elem()}
	case 3:
		return []string{"mset", "w:" + strconv.Itoa(g.Intn(12)), g.score(), "w:m" + strconv.Itoa(g.Intn(14)), g.elem()}
	case 4:
		return []string{"hset", "hw:" + strconv.Itoa(g.Intn(12)), "f", g.score(), "g", g.elem()}
	}
	c := []string{g.pick("sort", "sort", "sort_ro"), g.key()}
	if g.chance(2) {
		// Not together with ALPHA: which of two equal texts comes first is free.
		c = append(c, "BY", g.pick("w:*", "hw:*->f", "hw:*->g", "w:*->", "*", "nosort", "w:1"))
		c = append(c, g.pickWords("desc")...)
	} else {
		c = append(c, g.pickWords("ALPHA", "desc")...)
	}
	c = append(c, g.limit()...)
	for range g.pickInt(0, 0, 1, 2) {
		c = append(c, "GET", g.pick("#", "w:*", "hw:*->g", "nokey*", "x"))
	}
	if c[0] == "sort" && g.chance(4) {
		c = append(c, "STORE", g.pick("l:2", "l:2", "l:2", "l:2", "l:2", g.key()))
	}
	return c
}
