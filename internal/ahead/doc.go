// Package ahead lets a goroutine prepare batches for another one that works them off:
// reading and decoding a file while the goroutine that owns the data inserts what was
// decoded before.
//
// There is a fixed number of batches, which go round: the producer fills a free one and
// gives it, the consumer works it off and gives it back. So the memory is bounded, and a
// fast producer waits. A batch belongs to one side at a time, and the handing over orders
// all accesses to it: nothing in a batch needs a lock. Batches arrive in the order in
// which they were given.
//
// Not for many producers or many consumers.
package ahead
