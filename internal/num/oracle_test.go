package num_test

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/num"
	"redisd/pkg/resp"
)

// redis is a connection to a redis-server that lives as long as the test.
type redis struct {
	conn net.Conn
	r    *bufio.Reader
}

func startRedis(t *testing.T) *redis {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing, and this test compares with it: `make test` installs it")
	}
	dir := t.TempDir()
	cmd := exec.Command(path, "--port", "0", "--unixsocket", filepath.Join(dir, "s"), "--dir", dir, "--save", "")
	stdout, err := cmd.StdoutPipe()
	check.NoErr(t, err)
	check.NoErr(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.Contains(lines.Text(), "ready to accept connections") {
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	conn, err := net.Dial("unix", filepath.Join(dir, "s"))
	check.NoErr(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &redis{conn: conn, r: bufio.NewReader(conn)}
}

// do sends commands as one pipeline and returns their replies.
func (s *redis) do(t *testing.T, commands ...[]string) []resp.Reply {
	t.Helper()
	var out []byte
	for _, c := range commands {
		out = resp.AppendCommandStrings(out, c...)
	}
	_, err := s.conn.Write(out)
	check.NoErr(t, err)
	replies := make([]resp.Reply, len(commands))
	for i := range replies {
		replies[i], err = resp.ReadReply(s.r)
		check.NoErr(t, err)
	}
	return replies
}

// oddNumbers are near the edges of the grammar and of the formats.
func oddNumbers() []string {
	return []string{
		"0", "-0", "+0", "00", "0.0", "-0.0", "1", "+1", "-1", "01", "1.", ".5", "-.5", ".", "", "-", "+", "e", "1e", "1e+", "1e5", "1E-5", "1.5e+3", "1e 5",
		" 1", "1 ", "\t1", "1\n", "1\x00", "1_0", "1,5", "--1", "+-1", "inf", "-inf", "+inf", "INF", "infinity", "-Infinity", "infinit", "nan", "-nan", "NAN", "nan(1)",
		"0x10", "0X1p4", "0x1.8", "0x.8p1", "0x", "0x.", "0x1p", "0xg", "-0x10", "0x1p-5000", "0x1p5000", "1p5", "0b1", "0o7",
		"1e308", "1.8e308", "1e309", "-1e309", "1e-307", "4.9e-324", "2e-324", "1e-400", "1e4931", "1e4932", "1.2e4932", "1e4933", "1e-4940", "3.7e-4951", "1e-4951", "1e-4960",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
		"5e-18", "4.9999999999999999999e-18", "0.000000000000000005", "1.000000000000000005", "1e40", "-1e40", "123456789012345678901234567890.123456789",
		"0.1", "0.2", "0.3", "3.0e3", "1e19", "1e20", "99999999999999999999", "0.99999999999999999999", "9.99999999999999999999",
		strings.Repeat("1", 400), "0." + strings.Repeat("3", 400), strings.Repeat("0", 300) + "7", "1" + strings.Repeat("0", 4932), strings.Repeat("9", 5119), "0." + strings.Repeat("1", 5117), strings.Repeat("0", 5120),
	}
}

// sum is what INCRBYFLOAT has to answer.
func sum(a, b string) string {
	x, ok := num.ParseLongDouble([]byte(a))
	y, ok2 := num.ParseLongDouble([]byte(b))
	if !ok || !ok2 {
		return "ERR value is not a valid float"
	}
	z, finite := num.AddLongDouble(x, y)
	if !finite {
		return "ERR increment would produce NaN or Infinity"
	}
	return string(num.AppendLongDouble(nil, z))
}

func TestLongDoubleAgreesWithIncrByFloat(t *testing.T) {
	server := startRedis(t)
	rnd := rand.New(rand.NewSource(3))
	var pairs [][2]string
	for _, s := range oddNumbers() {
		pairs = append(pairs, [2]string{s, "0"}, [2]string{s, "1.5"}, [2]string{"0.1", s}, [2]string{s, s})
	}
	for range 5000 {
		pairs = append(pairs, [2]string{randomDecimal(rnd), randomDecimal(rnd)})
	}
	for range 500 {
		// Large exponents, denormals, hexadecimal.
		pairs = append(pairs, [2]string{fmt.Sprintf("%de%d", rnd.Int63(), rnd.Intn(9900)-4960), fmt.Sprintf("-0x%x.%xp%d", rnd.Int63(), rnd.Int31(), rnd.Intn(200)-100)})
	}
	for _, p := range pairs {
		got := server.do(t, []string{"SET", "k", p[0]}, []string{"INCRBYFLOAT", "k", p[1]})
		if want := sum(p[0], p[1]); got[1].Text != want {
			t.Errorf("%.60q + %.60q: Redis says %.80q, num says %.80q", p[0], p[1], got[1].Text, want)
		}
	}
}

// A counter that people keep: many small steps, each stored as text.
func TestLongDoubleAgreesOnARunningSum(t *testing.T) {
	server := startRedis(t)
	rnd := rand.New(rand.NewSource(4))
	value := "0"
	for i := range 2000 {
		step := fmt.Sprintf("%.*f", rnd.Intn(6), rnd.NormFloat64()*100)
		value = sum(value, step)
		got := server.do(t, []string{"INCRBYFLOAT", "k", step})
		if got[0].Text != value {
			t.Fatalf("step %d, %s: Redis has %s, num has %s", i, step, got[0].Text, value)
		}
	}
}

func TestParseFloatAgreesWithScores(t *testing.T) {
	server := startRedis(t)
	rnd := rand.New(rand.NewSource(5))
	inputs := oddNumbers()
	for range 3000 {
		inputs = append(inputs, randomDecimal(rnd))
	}
	for range 1000 {
		inputs = append(inputs, fmt.Sprintf("%.*g", 1+rnd.Intn(25), math.Float64frombits(rnd.Uint64())))
	}
	for _, in := range inputs {
		got := server.do(t, []string{"DEL", "z"}, []string{"ZADD", "z", in, "m"}, []string{"ZSCORE", "z", "m"})
		f, ok := num.ParseFloat([]byte(in))
		// A small sorted set keeps whole scores as integers, so -0 loses its sign.
		f += 0
		if refused := got[1].Text == "ERR value is not a valid float"; refused == ok {
			t.Errorf("%.60q: Redis answers %v, num accepts: %t", in, got[1], ok)
			continue
		}
		// Seventeen digits, as Redis 7.0 prints them, name one double and no other.
		if back, _ := got[2].Double(); ok && back != f {
			t.Errorf("%.60q: Redis has %s, num has %v", in, got[2].Text, f)
		}
	}
}

func TestParseIntAgreesWithIncrBy(t *testing.T) {
	server := startRedis(t)
	rnd := rand.New(rand.NewSource(6))
	inputs := oddNumbers()
	for range 2000 {
		b := make([]byte, 1+rnd.Intn(21))
		for i := range b {
			b[i] = "-0123456789999 "[rnd.Intn(15)]
		}
		inputs = append(inputs, string(b))
	}
	for _, in := range inputs {
		got := server.do(t, []string{"DEL", "k"}, []string{"INCRBY", "k", in})[1]
		n, ok := num.ParseInt([]byte(in))
		if ok != (got.Kind == ':') || (ok && n != got.Int) {
			t.Errorf("%.60q: Redis answers %v, num has %d, %t", in, got, n, ok)
		}
	}
}

func TestParseMemoryAgreesWithConfig(t *testing.T) {
	server := startRedis(t)
	for _, in := range []string{
		"0", "1gb", "2GB", "3g", "100mb", "100m", "5k", "5kB", "7b", "7B", "0012", "1024", "", "gb", "b", "1t", "1 gb", " 1gb", "-1", "-1gb", "1.5gb", "gb1", "1gbb", "+1",
		"1000000000gb", "9223372036854775807",
	} {
		got := server.do(t, []string{"CONFIG", "SET", "maxmemory", "77"}, []string{"CONFIG", "SET", "maxmemory", in}, []string{"CONFIG", "GET", "maxmemory"})
		n, err := num.ParseMemory(in)
		if (err == nil) != (got[1].Err() == nil) {
			t.Errorf("%q: Redis answers %v, num says %v", in, got[1], err)
			continue
		}
		if err == nil {
			check.Eq(t, got[2].Elems[1].Text, fmt.Sprint(n))
		}
	}
}
