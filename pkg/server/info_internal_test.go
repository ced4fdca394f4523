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
	*s.load = loading{active: true, started: 1000, total: 4000, done: 999, loaded: 7}
	text := s.info([]string{"persistence"})
	for _, line := range []string{
		"\nloading:1\r\n", "\nloading_start_time:1000\r\n", "\nloading_total_bytes:4000\r\n", "\nloading_loaded_bytes:999\r\n",
		"\nloading_loaded_perc:24.98\r\n", "\nloading_eta_seconds:30\r\n", "\nloading_loaded_keys:7\r\n",
	} {
		check.Contains(t, text, line)
	}
}

func TestInfoFieldsStayOnOneLine(t *testing.T) {
	var w infoWriter
	w.text("error", "one\r\ntwo")
	check.Eq(t, string(w.buf), "error:one__two\r\n")
	check.Eq(t, safeInfoName("a:b#c\nd"), "a_b_c_d")
}
