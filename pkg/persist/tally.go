package persist

import (
	"fmt"
	"path/filepath"

	"redisd/pkg/persist/digest"
	"redisd/pkg/persist/rdb"
)

// tally is a dataset in figures: keys, and their sum as package digest makes it, by
// database.
type tally struct {
	keys  []uint64
	sums  []uint64
	total uint64 // keys
}

// at makes room for a database.
func (t *tally) at(db int) {
	for len(t.keys) <= db {
		t.keys, t.sums = append(t.keys, 0), append(t.sums, 0)
	}
}

// key counts a key of a database.
func (t *tally) key(db int) {
	t.at(db)
	t.keys[db]++
	t.total++
}

// compare tells in which database t is not what it should be; "" when all is well.
// Sums are left alone when they were not taken.
func (t *tally) compare(want *tally, sums bool) string {
	for db := range max(len(t.keys), len(want.keys)) {
		if got, n := at(t.keys, db), at(want.keys, db); got != n {
			return fmt.Sprintf("database %d has %d keys of %d", db, got, n)
		}
		if got, sum := at(t.sums, db), at(want.sums, db); sums && got != sum {
			return fmt.Sprintf("database %d has the digest %016x where it should be %016x", db, got, sum)
		}
	}
	return ""
}

func at(n []uint64, i int) uint64 {
	if i < len(n) {
		return n[i]
	}
	return 0
}

// summer takes the sum of values on their way through a visitor.
type summer struct {
	digest.Digester
	tally *tally
	db    int
}

// start begins a key of database db and counts it.
func (s *summer) start(db int, key []byte, t byte, expireAt int64) {
	s.tally.key(db)
	s.db = db
	s.Start(key, t, expireAt)
}

// settle adds the sum of the key in hand to its database.
func (s *summer) settle() { s.tally.sums[s.db] += s.Sum() }

// record is start and settle for a string.
func (s *summer) record(db int, rec *rdb.Record) {
	s.start(db, rec.Key, rec.Type, rec.ExpireAt)
	s.String(rec.Str)
	s.settle()
}

// VerifyError says that what was read back from a file is not what was to be in it.
type VerifyError struct {
	File string
	Text string // what differs, with the offset or the database
	Err  error  // an error of the file system, or nil
}

// Error names the file.
func (e *VerifyError) Error() string { return "persist: verifying " + e.text() }

func (e *VerifyError) text() string {
	text := filepath.Base(e.File) + ": " + e.Text
	if e.Err != nil {
		text += ": " + reason(e.Err)
	}
	return text
}

// Unwrap returns the file system's error.
func (e *VerifyError) Unwrap() error { return e.Err }
