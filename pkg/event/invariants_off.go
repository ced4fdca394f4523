//go:build !invariants

package event

// invariants switches the owner-thread assertions on.
const invariants = false
