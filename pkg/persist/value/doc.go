// Package value joins the keyspace and the RDB codec: it gives the value of an
// entry, of any type, to a visitor of rdb (a Writer that encodes it, an AOF writer
// that makes commands of it), and a Loader is the visitor that makes an entry of
// what a decoder reads. So there is one walk through each structure and one through
// each encoding, whatever is at the other end.
//
// Compact values are copied as they lie. A Loader follows Redis: a compact value
// with more elements than the limits allow now becomes the large encoding, elements
// that come one by one find their encoding as commands would.
//
// Guarantees: what a Loader refuses leaves no key behind. Visit changes nothing and
// allocates a bounded amount whatever the size of the value.
//
// Non-guarantees: expiry and access information are the caller's. Scrutiny of what
// is read is the decoder's; a Loader itself notices only members that come twice.
//
// Everything here belongs to the goroutine that owns the keyspace.
package value
