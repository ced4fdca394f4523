package rdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/crc64"
	"redisd/pkg/persist/rdb"
)

func TestLoadSample(t *testing.T) {
	want := []string{
		"aux redis-ver=7.2.4", "aux redis-bits=64", "aux ctime=1700000000",
		"db 0", "resize 5 2",
		`0:"greeting"="hello"`,
		`0:"counter"="-129" at 1900000000123`,
		fmt.Sprintf("0:%q=%q idle 70000", "packed", strings.Repeat("abcabcabd", 20)),
		`0:"12345"="" freq 200`,
		"db 9", "resize 1 0",
		fmt.Sprintf("9:%q=%q", strings.Repeat("k", 70), "in the ninth"),
	}
	check.Eq(t, load(t, sample()), strings.Join(want, "\n"))
}

// Strings of each version, written by hand.
func TestLoadOldVersions(t *testing.T) {
	const (
		strs = "\x00\x01a\x05hello" + // plain
			"\x00\x01b\xc0\xfe" + "\x00\x01c\xc1\x39\x30" + "\x00\x01d\xc2\x00\x00\x00\x80" + // numbers
			"\x00\xc0\x07\x40\x01x" + // number as key, length in two bytes
			"\x00\x01e\x80\x00\x00\x00\x02hi" + // length in five
			"\x00\x01f\xc3\x05\x0a\x00a\xe0\x00\x00" // packed
		want = "db 0\n" + `0:"a"="hello"` + "\n" + `0:"b"="-2"` + "\n" + `0:"c"="12345"` + "\n" +
			`0:"d"="-2147483648"` + "\n" + `0:"7"="x"` + "\n" + `0:"e"="hi"` + "\n" + `0:"f"="aaaaaaaaaa"`
		seconds = "\xfd\x00\xca\x9a\x3b\x00\x01s\x01v" // 1000000000
		millis  = "\xfc\x01\x02\x00\x00\x00\x00\x00\x00\x00\x01m\x01v"
		aux     = "\xfa\x09redis-ver\x053.2.0"
		resize  = "\xfb\x03\x01"
		len64   = "\x00\x01l\x81\x00\x00\x00\x00\x00\x00\x00\x02ok"
		touched = "\xf8\x05\x00\x01i\x01v" + "\xf9\x07\x00\x01q\x01v"
	)
	gotSeconds := "\n" + `0:"s"="v" at 1000000000000`
	gotMillis := "\n" + `0:"m"="v" at 513`
	gotTouched := "\n" + `0:"i"="v" idle 5` + "\n" + `0:"q"="v" freq 7`
	tests := []struct {
		version int
		items   string
		want    string
	}{
		{1, "\xfe\x00" + strs + seconds, want + gotSeconds},
		{2, "\xfe\x00" + strs + seconds, want + gotSeconds},
		{3, "\xfe\x00" + strs + seconds + millis, want + gotSeconds + gotMillis},
		{4, "\xfe\x00" + strs + millis, want + gotMillis},
		{5, "\xfe\x00" + strs + millis, want + gotMillis},
		{6, "\xfe\x00" + strs + millis, want + gotMillis},
		{7, aux + "\xfe\x00" + strs + resize, "aux redis-ver=3.2.0\n" + want + "\nresize 3 1"},
		{8, "\xfe\x00" + strs + len64, want + "\n" + `0:"l"="ok"`},
		{9, "\xfe\x00" + strs + touched, want + gotTouched},
		{10, "\xfe\x00" + strs + touched, want + gotTouched},
		{11, "\xfe\x00" + strs + touched, want + gotTouched},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.version), func(t *testing.T) {
			check.Eq(t, load(t, file(tt.version, tt.items)), tt.want)
		})
	}
}

func TestLoadErrors(t *testing.T) {
	const list = "\x12\x05mylst\x01\x02\x0b\x0b\x00\x00\x00\x02\x00\x01\x01\x02\x01\xff"
	tests := []struct {
		name   string
		in     []byte
		kind   error
		offset int64
		text   string
	}{
		{"empty", nil, rdb.ErrShortRead, 0, "rdb: Unexpected EOF reading RDB file at offset 0"},
		{"signature", []byte("RDIS!0010"), rdb.ErrSignature, 0, "Wrong signature trying to load DB from file"},
		{"version 0", file(0, ""), rdb.ErrVersion, 0, "Can't handle RDB format version 0"},
		{"version 12", file(12, ""), rdb.ErrVersion, 0, "Can't handle RDB format version 12"},
		{"version text", []byte("REDISx010"), rdb.ErrVersion, 0, "Can't handle RDB format version x010"},
		{"no end", file(4, "")[:9], rdb.ErrShortRead, 9, "Unexpected EOF"},
		{"value cut", file(4, "\x00\x01k\x05abc")[:15], rdb.ErrShortRead, 13, "Unexpected EOF reading RDB file at offset 13 (string value of key 'k')"},
		{"checksum cut", file(10, "")[:17], rdb.ErrShortRead, 10, "at offset 10"},
		{"checksum", append(file(10, "")[:17], 0xAA), rdb.ErrChecksum, 10, "Wrong RDB checksum expected: ("},
		{"list", file(10, list), rdb.ErrUnsupported, 9, "rdb: value type 'list (quicklist2)' of key 'mylst' at offset 9 is not supported here"},
		{"no type", file(10, "\x08\x01k\x01v"), rdb.ErrCorrupt, 9, "Unknown RDB encoding type 8"},
		{"string encoding", file(10, "\x00\x01k\xc4"), rdb.ErrCorrupt, 13, "Unknown RDB string encoding type 4"},
		{"length form", file(10, "\x00\x01k\x82"), rdb.ErrCorrupt, 13, "Unknown length encoding 2"},
		{"encoded database", file(10, "\xfe\xc0\x00"), rdb.ErrCorrupt, 11, "string encoding 0 where a length belongs"},
		{"database number", file(10, "\xfe\x80\xff\xff\xff\xff"), rdb.ErrCorrupt, 10, "database number 4294967295 out of range"},
		{"LZF", file(10, "\x00\x01k\xc3\x03\x0a\x20\x00\x00"), rdb.ErrCorrupt, 18, "Invalid LZF compressed string"},
		{"LZF beyond the ratio", file(10, "\x00\x01k\xc3\x03\x80\x7f\xff\xff\xff\x20\x00\x00"), rdb.ErrCorrupt, 22, "Invalid LZF compressed string"},
		{"functions", file(10, "\xf5\x05#!lua"), rdb.ErrUnsupported, 9, "function libraries are not supported yet"},
		{"module data", file(10, moduleAux), rdb.ErrUnsupported, 9, "AUX module data I can't load: no matching module 'AAAAAAAAB'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, err := rdb.Load(bytes.NewReader(tt.in), rdb.Options{Checksum: true}, &journal{})
			check.ErrIs(t, err, tt.kind)
			check.ErrContains(t, err, tt.text)
			var e *rdb.Error
			check.True(t, errors.As(err, &e), "every error is an *Error")
			check.Eq(t, e.Offset, tt.offset)
			check.True(t, res.Consumed <= int64(len(tt.in)), "no more is consumed than there is")
		})
	}
}

// moduleAux is data of the module AAAAAAAAB with one part of each kind.
const moduleAux = "\xf7\x44\x00\x02\x00" + "\x01\x05\x02\x06\x03\x00\x00\x80\x3f\x04\x00\x00\x00\x00\x00\x00\xf0\x3f\x05\x02hi\x00"

func TestLoadFunctionsAndModules(t *testing.T) {
	items := "\xf5\x11#!lua name=a\ncode" + "\xf6\x01b\x03lua\x01\x04desc\x04code" + "\xf6\x01c\x03lua\x00\x04code" + moduleAux + "\x00\x01k\x01v"
	var full fullJournal
	_, err := rdb.Load(bytes.NewReader(file(10, items)), rdb.Options{Checksum: true}, &full)
	check.NoErr(t, err)
	check.Eq(t, full.String(), "function #!lua name=a\ncode\nfunction #!lua name=b\ncode\nfunction #!lua name=c\ncode\nmodule AAAAAAAAB\n"+`0:"k"="v"`)

	var j journal
	_, err = rdb.Load(bytes.NewReader(file(10, items)), rdb.Options{IgnoreFunctions: true, IgnoreModuleAux: true}, &j)
	check.NoErr(t, err)
	check.Eq(t, j.String(), `0:"k"="v"`)
}

func TestLoadHandlerErrors(t *testing.T) {
	for _, refuse := range []string{"aux redis-bits", "db 9", "resize 1 0", `0:"counter"`} {
		t.Run(refuse, func(t *testing.T) {
			j := journal{refuse: refuse}
			_, err := rdb.Load(bytes.NewReader(sample()), rdb.Options{}, &j)
			check.ErrContains(t, err, "handler says no to "+refuse)
			var e *rdb.Error
			check.True(t, errors.As(err, &e) && e.Offset > 0, "the offset is told")
		})
	}
	_, err := rdb.Load(bytes.NewReader(sample()), rdb.Options{}, &journal{refuse: `0:"counter"`})
	check.ErrContains(t, err, "(string value of key 'counter')")
}

func TestLoadChecksum(t *testing.T) {
	good := sample()
	disabled := bytes.Clone(good)
	clear(disabled[len(disabled)-8:])
	wrong := bytes.Clone(good)
	wrong[len(wrong)-1] ^= 1
	tests := []struct {
		name    string
		in      []byte
		compare bool
		want    rdb.ChecksumState
		err     error
	}{
		{"good", good, true, rdb.ChecksumOK, nil},
		{"good, not compared", good, false, rdb.ChecksumIgnored, nil},
		{"disabled", disabled, true, rdb.ChecksumDisabled, nil},
		{"wrong", wrong, true, rdb.ChecksumNone, rdb.ErrChecksum},
		{"wrong, not compared", wrong, false, rdb.ChecksumIgnored, nil},
		{"old version", file(4, ""), true, rdb.ChecksumNone, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, err := rdb.Load(bytes.NewReader(tt.in), rdb.Options{Checksum: tt.compare}, &journal{})
			check.Eq(t, res.Checksum, tt.want)
			check.Eq(t, errors.Is(err, tt.err), true)
		})
	}
}

// An RDB in front of an AOF: the loader stops right behind the checksum, and
// the decoder hands out what follows.
func TestLoadStopsAtTheEnd(t *testing.T) {
	const commands = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
	long := strings.Repeat(commands, 20000) // more than one buffer
	for _, version := range []int{4, 10} {
		rec := record("k", "v")
		head := file(version, string(rdb.AppendRecord(nil, &rec, true)))
		for name, tail := range map[string]string{"none": "", "short": commands, "long": long} {
			t.Run(fmt.Sprint(version, name), func(t *testing.T) {
				in := append(bytes.Clone(head), tail...)
				d := rdb.NewDecoder(bytes.NewReader(in))
				res, err := d.Load(rdb.Options{Checksum: true, Size: int64(len(in))}, &journal{})
				check.NoErr(t, err)
				check.Eq(t, res.Consumed, int64(len(head)))
				check.Eq(t, d.Offset(), int64(len(head)))
				check.True(t, strings.HasPrefix(tail, string(d.Buffered())), "Buffered shows what follows")
				rest, err := io.ReadAll(d)
				check.NoErr(t, err)
				check.EqBytes(t, rest, []byte(tail))
				check.Eq(t, d.Offset(), int64(len(in)))
			})
		}
	}
}

func TestLoadSecondInTheSameStream(t *testing.T) {
	in := append(sample(), sample()...)
	d := rdb.NewDecoder(bytes.NewReader(in))
	for range 2 {
		res, err := d.Load(rdb.Options{Checksum: true}, &journal{})
		check.NoErr(t, err)
		check.Eq(t, res.Consumed, int64(len(in)/2))
		check.Eq(t, res.Checksum, rdb.ChecksumOK)
	}
}

func TestLoadProgress(t *testing.T) {
	const mb = 1 << 20
	b := rdb.AppendHeader(nil)
	for i := range 3 {
		r := record(fmt.Sprint("small", i), strings.Repeat("\x00\xff", 400<<10))
		b = rdb.AppendRecord(b, &r, false)
	}
	r := record("big", strings.Repeat("x", 9*mb))
	b = rdb.AppendRecord(b, &r, false)
	b = rdb.AppendEOF(b, crc64.Update(0, b))
	var calls []int64
	_, err := rdb.Load(bytes.NewReader(b), rdb.Options{
		Checksum: true,
		Progress: func(at int64) { calls = append(calls, at/mb) },
	}, &journal{})
	check.NoErr(t, err)
	check.Eq(t, fmt.Sprint(calls), "[2 4 6 8 10]")
}

func TestLoadResizeHintIsBounded(t *testing.T) {
	in := file(10, "\xfb\x81\x00\x00\x00\xff\x00\x00\x00\x00\x81\x00\x00\x00\xff\x00\x00\x00\x00"+strings.Repeat("\x00\x01k\x01v", 30))
	var j journal
	_, err := rdb.Load(bytes.NewReader(in), rdb.Options{Size: int64(len(in))}, &j)
	check.NoErr(t, err)
	check.Eq(t, j.lines[0], "resize 53 53")
}

// A length that lies must not make the decoder allocate what it claims.
func TestLoadBoundsMemory(t *testing.T) {
	lies := map[string]string{
		"key":             "\x00\x81\x00\x00\x00\x10\x00\x00\x00\x00abc",
		"key beyond all":  "\x00\x81\xff\xff\xff\xff\xff\xff\xff\xffabc",
		"value":           "\x00\x01k\x80\xff\xff\xff\xffabc",
		"LZF packed":      "\x00\x01k\xc3\x80\xff\xff\xff\xff\x80\xff\xff\xff\xffabc",
		"LZF unpacked":    "\x00\x01k\xc3\x03\x80\xff\xff\xff\xff\x20\x00\x00",
		"aux":             "\xfa\x80\xff\xff\xff\xffabc",
		"function":        "\xf5\x80\xff\xff\xff\xffabc",
		"list of strings": "\x01\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xff",
	}
	for name, items := range lies {
		for _, size := range []int64{0, 100} {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				d := rdb.NewDecoder(nil)
				d.Reset(strings.NewReader("REDIS0010" + items))
				used := allocated(func() {
					_, err := d.Load(rdb.Options{Size: size}, silent{})
					check.True(t, err != nil, "the load must fail")
				})
				check.True(t, used < 4<<20, fmt.Sprintf("allocated %d bytes", used))
			})
		}
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Every cut and every flipped bit of a small file gives an error; without the
// checksum some load, but none panics or allocates without measure.
func TestLoadDamaged(t *testing.T) {
	good := sample()
	d := rdb.NewDecoder(nil)
	used := allocated(func() {
		for cut := range good {
			d.Reset(bytes.NewReader(good[:cut]))
			_, err := d.Load(rdb.Options{Checksum: true}, silent{})
			check.ErrIs(t, err, rdb.ErrShortRead)
		}
		for bit := range len(good) * 8 {
			bad := bytes.Clone(good)
			bad[bit/8] ^= 1 << (bit % 8)
			for _, sized := range []int64{0, int64(len(bad))} {
				d.Reset(bytes.NewReader(bad))
				_, err := d.Load(rdb.Options{Checksum: true, Size: sized}, silent{})
				check.True(t, err != nil, fmt.Sprintf("bit %d is noticed", bit))
				d.Reset(bytes.NewReader(bad))
				_, _ = d.Load(rdb.Options{Size: sized}, silent{})
			}
			d.Reset(bytes.NewReader(bad))
			check.Eq(t, rdb.CheckDecoder(d, io.Discard, rdb.CheckOptions{}), false)
		}
	})
	perRun := used / uint64(len(good)*8*5)
	check.True(t, perRun < 16<<10, fmt.Sprintf("%d bytes allocated a run", perRun))
}
