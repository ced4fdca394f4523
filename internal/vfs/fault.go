package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// PartialWrite is an error for an Injector of writes: the first N bytes are
// written, then the write fails with Err (ENOSPC in the middle of a write).
type PartialWrite struct {
	N   int   // bytes to write before the failure
	Err error // what Write returns
}

// Error describes the cause.
func (p *PartialWrite) Error() string { return "partial write: " + p.Err.Error() }

// Unwrap returns the cause.
func (p *PartialWrite) Unwrap() error { return p.Err }

type faultFS struct {
	inner FS
	inj   Injector
}

// NewFault returns an FS that asks inj before every operation of inner: an
// error from it is returned, with the path, in place of doing the operation. A
// failing Close still closes, as close(2) does.
func NewFault(inner FS, inj Injector) FS { return &faultFS{inner: inner, inj: inj} }

// ask returns nil, or the injected error in the type that package os uses.
func (f *faultFS) ask(op Op) error {
	err := f.inj.Check(op)
	if err == nil {
		return nil
	}
	var pe *PartialWrite
	if errors.As(err, &pe) {
		return err
	}
	if op.Kind == OpRename || op.Kind == OpLink {
		return &os.LinkError{Op: op.Kind.String(), Old: op.Path, New: op.NewPath, Err: err}
	}
	return &fs.PathError{Op: op.Kind.String(), Path: op.Path, Err: err}
}

func (f *faultFS) OpenFile(name string, flag int, perm os.FileMode) (File, error) {
	kind := OpOpen
	if flag&os.O_CREATE != 0 {
		kind = OpCreate
	}
	if err := f.ask(Op{Kind: kind, Path: name}); err != nil {
		return nil, err
	}
	in, err := f.inner.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultFile{File: in, fs: f}, nil
}

func (f *faultFS) Rename(oldName, newName string) error {
	if err := f.ask(Op{Kind: OpRename, Path: oldName, NewPath: newName}); err != nil {
		return err
	}
	return f.inner.Rename(oldName, newName)
}

func (f *faultFS) Link(oldName, newName string) error {
	if err := f.ask(Op{Kind: OpLink, Path: oldName, NewPath: newName}); err != nil {
		return err
	}
	return f.inner.Link(oldName, newName)
}

func (f *faultFS) Remove(name string) error {
	if err := f.ask(Op{Kind: OpRemove, Path: name}); err != nil {
		return err
	}
	return f.inner.Remove(name)
}

func (f *faultFS) Stat(name string) (fs.FileInfo, error) {
	if err := f.ask(Op{Kind: OpStat, Path: name}); err != nil {
		return nil, err
	}
	return f.inner.Stat(name)
}

func (f *faultFS) ReadDir(dir string) ([]fs.DirEntry, error) {
	if err := f.ask(Op{Kind: OpReadDir, Path: dir}); err != nil {
		return nil, err
	}
	return f.inner.ReadDir(dir)
}

func (f *faultFS) MkdirAll(dir string, perm os.FileMode) error {
	if err := f.ask(Op{Kind: OpMkdir, Path: dir}); err != nil {
		return err
	}
	return f.inner.MkdirAll(dir, perm)
}

func (f *faultFS) SyncDir(dir string) error {
	if err := f.ask(Op{Kind: OpSyncDir, Path: dir}); err != nil {
		return err
	}
	return f.inner.SyncDir(dir)
}

func (f *faultFS) Lock(name string) (io.Closer, error) {
	if err := f.ask(Op{Kind: OpLock, Path: name}); err != nil {
		return nil, err
	}
	return f.inner.Lock(name)
}

func (f *faultFS) Free(dir string) (uint64, error) {
	if err := f.ask(Op{Kind: OpFree, Path: dir}); err != nil {
		return 0, err
	}
	return f.inner.Free(dir)
}

type faultFile struct {
	File
	fs *faultFS
}

func (f *faultFile) ask(k OpKind, n int) error {
	return f.fs.ask(Op{Kind: k, Path: f.Name(), Bytes: n})
}

func (f *faultFile) Read(p []byte) (int, error) {
	if err := f.ask(OpRead, len(p)); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.ask(OpRead, len(p)); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *faultFile) Write(p []byte) (int, error) {
	err := f.ask(OpWrite, len(p))
	if err == nil {
		return f.File.Write(p)
	}
	var dmg *Damage
	if errors.As(err, &dmg) {
		if _, err := f.File.Write(dmg.write(p)); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	var pw *PartialWrite
	if !errors.As(err, &pw) {
		return 0, err
	}
	n, werr := f.File.Write(p[:min(pw.N, len(p))])
	if werr != nil {
		return n, werr
	}
	return n, &fs.PathError{Op: OpWrite.String(), Path: f.Name(), Err: pw.Err}
}

func (f *faultFile) Seek(offset int64, whence int) (int64, error) {
	if err := f.ask(OpSeek, 0); err != nil {
		return 0, err
	}
	return f.File.Seek(offset, whence)
}

func (f *faultFile) Sync() error {
	err := f.ask(OpSync, 0)
	var dmg *Damage
	if errors.As(err, &dmg) {
		if err := f.File.Sync(); err != nil {
			return err
		}
		return dmg.Apply(f.fs.inner, f.Name())
	}
	if err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultFile) Truncate(size int64) error {
	if err := f.ask(OpTruncate, 0); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultFile) Size() (int64, error) {
	if err := f.ask(OpSize, 0); err != nil {
		return 0, err
	}
	return f.File.Size()
}

func (f *faultFile) Close() error {
	injected := f.ask(OpClose, 0)
	if err := f.File.Close(); err != nil {
		return err
	}
	return injected
}
