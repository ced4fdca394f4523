//go:build !invariants

package ds

import "redisd/pkg/mem"

func (d *Dict) checkHas(uint64, mem.Ref)      {}
func (d *Dict) checkNew(uint64, mem.Ref)      {}
func (d *Dict) checkReplace(mem.Ref, mem.Ref) {}
