package diff

import (
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
)

// round is how many commands run between two comparisons of the whole dataset,
// each on an empty one, with limits of its own.
const round = 2000

// family is a generator of commands that belong together.
type family struct {
	name    string
	keys    []string // where its values mostly are
	command func(g generator) []string
}

// families gives all of them. Commands that redisd does not have are left out by
// the generator.
func families() []family {
	return []family{
		{"strings", numbered("s", 5), generator.strings},
		{"bitmaps", numbered("s", 5), generator.bitmaps},
		{"hyperloglogs", numbered("p", 4), generator.hyperloglogs},
		{"lists", numbered("l", 5), generator.lists},
		{"sets", numbered("t", 6), generator.sets},
		{"hashes", numbered("h", 5), generator.hashes},
		{"sorted sets", numbered("z", 6), generator.sortedSets},
		{"geo", numbered("g", 4), generator.geo},
		{"streams", numbered("x", 3), generator.streams},
		{"sort", []string{"l:1", "t:1", "z:1", "l:2", "t:2"}, generator.sorting},
	}
}

func numbered(prefix string, n int) (keys []string) {
	for i := range n {
		keys = append(keys, prefix+":"+strconv.Itoa(i+1))
	}
	return keys
}

// amount is how many commands are compared, and the first seed.
func amount(t *testing.T) (total int, seed int64) {
	total, seed = 20_000, 1
	for name, p := range map[string]any{"REDISD_DIFF_N": &total, "REDISD_DIFF_SEED": &seed} {
		if s := os.Getenv(name); s != "" {
			_, err := fmt.Sscan(s, p)
			check.NoErr(t, err)
		}
	}
	return total, seed
}

// TestFamilies sends random commands to both sides: mostly of one family, then of
// all.
func TestFamilies(t *testing.T) {
	total, seed := amount(t)
	all := families()
	c := newComparison(t)
	for i := range len(all) + 1 {
		name, share := "all", total/2
		if i < len(all) {
			name, share = all[i].name, total/2/len(all)
		}
		t.Run(name, func(t *testing.T) {
			c.use(t)
			for done := 0; done < share; done += round {
				c.round(seed+int64(done/round), i, min(round, share-done))
			}
		})
	}
}

// newComparison starts everything.
func newComparison(t *testing.T) *comparison {
	c := &comparison{careful: os.Getenv("REDISD_DIFF_CAREFUL") != "", our: newOurs(t), their: newTheirs(t), mirror: newMirror(t), replica: newOurs(t)}
	c.replica.ctx.Replaying, c.replica.ctx.NoBlock = true, true
	c.replica.ks.SetExpiry(keyspace.ExpiryIgnored)
	return c
}

// use makes t the test that failures are of.
func (c *comparison) use(t *testing.T) { c.t, c.their.t, c.mirror.t = t, t, t }

// round runs n random commands, most of them of the i-th family when there is one.
func (c *comparison) round(seed int64, i, n int) {
	c.seed, c.proto = seed, 2+int(seed%2)
	c.g = generator{Rand: rand.New(rand.NewSource(seed*100 + int64(i))), table: c.our.table, families: families(), clock: new(int)}
	c.g.main = i
	c.begin()
	for c.n = 0; c.n < n; {
		c.step()
	}
	c.end()
}

// limit is a directive that decides between encodings, with values that random
// data reaches soon, and where redisd keeps it. The first value is the default.
type limit struct {
	name   string
	values []int
	ours   func(*keyspace.Limits) *int
}

func limits() []limit {
	return []limit{
		{"hash-max-listpack-entries", []int{512, 4, 16}, func(l *keyspace.Limits) *int { return &l.HashEntries }},
		{"hash-max-listpack-value", []int{64, 8}, func(l *keyspace.Limits) *int { return &l.HashValue }},
		{"set-max-intset-entries", []int{512, 3, 0}, func(l *keyspace.Limits) *int { return &l.SetIntset }},
		{"set-max-listpack-entries", []int{128, 6, 0}, func(l *keyspace.Limits) *int { return &l.SetEntries }},
		{"set-max-listpack-value", []int{64, 8}, func(l *keyspace.Limits) *int { return &l.SetValue }},
		{"zset-max-listpack-entries", []int{128, 4, 16, 0}, func(l *keyspace.Limits) *int { return &l.ZSetEntries }},
		{"zset-max-listpack-value", []int{64, 8}, func(l *keyspace.Limits) *int { return &l.ZSetValue }},
		{"list-max-listpack-size", []int{-2, 3, 8, -1, 1}, func(l *keyspace.Limits) *int { return &l.ListSize }},
		{"list-compress-depth", []int{0, 1, 2}, func(l *keyspace.Limits) *int { return &l.ListCompress }},
		{"stream-node-max-bytes", []int{4096, 100}, func(l *keyspace.Limits) *int { return &l.StreamNodeBytes }},
		{"stream-node-max-entries", []int{100, 3, 10}, func(l *keyspace.Limits) *int { return &l.StreamNodeEntries }},
		{"hll-sparse-max-bytes", []int{3000, 50, 200}, func(l *keyspace.Limits) *int { return &l.HLLSparse }},
	}
}

// setLimits chooses for a round; every other one has the defaults.
func (c *comparison) setLimits() {
	plain := c.g.Intn(2) == 0
	for _, l := range limits() {
		v := l.values[0]
		if !plain {
			v = l.values[c.g.Intn(len(l.values))]
		}
		*l.ours(&c.our.ks.Limits) = v
		if l.name == "set-max-listpack-entries" || l.name == "set-max-listpack-value" {
			continue // 7.2 has them, 7.0 knows no packed sets
		}
		for _, r := range []*theirs{c.their, c.mirror} {
			check.Eq(c.t, string(r.do("config", "set", l.name, strconv.Itoa(v))), "+OK\r\n")
		}
	}
	c.replica.ks.Limits = c.our.ks.Limits
}
