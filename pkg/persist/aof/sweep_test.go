package aof_test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

// TestEveryOperationOfTheLogFails fails each write, sync and truncate of a run, in each
// way, under each policy, with checksums and a switch to another file on the way. What
// the log called done is in the file after a kill, and under always after a power failure.
func TestEveryOperationOfTheLogFails(t *testing.T) {
	faults := []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EDQUOT, vfs.ShortWrite(1, syscall.ENOSPC), vfs.ShortWrite(30, syscall.EIO)}
	for _, policy := range []aof.Policy{aof.No, aof.Everysec, aof.Always} {
		for _, fault := range faults {
			for _, from := range []func(int64, error) vfs.Injector{vfs.OnIndex, vfs.From} {
				for i := int64(0); ; i++ {
					ops := &vfs.Ops{}
					inj := vfs.Kinds(vfs.Any(ops, from(i, fault)), vfs.OpWrite, vfs.OpSync, vfs.OpTruncate)
					sweepLog(t, policy, inj)
					if ops.Count() <= i {
						break
					}
				}
			}
		}
	}
}

func sweepLog(t *testing.T, policy aof.Policy, inj vfs.Injector) {
	t.Helper()
	mem := vfs.NewMem()
	fsys := vfs.NewFault(mem, inj)
	r := newRig(t, fsys, aof.Config{Policy: policy, Checksums: true})
	f, size, err := aof.Open(fsys, live)
	check.NoErr(t, err)
	check.NoErr(t, r.log.Start(f, size))
	type sent struct {
		cmd string
		seq uint64
	}
	var all []sent
	put := func(n int) {
		for range n {
			cmd := fmt.Sprintf("SET k%d v", len(all)+1)
			all = append(all, sent{cmd, r.put(cmd)})
		}
		r.flush()
		r.settle()
		r.later(1000)
		r.settle()
	}
	look := func(from vfs.FS, what string) {
		t.Helper()
		fsys := vfs.NewMem() // a load cuts off what is incomplete
		check.NoErr(t, vfs.WriteFile(fsys, live, []byte(content(t, from, live)), 0o644))
		got, _, err := tryLoad(fsys, live, true)
		check.True(t, err == nil, fmt.Sprintf("%v, %s, %s: %v", policy, inj, what, err))
		var want []string
		for _, s := range all {
			if s.seq <= r.log.Done() {
				want = append(want, s.cmd)
			}
		}
		check.True(t, len(got) >= len(want) && slices.Equal(got[:len(want)], want),
			fmt.Sprintf("%v, %s, %s: done %d, in the file %d", policy, inj, what, len(want), len(got)))
	}
	put(3)
	put(2)
	look(mem, "killed")
	if len(r.exits) == 0 && r.log.Err() == nil {
		var cmds []string
		for _, s := range all {
			cmds = append(cmds, s.cmd)
		}
		fresh := create(t, mem, "temp", selected(cmds...))
		check.NoErr(t, fresh.Sync())
		check.NoErr(t, mem.Rename("temp", live))
		check.NoErr(t, mem.SyncDir("."))
		f, err := fsys.OpenFile(live, appendOnly, 0)
		check.NoErr(t, err)
		check.NoErr(t, r.log.Switch(f, -1, true))
	}
	put(2)
	look(mem, "killed after the switch")
	if policy == aof.Always {
		look(mem.CrashClone(nil), "after a power failure")
	}
	if len(r.exits) == 0 && r.log.FlushAndSync() == nil {
		look(mem.CrashClone(nil), "after a shutdown")
		check.Eq(t, r.log.Size(), int64(len(content(t, mem, live))))
	}
}

const appendOnly = syscall.O_WRONLY | syscall.O_APPEND
