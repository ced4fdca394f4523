package command_test

import "testing"

func BenchmarkStreams(b *testing.B) {
	for _, line := range []string{"XADD s * field value", "XADD s MAXLEN ~ 1000 * field value", "XADD s * f1 v1 f2 12345 f3 v3",
		"XRANGE r - + COUNT 10", "XRANGE r - + COUNT 100", "XREVRANGE r + - COUNT 10", "XREADGROUP GROUP g c COUNT 10 STREAMS r 0",
		"XREAD COUNT 1 STREAMS r 5000"} {
		b.Run(line, func(b *testing.B) {
			s := newSession(b)
			add := words("XADD r * field value")
			for range 10_000 {
				s.exec(add)
			}
			s.run("XGROUP CREATE r g 0")
			s.run("XREADGROUP GROUP g c STREAMS r >")
			argv := words(line)
			for b.Loop() {
				runHot(s, argv)
			}
		})
	}
}
