package digest

import (
	"redisd/pkg/ds"
	"redisd/pkg/persist/rdb"
)

// The pieces of a stream.

func idHash(seed uint64, id ds.StreamID) uint64 { return number(number(seed, id.Ms), id.Seq) }

// Node implements rdb.StreamVisitor.
func (d *Digester) Node(n ds.StreamNode) error {
	if d.Unpacked {
		d.entries(n)
	} else {
		d.sum += text(idHash(d.seed(kindPack), n.Master), n.LP)
	}
	if d.Next != nil {
		return d.Next.Node(n)
	}
	return nil
}

// entries adds what a node holds, entry by entry.
func (d *Digester) entries(n ds.StreamNode) {
	for w := n.Begin(); w.Next(); {
		if w.Deleted {
			continue
		}
		h := EntryHash(d.key, w.ID)
		for range w.Fields {
			var scratch [24]byte
			field, value := w.Field()
			h = AddField(h, field.Bytes(&scratch))
			h = AddField(h, value.Bytes(&scratch))
		}
		d.sum += h
	}
}

// EntryHash begins the hash of a stream's entry, which AddField goes on with for each
// field and value, and Add ends.
func EntryHash(key uint64, id ds.StreamID) uint64 { return idHash(seed(key, kindEntry), id) }

// AddField adds a field or a value of an entry, in their order.
func AddField(h uint64, b []byte) uint64 { return text(h, b) }

// Add adds the hash of an entry to the key in hand.
func (d *Digester) Add(h uint64) { d.sum += h }

// Info implements rdb.StreamVisitor.
func (d *Digester) Info(s *rdb.StreamInfo) error {
	h := idHash(idHash(d.seed(kindInfo), s.Last), s.MaxDeleted)
	h = number(h, s.Added)
	if !d.Unpacked {
		h = number(number(h, s.Length), s.Groups)
	}
	d.sum += h
	if d.Next != nil {
		return d.Next.Info(s)
	}
	return nil
}

// Group implements rdb.StreamVisitor.
func (d *Digester) Group(g *rdb.StreamGroup) error {
	h := number(idHash(text(d.seed(kindGroup), g.Name), g.Last), uint64(g.Read))
	if !d.Unpacked {
		h = number(h, g.Pending)
	}
	d.sum += h
	if d.Next != nil {
		return d.Next.Group(g)
	}
	return nil
}

// Pending implements rdb.StreamVisitor.
func (d *Digester) Pending(p *rdb.StreamPending) error {
	d.sum += number(number(idHash(d.seed(kindPending), p.ID), uint64(p.Time)), p.Count)
	if d.Next != nil {
		return d.Next.Pending(p)
	}
	return nil
}

// Consumers implements rdb.StreamVisitor.
func (d *Digester) Consumers(n uint64) error {
	if !d.Unpacked {
		d.sum += number(d.seed(kindConsumers), n)
	}
	if d.Next != nil {
		return d.Next.Consumers(n)
	}
	return nil
}

// Consumer implements rdb.StreamVisitor.
func (d *Digester) Consumer(c *rdb.StreamConsumer) error {
	h := text(d.seed(kindConsumer), c.Name)
	if !d.Unpacked {
		h = number(number(h, uint64(c.Seen)), c.Owned)
	}
	d.sum += h
	if d.Next != nil {
		return d.Next.Consumer(c)
	}
	return nil
}

// Owned implements rdb.StreamVisitor.
func (d *Digester) Owned(id ds.StreamID) error {
	d.sum += idHash(d.seed(kindOwned), id)
	if d.Next != nil {
		return d.Next.Owned(id)
	}
	return nil
}
