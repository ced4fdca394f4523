// Package vfs is the seam between redisd and the file system: every file call
// of the daemon that matters for durability goes through FS, so that a test
// can make any one of them fail or cut the power after any one of them.
//
// Three implementations:
//
//   - OS is the machine's file system;
//   - Mem lives in memory and knows what a power failure would leave behind
//     (CrashClone): data that was not synced and names whose directory was not
//     synced are kept only in part;
//   - NewFault wraps another FS and asks an Injector before every operation.
//
// Guarantees: errors are those of package os (*fs.PathError, *os.LinkError),
// so errors.Is with fs.ErrNotExist, fs.ErrExist and syscall errnos works with
// all three. A partial Write returns the number of bytes that did get written.
//
// Non-guarantees: FS does not clean paths, does not follow a changed working
// directory for Mem, and does not make a group of operations atomic. Mem does
// not check permissions.
//
// OS files and Mem files may be used from any goroutine, but one File's Write
// and Seek share an offset: one writer at a time.
package vfs
