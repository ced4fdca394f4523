package value_test

import (
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/persist/rdb"
)

// setBody is a set as a table has it in a file.
func setBody(members []string) []byte {
	b := rdb.AppendLen(nil, uint64(len(members)))
	for _, m := range members {
		b = rdb.AppendRawString(b, []byte(m))
	}
	return b
}

func words(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("member %d", i*7919))
	}
	return all
}

// TestLoadSmallSets: a set whose members come one by one gets what SADD makes of it.
func TestLoadSmallSets(t *testing.T) {
	long := strings.Repeat("l", 65)
	for name, members := range map[string][]string{
		"one": {"a"}, "empty member": {"", "b"}, "as many as fit": words(128), "one more": words(129), "many": words(300),
		"numbers among words": {"a", "7", "-3", "b", "100000", "07"}, "numbers first": {"7", "a"}, "numbers": {"3", "1", "2"},
		"a long one first": {long, "a", "b"}, "a long one last": {"a", "b", long}, "a long one between": {"a", long, "b", long + "x"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			check.NoErr(t, w.load("loaded", rdb.TypeSet, setBody(members), rdb.Structure))
			added := w.db.NewSet([]byte("added"), []byte(members[0]), len(members)).Set()
			for _, m := range members {
				added.Add([]byte(m))
			}
			loaded := w.entry("loaded").Set()
			check.Eq(t, w.entry("loaded").Encoding(), w.entry("added").Encoding())
			check.Eq(t, loaded.Len(), len(members))
			for _, m := range members {
				check.True(t, loaded.Has([]byte(m)), m)
			}
			check.Eq(t, tellEntry(w.entry("loaded")), tellEntry(w.entry("added")))
			w.empty()
		})
	}
}

// TestLoadSmallSetsTwice finds a member that comes twice, wherever, at its offset, and
// leaves nothing behind.
func TestLoadSmallSetsTwice(t *testing.T) {
	w := newWorld(t)
	rnd := rand.New(rand.NewSource(1))
	for _, n := range []int{2, 3, 20, 128, 200} {
		for range 20 {
			members := words(n)
			second := 1 + rnd.Intn(n-1)
			members[second] = members[rnd.Intn(second)]
			b := setBody(members)
			err := w.load("k", rdb.TypeSet, b, rdb.Structure)
			var e *rdb.Error
			check.True(t, errors.As(err, &e) && errors.Is(err, rdb.ErrCorrupt) && e.Reason == rdb.DuplicateMember, fmt.Sprint(err))
			rest := len(b) - len(setBody(members[second+1:])) + len(rdb.AppendLen(nil, uint64(n-second-1)))
			check.Eq(t, e.Offset, int64(rest))
			_, there := w.db.Peek([]byte("k"))
			check.True(t, !there, "no key")
			w.empty()
		}
	}
}
