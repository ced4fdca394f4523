package server

import (
	"math"
	"testing"

	"redisd/internal/check"
)

func TestComputedMemoryLimit(t *testing.T) {
	const mb = 1 << 20
	for _, tc := range []struct{ longest, data, want uint64 }{
		{512 * mb, 0, 512 * mb},
		{512 * mb, 10 * mb, 592 * mb},
		{512 * mb, 1 << 40, 4608 * mb},
		{math.MaxInt64, math.MaxInt64, 512*mb + 8<<50},
	} {
		check.Eq(t, computedMemoryLimit(tc.longest, tc.data), tc.want)
	}
}

func TestCrashLine(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"runtime: failed to create new OS thread (have 5 already; errno=11)\nfatal error: newosproc\n\nruntime stack:": "fatal error: newosproc",
		"fatal error: runtime: out of memory\n\ngoroutine 1":                                                           "fatal error: runtime: out of memory",
		"panic: BUG: x\n\tpanic: again\n":                                                                              "panic: BUG: x",
		"some line\n":                                                                                                  "",
	} {
		check.Eq(t, crashLine(text), want)
	}
}
