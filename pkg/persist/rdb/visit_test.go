package rdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/persist/rdb"
)

// Older forms come as those of today.
func TestVisitOldForms(t *testing.T) {
	const streamLines = "stream (listpacks2) of 1\nnode 1-1 \"1\" \"0\" \"1\" \"f\" \"0\" \"2\" \"0\" \"0\" \"v\" \"4\"\n"
	want := map[string]string{
		"list-linked":  "list (linked) of 3\n\"a\"\n\"5\"\n\"bc\"\nend\n",
		"zset-v1":      "zset (v2) of 3\n\"a\" scores 1.5\n\"b\" scores +Inf\n\"c\" scores -Inf\nend\n",
		"hash-zipmap":  "hash (hashtable) of 2\n\"a\": \"xy\"\n\"bb\": \"z\"\nend\n",
		"list-ziplist": "list (linked) of 12\n\"a\"\n\"0\"\n\"12\"\n\"13\"\n\"-128\"\n\"300\"\n\"70000\"\n\"-8000000\"\n\"2147483647\"\n\"1099511627776\"\n\"" + strings.Repeat("b", 100) + "\"\n\"end\"\nend\n",
		"zset-ziplist": "zset (listpack) of 2\npack \"a\" \"1\" \"b\" \"2.5\"\nend\n",
		"hash-ziplist": "hash (listpack) of 2\npack \"f\" \"v\" \"number\" \"12\"\nend\n",
		"quicklist":    "list (quicklist2) of 2\npack \"f\" \"v\" \"number\" \"12\"\npack \"tail\"\nend\n",
		"stream":       streamLines + "info {Length:1 First:1-1 Last:1-1 MaxDeleted:0-0 Added:1 Groups:0}\nend\n",
		"set-listpack": "set (listpack) of 2\npack \"a\" \"5\"\nend\n",
		"stream-v3": streamLines + "info {Length:1 First:1-1 Last:1-1 MaxDeleted:0-0 Added:1 Groups:1}\n" +
			"group \"group\" {Name:[] Last:1-1 Read:1 Old:false Pending:1}\n" +
			"pending {ID:1-1 Time:6618611909121 Count:1}\n1 consumers\n" +
			"consumer \"consumer\" {Name:[] Seen:6618611909121 Active:6618611909121 Owned:1}\nowns 1-1\nend\n",
	}
	files := legacyFiles()
	for name, items := range newerItems() {
		files[name] = file(11, items)
	}
	delete(files, "module-v2")
	check.Eq(t, len(files), len(want))
	for name, b := range files {
		t.Run(name, func(t *testing.T) {
			typ, body := alone(b)
			got, err := tell(typ, body, rdb.Everything)
			check.NoErr(t, err)
			check.Eq(t, got, want[name])

			// What a Writer makes of it says the same, and is of a type that 7.0 reads.
			again := rewritten(t, typ, body, rdb.Writer{Compress: true}, 1)
			wtyp := rdb.WrittenType(typ)
			check.True(t, wtyp < rdb.TypeSetListpack, "known to 7.0")
			if name == "set-listpack" || name == "stream-v3" {
				_, err := tell(wtyp, again, rdb.Everything)
				check.NoErr(t, err)
				return
			}
			got, err = tell(wtyp, again, rdb.Everything)
			check.NoErr(t, err)
			check.Eq(t, got, want[name])
		})
	}
}

func TestVisitString(t *testing.T) {
	for _, text := range []string{"", "12", "hello", strings.Repeat("long ", 100)} {
		got, err := tell(rdb.TypeString, rdb.AppendString(nil, []byte(text), true), rdb.Everything)
		check.NoErr(t, err)
		check.Eq(t, got, fmt.Sprintf("string of 1\n%q\nend\n", text))
	}
}

// What is refused, and from which scrutiny on. Reasons are Redis's.
func TestVisitRefuses(t *testing.T) {
	const all = rdb.Everything + 1 // accepted by all
	long := strings.Repeat("x", 200)
	tests := []struct {
		name string
		typ  byte
		body string
		from rdb.Scrutiny
		text string
	}{
		{"set", rdb.TypeSet, "\x02\x01a\x01b", all, ""},
		{"set with a double", rdb.TypeSet, "\x02\x01a\x01a", rdb.Everything, "Duplicate set members detected"},
		{"number and text of it", rdb.TypeSet, "\x02\xc0\x05\x015", rdb.Everything, "Duplicate set members detected"},
		{"hash with a double", rdb.TypeHash, "\x02\x01a\x01b\x01a\x01c", rdb.Everything, "Duplicate hash fields detected"},
		{"hash with equal values", rdb.TypeHash, "\x02\x01a\x01c\x01b\x01c", all, ""},
		{"zset with a double", rdb.TypeZset, "\x02\x01a\x011\x01a\x012", rdb.Everything, "Duplicate zset fields detected"},
		{"zset with NaN", rdb.TypeZset, "\x01\x01a\xfd", 0, "Zset with NAN score detected"},
		{"zset 2 with NaN", rdb.TypeZset2, "\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x7f", 0, "Zset with NAN score detected"},
		{"list may hold doubles", rdb.TypeList, "\x02\x01a\x01a", all, ""},
		{"empty list", rdb.TypeList, "\x00", 0, "Empty key"},
		{"empty quicklist", rdb.TypeListQuicklist2, "\x00", 0, "Empty key"},
		{"quicklist of empty nodes", rdb.TypeListQuicklist2, "\x01\x02" + str(listpack()), 0, "Empty key"},
		{"quicklist with an empty node", rdb.TypeListQuicklist2, "\x02\x02" + str(listpack()) + "\x02" + str(listpack("\x01\x01")), all, ""},
		{"unknown container", rdb.TypeListQuicklist2, "\x01\x03\x01a", 0, "Quicklist integrity check failed."},
		{"node of nothing", rdb.TypeListQuicklist2, "\x01\x01\x00", 0, "Quicklist integrity check failed."},
		{"node that is one element", rdb.TypeListQuicklist2, "\x01\x01\x01a", all, ""},
		{"listpack with a lie", rdb.TypeListQuicklist2, "\x01\x02" + str(listpack("\x01\x02")), 0, "Listpack integrity check failed."},
		{"empty hash listpack", rdb.TypeHashListpack, str(listpack()), 0, "Empty key"},
		{"half a pair", rdb.TypeHashListpack, str(listpack("\x01\x01")), 0, "Hash listpack integrity check failed."},
		{"hash listpack with a double", rdb.TypeHashListpack, str(listpack("\x01\x01", "\x02\x01", "\x01\x01", "\x02\x01")), rdb.Packs, "Hash listpack integrity check failed."},
		{"set listpack with a double", rdb.TypeSetListpack, str(listpack("\x01\x01", "\x01\x01")), rdb.Packs, "Set listpack integrity check failed."},
		{"zset listpack with a double", rdb.TypeZsetListpack, str(listpack("\x01\x01", "\x02\x01", "\x01\x01", "\x02\x01")), rdb.Packs, "Zset listpack integrity check failed."},
		{"zset listpack with NaN", rdb.TypeZsetListpack, str(listpack("\x01\x01", "\x83nan\x04")), 0, "Zset listpack integrity check failed."},
		{"zset listpack with text", rdb.TypeZsetListpack, str(listpack("\x01\x01", "\x81x\x02")), 0, "Zset listpack integrity check failed."},
		{"zset listpack with infinity", rdb.TypeZsetListpack, str(listpack("\x01\x01", "\x84-inf\x05")), all, ""},
		{"empty intset", rdb.TypeSetIntset, "\x08\x02\x00\x00\x00\x00\x00\x00\x00", 0, "Intset integrity check failed."},
		{"intset", rdb.TypeSetIntset, "\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00", all, ""},
		{"intset in disorder", rdb.TypeSetIntset, "\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x02\x00\x01\x00", 0, "Intset integrity check failed."},
		{"intset of another width", rdb.TypeSetIntset, "\x0b\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x01", 0, "Intset integrity check failed."},
		{"hash ziplist with a double", rdb.TypeHashZiplist, str(ziplist("a", 1, "a", 2)), 0, "Hash ziplist integrity check failed."},
		{"zset ziplist with text", rdb.TypeZsetZiplist, str(ziplist("a", "b")), 0, "Zset ziplist integrity check failed."},
		{"empty list ziplist", rdb.TypeListZiplist, str(ziplist()), 0, "Empty key"},
		{"zipmap with a double", rdb.TypeHashZipmap, str("\x02\x01a\x01\x00x\x01a\x01\x00y\xff"), 0, "Zipmap integrity check failed."},
		{"zipmap of long strings", rdb.TypeHashZipmap, "\x80\x00\x00\x01\x95\x01\xc8" + long + "\xc8\x00" + long + "\xff", all, ""},
		{"stream without nodes but length", rdb.TypeStreamListpacks, "\x00\x01\x01\x01\x00", 0, "Stream length inconsistent with rax entries"},
		{"stream of nothing", rdb.TypeStreamListpacks, "\x00\x00\x01\x01\x00", all, ""},
		{"node with half an ID", rdb.TypeStreamListpacks, "\x01\x08" + streamID(1, 1)[:8] + str(streamPack) + "\x01\x01\x01\x00", 0, "Stream node key entry is not the size of a stream ID"},
		{"node twice", rdb.TypeStreamListpacks, "\x02" + str(streamID(1, 1)) + str(streamPack) + str(streamID(1, 1)) + str(streamPack) + "\x02\x01\x01\x00", 0, "Listpack re-added with existing key"},
		{"group twice", rdb.TypeStreamListpacks, "\x00\x00\x01\x01\x02" + "\x01g\x00\x00\x00\x00" + "\x01g\x00\x00\x00\x00", rdb.Everything, "Duplicated consumer group name"},
		{"pending twice", rdb.TypeStreamListpacks, "\x00\x00\x01\x01\x01" + "\x01g\x00\x00\x02" + pel(1) + pel(1) + "\x00", rdb.Everything, "Duplicated global PEL entry"},
		{"pending of nobody", rdb.TypeStreamListpacks, "\x00\x00\x01\x01\x01" + "\x01g\x00\x00\x01" + pel(1) + "\x00", rdb.Everything, "Stream CG PEL entry without consumer"},
		{"consumer twice", rdb.TypeStreamListpacks, "\x00\x00\x01\x01\x01" + "\x01g\x00\x00\x00\x02" + "\x01c" + millis + "\x00" + "\x01c" + millis + "\x00", rdb.Everything, "Duplicate stream consumer detected."},
		{"owned, not pending", rdb.TypeStreamListpacks, "\x00\x00\x01\x01\x01" + "\x01g\x00\x00\x00\x01" + "\x01c" + millis + "\x01" + streamID(1, 1), rdb.Everything, "Consumer entry not found in group global PEL"},
		{"owned by two", rdb.TypeStreamListpacks, "\x00\x00\x01\x01\x01" + "\x01g\x00\x00\x01" + pel(1) + "\x02" + "\x01c" + millis + "\x01" + streamID(1, 1) + "\x01d" + millis + "\x01" + streamID(1, 1), rdb.Everything, "Stream consumer PEL entry already has a consumer assigned"},
		{"module", rdb.TypeModule, "\x44\x00", 0, "no matching module type"},
		{"module 2", rdb.TypeModule2, "\x44\x00\x00", 0, "no matching module type"},
		{"no type", 8, "", 0, "Unknown RDB encoding type 8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for s := rdb.Structure; s <= rdb.Everything; s++ {
				_, err := tell(tt.typ, []byte(tt.body), s)
				if s < tt.from {
					check.NoErr(t, err)
					continue
				}
				check.ErrContains(t, err, tt.text)
				var e *rdb.Error
				check.True(t, errors.As(err, &e), "an *Error")
				check.Eq(t, errors.Is(err, rdb.ErrEmptyKey), tt.text == "Empty key")
			}
		})
	}
}

// pel is a pending entry with the ID n-n.
func pel(n uint64) string { return streamID(n, n) + millis + "\x01" }

// A visitor's own error comes out with the place, and keeps its kind.
func TestVisitorSaysNo(t *testing.T) {
	no := errors.New("no")
	for want, give := range map[error]error{no: no, rdb.ErrCorrupt: rdb.Corrupt("twice")} {
		var d rdb.Decoder
		d.ResetBytes([]byte("\x02\x01a\x01b"))
		err := d.Visit(rdb.TypeList, refuser{give: give}, rdb.Structure)
		check.ErrIs(t, err, want)
		var e *rdb.Error
		check.True(t, errors.As(err, &e) && e.Offset == 3 && e.Reason == give.Error(), "place and reason")
	}
}

type refuser struct {
	*teller
	give error
}

func (r refuser) Begin(byte, uint64) error { return nil }
func (r refuser) Element([]byte) error     { return r.give }

// What redis-server dumps, written by a Writer, is what it would have dumped, and
// restores to the same value there.
func TestWriterAgreesWithRedis(t *testing.T) {
	for _, compression := range []string{"yes", "no"} {
		o := startOracle(t, nil, "--rdbcompression", compression)
		for key, p := range realPayloads(o) {
			typ, body, err := rdb.ParseDumpPayload(p)
			check.NoErr(t, err)
			check.Eq(t, rdb.WrittenType(typ), typ)
			want, err := tell(typ, body, rdb.Everything)
			check.NoErr(t, err)
			for _, w := range []rdb.Writer{{Raw: true}, {}, {Compress: true}} {
				b := rewritten(t, typ, body, w, 100)
				check.EqBytes(t, b, rewritten(t, typ, body, w, 1<<30))
				got, err := tell(typ, b, rdb.Everything)
				check.NoErr(t, err)
				check.True(t, got == want, "the same value")
				if compression == "no" && !w.Compress && !w.Raw {
					check.EqBytes(t, b, body)
				}
				check.Eq(t, o.do("RESTORE", "again", "0", string(payload(typ, b)), "REPLACE"), "OK")
				check.Eq(t, o.do("DEBUG", "DIGEST-VALUE", "again"), o.do("DEBUG", "DIGEST-VALUE", key))
			}
		}
	}
}

// Old forms that only older servers wrote are read by redis-server as we read them.
func TestOldFormsAgreeWithRedis(t *testing.T) {
	o := startOracle(t, nil)
	for name, b := range legacyFiles() {
		typ, body := alone(b)
		o.do("RESTORE", "old", "0", string(payload(typ, body)), "REPLACE")
		o.do("RESTORE", "new", "0", string(payload(rdb.WrittenType(typ), rewritten(t, typ, body, rdb.Writer{}, 1))), "REPLACE")
		check.Eq(t, name+o.do("DEBUG", "DIGEST-VALUE", "new"), name+o.do("DEBUG", "DIGEST-VALUE", "old"))
		check.EqBytes(t, []byte(o.do("DUMP", "new")), []byte(o.do("DUMP", "old")))
	}
}

// Damaged values give an error or another value, never a panic; what is judged
// sound is visited whole.
func TestVisitDamaged(t *testing.T) {
	o := startOracle(t, nil)
	rnd := rand.New(rand.NewPCG(9, 9))
	var payloads [][]byte
	for _, p := range realPayloads(o) {
		payloads = append(payloads, p)
	}
	for _, b := range legacyFiles() {
		typ, body := alone(b)
		payloads = append(payloads, payload(typ, body))
	}
	refused, rounds := 0, 0
	for _, p := range payloads {
		for range 400 {
			typ, body, err := rdb.ParseDumpPayload(withFooter(damage(rnd, bytes.Clone(p))))
			if err != nil {
				continue
			}
			rounds++
			var d rdb.Decoder
			d.ResetBytes(body)
			judged := d.Judge(typ)
			d.ResetBytes(body)
			visited := d.Visit(typ, &teller{}, rdb.Structure)
			if judged == nil {
				check.NoErr(t, visited)
			} else {
				refused++
			}
		}
	}
	check.True(t, refused > rounds/10, fmt.Sprintf("%d of %d were refused", refused, rounds))
}

// damage changes, cuts or inserts a few bytes before the footer.
func damage(rnd *rand.Rand, p []byte) []byte {
	for range 1 + rnd.IntN(3) {
		at := rnd.IntN(len(p) - 10)
		switch rnd.IntN(5) {
		case 0:
			p[at] ^= 1 << rnd.IntN(8)
		case 1:
			p[at] = byte(rnd.Uint32())
		case 2:
			p[at] = []byte{0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xf0, 0xf4, 0xfe, 0xff}[rnd.IntN(13)]
		case 3:
			p = append(p[:at], p[at+min(1+rnd.IntN(4), len(p)-11-at):]...)
		case 4:
			p = append(p[:at+1], p[at:]...)
		}
	}
	return p
}
