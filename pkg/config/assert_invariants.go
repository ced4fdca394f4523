//go:build invariants

package config

// assert finds a value that is read as another kind than it has.
func (c *Config) assert(id ID, kinds ...Kind) {
	have := c.index.rows[id].Kind
	for _, k := range kinds {
		if k == have {
			return
		}
	}
	panic("BUG: config: " + c.index.rows[id].Name + " is read as another kind than it has")
}
