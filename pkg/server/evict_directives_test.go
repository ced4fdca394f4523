package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/clock"
)

// configured starts servers with a directive in the configuration, and with CONFIG SET.
func configured(t *testing.T, name, value string, o rigOptions, directives ...string) map[string]*rig {
	t.Helper()
	live := startServerAs(t, o, directives...)
	live.dial().ok("CONFIG", "SET", name, value)
	o.dir = ""
	return map[string]*rig{
		"by CONFIG SET": live,
		"at start":      startServerAs(t, o, append(directives, name+" "+value)...),
	}
}

// With more samples the keys that go are the right ones more often.
func TestMaxMemorySamples(t *testing.T) {
	const keys = 2000
	wrong := map[string]map[string]int{}
	for _, samples := range []string{"1", "64"} {
		wrong[samples] = map[string]int{}
		for how, r := range configured(t, "maxmemory-samples", samples, rigOptions{}, "maxmemory-policy allkeys-lru", "maxmemory-eviction-tenacity 100") {
			p := r.dial()
			p.ok("SET", "k", strings.Repeat("v", 1000))
			payload := p.text("DUMP", "k")
			p.pipeline(keys, func(i int) []string {
				return []string{"RESTORE", fmt.Sprint(i), "0", payload, "IDLETIME", fmt.Sprint(1000 + 1000*i)}
			})
			p.ok("DEL", "k")
			p.limit(-keys / 2 * 1000)
			p.ok("PING")
			gone, young := 0, 0
			for i := range keys {
				if p.ok("EXISTS", fmt.Sprint(i)).Int == 0 {
					if gone++; i < keys/3 {
						young++
					}
				}
			}
			check.True(t, gone > keys/3 && gone < keys*2/3, fmt.Sprint(gone, " keys went"))
			wrong[samples][how] = young
		}
	}
	t.Logf("of the youngest third went: %v", wrong)
	for how := range wrong["1"] {
		check.True(t, wrong["1"][how] > 50 && wrong["64"][how] < 10, how)
	}
}

// With a factor of 0 each access counts, and with a large one hardly any.
func TestLFULogFactor(t *testing.T) {
	for _, tt := range []struct {
		factor    string
		low, high int64
	}{{"0", 105, 105}, {"1", 8, 30}, {"100000", 5, 8}} {
		for how, r := range configured(t, "lfu-log-factor", tt.factor, rigOptions{}, "maxmemory-policy allkeys-lfu", "lfu-decay-time 0") {
			p := r.dial()
			p.ok("SET", "k", "v")
			p.pipeline(100, func(int) []string { return []string{"GET", "k"} })
			n := p.ok("OBJECT", "FREQ", "k").Int
			check.True(t, n >= tt.low && n <= tt.high, fmt.Sprintf("factor %s %s: %d", tt.factor, how, n))
		}
	}
}

// A counter loses one in every lfu-decay-time minutes.
func TestLFUDecayTime(t *testing.T) {
	for _, tt := range []struct {
		minutes string
		want    int64
	}{{"0", 100}, {"1", 80}, {"7", 98}, {"20", 99}, {"21", 100}} {
		now := clock.NewManual(time.Unix(1_800_000_000, 0))
		for how, r := range configured(t, "lfu-decay-time", tt.minutes, rigOptions{clock: now}, "maxmemory-policy allkeys-lfu") {
			p := r.dial()
			p.ok("SET", "k", "v")
			p.ok("RESTORE", "k", "0", p.text("DUMP", "k"), "REPLACE", "FREQ", "100")
			check.Eq(t, p.ok("OBJECT", "FREQ", "k").Int, int64(100))
			now.Advance(20 * time.Minute)
			check.Eq(t, fmt.Sprint(tt.minutes, how, p.ok("OBJECT", "FREQ", "k").Int), fmt.Sprint(tt.minutes, how, tt.want))
		}
	}
}

// While clients are paused the data stands still: nothing is evicted, and when they go on
// it is.
func TestEvictionRestsDuringPause(t *testing.T) {
	for _, policy := range []string{"allkeys-lru", "allkeys-random"} {
		r := startServer(t, "maxmemory-policy "+policy, "maxmemory-eviction-tenacity 100")
		p := r.dial()
		p.fill(1000, 1000)
		p.ok("CLIENT", "PAUSE", "1000000", "WRITE")
		p.limit(-500_000)
		for range 10 {
			p.ok("PING")
		}
		check.Eq(t, p.figure("stats", "evicted_keys"), int64(0))
		check.Eq(t, p.ok("DBSIZE").Int, int64(1000))
		p.ok("CLIENT", "UNPAUSE")
		p.ok("PING")
		evicted := p.figure("stats", "evicted_keys")
		check.True(t, evicted > 300 && evicted < 700, fmt.Sprint(evicted, " keys went"))
		check.Eq(t, p.ok("DBSIZE").Int, 1000-evicted)
	}
}
