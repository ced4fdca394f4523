//go:build !invariants

package ds

import "redisd/pkg/mem"

// epoch takes no room without the tag invariants.
type epoch struct{}

func (d *Dict) moved()                     {}
func (d *Dict) checkSlot(Slot)             {}
func (d *Dict) checkNew(uint64, mem.Ref)   {}
func (d *Dict) checkReplace(Slot, mem.Ref) {}
