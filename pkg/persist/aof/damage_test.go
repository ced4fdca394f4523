package aof_test

import (
	"errors"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

// TestNULsAlone: a short file of nothing else is what the first second lost; a long one has
// lost what was synced, and nobody is told that there is no data.
func TestNULsAlone(t *testing.T) {
	const set = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
	for _, tt := range []struct {
		name, before string
		nuls         int
		refused      bool
	}{
		{"short", "", 4 << 20, false},
		{"long", "", 4<<20 + 1, true},
		{"long, behind a command", set, 8 << 20, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mem := vfs.NewMem()
			check.NoErr(t, vfs.WriteFile(mem, live, []byte(tt.before+strings.Repeat("\x00", tt.nuls)), 0o644))
			n := 0
			res, err := aof.Load(mem, live, aof.LoadOptions{Exec: func([][]byte) error { n++; return nil }, AllowTruncated: true})
			check.Eq(t, n, len(tt.before)/len(set))
			if !tt.refused {
				check.NoErr(t, err)
				check.Eq(t, res.Size, int64(len(tt.before)))
				return
			}
			var le *aof.LoadError
			check.True(t, errors.As(err, &le) && le.Kind == aof.KindFormat, "damage")
			check.Eq(t, le.Offset, int64(0))
			size, err := mem.Stat(live)
			check.NoErr(t, err)
			check.Eq(t, size.Size(), int64(tt.nuls)) // it stays as it is
		})
	}
}
