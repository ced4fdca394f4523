package value

import (
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
)

// Loader makes entries of what a decoder reads.
type Loader struct {
	limits *keyspace.Limits
	db     *keyspace.DB
	key    []byte
	t      byte
	n      uint64
}

var _ rdb.Visitor = (*Loader)(nil)

// NewLoader makes a loader for the databases of ks, whose limits it follows.
func NewLoader(ks *keyspace.Keyspace) *Loader { return &Loader{limits: &ks.Limits} }

// Load makes key of db the value of type t that d stands before. It expires at that
// Unix time in milliseconds, -1 for never. A key that is there is replaced. After an error, which is an *rdb.Error, there is no
// key; rdb.ErrEmptyKey says that the value was read to its end and held nothing.
// key must not be arena memory, nor lie in what d reads next.
func (l *Loader) Load(db *keyspace.DB, key []byte, t byte, at int64, d *rdb.Decoder, s rdb.Scrutiny) error {
	*l = Loader{limits: l.limits, db: db, key: key}
	db.DeleteExpired(key) // a file's times are those of another day
	err := d.Visit(t, l, s)
	switch {
	case err != nil:
		db.DeleteExpired(key)
	case at != -1:
		db.SetExpire(key, at)
	}
	l.db, l.key = nil, nil
	return err
}

// Begin implements rdb.Visitor.
func (l *Loader) Begin(t byte, n uint64) error {
	l.t, l.n = t, n
	return nil
}

// Element implements rdb.Visitor.
func (l *Loader) Element(b []byte) error {
	if l.t == rdb.TypeString {
		l.db.SetString(l.key, b, -1)
		return nil
	}
	return errNotYet
}

// Pair implements rdb.Visitor.
func (l *Loader) Pair(field, value []byte) error { return errNotYet }

// Member implements rdb.Visitor.
func (l *Loader) Member(member []byte, score float64) error { return errNotYet }

// Pack implements rdb.Visitor. Redis looks at the number of elements only, not at
// their lengths.
func (l *Loader) Pack(b []byte) error {
	switch l.t {
	case rdb.TypeSetIntset:
		if l.n <= uint64(l.limits.SetIntset) {
			l.db.NewBlob(l.key, keyspace.Set, keyspace.Intset, b)
			return nil
		}
	case rdb.TypeSetListpack:
		if l.n <= uint64(l.limits.SetEntries) {
			l.db.NewBlob(l.key, keyspace.Set, keyspace.Listpack, b)
			return nil
		}
	case rdb.TypeHashListpack:
		if l.n <= uint64(l.limits.HashEntries) {
			l.db.NewBlob(l.key, keyspace.Hash, keyspace.Listpack, b)
			return nil
		}
	case rdb.TypeZsetListpack:
		if l.n <= uint64(l.limits.ZSetEntries) {
			l.db.NewBlob(l.key, keyspace.ZSet, keyspace.Listpack, b)
			return nil
		}
	}
	return l.unpack(b)
}

// unpack adds the elements of a packed value one by one, to an encoding that takes
// more of them.
func (l *Loader) unpack(b []byte) error {
	var first, second [24]byte
	if l.t == rdb.TypeSetIntset {
		return errNotYet
	}
	p := ds.Listpack(b)
	var err error
	for off := p.First(); off >= 0 && err == nil; off = p.Next(off) {
		e := p.Get(off).Bytes(&first)
		switch l.t {
		case rdb.TypeHashListpack:
			off = p.Next(off)
			err = l.Pair(e, p.Get(off).Bytes(&second))
		default:
			err = l.Element(e)
		}
	}
	return err
}

// End implements rdb.Visitor.
func (l *Loader) End() error { return nil }

var errNotYet = rdb.Corrupt("values of this type cannot be held yet")

// Node implements rdb.StreamVisitor.
func (l *Loader) Node(id rdb.StreamID, b []byte) error { return errNotYet }

// Info implements rdb.StreamVisitor.
func (l *Loader) Info(s *rdb.StreamInfo) error { return errNotYet }

// Group implements rdb.StreamVisitor.
func (l *Loader) Group(g *rdb.StreamGroup) error { return errNotYet }

// Pending implements rdb.StreamVisitor.
func (l *Loader) Pending(p *rdb.StreamPending) error { return errNotYet }

// Consumers implements rdb.StreamVisitor.
func (l *Loader) Consumers(n uint64) error { return errNotYet }

// Consumer implements rdb.StreamVisitor.
func (l *Loader) Consumer(c *rdb.StreamConsumer) error { return errNotYet }

// Owned implements rdb.StreamVisitor.
func (l *Loader) Owned(id rdb.StreamID) error { return errNotYet }
