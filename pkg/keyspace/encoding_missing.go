package keyspace

import "redisd/pkg/mem"

// The parts of encodings whose structures are not there yet.

func (ks *Keyspace) freeList(value)               { panic("BUG: keyspace: no lists yet") }
func (ks *Keyspace) freeListSome(value, int) bool { panic("BUG: keyspace: no lists yet") }
func (ks *Keyspace) listEffort(value) int         { panic("BUG: keyspace: no lists yet") }
func (ks *Keyspace) dupList(value) mem.Ref        { panic("BUG: keyspace: no lists yet") }
func (ks *Keyspace) listBytes(value) int          { panic("BUG: keyspace: no lists yet") }
