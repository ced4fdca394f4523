// Package clock is the one place that reads the time of day.
//
// Guarantees: System never allocates per call; Manual moves only when it is
// told to, so a test that uses it never sleeps.
//
// Non-guarantees: System follows the wall clock for the date, which somebody may
// set at any time; Mono is for durations. Durations between two Now values of one
// process are monotonic too, because time.Time keeps that reading, but not those of a
// Manual.
//
// System may be used from any goroutine. Manual too: it locks, because tests
// advance it from a goroutine other than the loop's.
package clock
