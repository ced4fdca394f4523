package daemon_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestReadersDoNotWaitForTheDisk lets a sync of always take long, or for ever: those who
// read are answered meanwhile, and those who write are not before it is over.
func TestReadersDoNotWaitForTheDisk(t *testing.T) {
	for _, layout := range []string{"file", "multipart"} {
		for _, action := range []string{"delay:700", "hang"} {
			t.Run(layout+"/"+action, func(t *testing.T) {
				t.Parallel()
				s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--appendfsync", "always", "--aof-layout", layout},
					Env: []string{"REDISD_FAILPOINTS=aof-written=" + action}})
				start, answered := time.Now(), make(chan error, 1)
				writer := s.NewClient()
				go func() { answered <- writer.Set(context.Background(), "k", "v", 0).Err() }()
				reader := s.NewClient()
				rig.Eventually(t, "the write", func() bool { return reader.Get(t.Context(), "k").Val() == "v" })
				reads := 0
				for held := true; held && (action != "hang" || reads < 1000); reads++ {
					check.Eq(t, reader.Get(t.Context(), "k").Val(), "v")
					select {
					case err := <-answered:
						check.NoErr(t, err)
						held = false
					default:
					}
				}
				took := time.Since(start)
				check.True(t, reads > 20, fmt.Sprint(reads, " reads"))
				if action == "hang" {
					check.Eq(t, s.Int("held_clients"), int64(1))
					s.Kill()
					check.True(t, <-answered != nil, "the write is not acknowledged")
					return
				}
				check.True(t, took >= 700*time.Millisecond, "the writer waits for the disk: "+took.String())
				check.Eq(t, s.Int("held_clients"), int64(0))
				shareSyncs(t, s)
			})
		}
	}
}

// shareSyncs has many write at once: they do not wait for one sync each.
func shareSyncs(t *testing.T, s *rig.Server) {
	t.Helper()
	const writers = 20
	start := time.Now()
	var wg sync.WaitGroup
	errs := make(chan error, writers)
	for i := range writers {
		c := s.NewClient()
		wg.Go(func() { errs <- c.Set(context.Background(), fmt.Sprint("key:", i), "v", 0).Err() })
	}
	wg.Wait()
	for range writers {
		check.NoErr(t, <-errs)
	}
	took := time.Since(start)
	check.True(t, took < writers/2*700*time.Millisecond, took.String())
}
