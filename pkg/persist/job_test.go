package persist_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist"
)

func TestControlEvents(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		want []persist.Event
		err  string
	}{
		{"nothing", nil, nil, ""},
		{"stop request", stopRequest(), []persist.Event{{Kind: persist.EventStopRequest, Line: persist.Line{Level: '*', Text: "AOF rewrite child asks to stop sending diffs."}}}, ""},
		{"note", []byte{17, 3, 0, 0, 0, '#', 'n', 'o'}, []persist.Event{{Kind: persist.EventNote, Line: persist.Line{Level: '#', Text: "no"}}}, ""},
		{"half a frame", []byte{17, 3, 0, 0, 0, '#'}, nil, ""},
		{"unknown", []byte{99, 0, 0, 0, 0}, nil, "unknown type 99 from the child"},
		{"too long", []byte{17, 0, 0, 0, 1}, nil, "16777216 bytes"},
		{"short progress", []byte{16, 1, 0, 0, 0, 9}, nil, "type 16 with 1 bytes"},
		{"a panic's text in the pipe", []byte("panic: runtime error"), nil, "malformed frame"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			j := persist.NewSaveJob(saveOptions())
			got, err := j.Control(tc.in)
			check.Eq(t, got, tc.want)
			if tc.err == "" {
				check.NoErr(t, err)
			} else {
				check.ErrContains(t, err, tc.err)
			}
		})
	}
}

// TestQueueKeepsOrderAndCounts feeds records and differences of all sizes while
// the pipe takes any number of bytes, and puts the streams together again.
func TestQueueKeepsOrderAndCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := persist.NewRewriteJob(saveOptions(), true)
		var wire, diff bytes.Buffer
		take := func() {
			b := j.NextChunk()
			if b == nil {
				check.Eq(t, j.Pending(), int64(0))
				return
			}
			n := rapid.IntRange(1, len(b)).Draw(t, "taken")
			wire.Write(b[:n])
			before := j.Pending()
			j.Consumed(n)
			check.Eq(t, j.Pending(), before-int64(n))
		}
		keys := 0
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				val := strings.Repeat("v", rapid.SampledFrom([]int{0, 10, 5000, 200_000, 262_000, 262_144, 700_000}).Draw(t, "value"))
				j.Record(keys%3, rec(keys%3, fmt.Sprint(keys), val, int64(keys)))
				keys++
			case 1:
				d := bytes.Repeat([]byte{byte(keys)}, rapid.SampledFrom([]int{1, 30, 300_000}).Draw(t, "diff"))
				j.Feed(d)
				diff.Write(d)
			default:
				take()
			}
		}
		j.SnapshotDone()
		for j.Pending() > 0 {
			take()
		}
		var gotDiff []byte
		var types []byte
		b := wire.Bytes()
		ends, ts := boundaries(b)
		at := 0
		for i, e := range ends {
			if ts[i] == 3 {
				gotDiff = append(gotDiff, b[at+5:e]...)
			}
			types = append(types, ts[i])
			at = e
		}
		check.Eq(t, types[0], byte(1))
		check.Eq(t, types[len(types)-1], byte(4))
		check.EqBytes(t, gotDiff, diff.Bytes())
	})
}

func TestHotPathAllocatesNothing(t *testing.T) {
	j := persist.NewRewriteJob(saveOptions(), true)
	r := rec(0, "key:000000000001", strings.Repeat("v", 64), 1_900_000_000_000)
	cmd := encode("SET", "key:000000000001", "value")
	round := func() {
		for range 5000 {
			j.Record(0, r)
			j.Feed(cmd)
		}
		for b := j.NextChunk(); b != nil; b = j.NextChunk() {
			j.Consumed(len(b))
		}
	}
	round()
	check.Eq(t, testing.AllocsPerRun(10, round), 0)
}

func TestMisuseIsABug(t *testing.T) {
	j := persist.NewSaveJob(saveOptions())
	check.Panics(t, func() { j.Consumed(1 << 20) })
	j.SnapshotDone()
	check.Panics(t, func() { j.SnapshotDone() })
	check.Panics(t, func() { j.Record(0, rec(0, "k", "v", -1)) })
}

func TestSweepRemovesOnlyOurTemporaryFiles(t *testing.T) {
	ours := []string{"temp-1.rdb", "temp-99999.rdb", "temp-rewriteaof-12.aof", "temp-rewriteaof-12.diff", "temp-rewriteaof-bg-12.aof"}
	others := []string{
		"dump.rdb", "appendonly.aof", "temp-.rdb", "temp-backup.rdb", "temp-1.rdb.bak", "temp-rewriteaof-.aof",
		"temp-rewriteaof-bg-.aof", "temp-rewriteaof-x1.aof", "mytemp-1.rdb", "temp-1.aof", "temp-rewriteaof-bg-1.diff",
	}
	m := newMem(t)
	for _, n := range append(append([]string{}, ours...), others...) {
		put(t, m, n, []byte("x"))
	}
	check.NoErr(t, m.MkdirAll(path("temp-7.rdb"), 0o755))
	removed, err := persist.SweepStale(m, dir)
	check.NoErr(t, err)
	check.Eq(t, removed, ours)
	for _, n := range others {
		check.True(t, exists(m, n), n+" stays")
	}
	put(t, m, "temp-1.rdb", nil)
	put(t, m, "temp-2.rdb", nil)
	removed, err = persist.SweepStale(vfs.NewFault(m, vfs.Kinds(vfs.OnIndex(0, unix.EPERM), vfs.OpRemove)), dir)
	check.ErrIs(t, err, unix.EPERM)
	check.Eq(t, removed, []string{"temp-2.rdb"})
	_, err = persist.SweepStale(m, "/nowhere")
	check.ErrContains(t, err, "looking for temporary files")
}

func TestChildErrorText(t *testing.T) {
	check.Eq(t, (&persist.ChildError{Exit: persist.Exit{Signal: 9}}).Error(), "persist: child ended by signal 9")
	check.Eq(t, (&persist.ChildError{Exit: persist.Exit{Code: 1}, Text: "no room"}).Error(), "persist: child exited with 1: no room")
	check.Eq(t, (&persist.ChildError{Exit: persist.Exit{Code: 3}}).Error(), "persist: child exited with 3")
}
