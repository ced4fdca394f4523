package aof_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

// startSums is a rig whose log writes checksums.
func startSums(t testing.TB, policy aof.Policy) *rig {
	t.Helper()
	r := newRig(t, vfs.NewMem(), aof.Config{Policy: policy, Checksums: true})
	f, size, err := aof.Open(r.fs, live)
	check.NoErr(t, err)
	check.NoErr(t, r.log.Start(f, size))
	r.flush()
	return r
}

// notes are the lines of a file that begin with "#SUM:".
func notes(text string) (all []string) {
	for _, line := range strings.Split(text, "\r\n") {
		if strings.HasPrefix(line, "#SUM:") {
			all = append(all, line)
		}
	}
	return all
}

const sumStart = "#SUM:0:00000000"

func TestBlocksEndWhenLongOrOld(t *testing.T) {
	r := startSums(t, aof.Everysec)
	check.Eq(t, r.content(), "") // nothing is written before the first command
	r.put("SET k1 v")
	r.settle()
	r.put("SET k2 v")
	r.settle()
	check.Eq(t, r.content(), sumStart+"\r\n"+selected("SET k1 v", "SET k2 v"))
	r.later(1000)
	r.settle()
	check.Eq(t, notes(r.content()), []string{sumStart, "#SUM:79:" + crcOf(selected("SET k1 v", "SET k2 v"))})
	r.later(5000)
	r.settle()
	check.Eq(t, len(notes(r.content())), 2) // none for nothing
	r.put("SET k3 " + strings.Repeat("v", 5000))
	r.put("SET k4 v")
	r.settle()
	all := notes(r.content())
	check.Eq(t, len(all), 3)
	check.True(t, strings.HasPrefix(all[2], "#SUM:50"), all[2])
	check.Eq(t, r.log.Size(), int64(len(r.content())))
	check.Eq(t, r.log.Done(), r.log.Seq())
	check.Eq(t, len(load(t, r.fs, live)), 4)
}

// crcOf takes the checksum of text from a file that has it.
func crcOf(text string) string {
	s := aof.NewSums()
	s.Begin(nil)
	s.Add([]byte(text))
	note := strings.TrimSuffix(string(s.End(nil)), "\r\n")
	return note[strings.LastIndexByte(note, ':')+1:]
}

func TestChecksumIsCRC32C(t *testing.T) {
	check.Eq(t, crcOf("123456789"), "e3069283")
}

func TestShutdownAndStopEndTheBlock(t *testing.T) {
	for name, end := range map[string]func(r *rig){
		"shutdown": func(r *rig) { check.NoErr(r.t, r.log.FlushAndSync()) },
		"stop":     func(r *rig) { r.log.Stop(); r.settle() },
		"off":      func(r *rig) { r.log.SetChecksums(false); r.settle() },
	} {
		t.Run(name, func(t *testing.T) {
			r := startSums(t, aof.Everysec)
			r.put("SET k1 v")
			end(r)
			check.Eq(t, len(notes(r.content())), 2)
			check.Eq(t, load(t, r.fs, live), numbered(1, 1))
		})
	}
}

// Whatever another program, or a part of a block that was cut off, left in the file:
// who opens it begins a block of his own.
func TestEachOpeningBeginsABlock(t *testing.T) {
	r := startSums(t, aof.Everysec)
	r.put("SET k1 v")
	r.settle() // and killed: the block has no end
	f, size, err := aof.Open(r.fs, live)
	check.NoErr(t, err)
	again := newRig(t, r.fs, aof.Config{Policy: aof.Everysec, Checksums: true})
	check.NoErr(t, again.log.Start(f, size))
	again.put("SET k2 v")
	check.NoErr(t, again.log.FlushAndSync())
	check.Eq(t, notes(r.content())[:2], []string{sumStart, sumStart})
	check.Eq(t, load(t, r.fs, live), numbered(1, 2))
}

func TestSwitchBeginsABlockInTheNewFile(t *testing.T) {
	// A log that is not held has nothing to give up.
	for _, tc := range [][2]bool{{false, false}, {true, false}, {true, true}} {
		held, back := tc[0], tc[1]
		t.Run(fmt.Sprintf("held %t, given up %t", held, back), func(t *testing.T) {
			r := startSums(t, aof.Everysec)
			for _, c := range numbered(1, 200) {
				r.put(c)
			}
			r.settle()
			r.put("SET k201 v")
			if held {
				r.log.Hold()
				r.put("SET k202 v")
			}
			if back {
				r.log.Resume()
			} else {
				fresh := create(t, r.fs, "temp", selected(numbered(1, 201)...))
				check.NoErr(t, r.log.Switch(fresh, -1, false))
				check.NoErr(t, r.fs.Rename("temp", live))
			}
			r.put("SET k203 v")
			check.NoErr(t, r.log.FlushAndSync())
			want := numbered(1, 203)
			if !held {
				want = append(numbered(1, 201), "SET k203 v")
			}
			check.Eq(t, load(t, r.fs, live), want)
			all := notes(r.content())
			check.True(t, strings.HasPrefix(all[len(all)-1], "#SUM:"), "covered to the end")
		})
	}
}

// summed is a file of several blocks that is covered to its end.
func summed(t testing.TB, commands int) string {
	r := startSums(t, aof.No)
	for i, c := range numbered(1, commands) {
		r.put(c)
		if i%40 == 39 {
			r.later(1000)
		}
	}
	check.NoErr(t, r.log.FlushAndSync())
	return r.content()
}

// TestEveryFlippedBitIsSeen: no damage of a covered file is loaded as something else.
func TestEveryFlippedBitIsSeen(t *testing.T) {
	good := summed(t, 120)
	want := numbered(1, 120)
	refused := 0
	for i := range good {
		bad := []byte(good)
		bad[i] ^= 1 << (i % 8)
		fsys := vfs.NewMem()
		check.NoErr(t, vfs.WriteFile(fsys, live, bad, 0o644))
		got, _, err := tryLoad(fsys, live, false)
		if err != nil {
			refused++
			continue
		}
		// What may be hurt unseen is a note that nobody relies on.
		if !slices.Equal(got, want) {
			t.Fatalf("bit %d of byte %d of %q is not seen", i%8, i, good[max(0, i-20):min(len(good), i+20)])
		}
	}
	check.True(t, refused > len(good)-100, fmt.Sprintf("%d of %d damaged files refused", refused, len(good)))
}

func TestBlockThatDoesNotMatchIsNamed(t *testing.T) {
	good := summed(t, 120)
	second := strings.Index(good, "k45")
	tests := []struct {
		name string
		bad  string
		say  string
	}{
		{"a value", strings.Replace(good, "k45", "k95", 1), "does not match"},
		{"a command's name", good[:second] + strings.Replace(good[second:], "SET", "SOT", 1), "does not match"},
		{"a line is missing", strings.Replace(good, enc("SET k45 v"), "", 1), "follow the one before"},
		{"a note is missing", strings.Replace(good, notes(good)[1]+"\r\n", "", 1), "follow the one before"},
		{"a note is no number", strings.Replace(good, notes(good)[2], "#SUM:x:0", 1), "covers -1 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys := vfs.NewMem()
			check.NoErr(t, vfs.WriteFile(fsys, live, []byte(tt.bad), 0o644))
			_, err := aof.Load(fsys, live, aof.LoadOptions{AllowTruncated: true, Exec: strictExec})
			var le *aof.LoadError
			check.True(t, errors.As(err, &le) && le.Kind == aof.KindFormat, fmt.Sprint(err))
			check.Contains(t, le.Text, tt.say)
			check.Contains(t, le.Text, fmt.Sprintf("file %s, offset %d", live, le.Offset))
			check.True(t, le.Offset == 0 || tt.bad[le.Offset-1] == '\n' && le.Offset <= int64(second), "the offset is the start of the block")
		})
	}
}

// strictExec knows SELECT and SET.
func strictExec(argv [][]byte) error {
	if n := string(argv[0]); n != "SELECT" && n != "SET" {
		return aof.ErrUnknownCommand
	}
	return nil
}

func TestUnknownCommandIsNoDamageWhereTheChecksumIsRight(t *testing.T) {
	r := startSums(t, aof.No)
	r.put("NEWER k v")
	check.NoErr(t, r.log.FlushAndSync())
	_, err := aof.Load(r.fs, live, aof.LoadOptions{Exec: strictExec})
	var le *aof.LoadError
	check.True(t, errors.As(err, &le) && le.Kind == aof.KindCommand, fmt.Sprint(err))
}

// TestRedisReadsAFileWithChecksums: redis-server starts from it, and its tool calls it valid.
func TestRedisReadsAFileWithChecksums(t *testing.T) {
	s := &script{t: t, fs: vfs.NewMem(), name: live, oracle: "redis-check-aof"}
	check.NoErr(t, vfs.WriteFile(s.fs, live, []byte(summed(t, 300)), 0o644))
	check.Contains(t, s.check(nil, ""), "AOF appendonly.aof is valid")
	dir := t.TempDir()
	s.copyTo(dir)
	p := startPeer(t, dir)
	check.Eq(t, p.do("DBSIZE"), "300")
	check.Eq(t, p.do("GET", "k300"), "v")
}

func TestChecksumsAllocateNothing(t *testing.T) {
	r := newRig(t, vfs.NewMem(), aof.Config{Policy: aof.No, Checksums: true})
	r.log = aof.New(aof.Config{Policy: aof.No, Checksums: true, Post: func(fn func()) { fn() }})
	check.NoErr(t, r.log.Start(nullFile{}, 0))
	argv := words("SET key value")
	run := func() { r.log.AppendCommand(0, argv); r.flush() }
	for range 1000 {
		run()
	}
	check.Eq(t, testing.AllocsPerRun(1000, func() { run() }), 0)
}

func BenchmarkAppendWithChecksums(b *testing.B) {
	for _, on := range []bool{false, true} {
		b.Run(fmt.Sprint(on), func(b *testing.B) {
			l := aof.New(aof.Config{Checksums: on, Post: func(fn func()) { fn() }})
			check.NoErr(b, l.Start(nullFile{}, 0))
			argv := [][]byte{[]byte("SET"), []byte("key:000000000001"), make([]byte, 64)}
			b.ReportAllocs()
			for i := range b.N {
				l.AppendCommand(0, argv)
				if i%16 == 15 {
					l.Flush(int64(i))
				}
			}
		})
	}
}
