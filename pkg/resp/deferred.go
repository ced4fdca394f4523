// Replies whose number of elements is known only after them.

package resp

import "slices"

// Deferred marks the place of a header that is still to be written.
type Deferred int

// deferredSize is the room left for a header: one digit, the most frequent
// case, needs no moving.
const deferredSize = len("*0\r\n")

// DeferArray leaves room for the header of an array or a map, whose
// elements are written next. Exactly one of the End methods has to follow;
// nested ones end before the outer.
func (w *Writer) DeferArray() Deferred {
	at := Deferred(len(w.Buf))
	w.Buf = append(w.Buf, "*0\r\n"...)
	return at
}

// EndArray makes the deferred header that of an array of n elements.
func (w *Writer) EndArray(at Deferred, n int) { w.end(at, '*', n) }

// EndSet makes the deferred header that of a set of n elements.
func (w *Writer) EndSet(at Deferred, n int) { w.end(at, '~', n) }

// EndMap makes the deferred header that of a map of n pairs.
func (w *Writer) EndMap(at Deferred, n int) { w.end(at, '%', n) }

func (w *Writer) end(at Deferred, kind byte, n int) {
	var scratch [24]byte
	header := w.appendAggregate(scratch[:0], kind, n)
	start := int(at)
	w.Buf = slices.Replace(w.Buf, start, start+deferredSize, header...)
	if w.ErrorAt > start {
		w.ErrorAt += len(header) - deferredSize
	}
}
