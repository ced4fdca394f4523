package value

import (
	"math"

	"redisd/internal/num"
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
)

// Loader makes entries of what a decoder reads.
type Loader struct {
	limits *keyspace.Limits
	d      rdb.Source
	db     *keyspace.DB
	key    []byte

	t    byte
	n    int  // elements that are expected, bounded by what can come
	made bool // the key is there, and one of these is its value:
	list keyspace.ListHandle
	hash keyspace.HashValue
	set  keyspace.SetValue
	zset keyspace.SortedSet

	stream streamLoader
	small  *gather // of a set in hand
}

var _ rdb.Visitor = (*Loader)(nil)

// NewLoader makes a loader for the databases of ks, whose limits it follows.
func NewLoader(ks *keyspace.Keyspace) *Loader { return &Loader{limits: &ks.Limits, small: new(gather)} }

// Load makes key of db the value of type t that d stands before. It expires at that
// Unix time in milliseconds, -1 for never. A key that is there is replaced. After an
// error, which is an *rdb.Error, there is no key; rdb.ErrEmptyKey says that the value
// was read to its end and held nothing. key must not be arena memory, nor lie in what
// d reads next. It panics with *mem.OutOfMemory.
func (l *Loader) Load(db *keyspace.DB, key []byte, t byte, at int64, d rdb.Source, s rdb.Scrutiny) error {
	*l = Loader{limits: l.limits, db: db, key: key, d: d, small: l.small}
	l.small.on = false
	db.DeleteExpired(key) // a file's times are those of another day
	err := d.Visit(t, l, s)
	switch {
	case err != nil:
		db.DeleteExpired(key)
	case at != -1:
		db.SetExpire(key, at)
	}
	l.db, l.key, l.d = nil, nil, nil
	return err
}

// Begin implements rdb.Visitor.
func (l *Loader) Begin(t byte, n uint64) error {
	l.t, l.n = t, l.d.AtMost(n)
	if t == rdb.TypeStreamListpacks2 {
		l.stream = streamLoader{s: l.db.NewStream(l.key).Stream()}
	}
	return nil
}

// Element implements rdb.Visitor.
func (l *Loader) Element(b []byte) error {
	switch l.t {
	case rdb.TypeString:
		l.db.SetString(l.key, b, -1)
	case rdb.TypeSet, rdb.TypeSetIntset, rdb.TypeSetListpack:
		return l.member(b)
	case rdb.TypeListQuicklist2:
		l.inList().LoadPlain(b)
	default:
		l.inList().PushTail(b)
	}
	return nil
}

// member adds b to the set.
func (l *Loader) member(b []byte) error {
	if l.small.on || !l.made && l.gathers(b) {
		if len(b) > l.limits.SetValue || len(l.small.text) > mostGatheredBytes {
			l.spill()
		} else if l.small.add(b) {
			return nil
		} else {
			return rdb.Corrupt(rdb.DuplicateMember)
		}
	}
	if !l.made {
		l.made, l.set = true, l.db.NewSet(l.key, b, l.n).Set()
	}
	if !l.set.Add(b) {
		return rdb.Corrupt(rdb.DuplicateMember)
	}
	return nil
}

// gathers tells whether the set whose first member is b becomes a listpack, as far as
// that can be told, and gets ready for gathering it.
func (l *Loader) gathers(b []byte) bool {
	if _, isInt := num.ParseInt(b); isInt || l.t != rdb.TypeSet || l.n > min(l.limits.SetEntries, mostGathered) {
		return false
	}
	l.small.start(l.n)
	return true
}

// spill adds what was gathered one by one: the set does not become a listpack.
func (l *Loader) spill() {
	g := l.small
	g.on = false
	for i := range g.ends {
		if !l.made {
			l.made, l.set = true, l.db.NewSet(l.key, g.member(i), l.n).Set()
		}
		l.set.Add(g.member(i))
	}
}

// Pair implements rdb.Visitor.
func (l *Loader) Pair(field, value []byte) error {
	if !l.made {
		l.made, l.hash = true, l.db.NewHash(l.key).Hash()
		l.hash.Expect(l.n)
	}
	if !l.hash.Set(field, value) {
		return rdb.Corrupt(rdb.DuplicateField)
	}
	return nil
}

// Member implements rdb.Visitor.
func (l *Loader) Member(member []byte, score float64) error {
	if !l.made {
		l.made, l.zset = true, l.db.NewZSet(l.key, l.n, len(member)).ZSet()
	}
	if score == 0 && math.Signbit(score) {
		l.zset.Loosen()
	}
	if !l.zset.Add(member, score) {
		return rdb.Corrupt(rdb.DuplicateScore)
	}
	return nil
}

// Pack implements rdb.Visitor. Redis looks at the number of elements only, not at
// their lengths.
func (l *Loader) Pack(b []byte) error {
	most, t, enc := 0, keyspace.Set, keyspace.Listpack
	switch l.t {
	case rdb.TypeListQuicklist2:
		l.inList().LoadListpack(b)
		return nil
	case rdb.TypeSetIntset:
		most, enc = l.limits.SetIntset, keyspace.Intset
		l.n = ds.Intset(b).Len()
	case rdb.TypeSetListpack:
		most = l.limits.SetEntries
		l.n = ds.Listpack(b).Count()
	case rdb.TypeHashListpack:
		most, t = l.limits.HashEntries, keyspace.Hash
		l.n = ds.Listpack(b).Count() / 2
	case rdb.TypeZsetListpack:
		most, t = l.limits.ZSetEntries, keyspace.ZSet
		l.n = ds.Listpack(b).Count() / 2
	}
	if l.n <= most {
		l.db.NewBlob(l.key, t, enc, b)
		return nil
	}
	if enc == keyspace.Intset {
		return l.unpackInts(b)
	}
	return l.unpack(b)
}

// unpack adds the elements of a listpack one by one: there are too many for it now.
func (l *Loader) unpack(b []byte) (err error) {
	var first, second [24]byte
	p := ds.Listpack(b)
	for off := p.First(); off >= 0 && err == nil; off = p.Next(off) {
		e := p.Get(off).Bytes(&first)
		switch l.t {
		case rdb.TypeHashListpack:
			off = p.Next(off)
			err = l.Pair(e, p.Get(off).Bytes(&second))
		case rdb.TypeZsetListpack:
			off = p.Next(off)
			score, _ := num.ParseFloat(p.Get(off).Bytes(&second)) // the decoder has looked at it
			err = l.Member(e, score)
		default:
			err = l.Element(e)
		}
	}
	return err
}

func (l *Loader) unpackInts(b []byte) error {
	var text [24]byte
	s := ds.Intset(b)
	for i := range s.Len() {
		if err := l.Element(num.AppendInt(text[:0], s.At(i))); err != nil {
			return err
		}
	}
	return nil
}

// End implements rdb.Visitor.
func (l *Loader) End() error {
	switch l.t {
	case rdb.TypeStreamListpacks2:
		return l.stream.endGroup()
	case rdb.TypeZset, rdb.TypeZset2:
		l.zset.Settle()
	case rdb.TypeList, rdb.TypeListQuicklist2:
		l.list.Settle()
	case rdb.TypeSet:
		if l.small.on {
			l.db.NewBlob(l.key, keyspace.Set, keyspace.Listpack, l.small.build.Blob())
		}
	}
	return nil
}

// inList opens the list, which the first element makes.
func (l *Loader) inList() *keyspace.ListHandle {
	if !l.made {
		l.made, l.list = true, l.db.NewList(l.key).List()
	}
	return &l.list
}
