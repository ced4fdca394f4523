package rdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/persist/rdb"
)

func readAll(d *rdb.Decoder) (lines []string, err error) {
	var r rdb.Record
	for {
		if err = rdb.ReadRecord(d, &r); err != nil {
			return lines, err
		}
		lines = append(lines, line(&r))
	}
}

func TestReadRecordRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var raw, small []byte
	var want []string
	for db, n := range []int{0, 1, 63, 64, 300, 20000, 262143, 262144, 262145, 1 << 20, 3 << 20, 17, 5} {
		value := make([]byte, n)
		for i := range value {
			value[i] = byte(rnd.Uint32()) >> (db % 8)
		}
		r := record(strings.Repeat("key", 1+n/100), string(value))
		r.DB = db
		r.ExpireAt = int64(rnd.Uint64()>>1) - 1<<62
		want = append(want, line(&r))
		raw = rdb.AppendRawRecord(rdb.AppendSelectDB(raw, db), &r)
		small = rdb.AppendRecord(rdb.AppendSelectDB(small, db), &r, true)
	}
	d := rdb.NewDecoder(nil)
	for _, b := range [][]byte{raw, small} {
		for name, reset := range map[string]func(){
			"bytes":   func() { d.ResetBytes(b) },
			"reader":  func() { d.Reset(bytes.NewReader(b)) },
			"dribble": func() { d.Reset(dribble{bytes.NewReader(b), rnd}) },
			"sized":   func() { d.Reset(bytes.NewReader(b)); d.SetSize(int64(len(b))) },
			"no EOF with the last bytes": func() {
				d.Reset(io.MultiReader(bytes.NewReader(b[:100]), bytes.NewReader(b[100:])))
			},
		} {
			t.Run(name, func(t *testing.T) {
				reset()
				got, err := readAll(d)
				check.Eq(t, err, io.EOF)
				check.Eq(t, strings.Join(got, "\n") == strings.Join(want, "\n"), true)
				check.Eq(t, d.Offset(), int64(len(b)))
			})
		}
	}
}

func TestReadRecordEnds(t *testing.T) {
	a := record("a", "1")
	one := rdb.AppendRecord(nil, &a, false)
	withExpiry := a
	withExpiry.ExpireAt = 5
	tests := []struct {
		name string
		in   []byte
		n    int
		err  error
	}{
		{"nothing", nil, 0, io.EOF},
		{"between records", one, 1, io.EOF},
		{"EOF opcode", append(bytes.Clone(one), rdb.OpEOF), 1, io.EOF},
		{"only a database", rdb.AppendSelectDB(nil, 3), 0, io.EOF},
		{"after an expiry", rdb.AppendExpireMillis(bytes.Clone(one), 5), 1, rdb.ErrShortRead},
		{"inside an expiry", rdb.AppendExpireMillis(nil, 5)[:4], 0, rdb.ErrShortRead},
		{"inside a value", one[:len(one)-1], 0, rdb.ErrShortRead},
		{"aux is no record", rdb.AppendAux(nil, "a", "b"), 0, rdb.ErrCorrupt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := rdb.NewDecoder(bytes.NewReader(tt.in))
			lines, err := readAll(d)
			check.ErrIs(t, err, tt.err)
			check.Eq(t, len(lines), tt.n)
			d.ResetBytes(tt.in)
			lines, err = readAll(d)
			check.ErrIs(t, err, tt.err)
			check.Eq(t, len(lines), tt.n)
		})
	}
}

// A reader on a pipe must not wait for more than the record at hand.
func TestReadRecordDoesNotWaitForMore(t *testing.T) {
	r, w, err := os.Pipe()
	check.NoErr(t, err)
	defer r.Close()
	defer w.Close()
	d := rdb.NewDecoder(r)
	var rec rdb.Record
	for _, want := range sampleRecords() {
		_, err := w.Write(rdb.AppendRawRecord(nil, &want))
		check.NoErr(t, err)
		check.NoErr(t, rdb.ReadRecord(d, &rec))
		check.EqBytes(t, rec.Str, want.Str)
	}
}

func TestReadRecordKeepsReaderError(t *testing.T) {
	broken := errors.New("disk on fire")
	d := rdb.NewDecoder(io.MultiReader(strings.NewReader("\x00\x03ab"), failing{broken}))
	var rec rdb.Record
	err := rdb.ReadRecord(d, &rec)
	check.ErrIs(t, err, broken)
	var e *rdb.Error
	check.True(t, errors.As(err, &e) && e.Offset == 2, "the offset of the key's bytes is told")

	d.Reset(stuck{})
	check.ErrIs(t, rdb.ReadRecord(d, &rec), io.ErrNoProgress)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestDecoderAllocatesNothing(t *testing.T) {
	var b []byte
	for range 100 {
		for _, r := range sampleRecords() {
			b = rdb.AppendRecord(b, &r, true)
		}
	}
	d := rdb.NewDecoder(nil)
	src := bytes.NewReader(b)
	var rec rdb.Record
	check.Eq(t, testing.AllocsPerRun(20, func() {
		src.Reset(b)
		d.Reset(src)
		for range 500 {
			if err := rdb.ReadRecord(d, &rec); err != nil {
				t.Fatal(err)
			}
		}
	}), 0)
}

func TestDumpPayload(t *testing.T) {
	for _, want := range sampleRecords() {
		b := rdb.AppendDumpPayload([]byte("before"), &want, true)[len("before"):]
		typ, body, err := rdb.ParseDumpPayload(b)
		check.NoErr(t, err)
		got, err := tell(typ, body, rdb.Everything)
		check.NoErr(t, err)
		check.Eq(t, got, fmt.Sprintf("string of 1\n%q\nend\n", want.Str))
		for i := range b {
			bad := bytes.Clone(b)
			bad[i] ^= 1
			_, _, err := rdb.ParseDumpPayload(bad)
			check.ErrIs(t, err, rdb.ErrDumpPayload)
			_, _, err = rdb.ParseDumpPayload(b[:i])
			check.ErrIs(t, err, rdb.ErrDumpPayload)
		}
	}
	// What Redis's DUMP gives for the value 10 with the format of 7.0.
	const fromRedis = "\x00\xc0\x0a\x0a\x00"
	r := record("", "10")
	check.Eq(t, string(rdb.AppendDumpPayload(nil, &r, true)[:5]), fromRedis)
}
