package hll

import "encoding/binary"

// Union is the registers of several values together, a byte each. The zero value is
// that of none.
type Union [Registers]uint8

// Merge adds the value b. It is false, and the union of no use, when b is sparse and
// its runs do not make up the registers.
func (u *Union) Merge(b []byte) bool {
	if !IsDense(b) {
		return u.mergeSparse(b[HeaderLen:])
	}
	at := HeaderLen
	for i := 0; i < Registers; i += 16 {
		first, second := sixteen(b[at:])
		r := u[i : i+16 : i+16]
		binary.LittleEndian.PutUint64(r, higher(first, binary.LittleEndian.Uint64(r)))
		binary.LittleEndian.PutUint64(r[8:], higher(second, binary.LittleEndian.Uint64(r[8:])))
		at += 12
	}
	return true
}

func (u *Union) mergeSparse(runs []byte) bool {
	at := 0
	for len(runs) > 0 {
		value, span, width := next(runs)
		if width == 0 || at+span > Registers {
			return false
		}
		if value > 0 {
			for i := at; i < at+span; i++ {
				u[i] = max(u[i], value)
			}
		}
		at += span
		runs = runs[width:]
	}
	return at == Registers
}

// PutDense writes the registers into the dense value b, whose header stays.
func (u *Union) PutDense(b []byte) {
	at := HeaderLen
	for i := 0; i < Registers; i += 16 {
		putSixteen(b[at:], binary.LittleEndian.Uint64(u[i:]), binary.LittleEndian.Uint64(u[i+8:]))
		at += 12
	}
}

// Promote writes the union as a dense value into the DenseLen bytes of dst, under the
// header of a sparse one.
func (u *Union) Promote(dst, header []byte) {
	copy(dst, header[:HeaderLen])
	dst[encodingAt] = dense
	u.PutDense(dst)
}

// Count estimates how many distinct elements are in.
func (u *Union) Count() uint64 {
	var h histogram
	for i := 0; i < Registers; i += 8 {
		if w := binary.LittleEndian.Uint64(u[i:]); w == 0 {
			h[0][0] += 8
		} else {
			h.add(w)
		}
	}
	return h.estimate()
}
