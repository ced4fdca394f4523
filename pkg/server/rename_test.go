package server_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
)

// renaming are directives of rename-command for both servers.
var renaming = []string{"SET PUT", `APPEND ""`, "XGROUP XG", "EVAL RUN", "CONFIG Conf", "INCR incr2", "MULTI BEGIN", "EXEC COMMIT", "FUNCTION FN", "RESTORE BRING"}

// Who renames a command finds it under the new name everywhere, but where it is described
// or controlled, it has its own: as in Redis.
func TestRenamedCommandsEqualRedis(t *testing.T) {
	args, lines := []string{"--slowlog-log-slower-than", "0"}, []string{"slowlog-log-slower-than 0"}
	for _, r := range renaming {
		from, to, _ := strings.Cut(r, " ")
		args, lines = append(args, "--rename-command", from, strings.Trim(to, `"`)), append(lines, "rename-command "+r)
	}
	theirs, here := startOracle(t, args...), startServer(t, lines...).dial()
	watchers := []*peer{theirs.another(), here.another()}
	for _, w := range watchers {
		w.ok("MONITOR")
	}
	logged := regexp.MustCompile(`"(reason|object|username)" "[^"]*"`)
	for _, line := range []string{
		"SET k v", "set k v", "APPEND k v", "PUT k v", "put k w", "Put k", "GET k", "EVAL x 0", "XG", "XG CREATE s g $ MKSTREAM", "XG NOSUCH", "XG CREATE s",
		"XGROUP CREATE s g $", "CONF GET port", "CONFIG GET port", "CONF", "CONF NOSUCH", "XG HELP",
		"COMMAND INFO SET", "COMMAND INFO PUT", "COMMAND INFO append", "COMMAND INFO xg", "COMMAND INFO XG|CREATE", "COMMAND INFO xgroup|create",
		"COMMAND GETKEYS SET k v", "COMMAND GETKEYS PUT k v", "COMMAND GETKEYS XG CREATE s g $", "COMMAND DOCS PUT nothing",
		"COMMAND LIST FILTERBY PATTERN set", "COMMAND LIST FILTERBY PATTERN append", "COMMAND LIST FILTERBY PATTERN put", "COMMAND LIST FILTERBY PATTERN xg*",
		"ACL SETUSER u on nopass ~* +put", "ACL SETUSER u on nopass ~* +set +xgroup|create", "ACL SETUSER u2 +append", "ACL CAT string",
		"ACL DRYRUN u PUT k v", "ACL DRYRUN u SET k v", "ACL DRYRUN u XG CREATE s g $", "ACL DRYRUN u XG DESTROY s g", "ACL DRYRUN u GET k",
		"AUTH u x", "PUT k v", "SET k v", "XG CREATE s g2 $", "XG DESTROY s g2", "INCR2 n", "CONF GET port", "AUTH default x", "ACL LOG",
		"RUN return(redis.call('put',KEYS[1],'x')) 1 k", "RUN return(redis.call('set',KEYS[1],'x')) 1 k", "RUN return(redis.pcall('append',KEYS[1],'x')) 1 k",
		"BEGIN", "PUT k 1", "SET k 2", "COMMIT", "BEGIN", "PUT k 3", "XG CREATE s g3 $", "COMMIT", "EXEC", "MULTI", "PUT k 1 BAD",
	} {
		words := strings.Fields(line)
		want, got := theirs.do(words...), here.do(words...)
		a, b := want.String(), got.String()
		a = strings.NewReplacer("This user", "User u", "NOPERM this user", "NOPERM User u").Replace(a) // 7.2 tells the name
		switch {
		case line == "ACL LOG": // it has times
			a, b = fmt.Sprint(logged.FindAllString(a, -1)), fmt.Sprint(logged.FindAllString(b, -1))
		case strings.HasPrefix(line, "ACL CAT"), strings.HasPrefix(line, "COMMAND LIST"):
			a, b = sorted(want), sorted(got)
		case strings.HasPrefix(line, "COMMAND INFO"), strings.HasPrefix(line, "COMMAND DOCS"), line == "XG HELP": // the descriptions differ
			a, b = a[:min(len(a), 20)], b[:min(len(b), 20)]
		}
		check.Eq(t, line+"\n"+b, line+"\n"+a)
	}
	seen := func(p, w *peer) (lines []string) {
		p.ok("ECHO", "end")
		for line := w.next(); !strings.Contains(line, `"ECHO" "end"`); line = w.next() {
			from, words, _ := strings.Cut(line, "] ")
			lines = append(lines, fmt.Sprint(strings.HasSuffix(from, "lua"), words))
		}
		return lines
	}
	check.Eq(t, seen(here, watchers[1]), seen(theirs, watchers[0]))
	slow := func(p *peer) (words []string) {
		for _, e := range p.ok("SLOWLOG", "GET", "-1").Elems {
			words = append(words, e.Elems[3].String())
		}
		return words
	}
	check.Eq(t, slow(here), slow(theirs))
	stats := func(p *peer) (names []string) {
		for name := range p.info("commandstats") {
			names = append(names, name)
		}
		slices.Sort(names)
		return names
	}
	check.Eq(t, stats(here), stats(theirs))

	// One of them is not there any more.
	all := startServer(t).dial()
	for _, words := range [][]string{{"COMMAND"}, {"COMMAND", "LIST"}, {"COMMAND", "DOCS"}} {
		perCommand := 1
		if words[len(words)-1] == "DOCS" {
			perCommand = 2
		}
		check.Eq(t, len(all.ok(words...).Elems)-len(here.ok(words...).Elems), perCommand)
	}
	check.Eq(t, all.ok("COMMAND", "COUNT").Int-here.ok("COMMAND", "COUNT").Int, int64(1))
}

// What was written by a renamed command stands in the log under the command's own name, so
// that the log loads without the renaming, and with another one.
func TestRenamedCommandsAreLoggedByTheirOwnNames(t *testing.T) {
	library := "#!lua name=lib\nredis.register_function('f', function(k) return redis.call('GET', k[1]) end)"
	others := []string{"rename-command SET " + strings.Repeat("x", 30), "rename-command XGROUP xgroup2", "rename-command FUNCTION f", "rename-command INCR SET2"}
	for _, layout := range []string{"file", "multipart"} {
		directives := []string{"appendonly yes", "aof-layout " + layout, "aof-use-rdb-preamble no", "enable-debug-command yes"}
		dir, written := t.TempDir(), ""
		tell := func(p *peer) string {
			return p.text("DEBUG", "DIGEST") + p.ok("XINFO", "GROUPS", "s").String() + p.ok("FCALL", "f", "1", "k").String()
		}
		t.Run(layout+", written", func(t *testing.T) {
			renamed := slices.Clone(directives)
			for _, r := range renaming {
				renamed = append(renamed, "rename-command "+r)
			}
			p := startServerAs(t, rigOptions{dir: dir}, renamed...).dial()
			for _, line := range []string{
				"PUT k v", "PUT k v GET", "put k2 v EX 10000", "INCR2 n", "XG CREATE s g $ MKSTREAM", "XADD s 1-1 f v", "XREADGROUP GROUP g c STREAMS s >", "XG SETID s g 1-1",
				"RUN redis.call('put',KEYS[1],ARGV[1])redis.call('incr2',KEYS[2])redis.call('xg','CREATE',KEYS[3],'g1','0') 3 k3 n s v",
				"BEGIN", "PUT k4 v", "INCR2 n", "XG CREATE s g3 0", "COMMIT", "XG CREATE s g2 0", "LPUSH l a b", "LMPOP 1 l LEFT",
			} {
				p.ok(strings.Fields(line)...)
			}
			p.ok("BRING", "k5", "10000000", p.text("DUMP", "k"))
			p.ok("FN", "LOAD", library)
			written = tell(p)
			var log []byte
			check.NoErr(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() || !strings.Contains(path, ".aof") {
					return err
				}
				b, err := os.ReadFile(path)
				log = append(log, bytes.ToLower(b)...)
				return err
			}))
			for _, own := range []string{"set", "incr", "xgroup", "multi", "exec", "function", "restore"} {
				check.Contains(t, string(log), "\r\n"+own+"\r\n")
			}
			for _, other := range []string{"put", "incr2", "xg", "begin", "commit", "fn", "run", "eval", "bring"} {
				check.True(t, !bytes.Contains(log, []byte("\r\n"+other+"\r\n")), other+" is in the log")
			}
		})
		for name, more := range map[string][]string{"loaded without": nil, "loaded with others": others} {
			t.Run(layout+", "+name, func(t *testing.T) {
				copied := t.TempDir()
				check.NoErr(t, os.CopyFS(copied, os.DirFS(dir)))
				p := startServerAs(t, rigOptions{dir: copied}, append(slices.Clone(directives), more...)...).dial()
				check.Eq(t, tell(p), written)
				check.Eq(t, p.info("errorstats")["unexpected_error_replies"], "")
			})
		}
	}
}
