package script

import (
	"errors"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
	"redisd/pkg/script/luago"
)

// A fault of the C code ends its interpreter with an error, and nothing else.
func TestFaults(t *testing.T) {
	faults := map[string]entry{
		"an address behind the memory": func(m *luago.Module, _ params) int32 { return m.Xload(0x70000000, 10) },
		"the last address":             func(m *luago.Module, _ params) int32 { return m.Xload(-1<<31, 10) },
		"a range behind the memory":    func(m *luago.Module, _ params) int32 { m.Xrun(1, 1000, 0, 0); return 0 },
		"no such function":             func(m *luago.Module, _ params) int32 { m.Xtry_call(100000, 0, 0); return 0 },
		"a function of another type":   func(m *luago.Module, _ params) int32 { m.Xtry_call(2, 0, 0); return 0 },
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			v, err := NewVM(Eval, nil, 0, false)
			check.NoErr(t, err)
			defer func() { check.NoErr(t, v.Close()) }()
			ref, err := v.Load([]byte("return 1"))
			check.NoErr(t, err)
			if _, err = v.call(f, params{}); !errors.Is(err, ErrBroken) {
				t.Fatalf("got %v, want %v", err, ErrBroken)
			}
			if _, err = v.Run(ref, "x", nil, nil, resp.NewWriter(2)); !errors.Is(err, ErrBroken) {
				t.Fatalf("a broken interpreter ran: %v", err)
			}
		})
	}
}

// A fault that would use up the goroutine's stack ends the interpreter before.
func TestTooManyProtectedCalls(t *testing.T) {
	v, err := NewVM(Eval, nil, 0, false)
	check.NoErr(t, err)
	defer func() { check.NoErr(t, v.Close()) }()
	ref, err := v.Load([]byte("return pcall(error)"))
	check.NoErr(t, err)
	v.depth = maxDepth - 1
	_, err = v.Run(ref, "x", nil, nil, resp.NewWriter(2))
	check.ErrIs(t, err, ErrBroken)
	check.ErrContains(t, err, errDeep.Error())
}
