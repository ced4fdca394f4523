package server

import (
	"io"
	"testing"

	"github.com/sirupsen/logrus"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/internal/vfs"
	"redisd/pkg/config"
)

func TestInfoWhileLoading(t *testing.T) {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	s, err := New(Options{Config: config.New(), Log: NewLog(logger), FS: vfs.NewMem(), Clock: clock.System()})
	check.NoErr(t, err)
	t.Cleanup(func() { s.bio.Close() })
	s.stats.nowSec = 1010
	*s.load = loading{active: true, started: 1000, total: 4000, done: 999, loaded: 7, usedMem: 12345}
	text := s.info([]string{"persistence"})
	for _, line := range []string{
		"\nloading:1\r\n", "\nloading_start_time:1000\r\n", "\nloading_total_bytes:4000\r\n", "\nloading_loaded_bytes:999\r\n",
		"\nloading_loaded_perc:24.98\r\n", "\nloading_eta_seconds:30\r\n", "\nloading_loaded_keys:7\r\n",
		"\nloading_rdb_used_mem:12345\r\n", "\nasync_loading:0\r\n",
	} {
		check.Contains(t, text, line)
	}
}

// TestLoadingTells: a load that takes long has a line in the log every five seconds.
func TestLoadingTells(t *testing.T) {
	l := loading{started: 1000, logged: 1000, total: 400 << 20}
	var lines []string
	for now := int64(1000); now < 1018; now++ {
		l.done = (now - 1000) * 20 << 20
		if l.lineDue(now) {
			lines = append(lines, l.progress(now))
		}
	}
	check.Eq(t, lines, []string{"25%, 100 of 400 MB, 14 s left", "50%, 200 of 400 MB, 9 s left", "75%, 300 of 400 MB, 4 s left"})
	check.Eq(t, (&loading{total: 0, started: 5}).progress(5), "0%, 0 of 0 MB, 1 s left")
}

func TestInfoFieldsStayOnOneLine(t *testing.T) {
	var w infoWriter
	w.text("error", "one\r\ntwo")
	check.Eq(t, string(w.buf), "error:one__two\r\n")
	check.Eq(t, safeInfoName("a:b#c\nd"), "a_b_c_d")
}
