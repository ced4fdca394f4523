package command_test

import (
	"fmt"
	"strings"
	"testing"

	"redisd/internal/check"
)

func TestZAdd(t *testing.T) {
	const (
		notFloat = "-ERR value is not a valid float"
		nxxx     = "-ERR XX and NX options at the same time are not compatible"
		gtlt     = "-ERR GT, LT, and/or NX options at the same time are not compatible"
		three    = "zadd k 1 a 2 b 3 c"
	)
	runSpecs(t, []spec{
		{"new", "", "zadd k 1 a 2 b", ":2", 2, "=", "n:new:k z:zadd:k"},
		{"one member twice", "", "zadd k 1 a 2 a", ":1", 2, "=", "n:new:k z:zadd:k"},
		{"updated", three, "zadd k 5 a 9 d", ":1", 2, "=", "z:zadd:k"},
		{"ch", three, "zadd k CH 5 a 9 d", ":2", 2, "=", "z:zadd:k"},
		{"same", three, "zadd k ch 1 a", ":0", 0, "", ""},
		{"nx", three, "zadd k nx 7 a 8 d", ":1", 1, "=", "z:zadd:k"},
		{"xx", three, "zadd k xx ch 7 a 8 d", ":1", 1, "=", "z:zadd:k"},
		{"xx without a key", "", "zadd k xx 7 a", ":0", 0, "", ""},
		{"gt", three, "zadd k gt ch 0 a 5 b 6 d", ":2", 2, "=", "z:zadd:k"},
		{"lt", three, "zadd k lt ch 0 a 5 b 6 d", ":2", 2, "=", "z:zadd:k"},
		{"gt and xx", three, "zadd k gt xx ch 0 a 5 b 6 d", ":1", 1, "=", "z:zadd:k"},
		{"incr", three, "zadd k incr 2.5 a", "$3 3.5", 1, "=", "z:zincr:k"},
		{"incr of nothing", three, "zadd k incr 0 a", "$1 1", 0, "", ""},
		{"incr new", "", "zadd k incr -2 a", "$2 -2", 1, "=", "n:new:k z:zincr:k"},
		{"incr refused", three, "zadd k incr nx 2 a", "$-1", 0, "", ""},
		{"incr refused by gt", three, "zadd k incr gt -2 a", "$-1", 0, "", ""},
		{"incr xx without a key", "", "zadd k incr xx 2 a", "$-1", 0, "", ""},
		{"infinite", "", "zadd k -inf a +INF b infinity c", ":3", 3, "=", "n:new:k z:zadd:k"},
		{"sum of infinities", "zadd k inf a", "zincrby k -inf a", "-ERR resulting score is not a number (NaN)", 0, "", ""},
		{"bad score changes nothing", three, "zadd k 9 z x a", notFloat, 0, "", ""},
		{"nan", "", "zadd k nan a", notFloat, 0, "", ""},
		{"nx and xx", "", "zadd k nx xx 1 a", nxxx, 0, "", ""},
		{"gt and lt", "", "zadd k gt lt 1 a", gtlt, 0, "", ""},
		{"gt and nx", "", "zadd k gt nx 1 a", gtlt, 0, "", ""},
		{"incr of two", "", "zadd k incr 1 a 2 b", "-ERR INCR option supports a single increment-element pair", 0, "", ""},
		{"odd", "", "zadd k 1 a 2", "-ERR syntax error", 0, "", ""},
		{"options only", "", "zadd k nx ch", "-ERR syntax error", 0, "", ""},
		{"wrong type", "set k v", "zadd k 1 a", wrongType, 0, "", ""},
		{"the type comes after the scores", "set k v", "zadd k x a", notFloat, 0, "", ""},
		{"zincrby", three, "zincrby k -0.5 b", "$3 1.5", 1, "=", "z:zincr:k"},
		{"zincrby new", "", "zincrby k 3 b", "$1 3", 1, "=", "n:new:k z:zincr:k"},
	})
}

func TestZSetMembers(t *testing.T) {
	const three = "zadd k 1 a 2 b 3 c"
	runSpecs(t, []spec{
		{"zrem", three, "zrem k a x c", ":2", 2, "=", "z:zrem:k"},
		{"zrem of all", three, "zrem k a b c d", ":3", 3, "=", "z:zrem:k g:del:k"},
		{"zrem of none", three, "zrem k x", ":0", 0, "", ""},
		{"zrem without a key", "", "zrem k x", ":0", 0, "", ""},
		{"zrem wrong type", "set k v", "zrem k x", wrongType, 0, "", ""},
		{"zcard", three, "zcard k", ":3", 0, "", ""},
		{"zcard without a key", "", "zcard k", ":0", 0, "", "m:keymiss:k"},
		{"zscore", three, "zscore k b", "$1 2", 0, "", ""},
		{"zscore of none", three, "zscore k x", "$-1", 0, "", ""},
		{"zmscore", three, "zmscore k b x a", "*3 $1 2 $-1 $1 1", 0, "", ""},
		{"zmscore without a key", "", "zmscore k b x", "*2 $-1 $-1", 0, "", "m:keymiss:k"},
		{"zrank", three, "zrank k c", ":2", 0, "", ""},
		{"zrevrank", three, "zrevrank k c", ":0", 0, "", ""},
		{"zrank of none", three, "zrank k x", "$-1", 0, "", ""},
		{"zrank withscore", three, "zrank k c withscore", "*2 :2 $1 3", 0, "", ""},
		{"zrevrank withscore", three, "zrevrank k a WITHSCORE", "*2 :2 $1 1", 0, "", ""},
		{"zrank withscore of none", three, "zrank k x withscore", "*-1", 0, "", ""},
		{"zrank with something else", three, "zrank k a withscores", "-ERR syntax error", 0, "", ""},
		{"zrank with too much", three, "zrank k a withscore x", "-ERR wrong number of arguments for 'zrank' command", 0, "", ""},
		{"zscan", three, "zscan k 0", "*2 $1 0 *6 $1 a $1 1 $1 b $1 2 $1 c $1 3", 0, "", ""},
		{"zscan match", three, "zscan k 0 match [ab] count 1", "*2 $1 0 *4 $1 a $1 1 $1 b $1 2", 0, "", ""},
		{"zscan without a key", "", "zscan k 0 junk", "*2 $1 0 *0", 0, "", "m:keymiss:k"},
		{"zscan type", three, "zscan k 0 type zset", "-ERR syntax error", 0, "", ""},
		{"zscan bad cursor", three, "zscan k x", "-ERR invalid cursor", 0, "", ""},
		{"zrandmember of one", "zadd k 1 a", "zrandmember k", "$1 a", 0, "", ""},
		{"zrandmember of none", "", "zrandmember k", "$-1", 0, "", "m:keymiss:k"},
		{"zrandmember of all, the highest first", three, "zrandmember k 5 withscores", "*6 $1 c $1 3 $1 b $1 2 $1 a $1 1", 0, "", ""},
		{"zrandmember drawn", "zadd k 1 a", "zrandmember k -3", "*3 $1 a $1 a $1 a", 0, "", ""},
		{"zrandmember 0", three, "zrandmember k 0", "*0", 0, "", ""},
		{"zrandmember too many", three, "zrandmember k -9223372036854775807 withscores", "-ERR value is out of range", 0, "", ""},
		{"zrandmember bad word", three, "zrandmember k 1 scores", "-ERR syntax error", 0, "", ""},
	})
}

func TestZRange(t *testing.T) {
	const (
		five  = "zadd k 1 a 2 b 3 c 4 d 5 e"
		lex   = "zadd k 0 a 0 b 0 c 0 d 0 e"
		float = "-ERR min or max is not a float"
		item  = "-ERR min or max not valid string range item"
	)
	runSpecs(t, []spec{
		{"ranks", five, "zrange k 1 2", "*2 $1 b $1 c", 0, "", ""},
		{"ranks from the end", five, "zrange k -2 -1 withscores", "*4 $1 d $1 4 $1 e $1 5", 0, "", ""},
		{"ranks reversed", five, "zrange k 0 1 rev", "*2 $1 e $1 d", 0, "", ""},
		{"ranks outside", five, "zrange k 5 9", "*0", 0, "", ""},
		{"ranks without a key", "", "zrange k 5 9", "*0", 0, "", "m:keymiss:k"},
		{"scores", five, "zrange k (1 3 byscore", "*2 $1 b $1 c", 0, "", ""},
		{"scores reversed", five, "zrange k +inf (3 byscore rev", "*2 $1 e $1 d", 0, "", ""},
		{"scores with limit", five, "zrange k -inf +inf byscore limit 1 2", "*2 $1 b $1 c", 0, "", ""},
		{"scores reversed with limit", five, "zrange k +inf -inf byscore rev limit 1 2 withscores", "*4 $1 d $1 4 $1 c $1 3", 0, "", ""},
		{"a negative offset is beyond the end", five, "zrange k -inf +inf byscore limit -1 2", "*0", 0, "", ""},
		{"a negative count is all", five, "zrange k 4 +inf byscore limit 0 -5", "*2 $1 d $1 e", 0, "", ""},
		{"nothing is zero", "zadd k -1 a 0 b 1 c", "zrangebyscore k ( ''", "*0", 0, "", ""},
		{"beyond doubles is infinite", five, "zcount k -1e999 1e999", ":5", 0, "", ""},
		{"members", lex, "zrange k (a [c bylex", "*2 $1 b $1 c", 0, "", ""},
		{"members reversed", lex, "zrange k + [d bylex rev", "*2 $1 e $1 d", 0, "", ""},
		{"members with limit", lex, "zrangebylex k - + limit 3 9", "*2 $1 d $1 e", 0, "", ""},
		{"zrevrange", five, "zrevrange k 0 0 withscores", "*2 $1 e $1 5", 0, "", ""},
		{"zrevrangebyscore", five, "zrevrangebyscore k 2 1", "*2 $1 b $1 a", 0, "", ""},
		{"zrevrangebylex", lex, "zrevrangebylex k [b -", "*2 $1 b $1 a", 0, "", ""},
		{"zcount", five, "zcount k (1 (5", ":3", 0, "", ""},
		{"zlexcount", lex, "zlexcount k [b +", ":4", 0, "", ""},
		{"lowest to highest is all, whatever the scores", five, "zlexcount k - +", ":5", 0, "", ""},
		{"limit of ranks", five, "zrange k 0 1 limit 0 1",
			"-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX", 0, "", ""},
		{"scores of members", lex, "zrange k - + bylex withscores",
			"-ERR syntax error, WITHSCORES not supported in combination with BYLEX", 0, "", ""},
		{"rev twice", five, "zrange k 0 1 rev rev", "-ERR syntax error", 0, "", ""},
		{"two kinds", five, "zrange k 0 1 byscore bylex", "-ERR syntax error", 0, "", ""},
		{"bad rank", five, "zrange k a 1", "-ERR value is not an integer or out of range", 0, "", ""},
		{"bad score", five, "zcount k 1x 2", float, 0, "", ""},
		{"bad score, blank behind", five, "zcount k 1_ 2", float, 0, "", ""},
		{"blank before a score", five, "zcount k _1 2", ":2", 0, "", ""},
		{"bad member", lex, "zlexcount k a b", item, 0, "", ""},
		{"empty member", lex, "zlexcount k '' +", item, 0, "", ""},
		{"wrong type", "set k v", "zrange k 0 1", wrongType, 0, "", ""},
	})
}

func TestZRangeChanges(t *testing.T) {
	const five = "zadd k 1 a 2 b 3 c 4 d 5 e"
	runSpecs(t, []spec{
		{"zremrangebyrank", five, "zremrangebyrank k 1 -2", ":3", 3, "=", "z:zremrangebyrank:k"},
		{"zremrangebyscore", five, "zremrangebyscore k (1 2", ":1", 1, "=", "z:zremrangebyscore:k"},
		{"zremrangebylex", "zadd k 0 a 0 b", "zremrangebylex k - (b", ":1", 1, "=", "z:zremrangebylex:k"},
		{"all", five, "zremrangebyscore k -inf inf", ":5", 5, "=", "z:zremrangebyscore:k g:del:k"},
		{"none", five, "zremrangebyrank k 7 8", ":0", 0, "", ""},
		{"no key", "", "zremrangebyrank k 7 8", ":0", 0, "", ""},
		{"store", five, "zrangestore d k 1 2", ":2", 1, "=", "n:new:d z:zrangestore:d"},
		{"store over another type", five + "; set d v", "zrangestore d k 1 2 rev", ":2", 1, "=", "z:zrangestore:d"},
		{"store over itself", five, "zrangestore k k 2 9 byscore limit 1 2", ":2", 1, "=", "z:zrangestore:k"},
		{"store nothing", five + "; set d v", "zrangestore d k 7 8", ":0", 1, "=", "g:del:d"},
		{"store nothing over nothing", "", "zrangestore d k 7 8", ":0", 0, "", "m:keymiss:k"},
		{"store with scores", five, "zrangestore d k 0 1 withscores", "-ERR syntax error", 0, "", ""},
	})
}

func TestZSetOperations(t *testing.T) {
	const two = "zadd a 1 x 2 y 3 z; zadd b 10 y 20 z 30 w"
	runSpecs(t, []spec{
		{"zunion", two, "zunion 2 a b", "*4 $1 x $1 y $1 z $1 w", 0, "", ""},
		{"zunion withscores", two, "zunion 2 a b withscores", "*8 $1 x $1 1 $1 y $2 12 $1 z $2 23 $1 w $2 30", 0, "", ""},
		{"zunion weights", two, "zunion 2 a b weights 10 1 withscores", "*8 $1 x $2 10 $1 w $2 30 $1 y $2 30 $1 z $2 50", 0, "", ""},
		{"zunion aggregate", two, "zunion 2 a b aggregate max withscores", "*8 $1 x $1 1 $1 y $2 10 $1 z $2 20 $1 w $2 30", 0, "", ""},
		{"zinter", two, "zinter 2 a b withscores", "*4 $1 y $2 12 $1 z $2 23", 0, "", ""},
		{"zinter min", two, "zinter 2 a b aggregate min withscores", "*4 $1 y $1 2 $1 z $1 3", 0, "", ""},
		{"zinter with itself", two, "zinter 2 a a withscores", "*6 $1 x $1 2 $1 y $1 4 $1 z $1 6", 0, "", ""},
		{"zintercard", two, "zintercard 2 a b", ":2", 0, "", ""},
		{"zintercard limit", two, "zintercard 2 a b limit 1", ":1", 0, "", ""},
		{"zintercard bad limit", two, "zintercard 2 a b limit -1", "-ERR LIMIT can't be negative", 0, "", ""},
		{"zdiff", two, "zdiff 2 a b withscores", "*2 $1 x $1 1", 0, "", ""},
		{"zdiff with itself", two, "zdiff 2 a a", "*0", 0, "", ""},
		{"zdiff without others", two, "zdiff 2 a c", "*3 $1 x $1 y $1 z", 0, "", "m:keymiss:c"},
		{"infinities cancel to zero", "zadd a inf x; zadd b -inf x", "zunion 2 a b withscores", "*2 $1 x $1 0", 0, "", ""},
		{"zunionstore", two, "zunionstore d 2 a b", ":4", 1, "=", "n:new:d z:zunionstore:d"},
		{"zinterstore over a source", two, "zinterstore a 2 a b", ":2", 1, "=", "z:zinterstore:a"},
		{"zdiffstore", two, "zdiffstore d 2 a b", ":1", 1, "=", "n:new:d z:zdiffstore:d"},
		{"zdiffstore nothing", two, "zdiffstore b 2 a a", ":0", 1, "=", "g:del:b"},
		{"zunion with a set", two + "; sadd s x y 7", "zunion 2 a s weights 1 10 withscores",
			"*8 $1 z $1 3 $1 7 $2 10 $1 x $2 11 $1 y $2 12", 0, "", ""},
		{"zinter with a set", two + "; sadd s x 7", "zinter 2 a s withscores", "*2 $1 x $1 2", 0, "", ""},
		{"zinter of sets", "sadd a 1 2 3; sadd b 2 3 4", "zinter 2 a b withscores", "*4 $1 2 $1 2 $1 3 $1 2", 0, "", ""},
		{"zdiff with a set", two + "; sadd s x z", "zdiff 2 a s", "*1 $1 y", 0, "", ""},
		{"no inputs", "", "zunion 0 a", "-ERR at least 1 input key is needed for 'zunion' command", 0, "", ""},
		{"too few inputs", "", "zunion 2 a", "-ERR syntax error", 0, "", ""},
		{"bad number", "", "zunionstore d x a", "-ERR value is not an integer or out of range", 0, "", ""},
		{"bad weight", two, "zunion 2 a b weights 1 x", "-ERR weight value is not a float", 0, "", ""},
		{"too few weights", two, "zunion 2 a b weights 1", "-ERR syntax error", 0, "", ""},
		{"bad aggregate", two, "zunion 2 a b aggregate avg", "-ERR syntax error", 0, "", ""},
		{"weights of a difference", two, "zdiff 2 a b weights 1 2", "-ERR syntax error", 0, "", ""},
		{"scores of a store", two, "zunionstore d 2 a b withscores", "-ERR syntax error", 0, "", ""},
		{"wrong type", "set k v", "zunion 1 k", wrongType, 0, "", ""},
	})
}

func TestZPop(t *testing.T) {
	const three = "zadd k 1 a 2 b 3 c"
	runSpecs(t, []spec{
		{"zpopmin", three, "zpopmin k", "*2 $1 a $1 1", 1, "=", "z:zpopmin:k"},
		{"zpopmax", three, "zpopmax k 2", "*4 $1 c $1 3 $1 b $1 2", 2, "=", "z:zpopmax:k"},
		{"zpopmin of all", three, "zpopmin k 9", "*6 $1 a $1 1 $1 b $1 2 $1 c $1 3", 3, "=", "z:zpopmin:k g:del:k"},
		{"zpopmin 0", three, "zpopmin k 0", "*0", 0, "", ""},
		{"zpopmin of none", "", "zpopmin k", "*0", 0, "", ""},
		{"zpopmin of a negative number", three, "zpopmin k -1", "-ERR value is out of range, must be positive", 0, "", ""},
		{"zpopmin too much", three, "zpopmin k 1 2", "-ERR syntax error", 0, "", ""},
		{"zmpop", three, "zmpop 2 no k min", "*2 $1 k *1 *2 $1 a $1 1", 1, "ZPOPMIN k 1", "z:zpopmin:k"},
		{"zmpop count", three, "zmpop 1 k max count 5", "*2 $1 k *3 *2 $1 c $1 3 *2 $1 b $1 2 *2 $1 a $1 1", 3, "ZPOPMAX k 3",
			"z:zpopmax:k g:del:k"},
		{"zmpop of none", "", "zmpop 1 k min", "*-1", 0, "", ""},
		{"zmpop no keys", "", "zmpop 0 k min", "-ERR numkeys should be greater than 0", 0, "", ""},
		{"zmpop no where", "", "zmpop 2 k min", "-ERR syntax error", 0, "", ""},
		{"zmpop huge number", "", "zmpop 9223372036854775807 k min", "-ERR syntax error", 0, "", ""},
		{"zmpop count 0", three, "zmpop 1 k min count 0", "-ERR count should be greater than 0", 0, "", ""},
		{"zmpop count twice", three, "zmpop 1 k min count 1 count 1", "-ERR syntax error", 0, "", ""},
		{"zmpop wrong type first", three + "; set s v", "zmpop 2 s k min", wrongType, 0, "", ""},
		{"bzpopmin", three, "bzpopmin no k 0", "*3 $1 k $1 a $1 1", 1, "ZPOPMIN k", "z:zpopmin:k"},
		{"bzpopmax", three, "bzpopmax k 0", "*3 $1 k $1 c $1 3", 1, "ZPOPMAX k", "z:zpopmax:k"},
		{"bzmpop", three, "bzmpop 0 1 k max count 2", "*2 $1 k *2 *2 $1 c $1 3 *2 $1 b $1 2", 2, "ZPOPMAX k 2", "z:zpopmax:k"},
		{"bad timeout", three, "bzpopmin k x", "-ERR timeout is not a float or out of range", 0, "", ""},
		{"the timeout comes before the type", "set k v", "bzpopmin k -1", "-ERR timeout is negative", 0, "", ""},
		{"bzmpop looks at the timeout last", "", "bzmpop x 0 k min", "-ERR numkeys should be greater than 0", 0, "", ""},
	})
}

func TestZPopWaits(t *testing.T) {
	for _, line := range []string{"bzpopmin a b 1.5", "bzpopmax a b 1.5", "bzmpop 1.5 2 a b min"} {
		s := newSession(t)
		check.Eq(t, s.run(line), "")
		w, waits := s.ctx.Fx.Waits()
		check.True(t, waits, "the command waits")
		check.Eq(t, len(w.Keys), 2)
		check.Eq(t, string(w.Keys[1]), "b")
		check.Eq(t, w.TimeoutMs, 1500)
		s.ctx.NoBlock = true
		check.Eq(t, s.run(line), "*-1")
	}
}

func TestZSetRepliesOfRESP3(t *testing.T) {
	s := newSession(t)
	s.run("zadd k 1 a 2.5 b")
	s.ctx.Out.Proto = 3
	for line, want := range map[string]string{
		"zscore k b":                 "2.5",
		"zrange k 0 -1 withscores":   "*2 *2 $1 a ,1 *2 $1 b ,2.5",
		"zrange k 0 -1":              "*2 $1 a $1 b",
		"zunion 1 k withscores":      "*2 *2 $1 a ,1 *2 $1 b ,2.5",
		"zrank k b withscore":        "*2 :1 ,2.5",
		"zrank k x withscore":        "_",
		"zrandmember k 2 withscores": "*2 *2 $1 b ,2.5 *2 $1 a ,1",
		"zmscore k a x":              "*2 ,1 _",
		"zscan k 0":                  "*2 $1 0 *4 $1 a $1 1 $1 b $3 2.5",
	} {
		check.Eq(t, strings.TrimPrefix(s.run(line), ","), want)
	}
	check.Eq(t, s.run("zpopmin k"), "*2 $1 a ,1")
	check.Eq(t, s.run("zpopmin k 1"), "*1 *2 $1 b ,2.5")
	s.run("zadd k 1 a")
	check.Eq(t, s.run("bzpopmin k 0"), "*3 $1 k $1 a ,1")
}

// Large sets give the same as small ones.
func TestLargeZSet(t *testing.T) {
	s := newSession(t)
	const n = 3000
	for i := range n {
		s.run(fmt.Sprintf("zadd k %d m%04d", i*7%n, i*7%n))
	}
	for line, want := range map[string]string{
		"zcard k":                                 ":3000",
		"zrank k m1234":                           ":1234",
		"zrevrank k m1234":                        ":1765",
		"zrange k 1234 1235":                      "*2 $5 m1234 $5 m1235",
		"zrange k (100 102 byscore withscores":    "*4 $5 m0101 $3 101 $5 m0102 $3 102",
		"zrevrangebyscore k +inf -inf limit 10 1": "*1 $5 m2989",
		"zcount k (1000 2000":                     ":1000",
		"object encoding k":                       "$8 skiplist",
	} {
		check.Eq(t, s.run(line), want)
	}
	seen := 0
	for cursor := "0"; ; {
		words := strings.Fields(s.run("zscan k " + cursor + " count 100"))
		cursor = words[2]
		seen += strings.Count(strings.Join(words[4:], " "), " m")
		if cursor == "0" {
			break
		}
	}
	check.Eq(t, seen, n)
	for _, count := range []int{1, 5, 900, 1500, 2999} {
		got := strings.Fields(s.run(fmt.Sprintf("zrandmember k %d", count)))
		members := map[string]bool{}
		for _, w := range got {
			if w[0] == 'm' {
				members[w] = true
			}
		}
		check.Eq(t, len(members), count)
	}
	check.Eq(t, s.run("zremrangebyrank k 10 2989"), ":2980")
	check.Eq(t, s.run("zrange k 8 11"), "*4 $5 m0008 $5 m0009 $5 m2990 $5 m2991")
	check.Eq(t, s.run("del k"), ":1")
	check.Eq(t, s.arena.Used(), s.tablesOnly())
}

// tablesOnly is what the keyspace itself takes.
func (s *session) tablesOnly() uint64 {
	main, expires := s.ctx.DB.TableBytes()
	return main + expires
}
