package arch_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// source is one parsed Go file.
type source struct {
	path  string // below the module's root
	pkg   string // folder below the module's root
	test  bool   // a _test.go file, or a tool of the tests below test/
	lines int
	fset  *token.FileSet
	file  *ast.File
}

func (s source) line(p token.Pos) int { return s.fset.Position(p).Line }

func parse(fset *token.FileSet, path string, text []byte) (source, error) {
	f, err := parser.ParseFile(fset, path, text, parser.ParseComments)
	return source{
		path: path, pkg: filepath.ToSlash(filepath.Dir(path)), test: strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "test/"),
		lines: bytes.Count(text, []byte{'\n'}), fset: fset, file: f,
	}, err
}

// module reads every Go file of the module.
func moduleSources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	fset := token.NewFileSet()
	var out []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			// Another test or an editor may remove a file while this walks.
			return nil
		}
		name := d.Name()
		if d.IsDir() && path != root && (name == "testdata" || name[0] == '.' || name[0] == '_') {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		s, err := parse(fset, rel, text)
		if err != nil {
			return err
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// findings applies every rule to sources that belong together.
func findings(srcs []source) []string {
	var out []string
	reporter := func(s source) func(token.Pos, string, ...any) {
		return func(p token.Pos, format string, args ...any) {
			out = append(out, fmt.Sprintf("%s:%d: %s", s.path, s.line(p), fmt.Sprintf(format, args...)))
		}
	}
	vars := map[string]map[string]bool{}
	documented := map[string]bool{}
	for _, s := range srcs {
		report := reporter(s)
		checkImports(s, report)
		if ast.IsGenerated(s.file) {
			continue // nobody reads it, and its form is its maker's
		}
		checkCalls(s, report)
		checkSizes(s, report)
		checkInit(s, report)
		if _, ok := floor(s.pkg); !ok {
			report(s.file.Pos(), "package %s is on no floor: add it to the table of internal/arch", s.pkg)
		}
		if s.test {
			continue
		}
		if vars[s.pkg] == nil {
			vars[s.pkg] = map[string]bool{}
		}
		for name := range packageVars(s, report) {
			vars[s.pkg][name] = true
		}
		hasDoc := filepath.Base(s.path) == "doc.go" || s.file.Name.Name == "main"
		documented[s.pkg] = documented[s.pkg] || hasDoc && s.file.Doc != nil
	}
	for _, s := range srcs {
		if !s.test && !ast.IsGenerated(s.file) {
			checkState(s, vars[s.pkg], reporter(s))
		}
	}
	for pkg, ok := range documented {
		if !ok {
			out = append(out, pkg+": no doc.go with a package comment")
		}
	}
	sort.Strings(out)
	return out
}

func TestModuleKeepsItsForm(t *testing.T) {
	srcs := moduleSources(t)
	if len(srcs) < 10 {
		t.Fatalf("only %d files found: the walk is broken", len(srcs))
	}
	for _, f := range findings(srcs) {
		t.Error(f)
	}
}

// rule checks that one file, put at path, breaks exactly what want says.
func TestRulesFindWhatTheyForbid(t *testing.T) {
	long := "package x\n" + strings.Repeat("\n", fileCap)
	longFn := "package x\nfunc f() {\n" + strings.Repeat("\n", functionCap) + "}\n"
	fields := "package x\ntype t struct {\n" + strings.Repeat("_ int\n", fieldCap+1) + "}\n"
	tests := []struct {
		name, path, text, want string
	}{
		{"upper floor", "pkg/mem/doc.go", `import "redisd/pkg/ds"`, "lower floors only"},
		{"same floor", "pkg/event/doc.go", `import "redisd/pkg/proc"`, "lower floors only"},
		{"persist and event", "pkg/persist/doc.go", `import "redisd/pkg/event"`, "lower floors only"},
		{"aof and persist", "pkg/persist/aof/doc.go", `import "redisd/pkg/persist"`, "lower floors only"},
		{"aof and rdb", "pkg/persist/aof/doc.go", `import "redisd/pkg/persist/rdb"`, ""},
		{"persist and rdb", "pkg/persist/doc.go", `import "redisd/pkg/persist/rdb"`, ""},
		{"rdb and aof", "pkg/persist/rdb/doc.go", `import "redisd/pkg/persist/aof"`, "lower floors only"},
		{"server and command", "pkg/server/doc.go", `import "redisd/pkg/command"`, ""},
		{"command and server", "pkg/command/doc.go", `import "redisd/pkg/server"`, "lower floors only"},
		{"internal and pkg", "internal/num/doc.go", `import "redisd/pkg/mem"`, "lower floors only"},
		{"internal and internal", "internal/num/doc.go", `import "redisd/internal/glob"`, ""},
		{"folder below", "pkg/server/doc.go", `import "redisd/pkg/server/info"`, ""},
		{"unknown package", "pkg/util/doc.go", ``, "is on no floor"},
		{"tests are free", "pkg/mem/a_test.go", `import "redisd/pkg/server"`, ""},
		{"unsafe", "pkg/server/doc.go", `import "unsafe"`, `import of "unsafe"`},
		{"unsafe at home", "pkg/mem/doc.go", `import "unsafe"`, ""},
		{"net", "pkg/event/doc.go", `import "net"`, `import of "net"`},
		{"logrus", "pkg/persist/doc.go", `import "github.com/sirupsen/logrus"`, "import of"},
		{"toml", "pkg/server/doc.go", `import "github.com/BurntSushi/toml"`, "import of"},
		{"exec", "pkg/proc/doc.go", `import "os/exec"`, "import of"},
		{"time", "pkg/mem/doc.go", "import \"time\"\nfunc f() { _ = time.Now() }", "time.Now outside"},
		{"time as value", "pkg/mem/doc.go", "import \"time\"\nvar f = time.Now", "time.Now outside"},
		{"time at home", "internal/clock/doc.go", "import \"time\"\nfunc f() { _ = time.Now() }", ""},
		{"os", "pkg/mem/doc.go", "import \"os\"\nfunc f() { os.Remove(\"\") }", "os.Remove outside"},
		{"os in cmd", "cmd/redisd/doc.go", "import \"os\"\nfunc f() { os.Remove(\"\") }", ""},
		{"os.Getenv", "pkg/mem/doc.go", "import \"os\"\nfunc f() { os.Getenv(\"\") }", ""},
		{"fmt", "pkg/mem/doc.go", "import \"fmt\"\nfunc f() { fmt.Println() }", "fmt.Println outside"},
		{"println", "pkg/mem/doc.go", "func f() { println() }", "builtin println"},
		{"panic", "pkg/mem/doc.go", "func f() { panic(\"oh\") }", "BUG: "},
		{"panic with BUG", "pkg/mem/doc.go", "func f() { panic(\"BUG: oh\") }", ""},
		{"panic with a value", "pkg/mem/doc.go", "func f(e error) { panic(e) }", ""},
		{"init", "pkg/mem/doc.go", "func init() {}", "init function"},
		{"init method", "pkg/mem/doc.go", "type t int\nfunc (t) init() {}", ""},
		{"state without value", "pkg/mem/doc.go", "var n int", "without a value"},
		{"state assigned", "pkg/mem/doc.go", "var n = 1\nfunc f() { n = 2 }", "assignment to package-level variable n"},
		{"state counted", "pkg/mem/doc.go", "var n = 1\nfunc f() { n++ }", "assignment to package-level variable n"},
		{"state in a map", "pkg/mem/doc.go", "var n = map[int]int{}\nfunc f() { n[1] = 2 }", "assignment to package-level variable n"},
		{"shadowed", "pkg/mem/doc.go", "var n = 1\nfunc f() { n := 2\n n = 3\n _ = n }", ""},
		{"parameter", "pkg/mem/doc.go", "var n = 1\nfunc f(n int) { n = 3 }", ""},
		{"table", "pkg/mem/doc.go", "var n = []int{1}\nfunc f() int { return n[0] }", ""},
		{"interface assertion", "pkg/mem/doc.go", "type t struct{}\nvar _ any = t{}", ""},
		{"long file", "pkg/mem/doc.go", long, "the cap is 700"},
		{"long test file", "pkg/mem/a_test.go", long, "the cap is 700"},
		{"long function", "pkg/mem/doc.go", longFn, "the cap is 80"},
		{"long function in test", "pkg/mem/a_test.go", longFn, ""},
		{"many fields", "pkg/mem/doc.go", fields, "struct with 61 fields"},
		{"long generated file", "pkg/mem/a.go", "// Code generated by hand. DO NOT EDIT.\n\npackage x\n" + strings.Repeat("\n", fileCap), ""},
		{"import in a generated file", "pkg/mem/a.go", "// Code generated by hand. DO NOT EDIT.\n\npackage x\nimport \"net\"\n", `import of "net"`},
		{"no doc", "pkg/mem/a.go", "", "no doc.go"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			text := tc.text
			if !strings.Contains(text, "package x\n") {
				text = "package x\n" + text
			}
			s, err := parse(token.NewFileSet(), tc.path, []byte("// Package x is here.\n"+text))
			if err != nil {
				t.Fatal(err)
			}
			got := findings([]source{s})
			switch {
			case tc.want == "" && len(got) > 0:
				t.Fatalf("found %q, want nothing", got)
			case tc.want != "" && (len(got) != 1 || !strings.Contains(got[0], tc.want)):
				t.Fatalf("found %q, want one with %q", got, tc.want)
			}
		})
	}
}
