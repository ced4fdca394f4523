package aof_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

// logOf makes a log of n commands whose values are of random sizes up to most, and gives
// the offset at which each of them ends.
func logOf(n, most int) (log string, ends []int) {
	r := rand.New(rand.NewSource(int64(n)))
	var b strings.Builder
	for i := range n {
		if r.Intn(50) == 0 {
			b.WriteString("#TS:1700000000\r\n")
		}
		value := strings.Repeat("v", r.Intn(most))
		fmt.Fprintf(&b, "*3\r\n$3\r\nSET\r\n$8\r\nk%07d\r\n$%d\r\n%s\r\n", i, len(value), value)
		ends = append(ends, b.Len())
	}
	return b.String(), ends
}

// TestLoadInOrder loads logs whose commands end everywhere in a batch's buffer, also
// ones that are larger than any.
func TestLoadInOrder(t *testing.T) {
	for _, c := range []struct{ n, most int }{{1, 1}, {20_000, 20}, {20_000, 200}, {300, 300 << 10}, {6, 9 << 20}} {
		log, _ := logOf(c.n, c.most)
		mem := vfs.NewMem()
		check.NoErr(t, vfs.WriteFile(mem, live, []byte(log), 0o644))
		next, again := 0, make([]byte, 0, len(log))
		res, err := aof.Load(mem, live, aof.LoadOptions{Exec: func(argv [][]byte) error {
			if want := fmt.Sprintf("k%07d", next); string(argv[1]) != want {
				return fmt.Errorf("%s instead of %s", argv[1], want)
			}
			next++
			again = aof.AppendCommand(again, argv)
			return nil
		}})
		check.NoErr(t, err)
		check.Eq(t, res.Commands, int64(c.n))
		check.EqBytes(t, again, []byte(strings.ReplaceAll(log, "#TS:1700000000\r\n", "")))
	}
}

// TestLoadFailsAtTheCommand lets one command of many fail, each in turn around the edges
// of the batches: it is told with its offset, and no later one runs.
func TestLoadFailsAtTheCommand(t *testing.T) {
	log, ends := logOf(6000, 40)
	mem := vfs.NewMem()
	check.NoErr(t, vfs.WriteFile(mem, live, []byte(log), 0o644))
	for i := range ends {
		if i%2048 > 3 && i%2048 < 2045 && i%331 != 0 {
			continue
		}
		n := 0
		_, err := aof.Load(mem, live, aof.LoadOptions{Exec: func([][]byte) error {
			if n++; n > i+1 {
				t.Fatal("a command behind the one that failed")
			}
			if n == i+1 {
				return errTest
			}
			return nil
		}})
		var le *aof.LoadError
		check.True(t, errors.As(err, &le) && le.Kind == aof.KindCommand && errors.Is(err, errTest), "the command's error")
		from := int64(0)
		if i > 0 {
			from = int64(ends[i-1])
		}
		check.Eq(t, le.Offset, from)
	}
}

// TestLoadFindsTheDamage damages a byte near the edges of the buffers: everything before
// it runs, and the offset is that of the damage.
func TestLoadFindsTheDamage(t *testing.T) {
	log, ends := logOf(6000, 60)
	for i := 1; i < len(ends); i++ {
		at := ends[i-1]
		if edge := at % (128 << 10); edge > 300 && edge < 128<<10-300 && i%997 != 0 {
			continue
		}
		b := []byte(log)
		b[at] = '!'
		mem := vfs.NewMem()
		check.NoErr(t, vfs.WriteFile(mem, live, b, 0o644))
		n := 0
		_, err := aof.Load(mem, live, aof.LoadOptions{Exec: func([][]byte) error { n++; return nil }, AllowTruncated: true})
		var le *aof.LoadError
		check.True(t, errors.As(err, &le) && le.Kind == aof.KindFormat, "damage")
		check.Eq(t, le.Offset, int64(at))
		check.Eq(t, n, i)
	}
}

// TestLoadCutAnywhere cuts the log off at every byte of its last commands and around the
// first edge of a buffer.
func TestLoadCutAnywhere(t *testing.T) {
	log, ends := logOf(3000, 40)
	mem := vfs.NewMem()
	cut := func(size int) {
		check.NoErr(t, vfs.WriteFile(mem, live, []byte(log[:size]), 0o644))
		n := 0
		res, err := aof.Load(mem, live, aof.LoadOptions{Exec: func([][]byte) error { n++; return nil }, AllowTruncated: true})
		check.NoErr(t, err)
		whole := 0
		for whole < len(ends) && ends[whole] <= size {
			whole++
		}
		check.Eq(t, n, whole)
		check.Eq(t, res.Size+res.Truncated, int64(size))
		check.True(t, res.Truncated < 80, "not more than the incomplete command")
	}
	for i := range 100 {
		cut(len(log) - i)
		cut(128<<10 - 50 + i)
	}
}

// TestLoadTellsAhead tells of the commands that come next, sixteen at a time or as many
// as are wanted.
func TestLoadTellsAhead(t *testing.T) {
	log, _ := logOf(5000, 40)
	mem := vfs.NewMem()
	check.NoErr(t, vfs.WriteFile(mem, live, []byte(log+enc("PING")), 0o644))
	for _, wanted := range []int{1, 5, 16, 100} {
		a := &lookout{wanted: wanted}
		_, err := aof.Load(mem, live, aof.LoadOptions{Ahead: a, Exec: func(argv [][]byte) error {
			if len(a.warm) == 0 && wanted < 16 {
				return nil // not told of
			}
			if len(a.warm) == 0 || a.warm[0] != string(bytes.Join(argv, []byte(" "))) {
				return fmt.Errorf("%q comes, not %q", argv, a.warm)
			}
			a.warm = a.warm[1:]
			return nil
		}})
		check.NoErr(t, err)
		check.Eq(t, len(a.warm), 0)
		check.True(t, a.most == min(wanted, 16), fmt.Sprint(a.most))
	}
}

// lookout writes down what it is told of.
type lookout struct {
	wanted, most int
	added, warm  []string
}

func (a *lookout) Begin() { a.added = nil }

func (a *lookout) Add(argv [][]byte) bool {
	a.added = append(a.added, string(bytes.Join(argv, []byte(" "))))
	return len(a.added) < a.wanted
}

func (a *lookout) Warm() { a.warm, a.most = a.added, max(a.most, len(a.added)) }
