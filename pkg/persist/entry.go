package persist

import (
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/persist/value"
)

// entryView makes records of keyspace entries without allocating.
type entryView struct {
	rec     rdb.Record
	scratch [24]byte // for the text of a number
}

// of returns e as a record, good until the next call or change of the keyspace. A
// value that is no string is not in it.
func (v *entryView) of(db int, e keyspace.Entry, attr Attribute) *rdb.Record {
	v.rec = rdb.Record{
		DB: db, Key: e.Key(), Type: value.Type(e), ExpireAt: e.ExpireAt(), Idle: -1, Freq: -1,
	}
	if v.rec.Type == rdb.TypeString {
		v.rec.Str = e.Value(&v.scratch)
	}
	attributes(&v.rec, e, attr)
	return &v.rec
}

// attributes fills in what the snapshot is to tell of e's use.
func attributes(rec *rdb.Record, e keyspace.Entry, attr Attribute) {
	switch attr {
	case IdleAttribute:
		rec.Idle = e.IdleSeconds()
	case FreqAttribute:
		rec.Freq = int64(e.Freq())
	}
}
