package persist

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
)

// Values whose parts come between one another in any order are read back in the order
// of the places; parts of one place stay as they came. Files go when nobody needs them.
func TestPartStore(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		fsys := &openFiles{FS: vfs.NewMem()}
		s := newPartStore(fsys, "parts")
		type part struct {
			place [3]uint64
			b     []byte
		}
		open := map[uint64][]part{}
		id, most := uint64(0), 1
		if seed > 2 {
			most = 400 // so that segments fill up
		}
		frame := func(words ...any) []byte {
			var b bytes.Buffer
			for _, w := range words {
				if raw, ok := w.([]byte); ok {
					b.Write(raw)
				} else {
					check.NoErr(t, binary.Write(&b, binary.LittleEndian, w))
				}
			}
			return b.Bytes()
		}
		end := func(id uint64) {
			check.NoErr(t, s.end(frame(id)))
			want := fmt.Appendf(nil, "head %d", id)
			parts := open[id]
			slices.SortStableFunc(parts, func(a, b part) int { return slices.Compare(a.place[:], b.place[:]) })
			for _, p := range parts {
				want = append(want, p.b...)
			}
			v := s.take()
			got, err := io.ReadAll(nibbler{s.reader(v), rnd})
			check.NoErr(t, err)
			check.True(t, bytes.Equal(got, want), "a value is its parts in order")
			s.release(v)
			delete(open, id)
		}
		for range 3000 {
			switch {
			case len(open) == 0 || rnd.IntN(40) == 0:
				id++
				open[id] = nil
				check.NoErr(t, s.begin(frame(id, fmt.Appendf(nil, "head %d", id))))
			case rnd.IntN(60) == 0:
				end(someKey(rnd, open))
			default:
				k := someKey(rnd, open)
				p := part{[3]uint64{uint64(rnd.IntN(2)), uint64(rnd.IntN(5)), rnd.Uint64() >> rnd.IntN(64)}, bytes.Repeat([]byte{byte(rnd.Uint32())}, rnd.IntN(300*most))}
				if rnd.IntN(2) == 0 && len(open[k]) > 0 {
					p.place = open[k][len(open[k])-1].place
				}
				open[k] = append(open[k], p)
				check.NoErr(t, s.part(frame(k, uint32(p.place[0]), p.place[1], p.place[2], p.b)))
			}
		}
		for len(open) > 0 {
			end(someKey(rnd, open))
		}
		check.NoErr(t, s.finish())
		check.True(t, fsys.open <= 1, "only the current file is open")
		if most > 1 {
			check.True(t, fsys.opened > 1, "there were several")
		}
		s.close()
		check.Eq(t, fsys.open, 0)
	}
}

func someKey[V any](rnd *rand.Rand, m map[uint64]V) uint64 {
	keys := []uint64{}
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare)
	return keys[rnd.IntN(len(keys))]
}

// nibbler asks for a random number of bytes at a time.
type nibbler struct {
	r   io.Reader
	rnd *rand.Rand
}

func (r nibbler) Read(p []byte) (int, error) {
	return r.r.Read(p[:min(len(p), 1+r.rnd.IntN(100_000))])
}

// openFiles counts files.
type openFiles struct {
	vfs.FS
	open, opened int
}

type countedFile struct {
	vfs.File
	fs *openFiles
}

func (o *openFiles) OpenFile(name string, flag int, perm os.FileMode) (vfs.File, error) {
	f, err := o.FS.OpenFile(name, flag, perm)
	o.open++
	o.opened++
	return countedFile{f, o}, err
}

func (f countedFile) Close() error {
	f.fs.open--
	return f.File.Close()
}
