package command_test

import (
	"testing"

	"redisd/internal/check"
	"redisd/pkg/command"
	"redisd/pkg/keyspace"
)

func TestTimeout(t *testing.T) {
	const (
		notFloat = "-ERR timeout is not a float or out of range"
		notInt   = "-ERR timeout is not an integer or out of range"
		negative = "-ERR timeout is negative"
		outside  = "-ERR timeout is out of range"
	)
	tests := []struct {
		in      string
		seconds string // the error, or "" for ms
		ms      int64
		millis  string // the same for a timeout given in milliseconds
		plain   int64
	}{
		{"0", "", 0, "", 0}, {"1", "", 1000, "", 1}, {"0.0001", "", 1, notInt, 0}, {"1.5", "", 1500, notInt, 0}, {"1e3", "", 1e6, notInt, 0},
		{"-1", negative, 0, negative, 0}, {"-0.0001", "", 0, notInt, 0}, {"-inf", negative, 0, notInt, 0},
		{"inf", outside, 0, notInt, 0}, {"0x7FFFFFFFFFFFFFFF", outside, 0, notInt, 0}, {"9223372036854775807", outside, 0, outside, 0},
		{"9223370336854775.807", "", 9223370336854775807, notInt, 0}, {"9223370336854775.808", outside, 0, notInt, 0},
		{"", notFloat, 0, notInt, 0}, {"nan", notFloat, 0, notInt, 0}, {" 1", notFloat, 0, notInt, 0}, {"1 ", notFloat, 0, notInt, 0},
	}
	s := newSession(t)
	for _, tc := range tests {
		t.Run(tc.in, func(t *testing.T) {
			read := func(fn func([]byte) (int64, bool), text string, want int64) {
				t.Helper()
				s.ctx.Out.Reset()
				ms, ok := fn([]byte(tc.in))
				check.Eq(t, ok, text == "")
				check.Eq(t, ms, want)
				if text != "" {
					text += "\r\n"
				}
				check.Eq(t, string(s.ctx.Out.Buf), text)
			}
			read(s.ctx.Timeout, tc.seconds, tc.ms)
			read(s.ctx.TimeoutMillis, tc.millis, tc.plain)
		})
	}
}

func TestBlock(t *testing.T) {
	s := newSession(t)
	keys := [][]byte{[]byte("a"), []byte("b")}
	s.ctx.Fx.Reset(0)
	_, waits := s.ctx.Fx.Waits()
	check.True(t, !waits, "nothing is waited for at first")

	s.ctx.Block(keys, keyspace.List, 1500, command.NullBulk)
	w, waits := s.ctx.Fx.Waits()
	check.True(t, waits, "Block records it")
	check.Eq(t, w, command.Wait{Keys: keys, Want: keyspace.List, TimeoutMs: 1500})
	check.Eq(t, len(s.ctx.Out.Buf), 0)

	s.ctx.Fx.Reset(0)
	_, waits = s.ctx.Fx.Waits()
	check.True(t, !waits, "the next command waits for nothing")

	s.ctx.BlockOrGone(keys, keyspace.Stream, 0, command.NullArray)
	w, _ = s.ctx.Fx.Waits()
	check.True(t, w.OrGone, "a key that is gone counts")

	s.ctx.NoBlock = true
	for null, reply := range map[command.NullKind]string{command.NullBulk: "$-1\r\n", command.NullArray: "*-1\r\n"} {
		s.ctx.Fx.Reset(0)
		s.ctx.Out.Reset()
		s.ctx.Block(keys, keyspace.List, 0, null)
		_, waits = s.ctx.Fx.Waits()
		check.True(t, !waits, "there is no waiting where it is not allowed")
		check.Eq(t, string(s.ctx.Out.Buf), reply)
	}
}
