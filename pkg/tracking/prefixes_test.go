package tracking_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/tracking"
)

// ear is a Listener that notes what it hears in a list that it shares.
type ear struct {
	name  string
	skips uint64
	heard *[]string
}

func (e *ear) Skips() uint64 { return e.skips }

func (e *ear) Changed(keys []byte) {
	*e.heard = append(*e.heard, e.name+" "+strings.ReplaceAll(string(keys), "\r\n", " "))
}

func TestListenersHearOfEveryKeyOnce(t *testing.T) {
	var p tracking.Prefixes
	var heard []string
	all, some := &ear{"all", 0, &heard}, &ear{"some", 9, &heard}
	check.True(t, p.Join("user:", all), "new")
	check.True(t, !p.Join("user:", all), "known")
	p.Join("user:", some)
	p.Join("", all)
	check.Eq(t, p.Len(), 2)
	check.True(t, !p.Pending(), "nothing changed")
	p.Touch([]byte("user:2"), 1)
	p.Touch([]byte("user:1"), 9)
	p.Touch([]byte("user:2"), 1)
	p.Touch([]byte("use"), 1)
	check.True(t, p.Pending(), "keys changed")
	p.Deliver()
	check.Eq(t, heard, []string{
		"all *3 $3 use $6 user:1 $6 user:2 ",
		"all *2 $6 user:1 $6 user:2 ",
		"some *1 $6 user:2 ",
	})
	heard = nil
	p.Deliver()
	check.Eq(t, len(heard), 0)
}

func TestTheLastOneWhoChangedAKeyCounts(t *testing.T) {
	var p tracking.Prefixes
	var heard []string
	p.Join("", &ear{"e", 9, &heard})
	p.Touch([]byte("mine"), 1)
	p.Touch([]byte("mine"), 9)
	p.Deliver()
	check.Eq(t, len(heard), 0)
	p.Touch([]byte("expired"), 9)
	p.Touch([]byte("expired"), 0)
	p.Deliver()
	check.Eq(t, heard, []string{"e *1 $7 expired "})
}

func TestWhoLeavesHearsNothing(t *testing.T) {
	var p tracking.Prefixes
	var heard []string
	a, b := &ear{"a", 0, &heard}, &ear{"b", 0, &heard}
	p.Join("x", a)
	p.Join("x", b)
	p.Touch([]byte("xy"), 1)
	p.Leave("x", a)
	p.Leave("unknown", a)
	p.Deliver()
	check.Eq(t, heard, []string{"b *1 $2 xy "})
	p.Touch([]byte("xy"), 1)
	p.Leave("x", b)
	check.Eq(t, p.Len(), 0)
	check.True(t, !p.Pending(), "nobody listens")
	p.Join("x", a)
	p.Deliver()
	check.Eq(t, len(heard), 1)
}

func TestAKeyThatChangesAMillionTimesIsKeptOnce(t *testing.T) {
	var p tracking.Prefixes
	var heard []string
	p.Join("", &ear{"e", 0, &heard})
	key := []byte("0123456789")
	p.Touch(key, 1)
	check.True(t, testing.AllocsPerRun(1, func() {
		for range 1_000_000 {
			p.Touch(key, 1)
		}
	}) < 100, "its notes are tidied on the way")
	p.Deliver()
	check.Eq(t, heard, []string{"e *1 $10 0123456789 "})
}

func TestPrefixesAreLikeTheModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var p tracking.Prefixes
	var heard []string
	names := []string{"", "a", "ab", "b", "abc"}
	listeners := []*ear{{"1", 0, &heard}, {"2", 2, &heard}, {"3", 3, &heard}}
	joined := map[string][]*ear{}
	last := map[string]map[string]uint64{} // prefix, key: who changed it
	for range 20000 {
		name, e := names[rnd.IntN(len(names))], listeners[rnd.IntN(3)]
		switch rnd.IntN(12) {
		case 0:
			check.Eq(t, p.Join(name, e), !slices.Contains(joined[name], e))
			if !slices.Contains(joined[name], e) {
				joined[name] = append(joined[name], e)
			}
		case 1:
			p.Leave(name, e)
			joined[name] = slices.DeleteFunc(joined[name], func(o *ear) bool { return o == e })
			if len(joined[name]) == 0 {
				delete(joined, name)
				delete(last, name)
			}
		case 2:
			heard = nil
			p.Deliver()
			check.Eq(t, heard, expected(names, joined, last))
			clear(last)
		default:
			key, by := strings.Repeat("abc"[:1+rnd.IntN(3)], rnd.IntN(3)), uint64(rnd.IntN(4))
			p.Touch([]byte(key), by)
			for prefix := range joined {
				if strings.HasPrefix(key, prefix) {
					if last[prefix] == nil {
						last[prefix] = map[string]uint64{}
					}
					last[prefix][key] = by
				}
			}
		}
		check.Eq(t, p.Len(), len(joined))
		check.Eq(t, p.Pending(), len(last) > 0)
	}
}

func expected(names []string, joined map[string][]*ear, last map[string]map[string]uint64) []string {
	var out []string
	for _, name := range slices.Sorted(slices.Values(names)) {
		for _, e := range joined[name] {
			var keys []string
			for key, by := range last[name] {
				if by == 0 || by != e.skips {
					keys = append(keys, key)
				}
			}
			if len(keys) == 0 {
				continue
			}
			slices.Sort(keys)
			line := fmt.Sprintf("%s *%d ", e.name, len(keys))
			for _, k := range keys {
				line += fmt.Sprintf("$%d %s ", len(k), k)
			}
			out = append(out, line)
		}
	}
	return out
}
