package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"time"
)

// versus is a comparison of both servers, which run beside one another and are measured
// in turns: its flags, and the servers.
type versus struct {
	*flag.FlagSet
	ours, peer *string
	secs       *float64
	rounds     *int
	servers    [2]*server // the peer, and ours
	dirs       []string
}

func newVersus(name string, secs float64) *versus {
	fs := flag.NewFlagSet(name, flag.ExitOnError)
	return &versus{
		FlagSet: fs,
		ours:    fs.String("server", "bin/redisd", "server binary"),
		peer:    fs.String("peer", "redis-server", "binary to compare with"),
		secs:    fs.Float64("secs", secs, "seconds a turn"),
		rounds:  fs.Int("rounds", 3, "turns of each server; the median counts"),
	}
}

// length is how long a turn takes.
func (v *versus) length() time.Duration { return time.Duration(*v.secs * float64(time.Second)) }

// start starts both, with nothing on the disk.
func (v *versus) start() error {
	for i, bin := range []string{*v.peer, *v.ours} {
		dir, err := os.MkdirTemp("", "probe")
		if err != nil {
			return err
		}
		v.dirs = append(v.dirs, dir)
		if v.servers[i], err = startServer(bin, dir, "--appendonly", "no"); err != nil {
			return err
		}
	}
	return nil
}

// stop ends what start began, whether that failed or not.
func (v *versus) stop() {
	for _, s := range v.servers {
		if s != nil {
			s.kill()
		}
	}
	for _, d := range v.dirs {
		os.RemoveAll(d)
	}
}

type comparison struct {
	rate             [2]float64 // requests a second
	cpu              [2]float64 // microseconds of the server's processor time a request
	ratio, low, high float64    // of the rates
}

// turn is what one server did in one turn.
type turn struct{ rate, cpu float64 }

// inTurns measures both servers in turns; run does so with one of them.
func inTurns(servers [2]*server, rounds int, run func(i int) (turn, error)) (comparison, error) {
	var rates, cpus [2][]float64
	var ratios []float64
	for n := range rounds {
		for i := range servers {
			r, err := run(i)
			if err != nil {
				return comparison{}, err
			}
			rates[i], cpus[i] = append(rates[i], r.rate), append(cpus[i], r.cpu)
		}
		ratios = append(ratios, rates[1][n]/rates[0][n])
	}
	slices.Sort(ratios)
	c := comparison{ratio: ratios[rounds/2], low: ratios[0], high: ratios[rounds-1]}
	for i := range rates {
		slices.Sort(rates[i])
		slices.Sort(cpus[i])
		c.rate[i], c.cpu[i] = rates[i][rounds/2], cpus[i][rounds/2]
	}
	return c, nil
}

// row prints a row of a Markdown table.
func (c comparison) row(name string, pipeline int) {
	fmt.Printf("| %s | %d | %.1fk | %.1fk | %.2f (%.2f-%.2f) | %.2f us, %.2f us, %.2f |\n", name, pipeline,
		c.rate[0]/1e3, c.rate[1]/1e3, c.ratio, c.low, c.high, c.cpu[0], c.cpu[1], c.cpu[0]/c.cpu[1])
}
