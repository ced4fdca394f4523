package value

import (
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
)

// Large values of a snapshot, in parts. The bytes of the parts, one after another in
// the order of their places, are the encoding of the value.

// AppendHead appends what of a large value's encoding comes before its parts.
func AppendHead(dst []byte, e keyspace.Entry) []byte {
	t := Type(e)
	switch e.Encoding() {
	case keyspace.Hashtable, keyspace.Skiplist, keyspace.Quicklist, keyspace.StreamTree:
		return rdb.AppendLen(dst, rootLen(e))
	case keyspace.Listpack, keyspace.Intset:
		if t == rdb.TypeListQuicklist2 {
			dst = rdb.AppendPackedNode(dst)
		}
		return rdb.AppendLen(dst, uint64(len(e.Blob())))
	}
	return rdb.AppendLen(dst, uint64(e.StrLen()))
}

// rootLen is the number of elements or nodes.
func rootLen(e keyspace.Entry) uint64 {
	switch e.Type() {
	case keyspace.Set:
		s := e.Set()
		return uint64(s.Len())
	case keyspace.Hash:
		h := e.Hash()
		return uint64(h.Len())
	case keyspace.ZSet:
		z := e.ZSet()
		return uint64(z.Len())
	case keyspace.List:
		l := e.List()
		return uint64(l.Nodes())
	case keyspace.Stream:
		return uint64(e.Stream().Nodes())
	}
	panic("BUG: value: no head of a " + e.Type().String())
}

// PartVisitor takes parts of values: Continue says the type before the part comes.
type PartVisitor interface {
	rdb.Visitor
	Continue(t byte)
}

// WritePart gives a part of a value of type t to w, an rdb.Writer as a rule, unless it
// is PartBytes: these are the encoding themselves.
func WritePart(t keyspace.Type, p *keyspace.Part, w PartVisitor) error {
	switch p.Kind {
	case keyspace.PartElements:
		return writeElements(t, p.Elements, w)
	case keyspace.PartListNode:
		w.Continue(rdb.TypeListQuicklist2)
		if p.Plain {
			return w.Element(p.Bytes)
		}
		return w.Pack(p.Bytes)
	case keyspace.PartStreamNode:
		return w.Node(ds.StreamNode{LP: p.Bytes, Master: p.ID})
	case keyspace.PartStream:
		info := streamInfo(p.Stream)
		return w.Info(&info)
	case keyspace.PartGroup:
		g := streamGroup(p.Group)
		return w.Group(&g)
	case keyspace.PartConsumers:
		return w.Consumers(uint64(p.Group.Consumers()))
	case keyspace.PartConsumer:
		c := streamConsumer(p.Consumer)
		return w.Consumer(&c)
	case keyspace.PartPending:
		return w.Pending(&rdb.StreamPending{ID: p.ID, Time: p.Time, Count: p.Count})
	case keyspace.PartPendingID:
		return w.Owned(p.ID)
	}
	panic("BUG: value: a part of an unknown kind")
}

func writeElements(t keyspace.Type, list []keyspace.Element, w PartVisitor) (err error) {
	w.Continue(rdb.TypeSet)
	for i := 0; i < len(list) && err == nil; i++ {
		switch e := &list[i]; t {
		case keyspace.Hash:
			err = w.Pair(e.Member, e.Value)
		case keyspace.ZSet:
			err = w.Member(e.Member, e.Score)
		default:
			err = w.Element(e.Member)
		}
	}
	return err
}
