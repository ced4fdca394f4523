package command

import (
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
)

// LCS. Redis keeps the whole table of lengths, four bytes a cell. The way back
// through the table needs one bit of each cell only: which of two neighbours is
// longer. So the lengths are kept for two rows, and the bits off the Go heap.

func lcsSpecs() []Spec {
	return []Spec{
		{Name: "lcs", Arity: -3, Flags: ReadOnly, Group: "string", Since: "7.0.0", Handler: lcs,
			Summary:    "Finds the longest common subsequence of two strings.",
			Complexity: "O(N*M) where N and M are the lengths of the strings.",
			Keys:       []KeySpec{{Flags: KeyRO | KeyAccess, Index: 1, Last: 1, Step: 1}},
			Args: []Arg{keyArg("key1", 0), keyArg("key2", 0), optional(word("LEN"), ""), optional(word("IDX"), ""),
				optional(with("MINMATCHLEN", "min-match-len", "integer"), ""), optional(word("WITHMATCHLEN"), "")}},
	}
}

type lcsOptions struct {
	length, ranges, withLength bool
	minMatch                   int64
}

func (c *Ctx) parseLCS(args [][]byte) (o lcsOptions, ok bool) {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case Is(a, "IDX"):
			o.ranges = true
		case Is(a, "LEN"):
			o.length = true
		case Is(a, "WITHMATCHLEN"):
			o.withLength = true
		case Is(a, "MINMATCHLEN") && i+1 < len(args):
			i++
			if o.minMatch, ok = c.Int(args[i]); !ok {
				return o, false
			}
		default:
			c.Out.Error(ErrSyntax)
			return o, false
		}
	}
	if o.length && o.ranges {
		c.Out.Error("ERR If you want both the length and indexes, please just use IDX.")
		return o, false
	}
	return o, true
}

func lcs(c *Ctx) {
	a, foundA := c.Read(c.Args[1])
	b, foundB := c.Read(c.Args[2])
	if foundA && a.Type() != keyspace.String || foundB && b.Type() != keyspace.String {
		c.Out.Error("ERR The specified keys must contain string values")
		return
	}
	o, ok := c.parseLCS(c.Args[3:])
	if !ok {
		return
	}
	a, _ = c.DB.Peek(c.Args[1]) // the second lookup may have changed the keyspace
	var digitsA, digitsB [24]byte
	var x, y []byte
	if foundA {
		x = a.Value(&digitsA)
	}
	if foundB {
		y = b.Value(&digitsB)
	}
	if !c.lcsFits(len(x), len(y)) {
		return
	}
	arena := c.KS.Arena()
	t := lcsTable{a: x, b: y}
	if !o.length {
		n := (len(x)*len(y) + 7) / 8
		if n > 0 {
			block := arena.AllocZero(mem.Scratch, n)
			defer arena.Free(mem.Scratch, block)
			t.up = arena.Bytes(block, n)
		}
	}
	total := t.fill()
	switch {
	case o.ranges:
		c.replyRanges(&t, total, o)
	case o.length:
		c.Out.Int(int64(total))
	default:
		c.Out.Bulk(t.subsequence(total))
	}
}

// lcsFits keeps Redis's limit, by the memory that its table would take.
func (c *Ctx) lcsFits(n, m int) bool {
	const most = 1<<32 - 2
	if n >= most || m >= most {
		c.Out.Error("ERR String too long for LCS")
		return false
	}
	if uint64(n+1)*uint64(m+1) > uint64(c.MaxString)/4 {
		c.Out.Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
		return false
	}
	return true
}

// lcsTable finds the way through two strings along their longest common
// subsequence.
type lcsTable struct {
	a, b []byte
	up   []byte // bit i*len(b)+j: at a[i], b[j] the longer rest is without a[i]; nil to learn the length only
}

// fill computes the table and returns the length of the subsequence.
func (t *lcsTable) fill() int {
	above := make([]uint32, len(t.b)+1) // row i: lengths for a[:i] and b[:j]
	row := make([]uint32, len(t.b)+1)
	bit := 0
	for _, x := range t.a {
		for j, y := range t.b {
			switch {
			case x == y:
				row[j+1] = above[j] + 1
			case above[j+1] > row[j]:
				row[j+1] = above[j+1]
				if t.up != nil {
					t.up[bit>>3] |= 1 << (bit & 7)
				}
			default:
				row[j+1] = row[j]
			}
			bit++
		}
		above, row = row, above
	}
	return int(above[len(t.b)])
}

// walk goes back from the ends of the strings and calls match for each pair of
// equal bytes that belongs to the subsequence, last first.
func (t *lcsTable) walk(match func(i, j int)) {
	for i, j := len(t.a)-1, len(t.b)-1; i >= 0 && j >= 0; {
		bit := i*len(t.b) + j
		switch {
		case t.a[i] == t.b[j]:
			match(i, j)
			i--
			j--
		case t.up[bit>>3]>>(bit&7)&1 != 0:
			i--
		default:
			j--
		}
	}
}

func (t *lcsTable) subsequence(n int) []byte {
	s := make([]byte, n)
	t.walk(func(i, _ int) {
		n--
		s[n] = t.a[i]
	})
	return s
}

// replyRanges replies with the runs of bytes that both strings have in the
// subsequence, last first.
func (c *Ctx) replyRanges(t *lcsTable, total int, o lcsOptions) {
	c.Out.Map(2)
	c.Out.BulkString("matches")
	runs, head := 0, c.Out.DeferArray()
	startA, startB, n := 0, 0, 0 // the current run
	emit := func() {
		if n == 0 || int64(n) < o.minMatch {
			return
		}
		runs++
		if o.withLength {
			c.Out.Array(3)
		} else {
			c.Out.Array(2)
		}
		c.replyRange(startA, n)
		c.replyRange(startB, n)
		if o.withLength {
			c.Out.Int(int64(n))
		}
	}
	t.walk(func(i, j int) {
		if n > 0 && startA == i+1 && startB == j+1 {
			startA, startB, n = i, j, n+1
			return
		}
		emit()
		startA, startB, n = i, j, 1
	})
	emit()
	c.Out.EndArray(head, runs)
	c.Out.BulkString("len")
	c.Out.Int(int64(total))
}

func (c *Ctx) replyRange(start, n int) {
	c.Out.Array(2)
	c.Out.Int(int64(start))
	c.Out.Int(int64(start + n - 1))
}
