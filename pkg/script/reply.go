package script

import (
	"encoding/binary"
	"math"
	"strings"

	"redisd/pkg/resp"
)

// decoder writes the marks of lua/reply.c as a reply in the client's protocol.
type decoder struct {
	w    *resp.Writer
	name string
	in   []byte
	top  Outcome
}

func (d *decoder) decode(out []byte) Outcome {
	d.in, d.top = out, Fine
	for left := 1; left > 0; left-- {
		left += d.one()
	}
	return d.top
}

func (d *decoder) take(n int) []byte {
	n = min(n, len(d.in))
	b := d.in[:n]
	d.in = d.in[n:]
	return b
}

func (d *decoder) length() int {
	b := d.take(4)
	if len(b) < 4 {
		return 0
	}
	return int(binary.LittleEndian.Uint32(b))
}

func (d *decoder) double() float64 {
	b := d.take(8)
	if len(b) < 8 {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// one writes what the next mark stands for and gives how many values belong to it.
func (d *decoder) one() (more int) {
	kind := byte('_')
	if b := d.take(1); len(b) == 1 {
		kind = b[0]
	}
	w := d.w
	switch kind {
	case '$':
		w.Bulk(d.take(d.length()))
	case ':':
		w.Int(truncate(d.double()))
	case '+':
		w.Simple(string(d.take(d.length())))
	case '-', 'E':
		d.error(kind)
	case '(':
		w.BigNumber(lineless.Replace(string(d.take(d.length()))))
	case '=':
		format := string(d.take(3))
		w.Verbatim(format, string(d.take(d.length())))
	case ',':
		w.Double(d.double())
	case '#':
		w.Int(1)
	case 't', 'f':
		w.Bool(kind == 't')
	case '*':
		more = d.length()
		w.Array(more)
	case '~':
		more = d.length()
		w.Set(more)
	case '%':
		more = d.length()
		w.Map(more)
		more *= 2
	default:
		w.Null()
	}
	return more
}

var lineless = strings.NewReplacer("\r", " ", "\n", " ")

// error writes an error; the mark in its text stands for the script's name.
func (d *decoder) error(kind byte) {
	text := strings.TrimRight(string(d.take(d.length())), "\r\n")
	text = strings.Replace(text, " script: \x01, on ", " script: "+d.name+", on ", 1)
	d.w.Error(text)
	if d.top == Fine {
		d.top = Failed
		if kind == 'E' {
			d.top = Counted
		}
	}
}

// truncate makes an integer of a number as the processors do that Redis runs on:
// what does not fit is the least one.
func truncate(f float64) int64 {
	if f >= -(1<<63) && f < 1<<63 {
		return int64(f)
	}
	return math.MinInt64
}
