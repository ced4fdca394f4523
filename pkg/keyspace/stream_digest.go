package keyspace

import (
	"redisd/internal/num"
	"redisd/pkg/ds"
)

// digest mixes a stream into a fingerprint as Redis does: ids, fields and values, but not the groups.
func (s StreamValue) digest(d *Digest) {
	var scratch [24]byte
	var id []byte
	r := s.Range(StreamID{}, ds.MaxStreamID(), false)
	for r.Next() {
		id = append(num.AppendUint(id[:0], r.ID().Ms), '.')
		id = num.AppendUint(id, r.ID().Seq)
		d.mix(id)
		for range r.Fields() {
			name, value := r.Field()
			d.mix(name.Bytes(&scratch))
			d.mix(value.Bytes(&scratch))
		}
	}
}
