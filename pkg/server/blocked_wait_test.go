package server_test

import (
	"testing"

	"redisd/internal/check"
)

func TestWait(t *testing.T) {
	st := newStage(t)
	st.play(`
		a = WAIT 0 0 > (integer) 0
		a = WAIT -1 0 > (integer) 0
		a = WAIT x 0 > -ERR value is not an integer or out of range
		a = WAIT 1 x > -ERR timeout is not an integer or out of range
		a = WAIT 1 -1 > -ERR timeout is negative
		a = WAIT 1 9223372036854775807 > -ERR timeout is out of range
		a: WAIT 1 100
		b: WAIT 1 0
		+99`)
	check.Eq(t, blockedFigures(st), "2 1 0 0")
	st.play(`
		+1
		a > (integer) 0
		a = PING > +PONG`)
	check.Eq(t, blockedFigures(st), "1 0 0 0")
}

func TestWaitAOF(t *testing.T) {
	const off = "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
	t.Run("off", func(t *testing.T) {
		newStage(t).play(`
			a = WAITAOF 1 0 0 > ` + off + `
			a = WAITAOF 0 0 0 > *[(integer) 0 (integer) 0]
			a = WAITAOF 2 0 0 > -ERR value is out of range, value must between 0 and 1
			a = WAITAOF -1 0 0 > -ERR value is out of range, value must between 0 and 1
			a = WAITAOF x 0 0 > -ERR value is not an integer or out of range
			a = WAITAOF 0 x 0 > -ERR value is not an integer or out of range
			a = WAITAOF 0 -1 0 > -ERR value is out of range, must be positive
			a = WAITAOF 0 0 x > -ERR timeout is not an integer or out of range
			a: WAITAOF 0 1 10
			+10
			a > *[(integer) 0 (integer) 0]`)
	})
	t.Run("always", func(t *testing.T) {
		newStage(t, "appendonly yes", "appendfsync always").play(`
			a = WAITAOF 1 0 0 > *[(integer) 1 (integer) 0]
			a = SET k v > +OK
			a = WAITAOF 1 0 0 > *[(integer) 1 (integer) 0]`)
	})
	t.Run("everysec", func(t *testing.T) {
		st := newStage(t, "appendonly yes", "appendfsync everysec")
		st.play(`
			+2000
			a = SET k v > +OK`)
		// The first sync may have started before, or not; after another second both have.
		st.client("a").send("WAITAOF 1 0 0\r\n")
		st.play(`
			+1001
			+1001`)
		st.play(`a > *[(integer) 1 (integer) 0]`)
	})
	t.Run("no, then another policy, then off", func(t *testing.T) {
		newStage(t, "appendonly yes", "appendfsync no").play(`
			a = SET k v > +OK
			a: WAITAOF 1 0 100
			+100
			a > *[(integer) 0 (integer) 0]
			a: WAITAOF 1 0 0
			b: WAITAOF 1 1 0
			z = CONFIG SET appendfsync always > +OK
			a > *[(integer) 1 (integer) 0]
			z = CLIENT UNBLOCK $b > (integer) 1
			b > *[(integer) 1 (integer) 0]
			z = CONFIG SET appendfsync no > +OK
			b = SET k v > +OK
			b: WAITAOF 1 0 0
			z = CONFIG SET appendonly no > +OK
			b > ` + off)
	})
}
