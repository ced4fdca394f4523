package server_test

import (
	"testing"

	"redisd/internal/check"
)

// The blocking commands of the families, in the play of blocked_test.go.
func TestBlockingCommands(t *testing.T) {
	tests := []struct{ name, script string }{
		{"BLPOP and BRPOP", `
			a: BLPOP l1 l2 0
			b: BRPOP l2 l1 0
			z = RPUSH l2 1 2 3 > (integer) 3
			a > *["l2" "1"]
			b > *["l2" "3"]
			z = LRANGE l2 0 -1 > *["2"]`},
		{"one push serves as many as it has elements", `
			a: BLPOP l 0
			b: BLPOP l 0
			c: BLPOP l 0
			z = RPUSH l 1 2 > (integer) 2
			a > *["l" "1"]
			b > *["l" "2"]
			z = EXISTS l > (integer) 0
			z = LPUSH l 3 > (integer) 1
			c > *["l" "3"]`},
		{"a key of another type is passed by", `
			a: BLPOP l 0
			z = SET l v > +OK
			z = DEL l > (integer) 1
			z = SADD l m > (integer) 1
			z = DEL l > (integer) 1
			z = RPUSH l 1 > (integer) 1
			a > *["l" "1"]`},
		{"the second run finds another key of another type", `
			a: BLPOP l1 l2 0
			z = SET l1 v > +OK
			z = RPUSH l2 1 > (integer) 1
			a > -WRONGTYPE Operation against a key holding the wrong kind of value
			z = LLEN l2 > (integer) 1`},
		{"BLMOVE makes the next list", `
			a: BLMOVE l1 l2 LEFT RIGHT 0
			b: BLMOVE l2 l3 RIGHT LEFT 0
			c: BLPOP l3 0
			z = RPUSH l1 x > (integer) 1
			a > "x"
			b > "x"
			c > *["l3" "x"]`},
		{"BLMOVE onto a key of another type", `
			z = SET l2 v > +OK
			a: BLMOVE l1 l2 LEFT RIGHT 0
			b: BLPOP l1 0
			z = RPUSH l1 x > (integer) 1
			a > -WRONGTYPE Operation against a key holding the wrong kind of value
			b > *["l1" "x"]`},
		{"BRPOPLPUSH onto itself", `
			a: BRPOPLPUSH l l 0
			z = RPUSH l 1 2 > (integer) 2
			a > "2"
			z = LRANGE l 0 -1 > *["2" "1"]`},
		{"BRPOPLPUSH in a circle", `
			a: BRPOPLPUSH l1 l2 0
			b: BRPOPLPUSH l2 l1 0
			z = RPUSH l1 x > (integer) 1
			a > "x"
			b > "x"
			z = LRANGE l1 0 -1 > *["x"]
			z = EXISTS l2 > (integer) 0`},
		{"BLMPOP", `
			a: BLMPOP 0 2 l1 l2 LEFT COUNT 2
			b: BLMPOP 0 1 l2 RIGHT
			z = RPUSH l2 1 2 3 > (integer) 3
			a > *["l2" *["1" "2"]]
			b > *["l2" *["3"]]`},
		{"a list that SORT, RENAME or COPY makes", `
			z = RPUSH src 2 1 > (integer) 2
			a: BLPOP l 0
			z = SORT src STORE l > (integer) 2
			a > *["l" "1"]
			z = LPOP l > "2"
			a: BLPOP l 0
			z = COPY src l > (integer) 1
			a > *["l" "2"]
			z = DEL l > (integer) 1
			a: BLPOP l 0
			z = RENAME src l > +OK
			a > *["l" "2"]`},
		{"BZPOPMIN and BZPOPMAX", `
			a: BZPOPMIN z1 z2 0
			b: BZPOPMAX z2 0
			z = ZADD z2 1 one 2 two 3 three > (integer) 3
			a > *["z2" "one" "1"]
			b > *["z2" "three" "3"]
			a: BZMPOP 0 1 z3 MAX COUNT 5
			z = ZUNIONSTORE z3 1 z2 > (integer) 1
			a > *["z3" *[*["two" "2"]]]`},
		{"a list and a sorted set of one name", `
			a: BLPOP k 0
			b: BZPOPMIN k 0
			z = ZADD k 1 one > (integer) 1
			b > *["k" "one" "1"]
			z = RPUSH k x > (integer) 1
			a > *["k" "x"]`},
		{"XREAD from the end", `
			z = XADD s 1-0 f 1 > "1-0"
			a: XREAD BLOCK 0 STREAMS s none $ $
			b: XREAD BLOCK 0 STREAMS s 5
			z = XADD s 2-0 f 2 > "2-0"
			a > *[*["s" *[*["2-0" *["f" "2"]]]]]
			z = XADD s 6-0 f 6 > "6-0"
			b > *[*["s" *[*["6-0" *["f" "6"]]]]]`},
		{"XREADGROUP, each entry once", `
			z = XGROUP CREATE s g $ MKSTREAM > +OK
			a: XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
			b: XREADGROUP GROUP g bob BLOCK 0 STREAMS s >
			z = XADD s 1-0 f 1 > "1-0"
			a > *[*["s" *[*["1-0" *["f" "1"]]]]]
			z = XADD s 2-0 f 2 > "2-0"
			b > *[*["s" *[*["2-0" *["f" "2"]]]]]
			z = XPENDING s g > *[(integer) 2 "1-0" "2-0" *[*["alice" "1"] *["bob" "1"]]]`},
		{"XREADGROUP when the stream or the group goes", `
			z = XGROUP CREATE s g $ MKSTREAM > +OK
			a: XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
			z = DEL s > (integer) 1
			a > -NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
			z = XGROUP CREATE s g $ MKSTREAM > +OK
			a: XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
			z = SET s v > +OK
			a > -WRONGTYPE Operation against a key holding the wrong kind of value
			z = DEL s > (integer) 1
			z = XGROUP CREATE s g $ MKSTREAM > +OK
			a: XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
			z = XGROUP DESTROY s g > (integer) 1
			a > -NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
			z = XGROUP CREATE s g $ > +OK
			a: XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
			z = FLUSHALL > +OK
			a > -NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option`},
		{"XREAD does not mind", `
			z = XADD s 1-0 f 1 > "1-0"
			a: XREAD BLOCK 0 STREAMS s $
			z = DEL s > (integer) 1
			z = XADD s 2-0 f 2 > "2-0"
			a > *[*["s" *[*["2-0" *["f" "2"]]]]]`},
		{"a transaction is over before anybody is served", `
			a: BLPOP l 0
			z = MULTI > +OK
			z = RPUSH l 1 > +QUEUED
			z = DEL l > +QUEUED
			z = EXEC > *[(integer) 1 (integer) 1]
			z = MULTI > +OK
			z = RPUSH l 1 > +QUEUED
			z = RPUSH l 2 > +QUEUED
			z = LPUSH l 0 > +QUEUED
			z = EXEC > *[(integer) 1 (integer) 2 (integer) 3]
			a > *["l" "0"]`},
		{"a transaction makes another stream of the name", `
			z = XGROUP CREATE s g $ MKSTREAM > +OK
			a: XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
			z = MULTI > +OK
			z = DEL s > +QUEUED
			z = XADD s 5-0 f v > +QUEUED
			z = EXEC > *[(integer) 1 "5-0"]
			a > -NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option`},
		{"nothing blocks in a transaction", `
			z = MULTI > +OK
			z = BLPOP l 0 > +QUEUED
			z = BLMOVE l k LEFT LEFT 0 > +QUEUED
			z = BZPOPMIN z 0 > +QUEUED
			z = XREAD BLOCK 0 STREAMS s $ > +QUEUED
			z = WAIT 1 0 > +QUEUED
			z = WAITAOF 0 1 0 > +QUEUED
			z = EXEC > *[(nil) (nil) (nil) (nil) (integer) 0 *[(integer) 0 (integer) 0]]`},
		{"CLIENT UNBLOCK in a transaction", `
			a: BLPOP l 0
			z = MULTI > +OK
			z = RPUSH l 1 > +QUEUED
			z = CLIENT UNBLOCK $a ERROR > +QUEUED
			z = LPOP l > +QUEUED
			z = EXEC > *[(integer) 1 (integer) 1 "1"]
			a > -UNBLOCKED client unblocked via CLIENT UNBLOCK`},
		{"the time is over", `
			a: BLPOP l 0.1
			b: BLMOVE l k LEFT LEFT 0.1
			c: BZPOPMIN z 0.1
			d: XREAD BLOCK 100 STREAMS s $
			+100
			a > (nil)
			b > (nil)
			c > (nil)
			d > (nil)`},
		{"bad timeouts", `
			a = BLPOP l -1 > -ERR timeout is negative
			a = BLPOP l x > -ERR timeout is not a float or out of range
			a = BLPOP l 0x7FFFFFFFFFFFFFFF > -ERR timeout is out of range
			a = XREAD BLOCK 0.5 STREAMS s $ > -ERR timeout is not an integer or out of range`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			st := newStage(t)
			st.play(tc.script)
			check.Eq(t, blockedFigures(st), "0 0 0 0")
		})
	}
}
