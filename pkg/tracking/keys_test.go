package tracking_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/mem"
	"redisd/pkg/tracking"
)

// keysModel is the same in the plainest form.
type keysModel map[string]map[uint64]bool

func (m keysModel) pairs() (n uint64) {
	for _, ids := range m {
		n += uint64(len(ids))
	}
	return n
}

// pair runs the table and the model side by side.
type pair struct {
	t     *testing.T
	arena *mem.Arena
	keys  *tracking.Keys
	model keysModel
}

func newPair(t *testing.T) *pair {
	arena, err := mem.New(mem.Config{Reserve: 4 << 30})
	check.NoErr(t, err)
	p := &pair{t, arena, tracking.NewKeys(arena), keysModel{}}
	t.Cleanup(func() {
		p.keys.Clear()
		for p.keys.FreeSome() {
		}
		check.Eq(t, p.keys.Bytes(), uint64(0))
		check.NoErr(t, arena.CheckLeaks())
		check.NoErr(t, arena.Close())
	})
	return p
}

func (p *pair) add(key string, id uint64) {
	p.t.Helper()
	check.Eq(p.t, p.keys.Add([]byte(key), id), !p.model[key][id])
	if p.model[key] == nil {
		p.model[key] = map[uint64]bool{}
	}
	p.model[key][id] = true
}

func (p *pair) take(key string) {
	p.t.Helper()
	p.same(key, p.keys.Take([]byte(key)))
}

// same compares what the table gave for a key, which it forgot.
func (p *pair) same(key string, got []uint64) {
	p.t.Helper()
	check.Eq(p.t, append([]uint64{}, got...), append([]uint64{}, slices.Sorted(maps.Keys(p.model[key]))...))
	delete(p.model, key)
}

func (p *pair) takeAny() {
	p.t.Helper()
	key, ids, ok := p.keys.TakeAny()
	check.Eq(p.t, ok, len(p.model) > 0)
	if ok {
		check.True(p.t, len(p.model[string(key)]) > 0, "a key that is there")
		p.same(string(key), ids)
	}
}

func (p *pair) counts() {
	p.t.Helper()
	check.Eq(p.t, p.keys.Len(), uint64(len(p.model)))
	check.Eq(p.t, p.keys.Pairs(), p.model.pairs())
	check.Eq(p.t, p.keys.Bytes(), p.arena.Used())
}

func TestKeysAreLikeTheModel(t *testing.T) {
	p, rnd := newPair(t), rand.New(rand.NewPCG(1, 2))
	key := func() string {
		// Some keys of a length that needs another form, the empty one among them.
		return strings.Repeat("k", []int{0, 1, 16, 253, 254, 70000}[rnd.IntN(5+rnd.IntN(40)/39)]) + fmt.Sprint(rnd.IntN(300))
	}
	for i := range 20000 {
		switch n := rnd.IntN(100); {
		case n < 60:
			p.add(key(), uint64(1+rnd.IntN(200)))
		case n < 85:
			p.take(key())
		case n < 99:
			p.takeAny()
		case rnd.IntN(20) == 0:
			p.keys.Clear()
			p.model = keysModel{}
		default:
			p.keys.FreeSome()
		}
		if i%64 == 0 {
			p.counts()
		}
	}
	p.counts()
}

// FuzzKeys reads operations from bytes: what to do, a client, the length of a key.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("a\x01\x02kk" + "a\x00\x02kk" + "t\x00\x02kk" + "r\x00\x00" + "c\x00\x00" + "f\x00\x00"))
	f.Add(bytes.Repeat([]byte("a\xff\x01x"), 40))
	f.Fuzz(func(t *testing.T, ops []byte) {
		p := newPair(t)
		for len(ops) >= 3 {
			op, id, n := ops[0], uint64(ops[1])*0x01_0000_0001, min(int(ops[2]), len(ops)-3)
			key := string(ops[3 : 3+n])
			ops = ops[3+n:]
			switch op % 8 {
			case 0:
				p.take(key)
			case 1:
				p.takeAny()
			case 2:
				p.keys.Clear()
				p.model = keysModel{}
			case 3:
				p.keys.FreeSome()
			default:
				p.add(key, id)
			}
			p.counts()
		}
	})
}

func TestManyClientsOfOneKey(t *testing.T) {
	p, rnd := newPair(t), rand.New(rand.NewPCG(3, 4))
	for _, i := range rnd.Perm(5000) {
		p.add("hot", uint64(i+1))
	}
	p.counts()
	p.take("hot")
	check.Eq(t, p.keys.Len(), uint64(0))
}

func TestClearIsCheapAndTheMemoryFollows(t *testing.T) {
	p := newPair(t)
	key := make([]byte, 16)
	fill := func(n int) {
		for i := range n {
			binary.BigEndian.PutUint64(key, uint64(i))
			p.keys.Add(key, 7)
		}
	}
	fill(20000)
	full := p.keys.Bytes()
	check.True(t, full < 20000*60, "a key of 16 bytes takes less than 60")
	p.keys.Clear()
	check.Eq(t, p.keys.Len()+p.keys.Pairs(), uint64(0))
	check.Eq(t, len(p.keys.Take(key)), 0)
	check.Eq(t, p.keys.Bytes(), full)
	fill(10) // the new table has nothing to do with what is freed
	slices := 0
	for p.keys.FreeSome() {
		slices++
	}
	check.True(t, slices > 10, "it is freed in slices")
	check.Eq(t, p.keys.Len(), uint64(10))
	check.True(t, p.keys.Bytes() < full/100, "the memory came back")
}

func TestKnownKeysAllocateNothing(t *testing.T) {
	p := newPair(t)
	key := []byte("0123456789abcdef")
	for i := range 1000 {
		p.keys.Add(fmt.Append(nil, i), 1)
	}
	check.Eq(t, testing.AllocsPerRun(1000, func() { p.keys.Add(key, 1); p.keys.Add(key, 2); p.keys.Take(key) }), 0.0)
}
