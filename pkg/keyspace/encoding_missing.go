package keyspace

import "redisd/pkg/mem"

// The parts of encodings whose structures are not there yet.

func (ks *Keyspace) freeTable(value)               { panic("BUG: keyspace: no hash tables yet") }
func (ks *Keyspace) freeTableSome(value, int) bool { panic("BUG: keyspace: no hash tables yet") }
func (ks *Keyspace) tableEffort(value) int         { panic("BUG: keyspace: no hash tables yet") }
func (ks *Keyspace) dupTable(value) mem.Ref        { panic("BUG: keyspace: no hash tables yet") }
func (ks *Keyspace) tableBytes(value) int          { panic("BUG: keyspace: no hash tables yet") }

func (ks *Keyspace) freeList(value)               { panic("BUG: keyspace: no lists yet") }
func (ks *Keyspace) freeListSome(value, int) bool { panic("BUG: keyspace: no lists yet") }
func (ks *Keyspace) listEffort(value) int         { panic("BUG: keyspace: no lists yet") }
func (ks *Keyspace) dupList(value) mem.Ref        { panic("BUG: keyspace: no lists yet") }
func (ks *Keyspace) listBytes(value) int          { panic("BUG: keyspace: no lists yet") }

// hashElement reads a hash's element block.
func (ks *Keyspace) hashElement(mem.Ref) (field, value []byte) {
	panic("BUG: keyspace: no hash tables yet")
}
