package rdb_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/crc64"
	"redisd/pkg/persist/rdb"
)

// What redis-server writes is loaded key by key.
func TestLoadFromRedis(t *testing.T) {
	for _, compression := range []string{"yes", "no"} {
		t.Run("rdbcompression "+compression, func(t *testing.T) {
			o := startOracle(t, nil, "--rdbcompression", compression)
			fillStrings(o)
			got := map[string]bool{}
			var j journal
			res, err := rdb.Load(bytes.NewReader(o.save()), rdb.Options{Checksum: true}, &j)
			check.NoErr(t, err)
			check.Eq(t, res.Version, 10)
			check.Eq(t, res.Checksum, rdb.ChecksumOK)
			check.Eq(t, res.Records, 609)
			for _, l := range j.lines {
				got[l] = true
			}
			for i := range 300 {
				check.True(t, got[fmt.Sprintf("0:%q=%q", fmt.Sprint("key:", i), fmt.Sprint("value ", i))], "key "+fmt.Sprint(i))
				check.True(t, got[fmt.Sprintf("0:%q=%q", fmt.Sprint(i*1000), fmt.Sprint(i*i*i*i-5000))], "number "+fmt.Sprint(i))
			}
			for _, want := range []string{
				"aux redis-ver=" + o.version(), "db 0", "resize 607 2", "db 3", "resize 1 0", "db 15",
				`0:"far"="1" at 4102444800123`, `0:"near"="2" at 4102444800000`, `0:"empty"=""`,
				`0:"binary"="\x00\x01\xff\r\n"`, `3:"a"="in three"`, `15:"b"="in fifteen"`,
				fmt.Sprintf("0:%q=%q", "packed", strings.Repeat("the same again, ", 500)),
				fmt.Sprintf("0:%q=%q", "huge", strings.Repeat("0123456789abcdef", 40000)),
				fmt.Sprintf("0:%q=%q", strings.Repeat("long key ", 50), "x"),
			} {
				check.True(t, got[want], want[:min(len(want), 60)])
			}
		})
	}
}

func (o *oracle) version() string {
	_, v, _ := strings.Cut(o.line("INFO server"), "redis_version:")
	v, _, _ = strings.Cut(v, "\r")
	return v
}

func TestLoadIdleAndFreqFromRedis(t *testing.T) {
	for policy, want := range map[string]string{"allkeys-lru": " idle 0", "allkeys-lfu": " freq 5"} {
		o := startOracle(t, nil, "--maxmemory-policy", policy)
		o.line("SET k v")
		check.Contains(t, load(t, o.save()), `0:"k"="v"`+want)
	}
}

// What the encoder writes is loaded by redis-server with the same digest as the
// data that it was made from.
func TestRedisLoadsOurs(t *testing.T) {
	o := startOracle(t, nil)
	fillStrings(o)
	want := o.line("DEBUG DIGEST")
	records := &keeper{}
	_, err := rdb.Load(bytes.NewReader(o.save()), rdb.Options{Checksum: true}, records)
	check.NoErr(t, err)
	for _, compress := range []bool{true, false} {
		for _, checksum := range []bool{true, false} {
			t.Run(fmt.Sprintf("compress %t checksum %t", compress, checksum), func(t *testing.T) {
				b := write(records.all, compress, checksum)
				check.Eq(t, string(b[:9]), "REDIS0010")
				o := startOracle(t, b)
				check.Eq(t, o.line("DEBUG DIGEST"), want)
			})
		}
	}
}

// keeper is a Handler that keeps all records.
type keeper struct {
	silent
	all []rdb.Record
}

func (k *keeper) Record(r *rdb.Record) error {
	c := *r
	c.Key, c.Str = bytes.Clone(r.Key), bytes.Clone(r.Str)
	k.all = append(k.all, c)
	return nil
}

func write(records []rdb.Record, compress, checksum bool) []byte {
	b := rdb.AppendAux(rdb.AppendHeader(nil), "redis-ver", "7.2.4")
	db := -1
	for _, r := range records {
		if r.DB != db {
			db = r.DB
			b = rdb.AppendResizeDB(rdb.AppendSelectDB(b, db), 10, 1)
		}
		b = rdb.AppendRecord(b, &r, compress)
	}
	if !checksum {
		return rdb.AppendEOF(b, 0)
	}
	return rdb.AppendEOF(b, crc64.Update(0, b))
}

// Strings of every kind of contents and length survive our LZF and redis-server's
// reading of it.
func TestRedisUnpacksOurs(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var records []rdb.Record
	for i := range 400 {
		n := rnd.IntN(1 << (1 + i%16))
		b := make([]byte, n)
		step := 1 + rnd.IntN(300)
		for k := range b {
			if k > step && rnd.IntN(20) > 0 {
				b[k] = b[k-step]
			} else {
				b[k] = byte(rnd.Uint32())
			}
		}
		records = append(records, record(fmt.Sprintf("k%d", i), string(b)))
	}
	o := startOracle(t, write(records, true, true))
	for _, r := range records {
		check.EqBytes(t, []byte(o.do("GET", string(r.Key))), r.Str)
	}
}

func TestDumpAndRestoreWithRedis(t *testing.T) {
	o := startOracle(t, nil)
	for i, want := range sampleRecords() {
		key := fmt.Sprint("restored", i)
		check.Eq(t, o.do("RESTORE", key, "0", string(rdb.AppendDumpPayload(nil, &want, true))), "OK")
		check.Eq(t, o.do("GET", key), string(want.Str))
		typ, body, err := rdb.ParseDumpPayload([]byte(o.do("DUMP", key)))
		check.NoErr(t, err)
		check.Eq(t, typ, rdb.TypeString)
		got, err := tell(typ, body, rdb.Everything)
		check.NoErr(t, err)
		check.Eq(t, got, fmt.Sprintf("string of 1\n%q\nend\n", want.Str))
	}
}

// Every type that redis-server writes is skipped to its last byte.
func TestSkipValueFromRedis(t *testing.T) {
	for _, compression := range []string{"yes", "no"} {
		o := startOracle(t, nil, "--rdbcompression", compression)
		fillTypes(o)
		seen := map[byte]bool{}
		for _, key := range strings.Split(o.line("KEYS *"), "\n") {
			typ, body, err := rdb.ParseDumpPayload([]byte(o.do("DUMP", key)))
			check.NoErr(t, err)
			seen[typ] = true
			skipWhole(t, typ, body)
		}
		check.Eq(t, len(seen), 8)
	}
}

func skipWhole(t testing.TB, typ byte, body []byte) {
	t.Helper()
	d := rdb.NewDecoder(nil)
	for cut := len(body); cut >= 0; cut -= 1 + cut/50 {
		d.ResetBytes(body[:cut])
		err := d.SkipValue(typ)
		if cut == len(body) {
			check.NoErr(t, err)
			check.Eq(t, d.Offset(), int64(cut))
		} else {
			check.ErrIs(t, err, rdb.ErrShortRead)
		}
	}
	d.Reset(dribble{bytes.NewReader(body), rand.New(rand.NewPCG(1, 2))})
	check.NoErr(t, d.SkipValue(typ))
	check.Eq(t, d.Offset(), int64(len(body)))
}

// Check prints what redis-check-rdb prints.
func TestCheckAsRedis(t *testing.T) {
	o := startOracle(t, nil)
	fillStrings(o)
	fillTypes(o)
	o.line("DEBUG SET-ACTIVE-EXPIRE 0")
	o.line("SET gone soon PX 1")
	all := o.save()
	files := map[string][]byte{
		"empty file":         {},
		"no header":          []byte("REDI"),
		"signature":          []byte("REDOS0010"),
		"version":            []byte("REDIS0099"),
		"empty database":     file(10, ""),
		"without checksum":   rdb.AppendEOF(rdb.AppendHeader(nil), 0),
		"old":                file(4, "\xfe\x00\xfd\x01\x00\x00\x00\x00\x01k\x01v\xfc\x01\x00\x00\x00\x00\x00\x00\x7f\x00\x01l\xc0\x01"),
		"ours":               sample(),
		"all types":          all,
		"checksum":           append(bytes.Clone(all[:len(all)-1]), all[len(all)-1]^1),
		"unknown type":       file(10, "\xfe\x00\x08\x01k"),
		"string encoding":    file(10, "\xfe\x00\x00\x01k\xc7"),
		"bad LZF":            file(10, "\xfe\x00\x00\x01k\xc3\x03\x0a\x20\x00\x00"),
		"module":             file(10, moduleAux+"\x07\x01m\x44\x00\x02\x05\x05\x02hi\x00"),
		"module, first kind": file(10, "\x06\x01m\x44\x00"),
	}
	for name, b := range legacyFiles() {
		files[name] = b
	}
	for name, b := range files {
		t.Run(name, func(t *testing.T) { compareCheck(t, b) })
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 25 {
		cut := rnd.IntN(len(all))
		t.Run(fmt.Sprint("cut at ", cut), func(t *testing.T) { compareCheck(t, all[:cut]) })
	}
}

// What the tool prints beyond the report: source lines, its last words in the log
// format; the type 0 that it has before the first key; its own words for a
// stream that is cut; a name that its table of types lacks.
var quirks = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`Internal error in RDB reading offset \d+, function at rdb.c:\d+ -> `), ""},
	{regexp.MustCompile(`(?m)^\d+:C .* # Terminating server after rdb file reading failure\.\n`), ""},
	{regexp.MustCompile(`(?m)^(\[additional info\] While doing: .*\n)\[additional info\] Reading type 0 .*\n`), "$1"},
	{regexp.MustCompile(`(?m)] (Error reading the|Stream) .*(failed\.|I/O error\.|reading .*|from Stream.*)$`), "] Unexpected EOF reading RDB file"},
	{regexp.MustCompile(`19 \(unknown\)`), "19 (stream-v2)"},
}

// compareCheck wants the output of the tool, less its quirks.
func compareCheck(t *testing.T, b []byte) {
	t.Helper()
	want, wantOK := checkTool(t, b)
	var out strings.Builder
	ok := sound(b, &out, rdb.CheckOptions{Name: "dump.rdb", NowMillis: 1900000000000})
	got := out.String()
	for _, q := range quirks {
		want = q.find.ReplaceAllString(want, q.put)
		got = q.find.ReplaceAllString(got, q.put)
	}
	check.Eq(t, got, want)
	check.Eq(t, ok, wantOK)
}

// Damage that the checksum does not hide (it is made right again) is judged as
// the tool judges it.
func TestCheckDamagedAsRedis(t *testing.T) {
	o := startOracle(t, nil)
	rnd := rand.New(rand.NewPCG(5, 6))
	o.do("SET", "s", strings.Repeat("abc", 20))
	o.do("RPUSH", "l", "a", "1000", strings.Repeat("b", 100))
	o.do("HSET", "h", "f", "1", "g", "x")
	o.do("ZADD", "z", "1", "a", "2.5", "b")
	o.do("SADD", "i", "1", "2", "100000")
	o.do("SADD", "t", "a", "b")
	o.do("XADD", "x", "1-1", "f", "v")
	o.line("XGROUP CREATE x g 0")
	o.line("XREADGROUP GROUP g c STREAMS x >")
	good := o.save()
	items := good[9 : len(good)-9]
	start := bytes.Index(items, []byte{rdb.OpResizeDB})
	differ := 0
	const rounds = 150
	for range rounds {
		bad := bytes.Clone(items)
		bad[start+rnd.IntN(len(bad)-start)] ^= 1 << rnd.IntN(8)
		b := file(10, string(bad))
		_, want := checkTool(t, b)
		var report strings.Builder
		got := sound(b, &report, rdb.CheckOptions{})
		if !got && want && regexp.MustCompile(`Stream (listpack integrity|length inconsistent)|Listpack re-added`).MatchString(report.String()) {
			continue // a stream whose IDs are in disorder: the tool does not look at them
		}
		if got != want {
			differ++
			t.Logf("redis-check-rdb %t, Check %t: %.200q", want, got, bad[start:])
		}
	}
	check.True(t, differ <= rounds/20, strconv.Itoa(differ)+" verdicts differ")
}

func TestCheckReadsNewerTypes(t *testing.T) {
	for name, items := range newerItems() {
		t.Run(name, func(t *testing.T) {
			b := file(11, items)
			var out strings.Builder
			check.True(t, sound(b, &out, rdb.CheckOptions{}), "must be sound")
			check.Contains(t, out.String(), "[info] 1 keys read")
			for cut := range b {
				ok := sound(b[:cut], &out, rdb.CheckOptions{})
				check.Eq(t, ok, false)
			}
		})
	}
}

func TestSkipValueLegacy(t *testing.T) {
	files := legacyFiles()
	for name, items := range newerItems() {
		files[name] = file(11, items)
	}
	names := []string{}
	for name, b := range files {
		names = append(names, name)
		t.Run(name, func(t *testing.T) {
			body := b[9+len("\x00\x01k") : len(b)-9]
			skipWhole(t, b[9], body)
		})
	}
	check.Eq(t, len(slices.Compact(names)), 11)
}
