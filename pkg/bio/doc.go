// Package bio runs work that may wait for the disk, or that takes long, away from the
// event loop: closing and syncing files, giving memory back.
//
// # Design
//
// There is one queue and one goroutine a kind of job. A close that hangs on a slow disk
// must not delay a sync, so kinds do not share a worker; two syncs at a time gain
// nothing, so a kind has no second one. A job is a function that brings its arguments
// along. A job that has a result posts it to the loop as its last act, and the loop is
// the only one to believe it.
//
// # Guarantees
//
//   - Jobs of one kind run one at a time, in the order of Submit, each exactly once.
//   - Submit never blocks and never drops: the queue grows as it must.
//   - What happened before Submit is visible to the job, and what the job did is visible
//     after Drain, Close, or a Pending that does not count it any more.
//   - Close lets everything that was accepted finish.
//
// # Non-guarantees
//
//   - No order between kinds.
//   - No notice of completion besides what the job does itself.
//   - No limit on the queue: look at Pending before you submit more of what is late.
//   - No cancellation, no deadline, no retry. A job that hangs holds up its kind.
//   - A panic in a job ends the process: an invariant is broken, and the job's owner
//     would wait for its result for ever.
//
// # Goroutines
//
// Every method may be called from any goroutine, from jobs too, with one exception: a
// job that calls Drain for its own kind, or Close, waits for itself.
package bio
