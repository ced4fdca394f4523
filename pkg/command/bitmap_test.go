package command_test

import (
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/mem"
)

const notBitOffset = "-ERR bit offset is not an integer or out of range"

func TestBits(t *testing.T) {
	const notBit = "-ERR bit is not an integer or out of range"
	runSpecs(t, []spec{
		{"setbit new", "", "setbit k 7 1", ":0", 1, "=", "n:new:k $:setbit:k"},
		{"setbit new to 0", "", "setbit k 7 0", ":0", 1, "=", "n:new:k $:setbit:k"},
		{"setbit grows", "set k a", "setbit k 8 0", ":0", 1, "=", "$:setbit:k"},
		{"setbit", "set k a", "setbit k 1 0", ":1", 1, "=", "$:setbit:k"},
		{"setbit as it is", "set k a", "setbit k 1 1", ":1", 0, "", ""},
		{"setbit in digits", "set k 1", "setbit k 6 1", ":0", 1, "=", "$:setbit:k"},
		{"setbit other value", "", "setbit k 6 2", notBit, 0, "", ""},
		{"setbit no bit", "", "setbit k 6 x", notBit, 0, "", ""},
		{"setbit negative", "", "setbit k -1 1", notBitOffset, 0, "", ""},
		{"setbit too far", "", "setbit k 4294967296 1", notBitOffset, 0, "", ""},
		{"setbit no hash offsets", "", "setbit k #1 1", notBitOffset, 0, "", ""},
		{"the offset comes before the bit", "", "setbit k x x", notBitOffset, 0, "", ""},
		{"getbit", "set k a", "getbit k 1", ":1", 0, "", ""},
		{"getbit of digits", "set k 1", "getbit k 7", ":1", 0, "", ""},
		{"getbit behind the end", "set k a", "getbit k 4294967295", ":0", 0, "", ""},
		{"getbit missing", "", "getbit k 0", ":0", 0, "", "m:keymiss:k"},
		{"getbit too far", "", "getbit k 4294967296", notBitOffset, 0, "", ""},
	})
}

func TestBitCount(t *testing.T) {
	const notInt = "-ERR value is not an integer or out of range"
	runSpecs(t, []spec{
		{"all", "set k foobar", "bitcount k", ":26", 0, "", ""},
		{"missing", "", "bitcount k", ":0", 0, "", "m:keymiss:k"},
		{"missing hides bad words", "", "bitcount k 1", ":0", 0, "", "m:keymiss:k"},
		{"range", "set k foobar", "bitcount k 0 0", ":4", 0, "", ""},
		{"range of bytes", "set k foobar", "bitcount k 1 1 byte", ":6", 0, "", ""},
		{"range of bits", "set k foobar", "bitcount k 5 30 BIT", ":17", 0, "", ""},
		{"from the end", "set k foobar", "bitcount k -2 -1", ":7", 0, "", ""},
		{"bits from the end", "set k foobar", "bitcount k -3 -1 bit", ":1", 0, "", ""},
		{"beyond", "set k foobar", "bitcount k 0 1000", ":26", 0, "", ""},
		{"turned round", "set k foobar", "bitcount k 3 2", ":0", 0, "", ""},
		{"turned round hides a bad word", "set k foobar", "bitcount k -1 -2 x", ":0", 0, "", ""},
		{"of digits", "set k 123", "bitcount k 0 0", ":3", 0, "", ""},
		{"of nothing", "set k ''", "bitcount k 0 -1", ":0", 0, "", ""},
		{"start alone", "set k a", "bitcount k 0", "-ERR syntax error", 0, "", ""},
		{"bad unit", "set k a", "bitcount k 0 1 x", "-ERR syntax error", 0, "", ""},
		{"too many", "set k a", "bitcount k 0 1 bit x", "-ERR syntax error", 0, "", ""},
		{"no number", "set k a", "bitcount k 0 x", notInt, 0, "", ""},
	})
}

func TestBitPos(t *testing.T) {
	runSpecs(t, []spec{
		{"one", "setbit k 77 1", "bitpos k 1", ":77", 0, "", ""},
		{"one in a range", "set k aa", "bitpos k 1 1", ":9", 0, "", ""},
		{"one in a range of bits", "set k a", "bitpos k 1 2 3 bit", ":2", 0, "", ""},
		{"no one", "setbit k 77 0", "bitpos k 1", ":-1", 0, "", ""},
		{"zero", "set k a", "bitpos k 0", ":0", 0, "", ""},
		{"zero behind the end", "bitfield k set u8 0 255", "bitpos k 0", ":8", 0, "", ""},
		{"zero behind the end of a start", "bitfield k set u16 0 65535", "bitpos k 0 1", ":16", 0, "", ""},
		{"no zero within an end", "bitfield k set u8 0 255", "bitpos k 0 0 -1", ":-1", 0, "", ""},
		{"empty range", "set k a", "bitpos k 0 5", ":-1", 0, "", ""},
		{"empty string", "set k ''", "bitpos k 0", ":-1", 0, "", ""},
		{"missing, zero", "", "bitpos k 0", ":0", 0, "", "m:keymiss:k"},
		{"missing, one", "", "bitpos k 1 x", ":-1", 0, "", "m:keymiss:k"},
		{"no bit", "", "bitpos k 2", "-ERR The bit argument must be 1 or 0.", 0, "", ""},
		{"no number", "", "bitpos k x", "-ERR value is not an integer or out of range", 0, "", ""},
		{"bad unit", "set k a", "bitpos k 1 0 -1 x", "-ERR syntax error", 0, "", ""},
		{"too many", "set k a", "bitpos k 1 0 -1 bit x", "-ERR syntax error", 0, "", ""},
	})
}

func TestBitOp(t *testing.T) {
	runSpecs(t, []spec{
		{"and", "mset a abc b aB", "bitop AND d a b", ":3", 1, "=", "n:new:d $:set:d"},
		{"over an own source", "mset a abc b aB", "bitop or a a b", ":3", 1, "=", "$:set:a"},
		{"not", "set a a", "bitop not d a", ":1", 1, "=", "n:new:d $:set:d"},
		{"of nothing deletes", "set d x", "bitop xor d a b", ":0", 1, "=", "m:keymiss:a m:keymiss:b g:del:d"},
		{"of nothing", "", "bitop xor d a", ":0", 0, "", "m:keymiss:a"},
		{"not of two", "", "bitop not d a b", "-ERR BITOP NOT must be called with a single source key.", 0, "", ""},
		{"no operation", "", "bitop nand d a b", "-ERR syntax error", 0, "", ""},
	})
	s := newSession(t)
	s.run("mset a abcdef n 12 b X ex 100")
	s.run("set d old ex 100")
	check.Eq(t, s.run("bitop and d a n"), ":6")
	check.Eq(t, s.run("get d"), "$6 !\"\x00\x00\x00\x00") // abcdef with "12" filled up with zeros
	check.Eq(t, s.run("ttl d"), ":-1")
	check.Eq(t, s.run("bitop not d n"), ":2")
	check.Eq(t, s.run("bitop not d d"), ":2")
	check.Eq(t, s.run("get d"), "$2 12")
	check.Eq(t, s.run("object encoding d"), "$3 raw")
	check.Eq(t, s.run("setbit big 80000 1"), ":0")
	check.Eq(t, s.run("bitop or big big a n big"), ":10001")
	check.Eq(t, s.run("getrange big 0 5"), "$6 qrcdef")
	check.Eq(t, s.run("getbit big 80000"), ":1")
	check.Eq(t, s.arena.UsedBy(mem.Scratch), uint64(0))
}

func TestBitField(t *testing.T) {
	const badType = "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
	runSpecs(t, []spec{
		{"get", "set k abc", "bitfield k get u8 0 get u8 #1 get i4 4 get u16 16", "*4 :97 :98 :1 :25344", 0, "", ""},
		{"get of digits", "set k 12", "bitfield k get u8 #1", "*1 :50", 0, "", ""},
		{"get of nothing", "", "bitfield k get u63 5", "*1 :0", 0, "", "m:keymiss:k"},
		{"nothing", "", "bitfield k", "*0", 0, "", "m:keymiss:k"},
		{"set", "", "bitfield k set u8 0 255 set i8 #1 -1", "*2 :0 :0", 2, "=", "n:new:k $:setbit:k"},
		{"set as it is", "set k a", "bitfield k set u8 0 97", "*1 :97", 0, "", ""},
		{"set that grows", "set k a", "bitfield k set u8 8 0", "*1 :0", 1, "=", "$:setbit:k"},
		{"incrby wraps", "bitfield k set u8 0 255", "bitfield k incrby u8 0 2", "*1 :1", 1, "=", "$:setbit:k"},
		{"sat", "bitfield k set u8 0 250", "bitfield k overflow sat incrby u8 0 9 incrby u8 0 -300", "*2 :255 :0", 2, "=", "$:setbit:k"},
		{"fail", "bitfield k set u8 0 250", "bitfield k overflow fail incrby u8 0 9 get u8 0", "*2 $-1 :250", 0, "", ""},
		{"overflow stands for what follows", "", "bitfield k incrby u2 0 5 overflow sat incrby u2 2 5 overflow wrap incrby u2 4 5",
			"*3 :1 :3 :1", 3, "=", "n:new:k $:setbit:k"},
		{"failing makes room all the same", "", "bitfield k overflow fail set u8 0 256", "*1 $-1", 1, "=", "n:new:k"},
		{"u64", "", "bitfield k get u64 0", badType, 0, "", ""},
		{"i65", "", "bitfield k get i65 0", badType, 0, "", ""},
		{"no type", "", "bitfield k get x 0", badType, 0, "", ""},
		{"bad offset", "", "bitfield k get u8 -1", notBitOffset, 0, "", ""},
		{"bad hash offset", "", "bitfield k get u8 #", notBitOffset, 0, "", ""},
		{"hash offset overflow", "", "bitfield k get u8 #2305843009213693952", notBitOffset, 0, "", ""},
		{"bad value", "", "bitfield k set u8 0 x", "-ERR value is not an integer or out of range", 0, "", ""},
		{"bad overflow", "", "bitfield k overflow x", "-ERR Invalid OVERFLOW type specified", 0, "", ""},
		{"word missing", "", "bitfield k set u8 0", "-ERR syntax error", 0, "", ""},
	})
	s := newSession(t)
	s.run("set k a")
	ro := func(more string) string {
		return s.exec(append([][]byte{[]byte("bitfield_ro"), []byte("k")}, words(more)...))
	}
	check.Eq(t, ro("get u8 0 overflow sat get u4 4"), "*2 :97 :1")
	check.Eq(t, ro("set u8 0 1"), "-ERR BITFIELD_RO only supports the GET subcommand")
	check.Eq(t, ro("set u8 0 x"), "-ERR value is not an integer or out of range")
}

func TestBitmapsKeepWhatTheyShould(t *testing.T) {
	s := newSession(t)
	s.run("set k a ex 100")
	s.run("setbit k 100 1")
	s.run("bitfield k set u8 200 1")
	check.Eq(t, s.run("ttl k"), ":100")
	s.ctx.MaxString = 10
	check.Eq(t, s.run("setbit k 79 1"), ":0")
	check.Eq(t, s.run("setbit k 80 1"), notBitOffset)
	s.ctx.Replaying = true
	check.Eq(t, s.run("setbit k 800 1"), ":0")
}

func TestBitmapsAllocateNothing(t *testing.T) {
	noAllocations(t, "setbit k 5000 1", "setbit k 4999 0; setbit k 4999 1; getbit k 4999", "bitcount k; bitcount k 3 -3 bit", "bitpos k 1",
		"bitfield k incrby u9 #4 1 get i5 3 overflow sat set i64 1000 5", "bitop and k k k", "set n 12; setbit n 3 1")
}

// noAllocations checks that no line, command lines separated by ;, makes Go objects
// once it ran before.
func noAllocations(t *testing.T, lines ...string) {
	t.Helper()
	s := newSession(t)
	for _, line := range lines {
		var argvs [][][]byte
		for one := range strings.SplitSeq(line, ";") {
			argvs = append(argvs, words(one))
		}
		once := func() {
			for _, argv := range argvs {
				runHot(s, argv)
			}
		}
		once()
		if n := testing.AllocsPerRun(100, once); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}
