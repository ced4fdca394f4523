package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
)

// figure is one row of the report: a measurement of both servers and its target.
type figure struct {
	name   string
	args   []string // of this program, without -server
	field  []string // path in the JSON
	scale  float64
	unit   string
	target string
}

// figures lists what docs/performance.md holds. quick leaves out what takes
// minutes.
func figures(quick bool) []figure {
	f := []figure{
		{"GET, pipeline 16", []string{"bench"}, []string{"ops_per_s", "GET"}, 1e-3, "k/s", ">= 1.35x"},
		{"SET, pipeline 16", []string{"bench"}, []string{"ops_per_s", "SET"}, 1e-3, "k/s", ">= 1.35x"},
		{"GET, pipeline 1", []string{"bench", "-pipeline", "1"}, []string{"ops_per_s", "GET"}, 1e-3, "k/s", ">= 1.0x"},
		{"SET, pipeline 1", []string{"bench", "-pipeline", "1"}, []string{"ops_per_s", "SET"}, 1e-3, "k/s", ">= 1.0x"},
		{"bytes a key (16 B key, 64 B value)", []string{"bench"}, []string{"bytes_per_key"}, 1, "B", "<= 115 B"},
		{"idle client", []string{"idle"}, []string{"bytes_per_client"}, 1, "B", "<= 2048 B"},
	}
	if quick {
		return f
	}
	aof := []string{"stall", "-keys", "3000000"}
	big := []string{"stall", "-keys", "10000000"}
	full := []string{"stall", "-keys", "3000000", "-rate", "0"}
	return append(f,
		figure{"rewrite of 3M keys", aof, []string{"child_seconds"}, 1, "s", "<= 0.5x"},
		figure{"...memory on top", aof, []string{"pss_extra_peak_mb"}, 1, "MB", "<= 32 MB"},
		figure{"...longest stall", aof, []string{"during", "max_ms"}, 1, "ms", "<= 8 ms"},
		figure{"...share of full-speed writes kept", full, []string{"ops_ratio"}, 1, "", ">= 0.6"},
		figure{"...how long, at full-speed writes", full, []string{"child_seconds"}, 1, "s", ""},
		figure{"rewrite of 10M keys", big, []string{"child_seconds"}, 1, "s", "<= 0.5x"},
		figure{"...longest stall", big, []string{"during", "max_ms"}, 1, "ms", "<= 8 ms"},
		figure{"...memory on top", big, []string{"pss_extra_peak_mb"}, 1, "MB", "<= 64 MB"},
	)
}

// report runs every measurement on both servers, one after the other in the same
// run, and prints a Markdown table: only the ratio means something on a machine
// that others use too.
func report(args []string) (any, error) {
	fs := flag.NewFlagSet("report", flag.ExitOnError)
	ours := fs.String("server", "bin/redisd", "server binary")
	peer := fs.String("peer", "redis-server", "binary to compare with")
	quick := fs.Bool("quick", false, "leave out what takes minutes")
	fs.Parse(args)
	seen := map[string]map[string]any{}
	fmt.Println("| what | redis-server | redisd | ratio | must |\n|---|---|---|---|---|")
	for _, f := range figures(*quick) {
		a, err := measure(seen, *peer, f)
		if err != nil {
			return nil, err
		}
		b, err := measure(seen, *ours, f)
		if err != nil {
			return nil, err
		}
		fmt.Printf("| %s | %.4g %s | %.4g %s | %.2f | %s |\n", f.name, a, f.unit, b, f.unit, b/a, f.target)
	}
	return nil, nil
}

// measure runs this program again for one measurement of one server, once a
// distinct command line.
func measure(seen map[string]map[string]any, bin string, f figure) (float64, error) {
	key := fmt.Sprint(bin, f.args)
	m := seen[key]
	if m == nil {
		args := append(append([]string{}, f.args...), "-server", bin)
		cmd := exec.Command(os.Args[0], args...)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return 0, fmt.Errorf("%v: %w", args, err)
		}
		if err := json.Unmarshal(out, &m); err != nil {
			return 0, err
		}
		seen[key] = m
	}
	var v any = m
	for _, name := range f.field {
		v = v.(map[string]any)[name]
	}
	n, ok := v.(float64)
	if !ok {
		return 0, fmt.Errorf("%v: no figure %v", f.args, f.field)
	}
	return n * f.scale, nil
}
