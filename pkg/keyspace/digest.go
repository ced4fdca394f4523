package keyspace

import (
	"crypto/sha1"
	"encoding/binary"

	"redisd/internal/num"
)

// Digest is the dataset's fingerprint, the one that Redis's DEBUG DIGEST gives:
// equal datasets have equal digests, whatever the order of their keys.
type Digest [sha1.Size]byte

// xor adds data's hash: the order of such additions does not matter.
func (d *Digest) xor(data []byte) {
	h := sha1.Sum(data)
	for i := range d {
		d[i] ^= h[i]
	}
}

// mix adds data's hash so that the order matters.
func (d *Digest) mix(data []byte) {
	d.xor(data)
	*d = sha1.Sum(d[:])
}

func (d *Digest) mixUint32(v int) {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(v))
	d.mix(b[:])
}

// Digest fingerprints all databases; all zeros when they are empty.
func (ks *Keyspace) Digest() Digest {
	var final Digest
	for i, db := range ks.dbs {
		if db.Len() == 0 {
			continue
		}
		final.mixUint32(i)
		db.Each(func(e Entry) {
			var d Digest
			d.mix(e.Key())
			e.addDigest(&d)
			final.xor(d[:])
		})
	}
	return final
}

// ValueDigest fingerprints the value and expiry of one entry (DEBUG DIGEST-VALUE).
func (e Entry) ValueDigest() Digest {
	var d Digest
	e.addDigest(&d)
	return d
}

// addDigest adds type, value and whether the key expires, as Redis does: elements
// whose order means nothing are added without one.
func (e Entry) addDigest(d *Digest) {
	d.mixUint32(int(e.Type()))
	switch e.Type() {
	case List:
		l := e.List()
		l.Each(func(v []byte) bool { d.mix(v); return true })
	case Set:
		s := e.Set()
		s.Each(func(m []byte) bool { d.xor(m); return true })
	case Hash:
		h := e.Hash()
		h.Each(func(field, value []byte) bool { d.xorPair(field, value); return true })
	case ZSet:
		var text [32]byte
		z := e.ZSet()
		z.Each(func(m []byte, score float64) bool {
			d.xorPair(m, num.AppendG17(text[:0], score))
			return true
		})
	case Stream:
		e.Stream().digest(d)
	default:
		var scratch [24]byte
		d.mix(e.Value(&scratch))
	}
	if e.hasExpire() {
		d.xor([]byte("!!expire!!"))
	}
}

// xorPair adds two strings whose order means something as one whose order does not.
func (d *Digest) xorPair(a, b []byte) {
	var pair Digest
	pair.mix(a)
	pair.mix(b)
	d.xor(pair[:])
}
