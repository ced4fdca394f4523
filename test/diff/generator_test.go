package diff

import (
	"encoding/binary"
	"math/rand"
	"slices"
	"strconv"
	"strings"

	"redisd/internal/crc64"
	"redisd/pkg/command"
)

// generator makes random commands: mostly good ones on few keys, so that they
// meet, some with bad arguments or too many or few of them, or on keys of another
// type.
type generator struct {
	*rand.Rand
	table    *command.Table
	families []family
	main     int      // the family that most commands are of; above the last one: all
	own      []string // keys of the family of the command that is made
	clock    *int     // the time of stream entries
}

func (g generator) pick(choices ...string) string { return choices[g.Intn(len(choices))] }

func (g generator) pickInt(choices ...int) int { return choices[g.Intn(len(choices))] }

// chance is true once in n times.
func (g generator) chance(n int) bool { return g.Intn(n) == 0 }

// oddKeys are names that are no words.
func oddKeys() []string {
	return []string{"", "with space", "bin\x00\r\n\xff", strings.Repeat("long", 80)}
}

// allKeys are all the keys that are used.
func (g generator) allKeys() []string {
	seen := map[string]bool{}
	var keys []string
	for _, f := range g.families {
		for _, k := range f.keys {
			if !seen[k] {
				seen[k] = true
				keys = append(keys, k)
			}
		}
	}
	return append(keys, oddKeys()...)
}

func (g generator) key() string {
	switch {
	case g.chance(30):
		return g.pick(oddKeys()...)
	case len(g.own) == 0 || g.chance(12):
		return g.pick(g.pick(g.allKeys()...), g.pick(g.families[g.Intn(len(g.families))].keys...))
	}
	return g.pick(g.own...)
}

// keys are from one key up to n.
func (g generator) keys(n int) []string {
	return append([]string{g.key()}, g.some(n-1, g.key)...)
}

// next makes a command that redisd has.
func (g generator) next() []string {
	for {
		args := g.command()
		if g.table.Lookup([]byte(args[0])) != nil {
			return args
		}
	}
}

// command makes one, and breaks some.
func (g generator) command() []string {
	i := g.main
	if i >= len(g.families) || g.chance(8) {
		i = g.Intn(len(g.families))
	}
	f := g.families[i]
	g.own = f.keys
	var c []string
	if g.chance(7) {
		if g.chance(2) {
			g.own = nil
		}
		c = g.keyspace()
	} else {
		c = f.command(g)
	}
	if !g.blocks(c) {
		c = g.broken(c)
	}
	if g.chance(3) {
		c[0] = strings.ToUpper(c[0])
	}
	return c
}

// blocks tells whether a command may wait: with another timeout it would.
func (g generator) blocks(c []string) bool {
	spec := g.table.Lookup([]byte(c[0]))
	return spec != nil && spec.Flags&command.Blocking != 0
}

// wrongWords stand in the place of others; some become keys.
func wrongWords() []string {
	return []string{"", "x", "-1", "0", "nan", "1.5", "9223372036854775808", "COUNT", "-", "+", "inf"}
}

func (g generator) broken(c []string) []string {
	switch g.Intn(60) {
	case 0:
		return c[:g.Intn(len(c))+1]
	case 1:
		return append(c, g.pick("x", "1", "NX", "GET", ""))
	case 2:
		if len(c) > 1 {
			c = slices.Clone(c)
			c[1+g.Intn(len(c)-1)] = g.pick(wrongWords()...)
		}
	}
	return c
}

func (g generator) value() string {
	switch g.Intn(8) {
	case 0, 1:
		return strconv.FormatInt(int64(g.Intn(20_000)-5000), 10)
	case 2:
		return strconv.FormatInt(int64(g.Uint64()), 10)
	case 3:
		return strconv.FormatFloat(g.NormFloat64()*1000, 'g', g.Intn(12)+1, 64)
	case 4:
		n := g.pick("", "0", "-0", "01", " 1", "1 ", "+1", "9223372036854775807", "9223372036854775808",
			"-9223372036854775808", "inf", "-inf", "nan", "1e400", "5e-1", "0x10", "1.5e300", "3.0")
		return n
	case 5:
		return g.bytes(g.pickInt(1, 10, 20, 21, 44, 45, 60))
	case 6:
		return g.bytes(g.pickInt(253, 254, 1023, 1024, 1025, 3000))
	}
	return g.bytes(g.Intn(80))
}

// bytes come in runs of few letters, so that LZF and LCS find something.
func (g generator) bytes(n int) string {
	b := make([]byte, n)
	letters := g.pick("ab", "abcd", "abcdefgh \x00\r\n\xfe0123456789")
	for i := range b {
		b[i] = letters[g.Intn(len(letters))]
	}
	return string(b)
}

func (g generator) int() string {
	switch g.Intn(12) {
	case 0:
		return g.pick("", "x", "1.5", "01", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "9223372036854775")
	case 1:
		return "0"
	}
	return strconv.Itoa(g.Intn(200) - 100)
}

// relative is a time from now. Two of them never come so close that the order of
// the expiries hangs on the milliseconds between the two executions.
func (g generator) relative() string {
	if g.Intn(6) == 0 {
		return g.pick("9223372036854775807", "-1", "0", "-77", "9223372036854776", "-9223372036854775808", "abc", "1.5", "")
	}
	return strconv.FormatInt(1_000_000+int64(g.Intn(1_000_000))*1000, 10)
}

// absolute is a Unix time, in seconds; the same in milliseconds is another one.
func (g generator) absolute() string {
	if g.Intn(6) == 0 {
		return g.pick("9223372036854775807", "-1", "0", "9223372036854776", "1", "1000", "x")
	}
	return strconv.FormatInt(4_000_000_000_000+int64(g.Intn(1_000_000))*1000, 10)
}

func (g generator) some(n int, of func() string) []string {
	words := make([]string, g.Intn(n+1))
	for i := range words {
		words[i] = of()
	}
	return words
}

func (g generator) expiration() []string {
	switch g.Intn(5) {
	case 0:
		return []string{g.pick("ex", "EX"), g.relative()}
	case 1:
		return []string{g.pick("px", "Px"), g.relative()}
	case 2:
		return []string{"EXAT", g.absolute()}
	case 3:
		return []string{"PXAT", g.absolute()}
	}
	return []string{g.pick("EX", "PX", "PXAT", "KEEPTTL", "PERSIST", "GET")}
}

func (g generator) setOptions() (o []string) {
	for range g.pickInt(0, 0, 1, 1, 2, 3) {
		switch g.Intn(3) {
		case 0:
			o = append(o, g.pick("nx", "NX", "XX", "xx", "get", "GET", "keepttl"))
		case 1:
			o = append(o, g.expiration()...)
		case 2:
			o = append(o, g.pick("GET", "NX", "XX", "KEEPTTL", "foo", "nxx", ""))
		}
	}
	return o
}

func (g generator) scanOptions() (o []string) {
	for range g.Intn(4) {
		switch g.Intn(3) {
		case 0:
			o = append(o, g.pick("count", "COUNT"), g.pick("1", "2", "100", "0", "-1", "x", "1000000"))
		case 1:
			o = append(o, g.pick("match", "MATCH"), g.pattern())
		case 2:
			o = append(o, "TYPE", g.pick("string", "STRING", "hash", "list", "set", "zset", "stream", "nope", ""))
		}
	}
	return o
}

func (g generator) pattern() string {
	return g.pick("*", "l:*", "s:?", "[ab]", "[^a]*", "\\x*", "", "**", "*long*", "?", "with*", "z:[1-2]")
}

func (g generator) strings() []string {
	if g.chance(3) {
		return g.stringRead()
	}
	return g.stringWrite()
}

// keyspace makes a command about keys of any type.
func (g generator) keyspace() []string {
	if g.chance(3) {
		return g.expiry()
	}
	return g.generic()
}

func (g generator) stringWrite() []string {
	k := g.key()
	switch g.Intn(20) {
	case 0, 1, 2:
		if g.chance(3) {
			return []string{"set", k, g.int()}
		}
		return append([]string{"set", k, g.value()}, g.setOptions()...)
	case 3:
		return []string{"setnx", k, g.value()}
	case 4:
		return []string{g.pick("setex", "psetex"), k, g.relative(), g.value()}
	case 5:
		return []string{"getset", k, g.value()}
	case 6:
		return []string{"getdel", k}
	case 7:
		return append([]string{"getex", k}, g.expiration()...)
	case 8:
		return append([]string{"getex", k}, g.setOptions()...)
	case 9, 10:
		return []string{"append", k, g.value()}
	case 11, 12:
		return []string{"setrange", k, g.pick("0", "1", "5", "43", "90", "1000", "-1", "x", "536870912", "9223372036854775807"), g.pick("", g.value(), "x")}
	case 13:
		return []string{g.pick("incr", "decr"), k}
	case 14, 15:
		return []string{g.pick("incrby", "decrby"), k, g.int()}
	case 16, 17:
		return []string{"incrbyfloat", k, g.value()}
	}
	c := []string{g.pick("mset", "mset", "msetnx")}
	for range g.Intn(3) + 1 {
		c = append(c, g.key(), g.value())
	}
	return c
}

func (g generator) stringRead() []string {
	k := g.key()
	switch g.Intn(8) {
	case 0, 1:
		return []string{"get", k}
	case 2:
		return append([]string{"mget", k}, g.some(4, g.key)...)
	case 3:
		return []string{"strlen", k}
	case 4, 5:
		return []string{g.pick("getrange", "substr"), k, g.int(), g.int()}
	}
	c := []string{"lcs", k, g.key()}
	for range g.Intn(4) {
		c = append(c, g.pick("IDX", "LEN", "WITHMATCHLEN", "MINMATCHLEN", "idx"))
		if c[len(c)-1] == "MINMATCHLEN" {
			c = append(c, g.pick("0", "1", "2", "4", "-1", "x"))
		}
	}
	return c
}

func (g generator) expiry() []string {
	k := g.key()
	options := g.some(g.pickInt(0, 1, 1, 2, 3), func() string { return g.pick("nx", "XX", "GT", "lt", "LT", "gt", "foo\r\nbar") })
	switch g.Intn(8) {
	case 0:
		return append([]string{g.pick("expire", "pexpire"), k, g.relative()}, options...)
	case 1:
		return append([]string{g.pick("expireat", "pexpireat"), k, g.absolute()}, options...)
	case 2:
		return []string{"persist", k}
	}
	return []string{g.pick("ttl", "pttl", "expiretime", "pexpiretime"), k}
}

func (g generator) generic() []string {
	k, k2 := g.key(), g.key()
	db := g.pick("0", "1", "2", "3", "15", "16", "-1", "x", "2147483648")
	switch g.Intn(17) {
	case 0:
		return append([]string{g.pick("del", "unlink"), k}, g.some(2, g.key)...)
	case 1:
		return append([]string{g.pick("exists", "touch"), k}, g.some(4, g.key)...)
	case 2:
		return []string{"type", k}
	case 3:
		return []string{"keys", g.pattern()}
	case 4:
		return []string{"randomkey"}
	case 5, 6:
		return []string{g.pick("rename", "renamenx"), k, k2}
	case 7:
		return []string{"move", k, db}
	case 8, 9, 10:
		c := []string{"copy", k, k2}
		for range g.Intn(3) {
			c = append(c, g.pick("replace", "DB", "REPLACE", "foo"))
			if c[len(c)-1] == "DB" {
				c = append(c, db)
			}
		}
		return c
	case 11, 12:
		return []string{"object", g.pick("encoding", "ENCODING", "refcount", "idletime", "freq", "help", "nope"), k}[:g.pickInt(2, 3, 3, 3)]
	case 13:
		return []string{"dump", k}
	case 14:
		return g.restore(k)
	case 15:
		return []string{"dbsize"}
	}
	return []string{"swapdb", db, g.pick("0", "1", "2", "x", "99")}
}

func (g generator) restore(k string) []string {
	const hello = "\x00\x05hello"
	payload := g.pick(sealed(hello), sealed(hello), sealed("\x00\xc0\x07"), // good ones
		hello+"\x0a\x0012345678", "", "x", // wrong checksum
		sealed("\x00\x3fhello"), sealed("\x63\x00")) // too short, unknown type
	ttl := g.pick("0", "0", "-1", "x", strconv.Itoa(1_000_000+g.Intn(1_000_000)), "4000000000000")
	c := []string{"restore", k, ttl, payload}
	for range g.Intn(3) {
		switch o := g.pick("replace", "REPLACE", "absttl", "idletime", "freq", "foo"); o {
		case "idletime", "freq":
			c = append(c, o, g.pick("0", "10", "255", "256", "-1", "x"))
		default:
			c = append(c, o)
		}
	}
	return c
}

// sealed gives a payload the footer of version 10.
func sealed(body string) string {
	b := append([]byte(body), 10, 0)
	return string(binary.LittleEndian.AppendUint64(b, crc64.Update(0, b)))
}
