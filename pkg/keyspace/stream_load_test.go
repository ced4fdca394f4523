package keyspace_test

import (
	"runtime"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
)

// nodeOf is a listpack of numbers, the field of the master entry being f.
func nodeOf(numbers ...int64) []byte {
	var b ds.LPBuilder
	for _, n := range numbers {
		b.AddInt(n)
	}
	return b.Blob()
}

// good is a node of two entries at 0 and 1 behind the master id, bad one with a count that is wrong.
func goodNode() []byte { return nodeOf(2, 0, 1, 7, 0, 2, 0, 0, 9, 4, 2, 0, 1, 9, 4) }

func id(ms, seq uint64) keyspace.StreamID { return keyspace.StreamID{Ms: ms, Seq: seq} }

// TestStreamLoadersRefuse is that a file which does not fit together gives an error, and what was loaded up to there can
// be deleted.
func TestStreamLoadersRefuse(t *testing.T) {
	tests := []struct {
		name string
		load func(s keyspace.StreamValue) error
		err  string // "" for none
	}{
		{"two nodes", func(s keyspace.StreamValue) error {
			check.NoErr(t, s.LoadNode(id(1, 0), goodNode()))
			check.NoErr(t, s.LoadNode(id(1, 2), goodNode()))
			return s.LoadFigures(keyspace.StreamFigures{Length: 4, Last: id(1, 3), Added: 9})
		}, ""},
		{"a node without live entries is left out", func(s keyspace.StreamValue) error {
			check.NoErr(t, s.LoadNode(id(1, 0), nodeOf(0, 1, 1, 7, 0, 3, 0, 0, 9, 4)))
			return s.LoadFigures(keyspace.StreamFigures{Last: id(5, 0)})
		}, ""},
		{"node is no node", func(s keyspace.StreamValue) error { return s.LoadNode(id(1, 0), nodeOf(3, 0, 1, 7, 0)) }, "counts say"},
		{"nodes overlap", func(s keyspace.StreamValue) error {
			check.NoErr(t, s.LoadNode(id(1, 0), goodNode()))
			return s.LoadNode(id(1, 1), goodNode())
		}, "does not come behind"},
		{"node twice", func(s keyspace.StreamValue) error {
			check.NoErr(t, s.LoadNode(id(1, 0), goodNode()))
			return s.LoadNode(id(1, 0), goodNode())
		}, "does not come behind"},
		{"length", func(s keyspace.StreamValue) error {
			check.NoErr(t, s.LoadNode(id(1, 0), goodNode()))
			return s.LoadFigures(keyspace.StreamFigures{Length: 3, Last: id(1, 1), Added: 3})
		}, "says 3 entries, and has 2"},
		{"last id", func(s keyspace.StreamValue) error {
			check.NoErr(t, s.LoadNode(id(1, 0), goodNode()))
			return s.LoadFigures(keyspace.StreamFigures{Length: 2, Last: id(1, 0), Added: 2})
		}, "below that of an entry"},
		{"added", func(s keyspace.StreamValue) error {
			check.NoErr(t, s.LoadNode(id(1, 0), goodNode()))
			return s.LoadFigures(keyspace.StreamFigures{Length: 2, Last: id(1, 1), Added: 1})
		}, "1 entries were added"},
		{"group twice", func(s keyspace.StreamValue) error {
			_, err := s.LoadGroup([]byte("g"), id(0, 0), 0)
			check.NoErr(t, err)
			_, err = s.LoadGroup([]byte("g"), id(0, 0), 0)
			return err
		}, "there twice"},
		{"entries read", func(s keyspace.StreamValue) error {
			_, err := s.LoadGroup([]byte("g"), id(0, 0), -2)
			return err
		}, "has read -2"},
		{"pending twice", func(s keyspace.StreamValue) error {
			g, _ := s.LoadGroup([]byte("g"), id(0, 0), 0)
			check.NoErr(t, g.LoadPending(id(1, 0), 5, 1))
			return g.LoadPending(id(1, 0), 6, 1)
		}, "pending twice"},
		{"consumer twice", func(s keyspace.StreamValue) error {
			g, _ := s.LoadGroup([]byte("g"), id(0, 0), 0)
			_, err := g.LoadConsumer([]byte("c"), 1, 1)
			check.NoErr(t, err)
			_, err = g.LoadConsumer([]byte("c"), 1, 1)
			return err
		}, "there twice"},
		{"owner of nothing", func(s keyspace.StreamValue) error {
			g, _ := s.LoadGroup([]byte("g"), id(0, 0), 0)
			c, _ := g.LoadConsumer([]byte("c"), 1, 1)
			return g.LoadOwner(c, id(1, 0))
		}, "is not pending"},
		{"two owners", func(s keyspace.StreamValue) error {
			g, _ := s.LoadGroup([]byte("g"), id(0, 0), 0)
			check.NoErr(t, g.LoadPending(id(1, 0), 5, 1))
			c, _ := g.LoadConsumer([]byte("c"), 1, 1)
			check.NoErr(t, g.LoadOwner(c, id(1, 0)))
			d, _ := g.LoadConsumer([]byte("d"), 1, 1)
			return g.LoadOwner(d, id(1, 0))
		}, "two consumers"},
		{"no owner", func(s keyspace.StreamValue) error {
			g, _ := s.LoadGroup([]byte("g"), id(0, 0), 0)
			check.NoErr(t, g.LoadPending(id(1, 0), 5, 1))
			return g.LoadEnd()
		}, "1 pending entries"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newStreamWorld(t, 1)
			if err := tt.load(w.s); tt.err == "" {
				check.NoErr(t, err)
				check.NoErr(t, w.s.Check())
			} else {
				check.ErrContains(t, err, tt.err)
			}
			w.finish()
		})
	}
}

// FuzzStreamLoad: whatever the loaders are given, they return an error or leave a stream that passes its check, and it
// can be used and freed.
func FuzzStreamLoad(f *testing.F) {
	f.Add([]byte("\x00\x0f\x02\x00\x01\x07\x00\x02\x00\x00\x09\x04\x02\x00\x01\x09\x04\x01\x02\x02\x03"))
	f.Add([]byte("\x02g\x03\x01\x04c\x05\x01\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		w := newStreamWorld(t, 1)
		l := streamLoader{w: w, b: b}
		ok := true
		for ok && len(l.b) > 0 {
			ok = l.step() == nil
		}
		if l.grouped && ok {
			ok = l.g.LoadEnd() == nil
		}
		if ok && l.figured {
			check.NoErr(t, w.s.Check())
			if next, more := w.s.LastID().Next(); more {
				w.s.Append(next, [][]byte{[]byte("f"), []byte("v")})
			}
			w.s.Trim(keyspace.StreamTrim{ByID: true, MinID: w.s.LastID()})
			check.NoErr(t, w.s.Check())
		}
		w.finish()
	})
}

// streamLoader takes bytes for calls of the loaders.
type streamLoader struct {
	w                   *streamWorld
	b                   []byte
	g                   keyspace.Group
	c                   keyspace.Consumer
	figured             bool
	grouped, hasOneUser bool
}

func (l *streamLoader) byte() byte {
	if len(l.b) == 0 {
		return 0
	}
	c := l.b[0]
	l.b = l.b[1:]
	return c
}

func (l *streamLoader) id() keyspace.StreamID { return id(uint64(l.byte()>>4), uint64(l.byte())) }

func (l *streamLoader) step() (err error) {
	s := l.w.s
	switch op := l.byte() % 7; {
	case op == 0 && !l.figured:
		numbers := make([]int64, l.byte()%64)
		for i := range numbers {
			numbers[i] = int64(int8(l.byte()))
		}
		return s.LoadNode(l.id(), nodeOf(numbers...))
	case op == 1 && !l.figured:
		l.figured = true
		n := s.Len() + uint64(l.byte()>>7)
		return s.LoadFigures(keyspace.StreamFigures{Length: n, Last: l.id(), MaxDeleted: l.id(), Added: n + uint64(l.byte())})
	case op == 2:
		if l.grouped {
			if err := l.g.LoadEnd(); err != nil {
				return err
			}
		}
		l.g, err = s.LoadGroup([]byte{l.byte()}, l.id(), int64(int8(l.byte())))
		l.grouped, l.hasOneUser = true, false
		return err
	case op == 3 && l.grouped:
		return l.g.LoadPending(l.id(), int64(l.byte()), uint64(l.byte()))
	case op == 4 && l.grouped:
		l.c, err = l.g.LoadConsumer([]byte{l.byte()}, int64(l.byte()), int64(l.byte()))
		l.hasOneUser = true
		return err
	case op == 5 && l.hasOneUser:
		return l.g.LoadOwner(l.c, l.id())
	}
	return nil
}
