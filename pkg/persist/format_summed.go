package persist

import "redisd/pkg/persist/rdb"

// summed is a format that sums up what passes through to another one: in one way of
// counting, or in two.
type summed struct {
	format
	sums []*summer
}

func newSummer(unpacked bool) *summer {
	s := &summer{tally: &tally{}}
	s.Unpacked = unpacked
	return s
}

func (s *summed) record(rec *rdb.Record) error {
	first := s.sums[0]
	first.record(rec.DB, rec)
	for _, sum := range s.sums[1:] { // strings count the same in both ways
		sum.tally.key(rec.DB)
		sum.tally.sums[rec.DB] += first.Sum()
	}
	return s.format.record(rec)
}

func (s *summed) value(rec *rdb.Record, give func(v rdb.Visitor) error) error {
	for _, sum := range s.sums {
		sum.start(rec.DB, rec.Key, rec.Type, rec.ExpireAt)
	}
	err := s.format.value(rec, func(v rdb.Visitor) error {
		for _, sum := range s.sums {
			sum.Next = v
			v = &sum.Digester
		}
		return give(v)
	})
	for _, sum := range s.sums {
		sum.settle()
	}
	return err
}
