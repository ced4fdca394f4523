package check_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"redisd/internal/check"
)

// recorder is a check.TB whose Fatalf is seen and ends only the helper.
type recorder struct {
	failed bool
}

type stop struct{}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(string, ...any) {
	r.failed = true
	panic(stop{})
}

func fails(f func(check.TB)) (failed bool) {
	r := &recorder{}
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(stop); !ok {
				panic(v)
			}
		}
		failed = r.failed
	}()
	f(r)
	return r.failed
}

func TestHelpersFailAndPass(t *testing.T) {
	wrapped := fmt.Errorf("x: %w", io.EOF)
	tests := []struct {
		name string
		run  func(check.TB)
		want bool
	}{
		{"Eq same", func(tb check.TB) { check.Eq(tb, 1, 1) }, false},
		{"Eq other", func(tb check.TB) { check.Eq(tb, 1, 2) }, true},
		{"Eq slices", func(tb check.TB) { check.Eq(tb, []int{1, 2}, []int{1, 2}) }, false},
		{"Eq slices differ", func(tb check.TB) { check.Eq(tb, []int{1, 2}, []int{1, 3}) }, true},
		{"NotEq", func(tb check.TB) { check.NotEq(tb, "a", "a") }, true},
		{"NotEq differ", func(tb check.TB) { check.NotEq(tb, "a", "b") }, false},
		{"EqBytes nil and empty", func(tb check.TB) { check.EqBytes(tb, nil, []byte{}) }, false},
		{"EqBytes differ", func(tb check.TB) { check.EqBytes(tb, []byte("abc"), []byte("abd")) }, true},
		{"EqBytes prefix", func(tb check.TB) { check.EqBytes(tb, []byte("ab"), []byte("abd")) }, true},
		{"NoErr", func(tb check.TB) { check.NoErr(tb, nil) }, false},
		{"NoErr with one", func(tb check.TB) { check.NoErr(tb, io.EOF) }, true},
		{"ErrIs wrapped", func(tb check.TB) { check.ErrIs(tb, wrapped, io.EOF) }, false},
		{"ErrIs other", func(tb check.TB) { check.ErrIs(tb, errors.New("y"), io.EOF) }, true},
		{"ErrContains", func(tb check.TB) { check.ErrContains(tb, wrapped, "EOF") }, false},
		{"ErrContains none", func(tb check.TB) { check.ErrContains(tb, nil, "EOF") }, true},
		{"ErrContains other", func(tb check.TB) { check.ErrContains(tb, wrapped, "no") }, true},
		{"True", func(tb check.TB) { check.True(tb, false, "x") }, true},
		{"Contains", func(tb check.TB) { check.Contains(tb, "abc", "bc") }, false},
		{"Contains not", func(tb check.TB) { check.Contains(tb, "abc", "cb") }, true},
		{"Panics", func(tb check.TB) { check.Panics(tb, func() { panic("x") }) }, false},
		{"Panics not", func(tb check.TB) { check.Panics(tb, func() {}) }, true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := fails(tc.run); got != tc.want {
				t.Fatalf("failed = %v, want %v", got, tc.want)
			}
		})
	}
}
