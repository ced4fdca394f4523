// Package check holds the few assertions that the tests of this module share.
//
// Every helper calls Helper, so a failure points at the line of the test. A
// helper stops the test at once (Fatalf): what follows a broken expectation
// only hides it. They must therefore be called from the goroutine that runs
// the test.
//
// It is imported by tests only.
package check
