package check

import (
	"bytes"
	"errors"
	"strings"
)

// TB is the part of testing.TB that the helpers need; *rapid.T has it too.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Eq stops the test unless got equals want, by ==, or for other values by
// reflect.DeepEqual.
func Eq[T any](t TB, got, want T) {
	t.Helper()
	if !equal(got, want) {
		t.Fatalf("got  %s\nwant %s", show(got), show(want))
	}
}

// NotEq stops the test if got equals bad.
func NotEq[T any](t TB, got, bad T) {
	t.Helper()
	if equal(got, bad) {
		t.Fatalf("got %s, which must not be", show(got))
	}
}

// EqBytes stops the test unless the two have the same bytes; nil and empty are
// the same. The first difference is shown, not two long dumps.
func EqBytes(t TB, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	t.Fatalf("bytes differ at %d\ngot  (%d) %q\nwant (%d) %q", i, len(got), window(got, i), len(want), window(want, i))
}

// NoErr stops the test if err is not nil.
func NoErr(t TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

// ErrIs stops the test unless errors.Is(err, want).
func ErrIs(t TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want one that is %v", err, want)
	}
}

// ErrContains stops the test unless err is not nil and its text contains sub.
func ErrContains(t TB, err error, sub string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", sub)
	}
	if !strings.Contains(err.Error(), sub) {
		t.Fatalf("got error %q, want one with %q", err, sub)
	}
}

// True stops the test with msg unless cond holds.
func True(t TB, cond bool, msg string) {
	t.Helper()
	if !cond {
		t.Fatalf("does not hold: %s", msg)
	}
}

// Contains stops the test unless s contains sub.
func Contains(t TB, s, sub string) {
	t.Helper()
	if !strings.Contains(s, sub) {
		t.Fatalf("%q does not contain %q", s, sub)
	}
}

// Panics stops the test unless fn panics.
func Panics(t TB, fn func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if recover() == nil {
			t.Fatalf("did not panic")
		}
	}()
	fn()
}
