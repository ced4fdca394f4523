package script_test

import (
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
	"redisd/pkg/script"
)

// host is a Host that answers from a table.
type host struct {
	script.Host
	replies map[string]string
	calls   []string
	ticks   int
	stop    bool
	logged  []string
	lib     []script.Function
}

func (h *host) Call(argv [][]byte) []byte {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = string(a)
	}
	line := strings.Join(words, " ")
	h.calls = append(h.calls, line)
	if r, ok := h.replies[line]; ok {
		return []byte(r)
	}
	return []byte("+OK\r\n")
}
func (h *host) Allowed([][]byte) (bool, bool)    { return true, true }
func (h *host) Log(_ int, text []byte)           { h.logged = append(h.logged, string(text)) }
func (h *host) SetRepl(int)                      {}
func (h *host) SetProto(int)                     {}
func (h *host) Tick() bool                       { h.ticks++; return h.stop }
func (h *host) Register(f script.Function) error { h.lib = append(h.lib, f); return nil }
func (h *host) Micros() int64                    { return 1500000 }

func newVM(t testing.TB, kind script.Kind, h script.Host, limit int64) *script.VM {
	t.Helper()
	v, err := script.NewVM(kind, h, limit, false)
	check.NoErr(t, err)
	t.Cleanup(func() { check.NoErr(t, v.Close()) })
	return v
}

func eval(t testing.TB, v *script.VM, code string, words ...string) string {
	t.Helper()
	ref, err := v.Load([]byte(code))
	if err != nil {
		return "load: " + err.Error()
	}
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	w := resp.NewWriter(2)
	_, err = v.Run(ref, "sha", args[:min(1, len(args))], args[min(1, len(args)):], w)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(w.Buf)
}

func TestEval(t *testing.T) {
	h := &host{replies: map[string]string{"GET k": "$1\r\nv\r\n", "LRANGE": "*2\r\n:1\r\n$-1\r\n", "BAD": "-WRONGTYPE no\r\n", "BIG": "$5000\r\n" + strings.Repeat("x", 5000) + "\r\n"}}
	v := newVM(t, script.Eval, h, 64<<20)
	for _, c := range []struct{ code, want string }{
		{"return 1.9", ":1\r\n"},
		{"return redis.call('GET', KEYS[1]) .. ARGV[1]", "$2\r\nvw\r\n"},
		{"return redis.call('LRANGE')", "*2\r\n:1\r\n$-1\r\n"},
		{"return redis.call('BAD')", "-WRONGTYPE no script: sha, on @user_script:1.\r\n"},
		{"return redis.pcall('BAD')", "-WRONGTYPE no\r\n"},
		{"local ok, e = pcall(redis.call, 'BAD') return e", "$12\r\nWRONGTYPE no\r\n"},
		{"\nerror('x')", "-ERR user_script:2: x script: sha, on @user_script:2.\r\n"},
		{"error({err='A b'})", "-A b script: sha, on @user_script:1.\r\n"},
		{"a = 1", "-ERR user_script:1: Attempt to modify a readonly table script: sha, on @user_script:1.\r\n"},
		{"return a", "-ERR user_script:1: Script attempted to access nonexistent global variable 'a' script: sha, on @user_script:1.\r\n"},
		{"return {1,2,{3,'x'},true,false,nil,4}", "*5\r\n:1\r\n:2\r\n*2\r\n:3\r\n$1\r\nx\r\n:1\r\n$-1\r\n"},
		{"return {ok='fine'}", "+fine\r\n"},
		{"return #redis.call('BIG')", ":5000\r\n"},
		{"return cjson.encode(cjson.decode('[1,2.5,{\"a\":null}]'))", "$20\r\n[1,2.5,{\"a\":null}]\r\n"[:0] + "$18\r\n[1,2.5,{\"a\":null}]\r\n"},
		{"return tostring(os.clock())", "$3\r\n1.5\r\n"},
		{"return redis.sha1hex('')", "$40\r\nda39a3ee5e6b4b0d3255bfef95601890afd80709\r\n"},
		{"local function f() return f() + 1 end return f()", "-ERR user_script:1: stack overflow script: sha, on @user_script:1.\r\n"},
		{"local s = 'x' while true do s = s .. s end", "-ERR not enough memory\r\n"},
		{"local t = {} for i = 1, 1e9 do t[i] = {} end", "-ERR not enough memory\r\n"},
		{"return math.random(10)", ":4\r\n"},
		{"x x", "load: user_script:1: '=' expected near 'x'"},
	} {
		if got := eval(t, v, c.code, "k", "w"); got != c.want {
			t.Errorf("%s: %q, want %q", c.code, got, c.want)
		}
	}
}

// The stack of a coroutine begins small, so that somewhere in this recursion it grows,
// and moves, in the very call of the iterator. The frames are of every size.
func TestStackMovesUnderALoop(t *testing.T) {
	v := newVM(t, script.Eval, &host{}, 64<<20)
	got := eval(t, v, `
for size = 1, 40 do
  local names = {}
  for i = 1, size do names[i] = 'x' .. i end
  local visits = loadstring('local self, depth = ... local ' .. table.concat(names, ',') ..
    ' local n = 0 for key in pairs({a = 1}) do n = n + 1 end if depth > 0 then local below = self(self, depth - 1) return n + below end return n')
  local n = coroutine.wrap(function() return visits(visits, 99) end)()
  if n ~= 100 then return 'frames of ' .. size .. ': ' .. n .. ' visits' end
end
return 'each key once'`)
	check.Eq(t, got, "$13\r\neach key once\r\n")
}

func TestStop(t *testing.T) {
	h := &host{stop: true}
	v := newVM(t, script.Eval, h, 0)
	for _, code := range []string{
		"while true do end", "for i = 1, 1e18 do end", "repeat until false", "local function f(...) return f(...) end f()",
		"while true do pcall(function() while true do end end) end",
		"return string.find(('a'):rep(40), ('a*'):rep(40) .. 'b')",
		"for k in function() return 1 end do end", "local c = coroutine.wrap(function() while true do end end) c()",
	} {
		got := eval(t, v, code)
		if !strings.HasPrefix(got, "-ERR Script killed by user with SCRIPT KILL...") {
			t.Errorf("%s: %q", code, got)
		}
	}
}

// Whatever is inside of itself too often is an error, and the interpreter goes on.
func TestDeep(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"local function f() coroutine.wrap(f)() end f()", "C stack overflow"},
		{"local f local function g(n) if n == 0 then coroutine.wrap(f)() else assert(pcall(g, n - 1)) end end f = function() g(40) end f()", "C stack overflow"},
		{"return string.find(('a'):rep(1e6), ('()'):rep(20) .. ('a?'):rep(1e6))", "-ERR user_script:1: pattern too complex"},
		{"return string.find(('a'):rep(1e4), ('a?'):rep(1e4))", ":1\r\n"},
		{"local t = {} for i = 1, 1e5 do t = {t} end return cjson.encode(t)", "-ERR user_script:1: Cannot serialise, excessive nesting (1001)"},
		{"return cjson.decode(('['):rep(1e5))", "-ERR user_script:1: Found too many nested data structures (1001)"},
		{"return cmsgpack.unpack(('\\145'):rep(1e6))", "-ERR user_script:1: stack overflow"},
		{"return select(2, loadstring('return ' .. ('{'):rep(1e5)))", "$"},
		{"return select(2, loadstring('return ' .. ('a^'):rep(1e5) .. 'b'))", "$"},
		{"local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return t[1]", "-ERR user_script:1: C stack overflow"},
		{"local function f() return pcall(f) end return f()", ":1"},
		{"local function f() local ok, e = pcall(f) return e end return f()", ""},
	} {
		v := newVM(t, script.Eval, &quiet{}, 64<<20)
		if got := eval(t, v, c.code); !strings.Contains(got, c.want) {
			t.Errorf("%s: %.200q, want %q", c.code, got, c.want)
		}
		check.Eq(t, eval(t, v, "return 1"), ":1\r\n")
	}
}

// A panic of the host's is no fault of the interpreter's.
func TestHostPanics(t *testing.T) {
	v := newVM(t, script.Eval, &faulty{}, 0)
	ref, err := v.Load([]byte("return pcall(redis.call, 'GET')"))
	check.NoErr(t, err)
	defer func() { check.Eq(t, recover(), any("BUG: of the host")) }()
	_, err = v.Run(ref, "x", nil, nil, resp.NewWriter(2))
	t.Fatalf("the panic did not come through: %v", err)
}

type faulty struct{ host }

func (*faulty) Call([][]byte) []byte { panic("BUG: of the host") }

// benchScripts are scripts that do one thing each.
func benchScripts() []struct{ name, code string } {
	return []struct{ name, code string }{
		{"empty", "return 1"}, {"loop", "local s=0; for i=1,1000 do s = s + i*2 end return s"},
		{"call", "redis.call('SET','k',1) return redis.call('GET','k')"},
		{"calls", "for i = 1, 10 do redis.call('INCR', 'counter') end return 1"},
		{"encode", "return #cjson.encode({a={1,2,3,4,5,6,7,8,9,10}, b='some text', c={d=true, e=1.5, f={'x','y','z'}}})"},
		{"decode", "return #cjson.decode('{\"a\":[1,2,3,4,5,6,7,8,9,10],\"b\":\"some text\",\"c\":{\"d\":true,\"e\":1.5,\"f\":[\"x\",\"y\",\"z\"]}}').a"},
		{"strings", "local t = {} for i = 1, 100 do t[i] = 'k' .. i end return #table.concat(t, ',')"},
		{"pcall", "return select('#', pcall(error, 'x'))"},
		{"fib", "local function fib(n) if n<2 then return n end return fib(n-1)+fib(n-2) end return fib(15)"},
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	for _, c := range benchScripts() {
		v := newVM(t, script.Eval, &quiet{}, 0)
		ref, err := v.Load([]byte(c.code))
		check.NoErr(t, err)
		w := resp.NewWriter(2)
		n := testing.AllocsPerRun(100, func() {
			w.Reset()
			if _, err := v.Run(ref, "x", nil, nil, w); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a run", c.name, n)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	for _, c := range benchScripts() {
		b.Run(c.name, func(b *testing.B) {
			v := newVM(b, script.Eval, &quiet{}, 0)
			ref, err := v.Load([]byte(c.code))
			check.NoErr(b, err)
			w := resp.NewWriter(2)
			b.ReportAllocs()
			for b.Loop() {
				w.Reset()
				if _, err := v.Run(ref, "x", nil, nil, w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type quiet struct{ host }

var okReply = []byte("+OK\r\n")

func (q *quiet) Call([][]byte) []byte { return okReply }
