package value

import (
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
)

// visitStream gives all of a stream but its end.
func visitStream(s keyspace.StreamValue, v rdb.Visitor) error {
	err := v.Begin(rdb.TypeStreamListpacks2, uint64(s.Nodes()))
	if err == nil {
		s.EachNode(func(master keyspace.StreamID, lp []byte) bool {
			err = v.Node(ds.StreamNode{LP: lp, Master: master})
			return err == nil
		})
	}
	if err == nil {
		info := streamInfo(s)
		err = v.Info(&info)
	}
	if err == nil {
		s.EachGroup(func(g keyspace.Group) bool {
			err = visitGroup(g, v)
			return err == nil
		})
	}
	return err
}

func streamInfo(s keyspace.StreamValue) rdb.StreamInfo {
	return rdb.StreamInfo{
		Length: s.Len(), Last: s.LastID(), First: s.FirstID(), MaxDeleted: s.MaxDeletedID(),
		Added: s.Added(), Groups: uint64(s.Groups()),
	}
}

func streamGroup(g keyspace.Group) rdb.StreamGroup {
	return rdb.StreamGroup{Name: g.Name(), Last: g.LastID(), Read: g.EntriesRead(), Pending: uint64(g.PendingLen())}
}

func streamConsumer(c keyspace.Consumer) rdb.StreamConsumer {
	return rdb.StreamConsumer{Name: c.Name(), Seen: c.Seen(), Active: c.Active(), Owned: uint64(c.PendingLen())}
}

func visitGroup(g keyspace.Group, v rdb.Visitor) error {
	info := streamGroup(g)
	err := v.Group(&info)
	for p := g.PendingFrom(keyspace.StreamID{}); err == nil && p.Valid(); p.Next() {
		err = v.Pending(&rdb.StreamPending{ID: p.ID(), Time: p.Pending().Time(), Count: p.Pending().Count()})
	}
	if err == nil {
		err = v.Consumers(uint64(g.Consumers()))
	}
	if err == nil {
		g.EachConsumer(func(c keyspace.Consumer) bool {
			err = visitConsumer(c, v)
			return err == nil
		})
	}
	return err
}

func visitConsumer(c keyspace.Consumer, v rdb.Visitor) error {
	info := streamConsumer(c)
	err := v.Consumer(&info)
	for p := c.PendingFrom(keyspace.StreamID{}); err == nil && p.Valid(); p.Next() {
		err = v.Owned(p.ID())
	}
	return err
}
