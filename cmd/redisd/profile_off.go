//go:build !profile

package main

// profile does nothing in the daemon that users run.
func profile() (stop func()) { return func() {} }
