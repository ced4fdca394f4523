package vfs

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// OpKind names an operation of FS or File.
type OpKind uint8

// The operations an Injector is asked about. The zero value is no operation.
const (
	OpNone OpKind = iota
	OpOpen
	OpCreate // OpenFile with O_CREATE
	OpRead
	OpWrite
	OpSeek
	OpSync
	OpTruncate
	OpSize
	OpClose
	OpRename
	OpRemove
	OpStat
	OpReadDir
	OpMkdir
	OpSyncDir
	OpLock
	OpFree
	OpLink
	opKinds
)

// String returns the name used in errors and by String of injectors.
func (k OpKind) String() string {
	names := [opKinds]string{"none", "open", "create", "read", "write", "seek", "sync", "truncate", "size",
		"close", "rename", "remove", "stat", "readdir", "mkdir", "syncdir", "lock", "free", "link"}
	if k >= opKinds {
		return "unknown"
	}
	return names[k]
}

// Op is one operation about to be done.
type Op struct {
	Kind    OpKind
	Path    string // as given to OpenFile or to the FS method
	NewPath string // of a rename or link
	Bytes   int    // of a read or write
}

// Injector decides whether an operation fails. Check is called from the
// goroutine that does the operation, so it must be safe for several at once;
// String says what the injector does, for the message of a failed test.
type Injector interface {
	Check(op Op) error
	String() string
}

type fnInjector struct {
	fn   func(Op) error
	name string
}

func (i fnInjector) Check(op Op) error { return i.fn(op) }
func (i fnInjector) String() string    { return i.name }

// Func returns an Injector that calls fn for every operation; a test hooks its
// crash clones in here. name is what String returns.
func Func(name string, fn func(Op) error) Injector { return fnInjector{fn, name} }

// OnIndex fails with err the i-th operation (from 0) that it is asked about,
// and no other.
func OnIndex(i int64, err error) Injector {
	var n atomic.Int64
	return Func(fmt.Sprintf("OnIndex(%d, %v)", i, err), func(Op) error {
		if n.Add(1)-1 == i {
			return err
		}
		return nil
	})
}

// From fails with err every operation from the i-th (from 0) on: a disk that
// is gone.
func From(i int64, err error) Injector {
	var n atomic.Int64
	return Func(fmt.Sprintf("From(%d, %v)", i, err), func(Op) error {
		if n.Add(1)-1 >= i {
			return err
		}
		return nil
	})
}

// Always fails everything it is asked about with err.
func Always(err error) Injector {
	return Func(fmt.Sprintf("Always(%v)", err), func(Op) error { return err })
}

// ShortWrite is the error to inject for a write that stops after n bytes.
func ShortWrite(n int, err error) error { return &PartialWrite{N: n, Err: err} }

// Kinds asks inj only about operations of the kinds given.
func Kinds(inj Injector, kinds ...OpKind) Injector {
	var set uint32
	names := make([]string, len(kinds))
	for i, k := range kinds {
		set |= 1 << k
		names[i] = k.String()
	}
	return Func(strings.Join(names, "|")+"("+inj.String()+")", func(op Op) error {
		if set&(1<<op.Kind) == 0 {
			return nil
		}
		return inj.Check(op)
	})
}

// Opens asks inj only about OpenFile.
func Opens(inj Injector) Injector { return Kinds(inj, OpOpen, OpCreate) }

// Reads asks inj only about reads.
func Reads(inj Injector) Injector { return Kinds(inj, OpRead) }

// Writes asks inj only about writes.
func Writes(inj Injector) Injector { return Kinds(inj, OpWrite) }

// Syncs asks inj only about syncs of files and directories.
func Syncs(inj Injector) Injector { return Kinds(inj, OpSync, OpSyncDir) }

// Renames asks inj only about renames.
func Renames(inj Injector) Injector { return Kinds(inj, OpRename) }

// PathMatch asks inj only about files whose base name matches pattern as in
// filepath.Match, for a rename either of the two.
func PathMatch(pattern string, inj Injector) Injector {
	match := func(p string) bool {
		ok, err := filepath.Match(pattern, filepath.Base(p))
		return ok && err == nil && p != ""
	}
	return Func(fmt.Sprintf("PathMatch(%q, %s)", pattern, inj), func(op Op) error {
		if match(op.Path) || match(op.NewPath) {
			return inj.Check(op)
		}
		return nil
	})
}

// Any asks all and returns the first error.
func Any(injs ...Injector) Injector {
	names := make([]string, len(injs))
	for i, in := range injs {
		names[i] = in.String()
	}
	return Func("Any("+strings.Join(names, ", ")+")", func(op Op) error {
		var first error
		for _, in := range injs {
			if err := in.Check(op); err != nil && first == nil {
				first = err
			}
		}
		return first
	})
}

// Ops is an Injector that never fails and counts the operations it sees.
type Ops struct{ n atomic.Int64 }

// Check counts op.
func (o *Ops) Check(Op) error { o.n.Add(1); return nil }

// Count returns the number of operations seen.
func (o *Ops) Count() int64 { return o.n.Load() }

// String names the injector.
func (o *Ops) String() string { return "Ops" }
