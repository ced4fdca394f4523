// Package failpoint stops, kills or delays the process at named points, so
// that a test can run the real daemon and its child and cut them off exactly
// where a crash would be worst.
//
// Points are set by the environment variable REDISD_FAILPOINTS, read once by
// the program's main and handed down as a *Set:
//
//	REDISD_FAILPOINTS="rewrite-renamed=kill@2 child-spool=error:ENOSPC aof-sync=delay:50"
//
// Each item is name=action[@n], separated by spaces or semicolons:
//
//	kill       SIGKILL to the own process
//	exit:N     exit with status N at once
//	error:E    Hit returns the errno: EIO ENOSPC EDQUOT EROFS EACCES ENOMEM EMFILE
//	hang       the goroutine stops for ever
//	delay:MS   the goroutine sleeps MS milliseconds
//
// With @n only the n-th hit of the point acts (from 1), without it every hit.
//
// Guarantees: with the variable unset the Set is nil and a Hit is one nil
// check; nothing in here is reachable from the configuration or from a client.
//
// Non-guarantees: names are not checked against the points that exist; a
// point that is never reached never acts. The child process reads the same
// variable, so names of the two sides must differ.
//
// Hit may be called from any goroutine.
package failpoint
