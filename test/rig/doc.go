// Package rig runs the real daemon for tests: it builds the binary once, starts
// it in a folder of its own on a unix socket or a free loopback port, reads its
// log and its INFO, and ends it. It starts Debian's redis-server the same way, to
// compare files with.
//
// Nothing here sleeps for a fixed time: everything polls with a deadline. Only
// processes that a test started are signalled, by their process id.
//
// REDISD_BIN names a binary to use instead of building one. REDISD_LONG=1 asks for
// the long form of tests that have one. REDISD_SKIPPED names a file that gets a line for each
// test that could not be done.
package rig
