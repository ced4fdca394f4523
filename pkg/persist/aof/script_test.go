package aof_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
	"redisd/pkg/persist/rdb"
)

var rewrite = flag.Bool("rewrite", false, "write what the scripts in testdata give now")

// TestScripts walks testdata/script. A script builds files, damages them, and says
// what loading and checking them gives:
//
//	file NAME           go on with this file (default appendonly.aof), empty
//	cmd SET a 1         append a command
//	raw "text\r\n"      append bytes
//	cut N               make it N bytes long; below zero: that many bytes shorter
//	poke N "bytes"      overwrite
//	load [truncated]    replay the file
//	loadset [truncated] replay the set that the file, a manifest, lists
//	check [ARGS] [< answer]   run redis-check-aof on the file
//
// The last three are followed by ---- and what they gave, up to an empty line. Before
// a check, "differs REASON" says that redis-check-aof of Redis 7.0 prints something else.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/script/*.txt")
	check.NoErr(t, err)
	check.True(t, len(paths) > 0, "there are scripts")
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			s := newScript(t, path)
			s.run()
			if *rewrite {
				check.NoErr(t, os.WriteFile(path, []byte(s.out.String()), 0o644))
			}
		})
	}
}

type script struct {
	t       testing.TB
	path    string
	lines   []string
	at      int
	out     strings.Builder // the script with what it gives now
	fs      *vfs.Mem
	name    string
	differs bool
	oracle  string // the program redis-check-aof, "" if there is none
}

func newScript(t testing.TB, path string) *script {
	t.Helper()
	b, err := os.ReadFile(path)
	check.NoErr(t, err)
	s := &script{t: t, path: path, lines: strings.Split(strings.TrimRight(string(b), "\n"), "\n"), fs: vfs.NewMem(), name: live}
	s.oracle, err = exec.LookPath("redis-check-aof")
	check.NoErr(t, err) // make test installs it
	return s
}

func (s *script) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s:%d: %s", s.path, s.at, fmt.Sprintf(format, args...))
}

func (s *script) run() {
	for s.at < len(s.lines) {
		line := s.lines[s.at]
		s.at++
		s.out.WriteString(line + "\n")
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "", "#":
		case "file":
			s.name = rest
			s.set(nil)
		case "cmd":
			s.set(aof.AppendCommand(s.get(), words(rest)))
		case "raw":
			s.set(append(s.get(), s.unquote(rest)...))
		case "cut":
			n, err := strconv.Atoi(rest)
			check.NoErr(s.t, err)
			if n < 0 {
				n += len(s.get())
			}
			s.set(s.get()[:n])
		case "poke":
			off, text, _ := strings.Cut(rest, " ")
			n, err := strconv.Atoi(off)
			check.NoErr(s.t, err)
			b := s.get()
			copy(b[n:], s.unquote(text))
			s.set(b)
		case "differs":
			s.differs = true
		case "load", "loadset":
			s.expect(s.load(verb == "loadset", rest == "truncated"))
		case "check":
			args, answer, _ := strings.Cut(rest, "<")
			s.expect(s.check(strings.Fields(args), strings.TrimSpace(answer)))
		default:
			s.fatalf("unknown verb %q", verb)
		}
	}
}

func (s *script) unquote(q string) string {
	text, err := strconv.Unquote(q)
	if err != nil {
		s.fatalf("%v", err)
	}
	return text
}

func (s *script) get() []byte {
	b, err := vfs.ReadFile(s.fs, s.name)
	if err != nil {
		return nil
	}
	return b
}

func (s *script) set(b []byte) { check.NoErr(s.t, vfs.WriteFile(s.fs, s.name, b, 0o644)) }

// expect compares got with the lines behind ----.
func (s *script) expect(got string) {
	s.t.Helper()
	got = strings.TrimRight(got, "\n")
	s.out.WriteString("----\n" + got + "\n")
	var want []string
	if s.at < len(s.lines) && s.lines[s.at] == "----" {
		s.at++
		for s.at < len(s.lines) && s.lines[s.at] != "" {
			want = append(want, s.lines[s.at])
			s.at++
		}
	}
	if !*rewrite && got != strings.Join(want, "\n") {
		s.fatalf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func (s *script) load(set, truncated bool) string {
	var out strings.Builder
	opts := aof.LoadOptions{
		AllowTruncated: truncated,
		Exec: func(argv [][]byte) error {
			if bytes.EqualFold(argv[0], []byte("NOSUCH")) {
				return aof.ErrUnknownCommand
			}
			fmt.Fprintf(&out, "%q\n", bytes.Join(argv, []byte(" ")))
			return nil
		},
		Event:    func(ev aof.Event) { fmt.Fprintln(&out, "log: "+ev.Text) },
		Preamble: preambleInto(tellKeys{out: &out}, rdb.Options{Checksum: true}),
	}
	var res aof.LoadResult
	var err error
	if set {
		res, err = aof.LoadSet(s.fs, ".", s.name, opts)
	} else {
		res, err = aof.Load(s.fs, s.name, opts)
	}
	var le *aof.LoadError
	if errors.As(err, &le) {
		fmt.Fprintf(&out, "error %d: %v\nlog: %s\n", le.Kind, err, le.Text)
	} else {
		check.NoErr(s.t, err)
		fmt.Fprintf(&out, "%d commands, size %d, base %d, preamble %d, truncated %d\n", res.Commands, res.Size, res.Base, res.Preamble, res.Truncated)
	}
	return out.String()
}

// tellKeys writes down what an RDB with strings holds.
type tellKeys struct{ out io.Writer }

func (tellKeys) Aux(_, _ []byte) error      { return nil }
func (tellKeys) SelectDB(int) error         { return nil }
func (tellKeys) ResizeDB(_, _ uint64) error { return nil }
func (h tellKeys) Record(r *rdb.Record) error {
	_, err := fmt.Fprintf(h.out, "%q: %q in database %d\n", r.Key, r.Str, r.DB)
	return err
}

func (s *script) check(args []string, answer string) string {
	dir := s.t.(*testing.T).TempDir()
	s.copyTo(dir)
	argv := append([]string{"redis-check-aof"}, append(args, s.name)...)
	var out bytes.Buffer
	code := aof.Check(aof.CheckEnv{FS: s.fs, In: strings.NewReader(answer), Out: &out}, argv)
	got := fmt.Sprintf("%sexit %d", out.String(), code)
	if s.oracle != "" && !s.differs {
		s.compare(dir, args, answer, got)
	}
	s.differs = false
	return got
}

// ours are the lines that Redis's tool does not print.
var ours = regexp.MustCompile(`(?m)^(Damage|Lost|Whole|Kept): .*\n`)

// compare runs Debian's tool on the same files and compares what both print and do.
func (s *script) compare(dir string, args []string, answer, got string) {
	s.t.Helper()
	cmd := exec.Command(s.oracle, append(slices.Clone(args), s.name)...)
	cmd.Args[0] = "redis-check-aof"
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(answer)
	out, _ := cmd.CombinedOutput()
	got = ours.ReplaceAllString(got, "")
	if want := fmt.Sprintf("%sexit %d", out, cmd.ProcessState.ExitCode()); got != want {
		s.fatalf("redis-check-aof prints\n%s\nwe print\n%s", want, got)
	}
	entries, err := os.ReadDir(dir)
	check.NoErr(s.t, err)
	for _, e := range entries {
		theirs, err := os.ReadFile(filepath.Join(dir, e.Name()))
		check.NoErr(s.t, err)
		check.Eq(s.t, content(s.t, s.fs, e.Name()), string(theirs))
	}
}

func (s *script) copyTo(dir string) {
	entries, err := s.fs.ReadDir(".")
	check.NoErr(s.t, err)
	for _, e := range entries {
		check.NoErr(s.t, os.WriteFile(filepath.Join(dir, e.Name()), []byte(content(s.t, s.fs, e.Name())), 0o644))
	}
}
