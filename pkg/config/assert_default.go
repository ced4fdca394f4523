//go:build !invariants

package config

// assert does nothing without the invariants build tag.
func (c *Config) assert(ID, ...Kind) {}
