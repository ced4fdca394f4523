package value

import (
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
)

// Type is the type byte under which Visit gives the value of e. A Writer writes it
// as rdb.WrittenType of that.
func Type(e keyspace.Entry) byte {
	compact := e.Encoding() == keyspace.Listpack
	switch e.Type() {
	case keyspace.String:
		return rdb.TypeString
	case keyspace.List:
		return rdb.TypeListQuicklist2
	case keyspace.Set:
		switch {
		case compact:
			return rdb.TypeSetListpack
		case e.Encoding() == keyspace.Intset:
			return rdb.TypeSetIntset
		}
		return rdb.TypeSet
	case keyspace.ZSet:
		if compact {
			return rdb.TypeZsetListpack
		}
		return rdb.TypeZset2
	case keyspace.Hash:
		if compact {
			return rdb.TypeHashListpack
		}
		return rdb.TypeHash
	case keyspace.Stream:
		return rdb.TypeStreamListpacks2
	}
	panic("BUG: value: no encoding for values of type " + e.Type().String())
}

// Visit gives the value of e to v. The only errors are v's own.
func Visit(e keyspace.Entry, v rdb.Visitor) error {
	t := Type(e)
	switch e.Encoding() {
	case keyspace.Listpack, keyspace.Intset:
		return visitBlob(e, t, v)
	case keyspace.Quicklist, keyspace.Hashtable, keyspace.Skiplist, keyspace.StreamTree:
		return visitRoot(e, t, v)
	}
	var scratch [24]byte
	err := v.Begin(t, 1)
	if err == nil {
		err = v.Element(e.Value(&scratch))
	}
	return end(v, err)
}

func end(v rdb.Visitor, err error) error {
	if err == nil {
		err = v.End()
	}
	return err
}

// visitBlob gives a compact value as it lies.
func visitBlob(e keyspace.Entry, t byte, v rdb.Visitor) error {
	b := e.Blob()
	err := v.Begin(t, blobLen(t, b))
	if err == nil {
		err = v.Pack(b)
	}
	return end(v, err)
}

// blobLen is the number that Begin tells for a compact value.
func blobLen(t byte, b []byte) uint64 {
	switch t {
	case rdb.TypeListQuicklist2:
		return 1 // node
	case rdb.TypeSetIntset:
		return uint64(ds.Intset(b).Len())
	case rdb.TypeHashListpack, rdb.TypeZsetListpack:
		return uint64(ds.Listpack(b).Count() / 2)
	}
	return uint64(ds.Listpack(b).Count())
}

// visitRoot gives a value whose elements lie by themselves.
func visitRoot(e keyspace.Entry, t byte, v rdb.Visitor) (err error) {
	switch e.Type() {
	case keyspace.List:
		l := e.List()
		if err = v.Begin(t, uint64(l.Nodes())); err == nil {
			l.EachNode(func(packed bool, data []byte) bool {
				if packed {
					err = v.Pack(data)
				} else {
					err = v.Element(data)
				}
				return err == nil
			})
		}
	case keyspace.Set:
		s := e.Set()
		if err = v.Begin(t, uint64(s.Len())); err == nil {
			s.Each(func(m []byte) bool {
				err = v.Element(m)
				return err == nil
			})
		}
	case keyspace.Hash:
		h := e.Hash()
		if err = v.Begin(t, uint64(h.Len())); err == nil {
			h.Each(func(field, value []byte) bool {
				err = v.Pair(field, value)
				return err == nil
			})
		}
	case keyspace.ZSet:
		z := e.ZSet()
		if err = v.Begin(t, uint64(z.Len())); err == nil {
			z.Each(func(m []byte, score float64) bool {
				err = v.Member(m, score)
				return err == nil
			})
		}
	case keyspace.Stream:
		err = visitStream(e.Stream(), v)
	default:
		panic("BUG: value: no visit of a " + e.Type().String())
	}
	return end(v, err)
}
