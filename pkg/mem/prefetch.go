package mem

import "unsafe"

// Prefetch asks the processor for the cache line at r, without waiting for it. It reads
// nothing: r may be any reference, one of freed memory too. On processors without such
// an instruction here it does nothing.
func (a *Arena) Prefetch(r Ref) { prefetch(unsafe.Add(a.base, r)) }
