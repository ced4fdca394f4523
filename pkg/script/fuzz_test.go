package script_test

import (
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
	"redisd/pkg/script"
)

// FuzzLibraries gives bytes to the libraries that read what comes from outside. They
// may refuse them, and must not break the interpreter.
func FuzzLibraries(f *testing.F) {
	for _, s := range []string{"[1,{\"a\":null}]", "\x93\x01\xa1a\xc0", "\xdd\xff\xff\xff\xff", "i4>d!8s", "((((", "%b()(.-)%1"} {
		f.Add([]byte(s), []byte("abc"))
	}
	v := newVM(f, script.Eval, &quiet{}, 64<<20)
	ref, err := v.Load([]byte(`
local a, b = KEYS[1], ARGV[1]
for _, f in ipairs{cjson.decode, cmsgpack.unpack, cmsgpack.unpack_one, loadstring, tonumber} do pcall(f, a) end
for _, f in ipairs{struct.unpack, struct.pack, struct.size, string.format} do pcall(f, a, b, 1, 2.5) end
if #a < 20 then pcall(string.find, b, a) pcall(string.gsub, b, a, a) end
return 1`))
	check.NoErr(f, err)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		w := resp.NewWriter(2)
		if _, err := v.Run(ref, "fuzz", [][]byte{a}, [][]byte{b}, w); err != nil {
			t.Fatalf("%q %q: %s", a, b, err)
		}
		check.Eq(t, string(w.Buf), ":1\r\n")
	})
}
