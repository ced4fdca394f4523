package mem_test

import (
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/mem"
)

func newArena(t testing.TB, cfg mem.Config) *mem.Arena {
	t.Helper()
	a, err := mem.New(cfg)
	check.NoErr(t, err)
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// caught runs fn and returns what it panicked with.
func caught(fn func()) (v any) {
	defer func() { v = recover() }()
	fn()
	return nil
}

func TestSizesWasteLittle(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 64 << 20})
	for n := 0; n <= 8<<20; n++ {
		if n > 80<<10 {
			n += 4095
		}
		took := float64(a.Fit(n))
		if n <= 32<<10 {
			// The tail of the span is waste too.
			took = a.SpanWaste(n)
		}
		if waste := took - float64(n); n > 0 && waste > 7.1 && waste > took*0.125 {
			t.Fatalf("a block of %d bytes takes %.1f: waste %.1f %%", n, took, 100*waste/took)
		}
	}
	for n := 8; n <= 128; n += 8 {
		check.Eq(t, a.Fit(n), n)
	}
}

func TestFitIsUsableAndCounted(t *testing.T) {
	for _, huge := range []bool{false, true} {
		a := newArena(t, mem.Config{Reserve: 1 << 30, HugePages: huge})
		for _, n := range []int{0, 1, 8, 9, 128, 129, 4096, 4097, 32 << 10, 32<<10 + 1, 1 << 20, 1<<20 + 1, 9 << 20} {
			r := a.Alloc(mem.Table, n)
			check.Eq(t, a.Usable(r), a.Fit(n))
			check.Eq(t, a.Used(), uint64(a.Fit(n)))
			check.Eq(t, a.UsedBy(mem.Table), a.Used())
			a.Free(mem.Table, r)
			check.Eq(t, a.Used(), 0)
		}
	}
}

func TestPowersOfTwoAreAligned(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 1 << 30})
	for n := 8; n <= 4<<20; n *= 2 {
		for range 5 {
			if r := a.Alloc(mem.Table, n); uint64(r)%uint64(min(n, 32<<10)) != 0 || uintptr(a.Ptr(r))%uintptr(min(n, 32<<10)) != 0 {
				t.Fatalf("a block of %d bytes at %#x, %p", n, r, a.Ptr(r))
			}
		}
	}
}

func TestFreeOfNothing(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 64 << 20})
	a.Free(mem.Entry, 0)
	check.Eq(t, a.Used(), 0)
}

func TestFreeOfNoBlockPanics(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 1 << 30})
	slot := a.Alloc(mem.Value, 40<<10)
	run := a.Alloc(mem.Value, 4<<20)
	for _, tc := range []struct {
		name string
		r    mem.Ref
	}{
		{"inside a slot", slot + 8},
		{"inside a run", run + 2<<20},
		{"page of a run", run + 4096},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := fmt.Sprint(caught(func() { a.Free(mem.Value, tc.r) }))
			check.Contains(t, got, "BUG: mem: ")
		})
	}
	a.Free(mem.Value, slot)
	a.Free(mem.Value, run)
	check.Contains(t, fmt.Sprint(caught(func() { a.Free(mem.Value, run) })), "BUG: mem: ")
	check.NoErr(t, a.Verify())
}

func TestOutOfMemoryNamesTheSize(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 16 << 20})
	var blocks []mem.Ref
	fill := func(n int) *mem.OutOfMemory {
		for {
			v := caught(func() { blocks = append(blocks, a.Alloc(mem.Value, n)) })
			if v == nil {
				continue
			}
			oom, ok := v.(*mem.OutOfMemory)
			check.True(t, ok, "panic is *OutOfMemory")
			check.NoErr(t, a.Verify())
			return oom
		}
	}
	for _, n := range []int{3 << 20, 1 << 20, 40 << 10, 20 << 10, 88} {
		oom := fill(n)
		check.Eq(t, oom.Size, n)
		check.ErrContains(t, oom, fmt.Sprintf("out of memory allocating %d bytes", n))
	}
	check.True(t, a.Used() > 12<<20, "the range was used up")
	oom, _ := caught(func() { a.Alloc(mem.Value, 1<<50) }).(*mem.OutOfMemory)
	check.Eq(t, oom.Size, 1<<50)

	used := a.Used()
	check.True(t, caught(func() { a.Resize(mem.Value, blocks[0], 3<<20, 8<<20) }) != nil, "Resize has no room")
	check.Eq(t, a.Used(), used)
	for _, r := range blocks {
		a.Free(mem.Value, r)
	}
	check.Eq(t, a.Used(), 0)
	a.Trim()
	check.NoErr(t, a.Verify())
	a.Free(mem.Value, a.Alloc(mem.Value, 6<<20))
}

func TestSystemErrorIsKept(t *testing.T) {
	err := error(&mem.OutOfMemory{Size: 12, Err: unix.ENOMEM})
	check.ErrIs(t, err, unix.ENOMEM)
	check.ErrContains(t, err, "12 bytes: cannot allocate memory")
	var oom *mem.OutOfMemory
	check.True(t, errors.As(err, &oom), "errors.As")
}

// rss returns the process's resident bytes as the kernel adds them up from the page tables.
func rss(t testing.TB) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	check.NoErr(t, err)
	for _, line := range strings.Split(string(text), "\n") {
		var kb int64
		if n, _ := fmt.Sscanf(line, "Rss: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	t.Fatal("no Rss in smaps_rollup")
	return 0
}

func TestMemoryGoesBack(t *testing.T) {
	sizes := map[string]func(*rand.Rand) int{
		"entries": func(r *rand.Rand) int { return 80 + r.Intn(48) },
		"mixed":   func(r *rand.Rand) int { return sizeFor(r.Uint32(), r.Uint32()) },
		"values":  func(r *rand.Rand) int { return 100<<10 + r.Intn(3<<20) },
	}
	fill := uint64(200 << 20)
	if testing.Short() {
		fill = 64 << 20
	}
	for name, size := range sizes {
		for _, huge := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, huge pages %v", name, huge), func(t *testing.T) {
				a := newArena(t, mem.Config{HugePages: huge})
				rnd := rand.New(rand.NewSource(5))
				// Touched in full first: it is on the Go heap, and not what is measured.
				blocks := make([]mem.Ref, 3<<20)
				for i := range blocks {
					blocks[i] = 1
				}
				blocks = blocks[:0]
				before := rss(t)
				for a.Used() < fill {
					n := size(rnd)
					r := a.Alloc(mem.Value, n)
					b := a.Bytes(r, n)
					for i := 0; i < n; i += 4096 {
						b[i] = 1
					}
					blocks = append(blocks, r)
				}
				full := a.Resident()
				check.True(t, full > fill*9/10, "what was filled is resident")
				check.True(t, a.Mapped() >= a.Used() && a.Mapped() < a.Used()+a.Used()/10, "Mapped is near Used")
				check.True(t, rss(t)-before > int64(fill*9/10), "the kernel says so too")
				rnd.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
				for _, r := range blocks {
					a.Free(mem.Value, r)
				}
				check.Eq(t, a.Used(), 0)
				// Before Trim: chunks kept empty, the first ones, and slots kept dirty.
				if left := a.Resident(); left > 14<<20 {
					t.Fatalf("%d bytes stay resident before Trim", left)
				}
				a.Trim()
				check.NoErr(t, a.Verify())
				check.Eq(t, a.Mapped(), 0)
				check.Eq(t, a.Resident(), 0)
				if grown := rss(t) - before; !mem.Invariants && grown > 4<<20 {
					t.Fatalf("resident memory of the process grew by %d", grown)
				}
			})
		}
	}
}

func TestIdleArenaIsSmall(t *testing.T) {
	before := rss(t)
	a := newArena(t, mem.Config{HugePages: true})
	for n := 8; n <= 4096; n += n/8&^7 + 8 {
		a.Bytes(a.AllocZero(mem.Entry, n), n)[0] = 1
	}
	check.True(t, a.Resident() < 1<<20, "a block of each class takes less than 1 MB")
	if !mem.Invariants {
		check.True(t, rss(t)-before < 2<<20, "metadata included less than 2 MB")
	}
	check.Eq(t, a.Stats().HugeChunks, 0)
}

func TestChurnDrainsHighChunks(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 4 << 30})
	rnd := rand.New(rand.NewSource(11))
	var blocks []mem.Ref
	for range 500_000 {
		blocks = append(blocks, a.Alloc(mem.Entry, 96))
	}
	full := a.Mapped()
	// Nine of ten go, at random: every span keeps some.
	rnd.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	for _, r := range blocks[50_000:] {
		a.Free(mem.Entry, r)
	}
	blocks = blocks[:50_000]
	check.True(t, a.Mapped() > full*9/10, "spans are all held by something")
	for range 5 {
		for i, r := range blocks {
			a.Free(mem.Entry, r)
			blocks[i] = a.Alloc(mem.Entry, 96)
		}
	}
	if a.Mapped() > a.Used()*3/2+8<<20 {
		t.Fatalf("%d mapped for %d used", a.Mapped(), a.Used())
	}
	check.NoErr(t, a.Verify())
}

func TestAllocZeroOfFreshPagesTouchesNone(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 4 << 30, HugePages: true})
	before := a.Resident()
	for _, n := range []int{64 << 10, 1 << 20, 64 << 20} {
		r := a.AllocZero(mem.Table, n)
		check.Eq(t, a.Resident(), before)
		// What was written does not shine through the next time.
		b := a.Bytes(r, n)
		for i := range b {
			b[i] = 0xEE
		}
		a.Free(mem.Table, r)
		r = a.AllocZero(mem.Table, n)
		for i, c := range a.Bytes(r, n) {
			if c != 0 {
				t.Fatalf("byte %d of %d is %#x", i, n, c)
			}
		}
		a.Free(mem.Table, r)
		a.Trim()
	}
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	a := newArena(t, mem.Config{HugePages: true})
	var blocks [2000]mem.Ref
	got := testing.AllocsPerRun(20, func() {
		for i := range blocks {
			blocks[i] = a.Alloc(mem.Entry, 40+i%200*40)
		}
		for i := range blocks {
			blocks[i] = a.Resize(mem.Entry, blocks[i], 8, 60+i%300*40)
		}
		for i := range blocks {
			a.Free(mem.Entry, blocks[i])
		}
		a.Free(mem.Value, a.AllocZero(mem.Value, 100<<10))
	})
	check.Eq(t, got, 0)
}

func TestStats(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 1 << 30, HugePages: true})
	small := a.Alloc(mem.Entry, 90)
	wide := a.Alloc(mem.Value, 20000)
	slot := a.Alloc(mem.Value, 100<<10)
	run := a.Alloc(mem.Table, 8<<20)
	st := a.Stats()
	check.Eq(t, st.Reserved, 1<<30)
	check.True(t, st.Committed >= st.Mapped && st.Mapped >= st.Used, "committed >= mapped >= used")
	check.Eq(t, st.Mapped, a.Mapped())
	check.Eq(t, st.Used, 96+20160+100<<10+8<<20)
	check.Eq(t, st.By[mem.Value], 20160+100<<10)
	check.Eq(t, st.SmallChunks, 2)
	check.Eq(t, st.HugeChunks, 4)
	check.True(t, st.Metadata > 100<<10 && st.Metadata < 2<<20, "metadata is about a group at each end")
	want := []mem.ClassStats{
		{Size: 96, Blocks: 1, Bytes: 96, Held: 32 << 10},
		{Size: 20160, Blocks: 1, Bytes: 20160, Held: 256 << 10},
		{Size: 104 << 10, Blocks: 1, Bytes: 100 << 10, Held: 100 << 10},
	}
	check.Eq(t, st.Classes, want)
	a.Free(mem.Entry, small)
	a.Free(mem.Value, wide)
	a.Free(mem.Value, slot)
	a.Free(mem.Table, run)
	check.Eq(t, a.Peak(), st.Used)
	check.Eq(t, a.Used(), 0)
	for p := range mem.Purposes {
		check.True(t, p.String() != "unknown", "every purpose has a name")
	}
	check.Eq(t, mem.Purposes.String(), "unknown")
}

func TestCheckLeaksNamesThePurpose(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 64 << 20})
	check.NoErr(t, a.CheckLeaks())
	r := a.Alloc(mem.Snapshot, 100)
	check.ErrContains(t, a.CheckLeaks(), "mem: 104 bytes still allocated: snapshot 104")
	a.Free(mem.Snapshot, r)
	check.NoErr(t, a.CheckLeaks())
}

// TestUnderAddressLimit runs itself again under RLIMIT_AS, which holds for a whole process.
func TestUnderAddressLimit(t *testing.T) {
	const env = "MEM_TEST_ADDRESS_LIMIT"
	if os.Getenv(env) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestUnderAddressLimit$", "-test.v")
		cmd.Env = append(os.Environ(), env+"=1")
		out, err := cmd.CombinedOutput()
		check.True(t, err == nil, string(out))
		check.Contains(t, string(out), "--- PASS: TestUnderAddressLimit")
		return
	}
	const limit = 6 << 30
	check.NoErr(t, unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit}))
	a := newArena(t, mem.Config{HugePages: true})
	check.True(t, a.Stats().Reserved <= limit/2 && a.Stats().Reserved >= limit/8, "the range fits under the limit")
	a.Free(mem.Value, a.AllocZero(mem.Value, 256<<20))
	var more []*mem.Arena
	for range 8 {
		b, err := mem.New(mem.Config{})
		if err != nil {
			check.ErrIs(t, err, unix.ENOMEM)
			break
		}
		more = append(more, b)
	}
	for _, b := range more {
		check.NoErr(t, b.Close())
	}
}
