package server_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/internal/vfs"
	"redisd/pkg/config"
	"redisd/pkg/server"
)

// joe makes a user with further rules and gives a connection of it.
func (r *rig) joe(root *peer, rules ...string) *peer {
	r.t.Helper()
	root.ok(append([]string{"ACL", "SETUSER", "joe", "on", "nopass"}, rules...)...)
	c := r.dial()
	c.ok("AUTH", "joe", "x")
	return c
}

func TestRefusalsAreThoseOfRedis72(t *testing.T) {
	r := startServer(t)
	root := r.dial()
	joe := r.joe(root, "+get", "~a")
	const command, key = "NOPERM User joe has no permissions to run the '%s' command", "NOPERM No permissions to access a key"
	check.Eq(t, joe.refused("GET", "b"), key)
	check.True(t, joe.ok("GET", "a").Null, "it may read a")
	check.Eq(t, joe.refused("SET", "a", "1"), fmt.Sprintf(command, "set"))
	check.Eq(t, joe.refused("CONFIG", "GET", "x"), fmt.Sprintf(command, "config|get"))
	check.Eq(t, joe.refused("ACL", "WHOAMI"), fmt.Sprintf(command, "acl|whoami"))
	// What is wrong anyway comes first.
	check.Contains(t, joe.refused("NOSUCH"), "unknown command")
	check.Contains(t, joe.refused("GET"), "wrong number of arguments")
	check.Eq(t, root.text("ACL", "DRYRUN", "joe", "GET", "b"), "User joe has no permissions to access the 'b' key")
	check.Eq(t, root.text("ACL", "DRYRUN", "joe", "SET", "a", "1"), "User joe has no permissions to run the 'set' command")
	check.Eq(t, root.text("ACL", "DRYRUN", "joe", "GET", "a"), "OK")
	check.Eq(t, root.refused("ACL", "DRYRUN", "zoe", "GET", "a"), "ERR User 'zoe' not found")

	fields := root.info("stats")
	check.Eq(t, fields["acl_access_denied_cmd"], "3")
	check.Eq(t, fields["acl_access_denied_key"], "1")
	check.Eq(t, fields["acl_access_denied_auth"], "0")
	check.Contains(t, root.text("INFO", "errorstats"), "errorstat_NOPERM:count=4")
	check.Contains(t, root.text("INFO", "commandstats"), "cmdstat_set:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0")

	// A pause asks before it holds a command back: that does not count.
	root.ok("CLIENT", "PAUSE", "100000", "WRITE")
	check.Eq(t, joe.refused("SET", "a", "1"), fmt.Sprintf(command, "set"))
	check.Eq(t, root.info("stats")["acl_access_denied_cmd"], "4")
}

func TestLogin(t *testing.T) {
	r := startServer(t)
	root := r.dial()
	root.ok("ACL", "SETUSER", "joe", "on", ">a", ">b", "+acl|whoami", "+ping", "+client|info")
	c := r.dial()
	const wrong = "WRONGPASS invalid username-password pair or user is disabled."
	for _, words := range [][]string{{"AUTH", "joe", "c"}, {"AUTH", "nobody", "a"}, {"HELLO", "3", "AUTH", "joe", ""}} {
		check.Eq(t, c.refused(words...), wrong)
		check.Eq(t, c.text("ACL", "WHOAMI"), "default")
	}
	check.Eq(t, root.info()["acl_access_denied_auth"], "3")
	check.Contains(t, c.refused("AUTH", "a"), "without any password configured for the default user")
	check.Eq(t, c.text("AUTH", "joe", "b"), "OK")
	check.Eq(t, c.text("ACL", "WHOAMI"), "joe")
	check.Contains(t, c.text("CLIENT", "INFO"), " user=joe ")
	check.Eq(t, c.text("RESET"), "RESET")
	check.Eq(t, c.text("ACL", "WHOAMI"), "default")
	c.ok("HELLO", "2", "AUTH", "joe", "a", "SETNAME", "x")
	check.Eq(t, c.text("ACL", "WHOAMI"), "joe")
	root.ok("ACL", "SETUSER", "joe", "off")
	check.Eq(t, c.text("PING"), "PONG") // who is in stays in
	check.Eq(t, r.dial().refused("AUTH", "joe", "a"), wrong)

	// The default user may have a password, or be off; who came before stays in.
	root.ok("CONFIG", "SET", "requirepass", "p")
	check.Contains(t, r.dial().refused("PING"), "NOAUTH")
	check.Eq(t, r.dial().text("AUTH", "p"), "OK")
	root.ok("ACL", "SETUSER", "default", "nopass", "off")
	check.Contains(t, r.dial().refused("PING"), "NOAUTH")
	stranger := r.dial()
	check.Contains(t, stranger.refused("PING"), "NOAUTH")
	root.ok("ACL", "SETUSER", "default", "on")
	check.Eq(t, stranger.text("PING"), "PONG")
}

func TestTransactionsAreCheckedTwice(t *testing.T) {
	r := startServer(t)
	root := r.dial()
	joe := r.joe(root, "+multi", "+exec", "+discard", "+set", "+get", "~a", "~b")
	joe.ok("MULTI")
	check.Contains(t, joe.refused("GET", "c"), "NOPERM")
	check.Contains(t, joe.refused("EXEC"), "EXECABORT")

	joe.ok("MULTI")
	joe.ok("SET", "a", "1")
	joe.ok("SET", "b", "1")
	joe.ok("GET", "a")
	root.ok("ACL", "SETUSER", "joe", "-get", "resetkeys", "~a")
	replies := joe.ok("EXEC").Elems
	check.Eq(t, replies[0].Text, "OK")
	const changed = "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. " +
		"This command is no longer allowed for the following reason: "
	check.Eq(t, replies[1].Text, changed+"no permission to touch the specified keys")
	check.Eq(t, replies[2].Text, changed+"no permission to execute the command")
	check.True(t, root.ok("GET", "b").Null, "b was not written")
	entry := asMap(root.ok("ACL", "LOG", "1").Elems[0])
	check.Eq(t, entry["context"].Text+" "+entry["object"].Text+" "+entry["reason"].Text, "multi get command")

	joe.ok("MULTI")
	root.ok("ACL", "SETUSER", "joe", "-exec")
	check.Contains(t, joe.refused("EXEC"), "EXECABORT Transaction discarded because of: NOPERM User joe has no permissions to run the 'exec' command")
}

func TestBlockedCommandIsCheckedAgain(t *testing.T) {
	r := startServer(t)
	root := r.dial()
	joe := r.joe(root, "+blpop", "+client|id", "~*")
	id := joe.id()
	joe.send("BLPOP list 0\r\n")
	root.waitFor(id, "flags", "bU")
	root.ok("ACL", "SETUSER", "joe", "resetkeys")
	root.ok("RPUSH", "list", "x")
	check.Eq(t, joe.reply().Text, "NOPERM No permissions to access a key")
	check.Eq(t, root.ok("LLEN", "list").Int, int64(1))
}

func TestDeletedUsersAreDisconnected(t *testing.T) {
	r := startServer(t)
	root := r.dial()
	joe, other := r.joe(root, "+acl", "+ping"), r.joe(root)
	check.Eq(t, root.refused("ACL", "DELUSER", "joe", "default"), "ERR The 'default' user cannot be removed")
	check.Eq(t, joe.text("PING"), "PONG")
	// The caller's own connection gets the reply; what it sent behind is not run.
	joe.send("ACL DELUSER joe nobody\r\nPING\r\n")
	check.Eq(t, joe.reply().Int, int64(1))
	joe.closed()
	other.closed()
	check.Eq(t, root.ok("ACL", "USERS").String(), `*["default"]`)
	check.True(t, root.ok("ACL", "GETUSER", "joe").Null, "it is gone")
}

func TestACLLog(t *testing.T) {
	now := clock.NewManual(time.UnixMilli(1_700_000_000_000))
	r := startServerAs(t, rigOptions{clock: now}, "acllog-max-len 3")
	root := r.dial()
	joe := r.joe(root, "+get", "~a")
	show := func(words ...string) string {
		var b strings.Builder
		for _, e := range root.ok(append([]string{"ACL", "LOG"}, words...)...).Elems {
			m := asMap(e)
			check.Contains(t, m["client-info"].Text, " laddr="+r.socket+":0 ")
			fmt.Fprintf(&b, "%d:%s/%s/%s/%sx%d age %s [%d-%d] ", m["entry-id"].Int, m["reason"].Text, m["context"].Text, m["object"].Text,
				m["username"].Text, m["count"].Int, m["age-seconds"].Text, m["timestamp-created"].Int-1_700_000_000_000, m["timestamp-last-updated"].Int-1_700_000_000_000)
		}
		return strings.TrimSpace(b.String())
	}
	joe.refused("GET", "b")
	now.Advance(500 * time.Millisecond)
	joe.refused("GET", "b")
	joe.refused("SET", "a", "1")
	root.ok("ACL", "SETUSER", "joe", ">x")
	joe.refused("AUTH", "joe", "wrong")
	now.Advance(time.Second)
	check.Eq(t, show(), "2:auth/toplevel/AUTH/joex1 age 1 [500-500] 1:command/toplevel/set/joex1 age 1 [500-500] 0:key/toplevel/b/joex2 age 1 [0-500]")
	check.Eq(t, show("1"), "2:auth/toplevel/AUTH/joex1 age 1 [500-500]")
	check.Eq(t, show("-1"), "")
	joe.refused("GET", "c")
	check.Eq(t, len(root.ok("ACL", "LOG").Elems), 3)
	root.ok("HELLO", "3")
	check.Eq(t, root.ok("ACL", "LOG", "1").Elems[0].Elems[11].Kind, byte(','))
	check.Eq(t, root.text("ACL", "LOG", "RESET"), "OK")
	check.Eq(t, show(), "")
	check.Contains(t, root.refused("ACL", "LOG", "x"), "not an integer")
	root.ok("CONFIG", "RESETSTAT")
	check.Eq(t, root.info()["acl_access_denied_cmd"], "0")
}

func TestSortNeedsAllKeysForPatterns(t *testing.T) {
	r := startServer(t)
	root := r.dial()
	root.ok("RPUSH", "list", "1")
	joe := r.joe(root, "+sort", "~list")
	for _, option := range []string{"BY", "GET"} {
		check.Eq(t, joe.refused("SORT", "list", option, "v*"), "ERR "+option+" option of SORT denied due to insufficient ACL permissions.")
	}
	joe.ok("SORT", "list", "BY", "nosort")
	root.ok("ACL", "SETUSER", "joe", "%R~*")
	joe.ok("SORT", "list", "BY", "v*", "GET", "#")
}

func TestGenPass(t *testing.T) {
	c := startServer(t).dial()
	check.Eq(t, len(c.text("ACL", "GENPASS")), 64)
	check.NotEq(t, c.text("ACL", "GENPASS"), c.text("ACL", "GENPASS"))
	for bits, chars := range map[string]int{"1": 1, "4": 1, "5": 2, "32": 8, "4096": 1024} {
		check.Eq(t, len(c.text("ACL", "GENPASS", bits)), chars)
	}
	for _, bits := range []string{"0", "-1", "4097"} {
		check.Contains(t, c.refused("ACL", "GENPASS", bits), "a positive number up to 4096")
	}
	for _, words := range [][]string{{"GENPASS", "1", "2"}, {"LOG", "1", "2"}, {"CAT", "a", "b"}} {
		check.Contains(t, c.refused(append([]string{"ACL"}, words...)...), "unknown subcommand or wrong number of arguments for '"+words[0]+"'. Try ACL HELP.")
	}
}

// --- where users come from -------------------------------------------------

// tryServer makes a server from a configuration and gives what is wrong with it.
func tryServer(t *testing.T, fsys vfs.FS, directives ...string) error {
	t.Helper()
	cfg, err := config.Load(config.Source{FS: fsys, Options: strings.Join(append([]string{"port 0", "unixsocket s"}, directives...), "\n")})
	if err != nil {
		return err
	}
	logger := logrus.New()
	logger.SetOutput(&logBuffer{})
	_, err = server.New(server.Options{Config: cfg, Log: server.NewLog(logger), FS: fsys, Clock: clock.System()})
	return err
}

func TestMistakesInUsersEndTheStart(t *testing.T) {
	fsys := vfs.NewMem()
	writeFile(t, fsys, "bad.acl", "user a on\nuser b nosuch\nuser a\n")
	for _, tt := range []struct{ name, line, want string }{
		{"rule", "user a on +get\nuser b on >secret x", "Syntax error"},
		{"command", "user a +nosuch", "Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL"},
		{"twice", "user a\nuser a on", "Duplicate user found"},
		{"default twice", "user default\nuser default on", "Duplicate user found"},
		{"name", `user "a b"`, "Usernames can't contain spaces or null characters"},
		{"parenthesis", "user a (+get", "Unmatched parenthesis in acl selector starting at '(+get'"},
		{"no file", "aclfile none.acl", "Error loading ACLs, opening file 'none.acl': No such file or directory"},
		{"file", "aclfile bad.acl", "Aborting Redis startup because of ACL errors: bad.acl:2: Syntax error. WARNING: Duplicate user 'a' found on line 3."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tryServer(t, fsys, tt.line)
			check.ErrContains(t, err, tt.want)
			check.True(t, !strings.Contains(err.Error(), "secret"), "no password in it")
			var e *config.Error
			if strings.HasPrefix(tt.line, "user") {
				check.True(t, errors.As(err, &e) && e.Line == 4+strings.Count(tt.line, "\n"), "it points at the line: "+err.Error())
			}
		})
	}
}

func writeFile(t *testing.T, fsys vfs.FS, name, text string) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	check.NoErr(t, err)
	_, err = f.Write([]byte(text))
	check.NoErr(t, errors.Join(err, f.Close()))
}

func TestACLFileIsLoadedAndSaved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.acl")
	writeFile(t, vfs.OS(), file, "user joe on >a +@all ~*\n\nuser default on nopass +@all ~* &*\n")
	r := startServer(t, "aclfile "+file)
	root, joe := r.dial(), r.dial()
	joe.ok("AUTH", "joe", "a")
	root.ok("ACL", "SETUSER", "zoe", "on", "+get", "(+set ~x)")
	root.ok("ACL", "SAVE")
	text, err := os.ReadFile(file)
	check.NoErr(t, err)
	var want strings.Builder
	for _, u := range root.ok("ACL", "LIST").Elems {
		want.WriteString(u.Text + "\n")
	}
	check.Eq(t, string(text), want.String())
	fi, err := os.Stat(file)
	check.NoErr(t, err)
	check.Eq(t, fi.Mode().Perm(), os.FileMode(0o600))

	// A mistake changes nothing, and nobody is thrown out.
	writeFile(t, vfs.OS(), file, string(text)+"user new +nosuch\n")
	check.Contains(t, root.refused("ACL", "LOAD"), file+":4: Error in applying operation '+nosuch': Unknown command or category name in ACL.")
	check.Eq(t, joe.text("PING"), "PONG")
	writeFile(t, vfs.OS(), file, "user zoe off\n")
	root.ok("ACL", "LOAD")
	joe.closed()
	check.Eq(t, root.ok("ACL", "USERS").String(), `*["default" "zoe"]`)
	check.Contains(t, startServer(t).dial().refused("ACL", "LOAD"), "not configured to use an ACL file")
}

// CONFIG REWRITE brings the users of the configuration file up to date and leaves
// alone what did not change.
func TestUsersAreRewritten(t *testing.T) {
	const hash = "#2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
	changes := [][]string{
		{"SETUSER", "changed", "+set"}, {"SETUSER", "new", "on", ">secret", `~"q"`, "(+get ~x)"}, {"DELUSER", "gone"}, {"SETUSER", "passing", "on"}, {"DELUSER", "passing"},
	}
	for _, tt := range []struct{ name, file, before, after string }{
		{"conf", "r.conf", "# head\nuser kept on >secret   +get\nuser gone on\n# middle\nuser changed on nopass\nhz 10\n",
			"# head\nuser kept on >secret   +get\n# middle\nuser changed on nopass sanitize-payload resetchannels -@all +set\nhz 10\n# Generated by CONFIG REWRITE\n" +
				`user new on sanitize-payload ` + hash + ` "~\"q\"" resetchannels -@all (~x resetchannels -@all +get)` + "\n"},
		{"toml", "r.toml", "# head\n[security]\nuser = [\"kept on >secret +get\", \"gone on\", 'changed on nopass'] # tail\n",
			"# head\n[security]\nuser = [\n    \"changed on nopass sanitize-payload resetchannels -@all +set\",\n    \"kept on >secret +get\",\n" +
				`    "new on sanitize-payload ` + hash + ` \"~\\\"q\\\"\" resetchannels -@all (~x resetchannels -@all +get)",` + "\n] # tail\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), tt.file)
			writeFile(t, vfs.OS(), file, tt.before)
			r := startServerFile(t, file)
			c := r.dial()
			read := func() string {
				text, err := os.ReadFile(file)
				check.NoErr(t, err)
				// What the rig gives as arguments is written too.
				var lines []string
				for line := range strings.Lines(string(text)) {
					if !strings.HasPrefix(line, "port ") && !strings.HasPrefix(line, "unixsocket ") && !strings.HasPrefix(line, "save ") {
						lines = append(lines, line)
					}
				}
				text = []byte(strings.Join(lines, ""))
				if i := strings.Index(string(text), "] # tail\n"); i >= 0 {
					return string(text[:i+len("] # tail\n")])
				}
				return string(text)
			}
			c.ok("CONFIG", "REWRITE")
			check.Eq(t, strings.Replace(read(), "# Generated by CONFIG REWRITE\n", "", 1), tt.before)
			for _, words := range changes {
				c.ok(append([]string{"ACL"}, words...)...)
			}
			c.ok("CONFIG", "REWRITE")
			check.Eq(t, read(), tt.after)
			c.ok("CONFIG", "REWRITE")
			check.Eq(t, read(), tt.after)
			// A start from the file gives the same users.
			want := c.ok("ACL", "LIST").String()
			check.Eq(t, startServerFile(t, file).dial().ok("ACL", "LIST").String(), want)
		})
	}
}

func TestDefaultUserIsRewrittenOnlyWhenItHasTo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.conf")
	writeFile(t, vfs.OS(), file, "requirepass secret\n")
	c := startServerFile(t, file).dial()
	c.ok("AUTH", "secret")
	users := func() string {
		c.ok("CONFIG", "REWRITE")
		text, err := os.ReadFile(file)
		check.NoErr(t, err)
		_, line, _ := strings.Cut(string(text), "user default")
		return line
	}
	check.Eq(t, users(), "")
	c.ok("CONFIG", "SET", "requirepass", "")
	check.Eq(t, users(), "")
	c.ok("ACL", "SETUSER", "default", "-flushall")
	check.Eq(t, users(), " on nopass sanitize-payload ~* &* +@all -flushall\n")
	c.ok("ACL", "SETUSER", "default", "+@all")
	check.Eq(t, users(), " on nopass sanitize-payload ~* &* +@all\n")
}

// What another source defines cannot be written back, so nothing is.
func TestUsersOfOtherSourcesAreNotRewritten(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "r.conf"), filepath.Join(dir, "other.conf")
	writeFile(t, vfs.OS(), file, "include "+other+"\n")
	writeFile(t, vfs.OS(), other, "user joe on nopass\n")
	r := startServerFile(t, file, "user zoe on")
	c := r.dial()
	c.ok("CONFIG", "REWRITE")
	text, err := os.ReadFile(file)
	check.NoErr(t, err)
	check.True(t, !strings.Contains(string(text), "user "), string(text))
	c.ok("ACL", "SETUSER", "joe", "off")
	c.refused("CONFIG", "REWRITE")
	check.Contains(t, r.log.String(), "the user joe is defined by "+other+", which CONFIG REWRITE does not change")
	c.ok("ACL", "SETUSER", "joe", "on")
	c.ok("CONFIG", "REWRITE")
	c.ok("ACL", "DELUSER", "zoe")
	c.refused("CONFIG", "REWRITE")
}
