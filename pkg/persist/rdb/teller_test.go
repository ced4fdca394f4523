package rdb_test

import (
	"fmt"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/crc64"
	"redisd/pkg/ds"
	"redisd/pkg/persist/rdb"
)

// teller is a visitor that writes down what it is told.
type teller struct {
	s strings.Builder
}

func (v *teller) add(format string, args ...any) error {
	fmt.Fprintf(&v.s, format+"\n", args...)
	return nil
}

func (v *teller) Begin(t byte, n uint64) error       { return v.add("%s of %d", rdb.TypeName(t), n) }
func (v *teller) Element(b []byte) error             { return v.add("%q", b) }
func (v *teller) Pair(f, x []byte) error             { return v.add("%q: %q", f, x) }
func (v *teller) Member(m []byte, s float64) error   { return v.add("%q scores %g", m, s) }
func (v *teller) End() error                         { return v.add("end") }
func (v *teller) Consumers(n uint64) error           { return v.add("%d consumers", n) }
func (v *teller) Owned(id ds.StreamID) error         { return v.add("owns %v", id) }
func (v *teller) Pending(p *rdb.StreamPending) error { return v.add("pending %+v", *p) }

func (v *teller) Pack(b []byte) error {
	if ds.CheckListpack(b) != nil {
		return v.add("intset %q", b)
	}
	return v.add("pack%s", elements(b))
}

func elements(b []byte) (s string) {
	l := ds.Listpack(b)
	for off := l.First(); off >= 0; off = l.Next(off) {
		s += fmt.Sprintf(" %q", l.Get(off).Append(nil))
	}
	return s
}

func (v *teller) Node(n ds.StreamNode) error { return v.add("node %v%s", n.Master, elements(n.LP)) }

func (v *teller) Info(s *rdb.StreamInfo) error { return v.add("info %+v", *s) }

func (v *teller) Group(g *rdb.StreamGroup) error {
	c := *g
	c.Name = nil
	return v.add("group %q %+v", g.Name, c)
}

func (v *teller) Consumer(c *rdb.StreamConsumer) error {
	d := *c
	d.Name = nil
	return v.add("consumer %q %+v", c.Name, d)
}

// tell visits a value and returns what came.
func tell(t byte, body []byte, s rdb.Scrutiny) (string, error) {
	var d rdb.Decoder
	d.ResetBytes(body)
	var v teller
	err := d.Visit(t, &v, s)
	if err == nil && d.Offset() != int64(len(body)) {
		err = fmt.Errorf("%d bytes of %d were read", d.Offset(), len(body))
	}
	return v.s.String(), err
}

// rewritten is the value as a Writer writes it; every keeps its buffer that short.
func rewritten(t testing.TB, typ byte, body []byte, w rdb.Writer, every int) []byte {
	t.Helper()
	var out, buf []byte
	w.Buf = &buf
	w.Added = func() error {
		if len(buf) >= every {
			out, buf = append(out, buf...), buf[:0]
		}
		return nil
	}
	var d rdb.Decoder
	d.ResetBytes(body)
	check.NoErr(t, d.Visit(typ, &w, rdb.Structure))
	return append(out, buf...)
}

// payload puts the footer of a DUMP behind a value.
func payload(typ byte, body []byte) []byte {
	return rdb.AppendDumpFooter(append([]byte{typ}, body...), 0)
}

// alone is the value of the key k, which is all that a file has.
func alone(file []byte) (typ byte, body []byte) {
	return file[9], file[12 : len(file)-9]
}

// realPayloads are the values that a redis-server makes: every type and encoding.
func realPayloads(o *oracle) map[string][]byte {
	fillTypes(o)
	all := map[string][]byte{}
	for _, key := range strings.Split(o.line("KEYS *"), "\n") {
		all[key] = []byte(o.do("DUMP", key))
	}
	return all
}

// withFooter makes a payload right again after a change.
func withFooter(p []byte) []byte {
	n := len(p) - 8
	sum := crc64.Update(0, p[:n])
	return append(p[:n:n], rdb.AppendExpireMillis(nil, int64(sum))[1:]...)
}
