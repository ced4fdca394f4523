package aof_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

// loadRepairing loads live as a server does: again, after a repair that asks for it.
func loadRepairing(fsys vfs.FS, most int64) (cmds, events []string, res aof.LoadResult, err error) {
	opts := aof.LoadOptions{
		AllowTruncated: true, CorruptTailMax: most,
		Exec: func(argv [][]byte) error {
			if err := strictExec(argv); err != nil || string(argv[0]) == "SELECT" {
				return err
			}
			cmds = append(cmds, fmt.Sprintf("%s", argv))
			return nil
		},
		Event: func(ev aof.Event) { events = append(events, ev.Text) },
	}
	for range 2 {
		cmds = nil
		res, err = aof.Load(fsys, live, opts)
		var le *aof.LoadError
		if !errors.As(err, &le) || le.Kind != aof.KindRepaired {
			break
		}
	}
	return cmds, events, res, err
}

func TestCorruptTailIsCutOffAndKept(t *testing.T) {
	plain := selected(numbered(1, 20)...)
	blocks := summed(t, 120)
	second := strings.Index(blocks, notes(blocks)[1]) + len(notes(blocks)[1]) + 2
	tests := []struct {
		name string
		text string
		good int // where the damage is cut off
		left int // commands
	}{
		{"junk behind", plain + strings.Repeat("\x01", 100), len(plain), 20},
		{"a bad length in front of commands", plain + "*3\r\n$3\r\nSET\r\n$900\r\nk\r\n$1\r\nv\r\n" + enc("SET k v"), len(plain), 20},
		{"in a transaction", plain + enc("MULTI", "SET k v") + "junk", len(plain), 20},
		{"a value in a block", strings.Replace(blocks, "$3\r\nk45", "$3\r\nk95", 1), second, 40},
		{"a name in a block", blocks[:second] + strings.Replace(blocks[second:], "SET", "SOT", 1), second, 40},
		{"form in a block", strings.Replace(blocks, "$3\r\nk45", "$3\n\rk45", 1), strings.Index(blocks, enc("SET k45 v")), 44},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lost := int64(len(tt.text) - tt.good)
			for _, most := range []int64{0, lost - 1} {
				fsys := vfs.NewMem()
				check.NoErr(t, vfs.WriteFile(fsys, live, []byte(tt.text), 0o644))
				_, _, _, err := loadRepairing(fsys, most)
				var le *aof.LoadError
				check.True(t, errors.As(err, &le) && le.Kind == aof.KindFormat, fmt.Sprint(err))
				check.Eq(t, content(t, fsys, live), tt.text)
			}
			fsys := vfs.NewMem()
			check.NoErr(t, vfs.WriteFile(fsys, live, []byte(tt.text), 0o644))
			cmds, events, res, err := loadRepairing(fsys, lost)
			check.NoErr(t, err)
			check.Eq(t, len(cmds), tt.left)
			check.Eq(t, content(t, fsys, live), tt.text[:tt.good])
			check.Eq(t, res.Size, int64(tt.good))
			name := fmt.Sprintf("%s.corrupt-%d", live, tt.good)
			check.Eq(t, content(t, fsys, name), tt.text[tt.good:])
			all := strings.Join(events, "\n")
			check.Contains(t, all, fmt.Sprintf("was cut off at offset %d. The %d bytes from there to %d are in %s", tt.good, lost, len(tt.text), name))
			// What was cut off is durable before the file is shorter.
			after := fsys.CrashClone(nil)
			check.Eq(t, content(t, after, live)+content(t, after, name), tt.text)
		})
	}
}

func TestKeptTailsDoNotReplaceEachOther(t *testing.T) {
	fsys := vfs.NewMem()
	for i := range 3 {
		check.NoErr(t, vfs.WriteFile(fsys, live, []byte(fmt.Sprint("junk", i)), 0o644))
		_, _, _, err := loadRepairing(fsys, 100)
		check.NoErr(t, err)
	}
	check.Eq(t, content(t, fsys, live+".corrupt-0"), "junk0")
	check.Eq(t, content(t, fsys, live+".corrupt-0.1"), "junk1")
	check.Eq(t, content(t, fsys, live+".corrupt-0.2"), "junk2")
}

// TestRepairThatFailsLeavesTheFile fails each operation of a repair.
func TestRepairThatFailsLeavesTheFile(t *testing.T) {
	text := selected(numbered(1, 20)...) + strings.Repeat("\x01", 100)
	for i, failed := int64(0), true; failed; i++ {
		mem := vfs.NewMem()
		check.NoErr(t, vfs.WriteFile(mem, live, []byte(text), 0o644))
		inj := vfs.Kinds(vfs.OnIndex(i, syscall.ENOSPC), vfs.OpCreate, vfs.OpWrite, vfs.OpSync, vfs.OpSyncDir, vfs.OpTruncate)
		_, _, _, err := loadRepairing(vfs.NewFault(mem, inj), 1000)
		failed = err != nil
		if failed {
			check.ErrIs(t, err, syscall.ENOSPC)
			check.Contains(t, err.Error(), live)
			got := content(t, mem, live)
			check.True(t, got == text || strings.HasPrefix(text, got) && content(t, mem, fmt.Sprintf("%s.corrupt-%d", live, len(text)-100)) != "", inj.String())
		} else {
			check.Eq(t, i, int64(6))
		}
	}
}
