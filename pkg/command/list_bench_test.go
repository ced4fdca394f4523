package command_test

import (
	"testing"
)

// BenchmarkList measures handlers of lists without the network: 100,000 elements lie in a quicklist.
func BenchmarkList(b *testing.B) {
	s := newSession(b)
	for range 1000 {
		s.run("rpush big 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 xxx xxx xxx xxx xxx xxx xxx xxx " +
			"a b c d e f g h i j k l m n o p q r s t u v w x y z aa bb cc dd ee ff gg hh ii jj kk ll mm nn oo pp qq rr ss tt uu vv ww xx yy zz")
	}
	lines := []string{"lpush l xxx", "rpush l xxx", "lpop l", "rpop l", "lrange big 0 99", "lindex big 4000", "llen l", "set k xxx", "get k"}
	for _, l := range lines {
		argv := words(l)
		b.Run(l, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%200000 == 0 && (argv[0][1] == 'p' || argv[0][0] == 'r') {
					b.StopTimer()
					s.run("del l")
					fill := words("rpush l xxx xxx xxx xxx xxx xxx xxx xxx xxx xxx xxx xxx xxx xxx xxx xxx xxx xxx xxx xxx")
					if string(argv[0]) == "lpop" || string(argv[0]) == "rpop" {
						for range 10001 {
							s.exec(fill)
						}
					}
					b.StartTimer()
				}
				runHot(s, argv)
			}
		})
	}
}
