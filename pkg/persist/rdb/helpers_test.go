package rdb_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/crc64"
	"redisd/pkg/persist/rdb"
)

// journal is a Handler that writes down what it is told, one line each.
type journal struct {
	lines []string
	// refuse makes the call whose line has this prefix fail.
	refuse string
}

func (j *journal) add(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	if j.refuse != "" && strings.HasPrefix(line, j.refuse) {
		return fmt.Errorf("handler says no to %s", j.refuse)
	}
	j.lines = append(j.lines, line)
	return nil
}

func (j *journal) Aux(k, v []byte) error          { return j.add("aux %s=%s", k, v) }
func (j *journal) SelectDB(n int) error           { return j.add("db %d", n) }
func (j *journal) ResizeDB(keys, ex uint64) error { return j.add("resize %d %d", keys, ex) }
func (j *journal) Record(r *rdb.Record) error     { return j.add("%s", line(r)) }
func (j *journal) String() string                 { return strings.Join(j.lines, "\n") }

func line(r *rdb.Record) string {
	s := fmt.Sprintf("%d:%q=%q", r.DB, r.Key, r.Str)
	if r.ExpireAt != -1 {
		s += fmt.Sprintf(" at %d", r.ExpireAt)
	}
	if r.Idle != -1 {
		s += fmt.Sprintf(" idle %d", r.Idle)
	}
	if r.Freq != -1 {
		s += fmt.Sprintf(" freq %d", r.Freq)
	}
	return s
}

// fullJournal takes function libraries and modules' data too.
type fullJournal struct{ journal }

func (j *fullJournal) FunctionLib(code []byte) error { return j.add("function %s", code) }
func (j *fullJournal) ModuleAux(name string) error   { return j.add("module %s", name) }

// silent takes everything and keeps nothing.
type silent struct{}

func (silent) Aux(_, _ []byte) error         { return nil }
func (silent) SelectDB(int) error            { return nil }
func (silent) ResizeDB(_, _ uint64) error    { return nil }
func (silent) Record(*rdb.Record) error      { return nil }
func (silent) FunctionLib(code []byte) error { return nil }
func (silent) ModuleAux(string) error        { return nil }

// file puts a header of the version and the trailer that belongs to it around
// the items.
func file(version int, items string) []byte {
	b := fmt.Appendf(nil, "REDIS%04d%s", version, items)
	if version < 5 {
		return append(b, rdb.OpEOF)
	}
	return rdb.AppendEOF(b, crc64.Update(0, b))
}

// record returns a Record of type string without attributes.
func record(key, value string) rdb.Record {
	return rdb.Record{Key: []byte(key), Str: []byte(value), ExpireAt: -1, Idle: -1, Freq: -1}
}

// sample is a small file with every opcode but functions and modules.
func sample() []byte {
	b := rdb.AppendHeader(nil)
	b = rdb.AppendAux(b, "redis-ver", "7.2.4")
	b = rdb.AppendAux(b, "redis-bits", "64")
	b = rdb.AppendAux(b, "ctime", "1700000000")
	b = rdb.AppendSelectDB(b, 0)
	b = rdb.AppendResizeDB(b, 5, 2)
	for _, r := range sampleRecords() {
		if r.DB != 0 {
			b = rdb.AppendSelectDB(b, r.DB)
			b = rdb.AppendResizeDB(b, 1, 0)
		}
		b = rdb.AppendRecord(b, &r, true)
	}
	return rdb.AppendEOF(b, crc64.Update(0, b))
}

func sampleRecords() []rdb.Record {
	plain := record("greeting", "hello")
	number := record("counter", "-129")
	number.ExpireAt = 1900000000123
	packed := record("packed", strings.Repeat("abcabcabd", 20))
	packed.Idle = 70000
	numericKey := record("12345", "")
	numericKey.Freq = 200
	other := record(strings.Repeat("k", 70), "in the ninth")
	other.DB = 9
	return []rdb.Record{plain, number, packed, numericKey, other}
}

// load runs Load with the checksum compared and returns the journal as text.
func load(t testing.TB, b []byte) string {
	t.Helper()
	var j journal
	res, err := rdb.Load(bytes.NewReader(b), rdb.Options{Checksum: true}, &j)
	check.NoErr(t, err)
	check.Eq(t, res.Consumed, int64(len(b)))
	return j.String()
}

// dribble gives its reader's bytes in small random pieces.
type dribble struct {
	r   io.Reader
	rnd *rand.Rand
}

func (d dribble) Read(p []byte) (int, error) {
	return d.r.Read(p[:min(len(p), 1+d.rnd.IntN(5))])
}

// sound is a check of b alone, as redis-check-rdb does it.
func sound(b []byte, out io.Writer, opts rdb.CheckOptions) bool {
	d := rdb.NewDecoder(bytes.NewReader(b))
	d.SetSize(int64(len(b)))
	return rdb.CheckDecoder(d, out, opts)
}
