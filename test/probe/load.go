package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// loadFile is a file that both servers load: an RDB or an append-only file.
type loadFile struct {
	name string
	path string
	aof  bool
	keys int
	size int64
}

// loadTime is what one start took.
type loadTime struct {
	wall, cpu time.Duration
}

// load measures how long both servers take from their start until they answer, on the
// same files, in turns, and prints medians.
func load(args []string) (any, error) {
	fs := flag.NewFlagSet("load", flag.ExitOnError)
	ours := fs.String("server", "bin/redisd", "server binary")
	peer := fs.String("peer", "redis-server", "binary to compare with; it writes the RDB files")
	keys := fs.Int("keys", 5_000_000, "keys of the datasets; the collections have a tenth")
	rounds := fs.Int("rounds", 5, "turns of each server; the median counts")
	only := fs.String("only", "", "only the files whose name contains this")
	dir := fs.String("dir", "", "where to make the files, and to keep them for the next run (default: a temporary folder)")
	extra := fs.String("args", "", "further arguments of -server, separated by blanks")
	fs.Parse(args)
	if *dir == "" {
		d, err := os.MkdirTemp("", "probe")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(d)
		*dir = d
	}
	files, err := loadFiles(*dir, *peer, *keys, *only)
	if err != nil {
		return nil, err
	}
	fmt.Println("| file | keys | MB | redis-server | redisd | ratio (range) | processor time: redis-server, redisd, ratio |\n|---|---|---|---|---|---|---|")
	for _, f := range files {
		var each [2][]loadTime
		for range *rounds {
			for i, bin := range []string{*peer, *ours} {
				var more []string
				if i == 1 {
					more = strings.Fields(*extra)
				}
				t, err := f.load(bin, *dir, more)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", bin, f.name, err)
				}
				each[i] = append(each[i], t)
			}
		}
		f.print(each)
	}
	return nil, nil
}

func (f *loadFile) print(each [2][]loadTime) {
	ratios := make([]float64, len(each[0]))
	for i := range ratios {
		ratios[i] = each[1][i].wall.Seconds() / each[0][i].wall.Seconds()
	}
	wall := func(t loadTime) time.Duration { return t.wall }
	cpu := func(t loadTime) time.Duration { return t.cpu }
	cpus := [2]float64{middleOf(each[0], cpu), middleOf(each[1], cpu)}
	fmt.Printf("| %s | %d | %d | %.2f s | %.2f s | %.2f (%.2f-%.2f) | %.2f s, %.2f s, %.2f |\n", f.name, f.keys, f.size>>20,
		middleOf(each[0], wall), middleOf(each[1], wall), medianOf(ratios), slices.Min(ratios), slices.Max(ratios),
		cpus[0], cpus[1], cpus[1]/cpus[0])
}

func middleOf(times []loadTime, of func(loadTime) time.Duration) float64 {
	s := make([]float64, len(times))
	for i, t := range times {
		s[i] = of(t).Seconds()
	}
	return medianOf(s)
}

func medianOf(s []float64) float64 {
	s = slices.Sorted(slices.Values(s))
	return s[len(s)/2]
}

// load starts bin on the file and waits until it has loaded it.
func (f *loadFile) load(bin, under string, extra []string) (loadTime, error) {
	dir, err := os.MkdirTemp(under, "turn")
	if err != nil {
		return loadTime{}, err
	}
	defer os.RemoveAll(dir)
	name, mode := "dump.rdb", "no"
	if f.aof {
		name, mode = "appendonly.aof", "yes"
	}
	if err := os.Link(f.path, filepath.Join(dir, name)); err != nil {
		return loadTime{}, err
	}
	start := time.Now()
	s := &server{bin: bin, dir: dir, port: freePort(), args: append([]string{"--appendonly", mode}, extra...)}
	if err := s.spawn(); err != nil {
		return loadTime{}, err
	}
	defer s.kill()
	c, err := s.loaded()
	if err != nil {
		return loadTime{}, err
	}
	defer c.close()
	t := loadTime{time.Since(start), s.processor()}
	n, err := c.do("DBSIZE")
	if err == nil && n != strconv.Itoa(f.keys) {
		err = fmt.Errorf("%s keys instead of %d", n, f.keys)
	}
	return t, err
}

// loaded waits for the end of the loading.
func (s *server) loaded() (*conn, error) {
	const poll = 2 * time.Millisecond
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(poll) {
		c, err := dial(s.port)
		if err != nil {
			continue
		}
		for {
			r, err := c.do("GET", "no such key")
			if err == nil || r != "" {
				return c, nil
			}
			if !strings.HasPrefix(err.Error(), "LOADING") {
				break
			}
			time.Sleep(poll)
		}
		c.close()
	}
	return nil, fmt.Errorf("not loaded after five minutes: see %s", s.dir)
}

// loadFiles makes the files that are not there: strings as a log and as an RDB, the
// same with expiry, collections as an RDB and as a log.
func loadFiles(dir, peer string, keys int, only string) ([]*loadFile, error) {
	value := func(n int) string { return fmt.Sprintf("value:%058d", n) }
	name := func(n int) string { return fmt.Sprintf("key:%012d", n) }
	sets := []struct {
		name    string
		keys    int
		command func(n int) []string
	}{
		{"strings", keys, func(n int) []string { return []string{"SET", name(n), value(n)} }},
		{"strings that expire", keys, func(n int) []string { return []string{"SET", name(n), value(n), "PXAT", "4102444800000"} }},
		{"collections", keys / 10, mixed},
	}
	var files []*loadFile
	for _, set := range sets {
		base := filepath.Join(dir, fmt.Sprintf("%s-%d", strings.ReplaceAll(set.name, " ", "-"), set.keys))
		log := &loadFile{name: set.name + ", log", path: base + ".aof", aof: true, keys: set.keys}
		rdb := &loadFile{name: set.name + ", RDB", path: base + ".rdb", keys: set.keys}
		if only != "" && !strings.Contains(log.name, only) && !strings.Contains(rdb.name, only) {
			continue
		}
		commands := set.keys
		if set.name == "collections" {
			commands *= perCollection
		}
		if err := log.write(commands, set.command); err != nil {
			return nil, err
		}
		if err := rdb.convert(log, peer); err != nil {
			return nil, err
		}
		for _, f := range []*loadFile{rdb, log} {
			info, err := os.Stat(f.path)
			if err != nil {
				return nil, err
			}
			f.size = info.Size()
			if only == "" || strings.Contains(f.name, only) {
				files = append(files, f)
			}
		}
	}
	return files, nil
}

// perCollection is how many commands make one collection of the mixed dataset.
const perCollection = 20

// mixed is command n of a dataset of all types: most collections are small, every
// hundredth is five times as large as a packed one can be.
func mixed(n int) []string {
	key, i := n/perCollection, n%perCollection
	name, word := fmt.Sprintf("key:%012d", key), fmt.Sprintf("element:%08d", i)
	words := []string{word}
	if key/6%100 == 0 {
		for j := range 29 {
			words = append(words, fmt.Sprintf("element:%08d", (j+1)*perCollection+i))
		}
	}
	var out []string
	switch key % 6 {
	case 0:
		return append([]string{"RPUSH", name}, words...)
	case 1:
		return append([]string{"SADD", name}, words...)
	case 2:
		out = []string{"HSET", name}
		for _, w := range words {
			out = append(out, w, "value:"+w)
		}
	case 3:
		out = []string{"ZADD", name}
		for _, w := range words {
			out = append(out, strconv.Itoa(n*7919%1000003), w)
		}
	case 4:
		return []string{"XADD", name, fmt.Sprintf("%d-0", i+1), "field", word}
	default:
		return []string{"APPEND", name, word}
	}
	return out
}

func (f *loadFile) write(commands int, command func(n int) []string) error {
	if _, err := os.Stat(f.path); err == nil {
		return nil
	}
	file, err := os.Create(f.path + ".new")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	w.WriteString("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n")
	for n := range commands {
		words := command(n)
		fmt.Fprintf(w, "*%d\r\n", len(words))
		for _, word := range words {
			fmt.Fprintf(w, "$%d\r\n%s\r\n", len(word), word)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(f.path+".new", f.path)
}

// convert lets the peer make an RDB of the log.
func (f *loadFile) convert(log *loadFile, peer string) error {
	if _, err := os.Stat(f.path); err == nil {
		return nil
	}
	dir, err := os.MkdirTemp(filepath.Dir(f.path), "convert")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Link(log.path, filepath.Join(dir, "appendonly.aof")); err != nil {
		return err
	}
	s := &server{bin: peer, dir: dir, port: freePort(), args: []string{"--appendonly", "yes"}}
	if err := s.spawn(); err != nil {
		return err
	}
	defer s.kill()
	c, err := s.loaded()
	if err != nil {
		return err
	}
	defer c.close()
	if _, err := c.do("SAVE"); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, "dump.rdb"), f.path)
}
