package persist_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/command"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
	"redisd/pkg/persist"
	"redisd/pkg/persist/rdb"
	loading "redisd/pkg/persist/value"
	"redisd/pkg/resp"
)

// store is a keyspace that executes commands.
type store struct {
	t     testing.TB
	ks    *keyspace.Keyspace
	table *command.Table
	ctx   command.Ctx
	out   resp.Writer
	db    int
}

func newStore(t testing.TB) *store {
	t.Helper()
	a, err := mem.New(mem.Config{Reserve: 1 << 32})
	check.NoErr(t, err)
	t.Cleanup(func() { check.NoErr(t, a.Close()) })
	s := &store{t: t, ks: keyspace.New(keyspace.Config{Databases: 16, Arena: a}), table: command.NewTable(command.Families()...)}
	s.ks.SetNow(1_700_000_000_000)
	s.ctx = command.Ctx{KS: s.ks, Replaying: true, NoBlock: true, MaxString: 512 << 20}
	return s
}

// do executes a command, which must not fail.
func (s *store) do(words ...any) {
	s.t.Helper()
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = fmt.Append(nil, w)
	}
	if string(argv[0]) == "SELECT" {
		s.db, _ = strconv.Atoi(string(argv[1]))
		return
	}
	spec := s.table.Resolve(argv)
	check.True(s.t, spec != nil && spec.ArityFits(len(argv)), fmt.Sprintf("%.60q is a command", argv))
	s.out.Buf = s.out.Buf[:0]
	s.ctx.Args, s.ctx.Spec, s.ctx.DB, s.ctx.Out = argv, spec, s.ks.DB(s.db), &s.out
	s.ctx.Fx.Reset(s.db)
	spec.Handler(&s.ctx)
	if bytes.HasPrefix(s.out.Buf, []byte("-")) {
		s.t.Fatalf("%.60q: %s", argv, s.out.Buf)
	}
}

// The store is an rdb.Handler.

func (s *store) Aux(_, _ []byte) error               { return nil }
func (s *store) SelectDB(n int) error                { s.db = n; return nil }
func (s *store) ResizeDB(keys, expires uint64) error { return nil }

func (s *store) Record(r *rdb.Record) error {
	s.ks.DB(s.db).SetString(r.Key, r.Str, r.ExpireAt)
	return nil
}

func (s *store) Value(r *rdb.Record, d rdb.Source) error {
	return loading.NewLoader(s.ks).Load(s.ks.DB(s.db), r.Key, r.Type, r.ExpireAt, d, rdb.Packs)
}

// load takes what a job has written.
func (s *store) load(file []byte) {
	s.t.Helper()
	if bytes.HasPrefix(file, []byte("REDIS")) {
		res, err := rdb.Load(bytes.NewReader(file), rdb.Options{Checksum: true, Size: int64(len(file))}, s)
		check.NoErr(s.t, err)
		file = file[res.Consumed:]
	}
	for len(file) > 0 {
		argv, rest, err := splitCommand(file)
		check.NoErr(s.t, err)
		words := make([]any, len(argv))
		for i, w := range argv {
			words[i] = w
		}
		check.True(s.t, elementsOf(argv) <= 64, "at most 64 elements a command")
		s.do(words...)
		file = rest
	}
}

func elementsOf(argv []string) int {
	switch argv[0] {
	case "RPUSH", "SADD":
		return len(argv) - 2
	case "ZADD", "HMSET":
		return (len(argv) - 2) / 2
	}
	return 0
}

// fill makes keys of all types and encodings, small and in parts.
func (s *store) fill() {
	for _, db := range []int{0, 7} {
		s.do("SELECT", db)
		s.do("SET", "string", "value")
		s.do("SET", "number", 12345)
		s.do("SET", "large string", strings.Repeat("0123456789", 40_000))
		for _, size := range []int{3, 65, 200, 2500} {
			name := func(kind string) string { return fmt.Sprintf("%s of %d", kind, size) }
			for i := range size {
				text := fmt.Sprintf("text %d %s", i, strings.Repeat("x", i%40))
				s.do("RPUSH", name("list"), text, i)
				s.do("SADD", name("set"), text)
				s.do("SADD", name("ints"), i*i-50)
				s.do("HSET", name("hash"), text, i)
				s.do("ZADD", name("zset"), float64(i*7%50)/4, text)
				s.do("XADD", name("stream"), fmt.Sprintf("%d-%d", 1+i/3, i%3), "field", text, fmt.Sprint("f", i%20), i)
			}
			s.do("ZADD", name("zset"), "inf", "top", "-inf", "bottom", "1e-7", "")
			// Not one that is pending: XCLAIM, which is all that a log has for these,
			// leaves out what is not there, and so does Redis's rewrite.
			s.do("XDEL", name("stream"), "1-2")
			s.do("XGROUP", "CREATE", name("stream"), "group", "1-0")
			s.do("XGROUP", "CREATE", name("stream"), "other", "1-1", "ENTRIESREAD", 2)
			s.do("XGROUP", "CREATECONSUMER", name("stream"), "group", "idle")
			s.do("XREADGROUP", "GROUP", "group", "alice", "COUNT", size/2, "STREAMS", name("stream"), ">")
			s.do("XREADGROUP", "GROUP", "group", "bob", "COUNT", size/3, "STREAMS", name("stream"), ">")
			s.do("PEXPIREAT", name("hash"), 1_900_000_000_000)
			s.do("PEXPIREAT", name("list"), 1_900_000_000_001)
		}
		s.do("RPUSH", "plain", "before", strings.Repeat("y", 300_000), strings.Repeat("z", 20_000), "after")
		s.do("HSET", "long", strings.Repeat("f", 70_000), strings.Repeat("v", 300_000), "short", "")
		s.do("SADD", "long set", strings.Repeat("m", 300_000), "")
		s.do("ZADD", "long zset", 1, strings.Repeat("m", 300_000), 2, "")
		s.do("XADD", "long stream", "1-1", strings.Repeat("f", 100_000), strings.Repeat("v", 300_000))
		s.do("XADD", "no entries", "5-5", "f", "v")
		s.do("XDEL", "no entries", "5-5")
		s.do("XGROUP", "CREATE", "never any", "g", "$", "MKSTREAM")
	}
}

// mix changes something, whatever it is.
func (s *store) mix(rnd *rand.Rand) {
	size := []int{3, 65, 200, 2500, 2500, 2500}[rnd.IntN(6)]
	name := func(kind string) string { return fmt.Sprintf("%s of %d", kind, size) }
	n := rnd.IntN(size)
	text := fmt.Sprintf("text %d %s", n, strings.Repeat("x", n%40))
	s.do("SELECT", rnd.IntN(2)*7)
	switch rnd.IntN(16) {
	case 0:
		s.do("LSET", name("list"), n, "changed")
	case 1:
		s.do("LPUSH", name("list"), "first")
	case 2:
		s.do("LREM", name("list"), 1, n)
	case 3:
		s.do("SREM", name("set"), text)
	case 4:
		s.do("SADD", name("ints"), "no number")
	case 5:
		s.do("HSET", name("hash"), text, "changed", "new", 1)
	case 6:
		s.do("HDEL", name("hash"), text)
	case 7:
		s.do("ZADD", name("zset"), 1000+n, text)
	case 8:
		s.do("ZREM", name("zset"), text)
	case 9:
		s.do("XADD", name("stream"), "*", "late", n)
	case 10:
		s.do("XDEL", name("stream"), fmt.Sprintf("%d-%d", 1+n/3, n%3))
	case 11:
		s.do("XACK", name("stream"), "group", fmt.Sprintf("%d-%d", 1+n/3, n%3))
	case 12:
		s.do("XREADGROUP", "GROUP", "group", "carol", "COUNT", 5, "STREAMS", name("stream"), ">")
	case 13:
		s.do("XTRIM", name("stream"), "MAXLEN", size-n/20)
	case 14:
		s.do("APPEND", "large string", "x")
	case 15:
		s.do("SETRANGE", "large string", n, "changed")
	}
}

// rare changes lose whole values.
func (s *store) lose(rnd *rand.Rand) {
	s.do("SELECT", 7)
	kind := []string{"list", "set", "hash", "zset", "stream", "ints"}[rnd.IntN(6)]
	switch key := kind + " of 2500"; rnd.IntN(3) {
	case 0:
		s.do("DEL", key)
	case 1:
		s.do("UNLINK", key)
	case 2:
		s.do("SET", key, "overwritten")
	}
	s.do("RENAME", "long", "longer")
	s.ks.DB(7).Flush(false)
}

// streamsOf tells what the digest does not cover.
func (s *store) streamsOf() (text string) {
	for db := range 16 {
		lines := map[string]string{}
		s.ks.DB(db).Each(func(e keyspace.Entry) {
			if e.Type() != keyspace.Stream {
				return
			}
			v := e.Stream()
			line := fmt.Sprint(v.Len(), v.FirstID(), v.LastID(), v.MaxDeletedID(), v.Added())
			v.EachGroup(func(g keyspace.Group) bool {
				line += fmt.Sprintf("\n  %s %v %d", g.Name(), g.LastID(), g.EntriesRead())
				for p := g.PendingFrom(keyspace.StreamID{}); p.Valid(); p.Next() {
					line += fmt.Sprintf("\n    %v %s %d %d", p.ID(), p.Pending().Consumer().Name(), p.Pending().Time(), p.Pending().Count())
				}
				g.EachConsumer(func(c keyspace.Consumer) bool {
					line += fmt.Sprintf("\n    %s owns %d", c.Name(), c.PendingLen())
					return true
				})
				return true
			})
			lines[string(e.Key())] = line
		})
		text += fmt.Sprint(db, lines)
	}
	return text
}

// Whatever a job writes of a dataset of all types, it loads as the same dataset, as
// it was at the cut.
func TestJobsWriteAllTypes(t *testing.T) {
	opts := func(change func(o *persist.Options)) persist.Options {
		o := saveOptions()
		o.Databases, o.Verify = nil, true
		change(&o)
		return o
	}
	tests := []struct {
		name string
		role persist.Role
		opts persist.Options
		live bool // the dataset changes meanwhile
		pump int
	}{
		{"rdb", persist.RoleRDB, opts(func(*persist.Options) {}), false, 100},
		{"rdb while it changes", persist.RoleRDB, opts(func(*persist.Options) {}), true, 5},
		{"rdb without compression", persist.RoleRDB, opts(func(o *persist.Options) { o.Compress = false }), true, 50},
		{"commands", persist.RoleAOF, opts(func(*persist.Options) {}), false, 100},
		{"commands while it changes", persist.RoleAOF, opts(func(*persist.Options) {}), true, 5},
		{"preamble while it changes", persist.RoleAOF, opts(func(o *persist.Options) { o.Preamble = true }), true, 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			s.fill()
			digest, streams := s.ks.Digest(), s.streamsOf()
			var job interface {
				keyspace.Sink
				anyJob
				SnapshotDone()
			} = persist.NewSaveJob(tt.opts)
			if tt.role == persist.RoleAOF {
				job = persist.NewRewriteJob(tt.opts, true)
			}
			rnd := rand.New(rand.NewPCG(7, 8))
			snap := s.ks.Cut(job)
			for round := 0; !snap.Pump(tt.pump); round++ {
				if tt.live {
					for range 5 {
						s.mix(rnd)
					}
					if round == 60 {
						s.lose(rnd)
						tt.live = false // most keys of mix are gone
					}
				}
			}
			check.True(t, snap.Stats().Large > 10, fmt.Sprintf("%+v", snap.Stats()))
			job.SnapshotDone()
			stream := collect(job)
			if tt.role == persist.RoleAOF {
				_, err := job.Control(stopRequest())
				check.NoErr(t, err)
				stream = append(stream, collect(job)...)
			}
			m := newMem(t)
			fsys := newCountFS(m)
			code, ctl := runOn(fsys, stream)
			check.Eq(t, fmt.Sprint(code, reportOf(ctl)), "0")
			check.Eq(t, fsys.left(), []string(nil))
			again := newStore(t)
			again.load(read(t, m, temps(t, m)[0]))
			check.Eq(t, again.ks.Digest(), digest)
			sameText(t, again.streamsOf(), streams)
		})
	}
}

// sameText names the first line that differs.
func sameText(t testing.TB, got, want string) {
	t.Helper()
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		check.Eq(t, a[i], b[i])
	}
	check.Eq(t, len(a), len(b))
}

// reportOf is the error text of a child's report.
func reportOf(ctl *memPipe) string {
	i := bytes.Index(ctl.buf, []byte("rdb: "))
	if i < 0 {
		return ""
	}
	return string(ctl.buf[i:])
}

// A save in the process itself writes the same, and never holds a large value as a
// whole.
func TestFileSaveWritesAllTypes(t *testing.T) {
	for _, preamble := range []bool{true, false} {
		for _, role := range []persist.Role{persist.RoleRDB, persist.RoleAOF} {
			s := newStore(t)
			s.fill()
			m := newMem(t)
			o := saveOptions()
			o.Role, o.Preamble, o.Databases = role, preamble, nil
			largest := &largestWrite{FS: m}
			save := persist.NewFileSave(o, persist.SaveConfig{FS: largest, Pid: pid, Name: "live"})
			snap := s.ks.Cut(save)
			for !snap.Pump(1000) {
			}
			_, err := save.Finish()
			check.NoErr(t, err)
			again := newStore(t)
			again.load(read(t, m, "live"))
			check.Eq(t, again.ks.Digest(), s.ks.Digest())
			sameText(t, again.streamsOf(), s.streamsOf())
			check.True(t, largest.n < 1<<20, fmt.Sprint(largest.n, " bytes were written at once"))
		}
	}
}

// largestWrite remembers the longest write.
type largestWrite struct {
	vfs.FS
	n int
}

type watchedFile struct {
	vfs.File
	fs *largestWrite
}

func (l *largestWrite) OpenFile(name string, flag int, perm os.FileMode) (vfs.File, error) {
	f, err := l.FS.OpenFile(name, flag, perm)
	return watchedFile{f, l}, err
}

func (f watchedFile) Write(b []byte) (int, error) {
	f.fs.n = max(f.fs.n, len(b))
	return f.File.Write(b)
}

// The loop sends compact values and parts without garbage.
func TestJobAllocatesNothing(t *testing.T) {
	s := newStore(t)
	s.do("HSET", "hash", "f", 1)
	s.do("RPUSH", "list", "a", "b")
	s.do("ZADD", "zset", 1, "m")
	s.do("SADD", "ints", 1, 2)
	var entries []keyspace.Entry
	s.ks.DB(0).Each(func(e keyspace.Entry) { entries = append(entries, e) })
	j := persist.NewSaveJob(saveOptions())
	run := func() {
		for _, e := range entries {
			j.Entry(0, e)
		}
		j.Part(&keyspace.Large{ID: 1, Type: keyspace.Set}, &part)
		for b := j.NextChunk(); b != nil; b = j.NextChunk() {
			j.Consumed(len(b))
		}
	}
	run()
	check.Eq(t, testing.AllocsPerRun(100, run), 0)
}

var part = keyspace.Part{Kind: keyspace.PartElements, Elements: []keyspace.Element{{Member: []byte("member")}}}
