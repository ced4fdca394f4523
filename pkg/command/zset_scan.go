package command

import (
	"math"
	"math/rand/v2"
	"strconv"

	"redisd/internal/num"
	"redisd/pkg/keyspace"
)

// ZSCAN and ZRANDMEMBER.

func zscan(c *Ctx) {
	e, o, pos, ok := c.beginScan(keyspace.ZSet)
	if !ok {
		return
	}
	z := e.ZSet()
	packed := z.Packed()
	c.scanBuckets(&o, pos, func(pos uint64) (next uint64, seen, n int) {
		next = z.Scan(pos, func(member []byte, score float64) {
			seen++
			if o.matches(member) {
				c.Out.Bulk(member)
				c.replyScanScore(score, packed)
				n += 2
			}
		})
		return next, seen, n
	})
}

// replyScanScore writes a score as ZSCAN does in both protocols: of a listpack the
// text that is in there, else 17 digits.
func (c *Ctx) replyScanScore(score float64, packed bool) {
	var text [40]byte
	switch {
	case packed:
		c.Out.Bulk(num.AppendDouble(text[:0], score))
	case math.IsInf(score, 1):
		c.Out.BulkString("inf")
	case math.IsInf(score, -1):
		c.Out.BulkString("-inf")
	default:
		c.Out.Bulk(strconv.AppendFloat(text[:0], score, 'g', 17, 64))
	}
}

func zrandmember(c *Ctx) {
	if len(c.Args) == 2 {
		z, found, good := c.readZSet(c.Args[1])
		switch {
		case !good:
		case !found:
			c.Out.Null()
		default:
			at := z.At(rand.IntN(z.Len()), false)
			c.Out.Bulk(at.Member())
		}
		return
	}
	n, ok := c.signedCount(c.Args[2])
	if !ok {
		return
	}
	withScores := len(c.Args) == 4
	switch {
	case len(c.Args) > 4, withScores && !Is(c.Args[3], "WITHSCORES"):
		c.Out.Error(ErrSyntax)
		return
	case withScores && (n < -math.MaxInt64/2 || n > math.MaxInt64/2):
		c.Out.Error("ERR value is out of range")
		return
	}
	z, found, good := c.readZSet(c.Args[1])
	switch {
	case !good:
	case !found || n == 0:
		c.Out.Array(0)
	case n < 0:
		c.replyDrawn(&z, -n, withScores)
	default:
		c.replyChosen(&z, n, withScores)
	}
}

// replyDrawn writes n members that are drawn each from all.
func (c *Ctx) replyDrawn(z *keyspace.SortedSet, n int64, withScores bool) {
	c.replyPairs(n, withScores)
	size := z.Len()
	for ; n > 0 && !c.Out.Full(); n-- {
		at := z.At(rand.IntN(size), false)
		c.replyMember(&at, withScores)
	}
}

// replyChosen writes n different members, or all from the highest to the lowest when
// there are no more.
func (c *Ctx) replyChosen(z *keyspace.SortedSet, n int64, withScores bool) {
	size := z.Len()
	if n >= int64(size) {
		c.replyPairs(int64(size), withScores)
		for at := z.At(0, true); at.Valid(); at.Next() {
			c.replyMember(&at, withScores)
		}
		return
	}
	c.replyPairs(n, withScores)
	for _, rank := range choose(size, int(n)) {
		at := z.At(rank, false)
		c.replyMember(&at, withScores)
	}
}

// choose draws n different numbers below size, 0 < n < size, in an order by chance.
func choose(size, n int) []int {
	if n > size/3 { // Floyd's way would need a map of about all numbers
		return rand.Perm(size)[:n]
	}
	seen := make(map[int]bool, n)
	list := make([]int, 0, n)
	for top := size - n; top < size; top++ {
		i := rand.IntN(top + 1)
		if seen[i] {
			i = top
		}
		seen[i] = true
		list = append(list, i)
	}
	rand.Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// replyPairs announces n members, with or without scores: one flat array on RESP2, on
// RESP3 an array for each pair.
func (c *Ctx) replyPairs(n int64, withScores bool) {
	if withScores && c.Out.Proto < 3 {
		n *= 2
	}
	c.Out.Array(int(n))
}

// replyMember writes the cursor's member, with its score.
func (c *Ctx) replyMember(at *keyspace.ZCursor, withScores bool) {
	if withScores && c.Out.Proto >= 3 {
		c.Out.Array(2)
	}
	c.Out.Bulk(at.Member())
	if withScores {
		c.Out.Double(at.Score())
	}
}
