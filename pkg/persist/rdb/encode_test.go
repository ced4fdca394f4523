package rdb_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/persist/rdb"
)

func TestAppendLen(t *testing.T) {
	tests := []struct {
		n    uint64
		want string
	}{
		{0, "\x00"},
		{63, "\x3f"},
		{64, "\x40\x40"},
		{16383, "\x7f\xff"},
		{16384, "\x80\x00\x00\x40\x00"},
		{math.MaxUint32, "\x80\xff\xff\xff\xff"},
		{math.MaxUint32 + 1, "\x81\x00\x00\x00\x01\x00\x00\x00\x00"},
		{math.MaxUint64, "\x81\xff\xff\xff\xff\xff\xff\xff\xff"},
	}
	for _, tt := range tests {
		t.Run(strconv.FormatUint(tt.n, 10), func(t *testing.T) {
			check.Eq(t, string(rdb.AppendLen(nil, tt.n)), tt.want)
		})
	}
}

func TestAppendString(t *testing.T) {
	tests := []struct {
		in   string
		want string
	}{
		{"", "\x00"},
		{"0", "\xc0\x00"},
		{"127", "\xc0\x7f"},
		{"-128", "\xc0\x80"},
		{"128", "\xc1\x80\x00"},
		{"-129", "\xc1\x7f\xff"},
		{"32768", "\xc2\x00\x80\x00\x00"},
		{"2147483647", "\xc2\xff\xff\xff\x7f"},
		{"-2147483648", "\xc2\x00\x00\x00\x80"},
		{"2147483648", "\x0a2147483648"},
		{"-2147483649", "\x0b-2147483649"},
		{"99999999999", "\x0b99999999999"},
		{"01", "\x0201"},
		{"-0", "\x02-0"},
		{"-", "\x01-"},
		{"+1", "\x02+1"},
		{" 1", "\x02 1"},
		{"1.5", "\x031.5"},
		{strings.Repeat("a", 20), "\x14" + strings.Repeat("a", 20)},
		{strings.Repeat("a", 30), "\xc3\x05\x1e\x00a\xe0\x14\x00"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			check.Eq(t, string(rdb.AppendString([]byte("x"), []byte(tt.in), true)), "x"+tt.want)
			if n, err := strconv.ParseInt(tt.in, 10, 64); err == nil && strconv.FormatInt(n, 10) == tt.in {
				check.Eq(t, string(rdb.AppendIntString(nil, n)), tt.want)
			}
		})
	}
	long := strings.Repeat("a", 30)
	check.Eq(t, string(rdb.AppendString(nil, []byte(long), false)), "\x1e"+long)
	check.Eq(t, string(rdb.AppendRawString(nil, []byte("17"))), "\x0217")
}

func TestAppendStringPackedLengths(t *testing.T) {
	// The packed bytes move when their length takes fewer bytes than the room
	// that was left for it.
	for _, n := range []int{21, 63, 64, 70, 300, 16383, 16384, 16390, 70000} {
		r := record("k", strings.Repeat("0123456789", n/10+1)[:n])
		check.Eq(t, load(t, file(10, string(rdb.AppendRecord(nil, &r, true)))), line(&r))
	}
}

func TestAppendOpcodes(t *testing.T) {
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"header", rdb.AppendHeader(nil), "REDIS0010"},
		{"aux", rdb.AppendAux(nil, "redis-ver", "7.2.4"), "\xfa\x09redis-ver\x057.2.4"},
		{"aux with a number in it", rdb.AppendAux(nil, "aof-base", "1"), "\xfa\x08aof-base\xc0\x01"},
		{"aux number", rdb.AppendAux(nil, "redis-bits", "64"), "\xfa\x0aredis-bits\xc0\x40"},
		{"select", rdb.AppendSelectDB(nil, 15), "\xfe\x0f"},
		{"resize", rdb.AppendResizeDB(nil, 100, 3), "\xfb\x40\x64\x03"},
		{"expire", rdb.AppendExpireMillis(nil, 0x0102030405060708), "\xfc\x08\x07\x06\x05\x04\x03\x02\x01"},
		{"idle", rdb.AppendIdle(nil, 64), "\xf8\x40\x40"},
		{"freq", rdb.AppendFreq(nil, 255), "\xf9\xff"},
		{"end without checksum", rdb.AppendEOF(nil, 0), "\xff\x00\x00\x00\x00\x00\x00\x00\x00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { check.Eq(t, string(tt.got), tt.want) })
	}
}

// If this breaks, the format changed: files of older versions of redisd and
// what they can load must be thought of.
func TestSizePin(t *testing.T) {
	r := record("key:000000000001", strings.Repeat("\x01", 64))
	r.ExpireAt, r.Idle, r.Freq = 1, 1, 1
	check.Eq(t, len(sample()), 171)
	check.Eq(t, len(rdb.AppendRecord(nil, &r, false)), 9+2+2+1+17+2+64)
	check.Eq(t, len(rdb.AppendDumpPayload(nil, &r, false)), 1+2+64+10)
}

func TestEncoderAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 4096)
	r := sampleRecords()[2]
	number := record("counter", "12345")
	check.Eq(t, testing.AllocsPerRun(100, func() {
		b := rdb.AppendRecord(buf, &r, true)
		b = rdb.AppendRecord(b, &number, true)
		b = rdb.AppendRawRecord(b, &r)
		b = rdb.AppendIntString(b, math.MaxInt64)
		rdb.AppendEOF(b, 1)
	}), 0)
}
