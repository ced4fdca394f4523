package arch_test

import (
	"go/ast"
	"go/token"
	"strings"
)

const (
	module      = "redisd/"
	fileCap     = 700 // lines; look for a seam at 450
	functionCap = 80  // lines; 45 is usual
	fieldCap    = 60  // fields of one struct: above it a struct is two things
)

// floor returns the floor of a package (path below the module), -1 for a
// package that no rule of imports binds, and ok false for one nobody knows.
func floor(pkg string) (n int, ok bool) {
	floors := map[string]int{
		"pkg/event": 0, "pkg/proc": 0, "pkg/mem": 0, "pkg/resp": 0, "pkg/bio": 0,
		"pkg/ds": 1, "pkg/pubsub": 1, "pkg/config": 1, "pkg/tlsio": 1,
		"pkg/keyspace": 2, "pkg/acl": 2, "pkg/tracking": 2,
		"pkg/persist": 3,
		"pkg/command": 4, "pkg/script": 4,
		"pkg/server": 5,
	}
	switch {
	case strings.HasPrefix(pkg, "internal/"):
		return 0, true
	case strings.HasPrefix(pkg, "cmd/"):
		return 6, true
	case pkg == "test" || strings.HasPrefix(pkg, "test/"):
		return -1, true
	}
	for p := pkg; p != "." && p != ""; {
		if n, ok := floors[p]; ok {
			return n, true
		}
		i := strings.LastIndexByte(p, '/')
		if i < 0 {
			break
		}
		p = p[:i]
	}
	return 0, false
}

// mayImport says whether package from may import package to.
func mayImport(from, to string) bool {
	f, ok := floor(from)
	t, known := floor(to)
	if !ok || !known {
		return false
	}
	switch {
	case f == -1:
		return true
	case t == -1 || strings.HasPrefix(to, "cmd/"):
		return false
	case strings.HasPrefix(to, "internal/"):
		return true
	case strings.HasPrefix(from, "internal/"):
		return false
	case under(from, "pkg/persist") && (under(to, "pkg/event") || under(to, "pkg/proc")):
		return false
	case under(from, "pkg/persist") && under(to, "pkg/persist"):
		// persist -> value, aof, digest -> rdb, never back.
		order := func(p string) int {
			return map[string]int{"pkg/persist/rdb": 1, "pkg/persist/value": 2, "pkg/persist/aof": 2, "pkg/persist/digest": 2, "pkg/persist": 3}[p]
		}
		return order(from) > order(to)
	case f == t && under(to, from):
		// A package may be split into folders below it.
		return true
	}
	return t < f
}

func under(pkg, root string) bool { return pkg == root || strings.HasPrefix(pkg, root+"/") }

// imports that belong in few packages. Test files are not bound.
func importHome(path string) (homes []string, bound bool) {
	switch {
	case path == "unsafe":
		return []string{"pkg/mem", "pkg/ds", "pkg/keyspace", "pkg/event", "pkg/proc", "pkg/script/luago"}, true
	case path == "net" || strings.HasPrefix(path, "net/") && path != "net/netip":
		return []string{"cmd", "pkg/tlsio"}, true // tlsio: the interface of crypto/tls has names of it
	case path == "crypto/tls":
		return []string{"pkg/tlsio"}, true
	case path == "os/exec" || path == "C" || path == "log" || path == "plugin":
		return nil, true
	case path == "testing":
		return nil, true
	case strings.HasPrefix(path, "github.com/sirupsen/logrus"):
		return []string{"pkg/server", "cmd"}, true
	case strings.HasPrefix(path, "github.com/BurntSushi/toml"):
		return []string{"pkg/config"}, true
	}
	return nil, false
}

// callHome returns where a function of the standard library may be called.
func callHome(pkg, name string) (homes []string, bound bool) {
	switch pkg {
	case "time":
		if name == "Now" || name == "Since" || name == "Until" {
			return []string{"internal/clock"}, true
		}
	case "fmt":
		if strings.HasPrefix(name, "Print") {
			return []string{"cmd"}, true
		}
	case "os":
		switch name {
		case "Open", "OpenFile", "Create", "CreateTemp", "Rename", "Remove", "RemoveAll", "ReadFile", "WriteFile",
			"ReadDir", "Mkdir", "MkdirAll", "MkdirTemp", "Stat", "Lstat", "Truncate", "Chmod", "Chown", "Link",
			"Symlink", "Readlink", "Chtimes":
			return []string{"internal/vfs", "pkg/proc", "cmd"}, true
		}
	}
	return nil, false
}

func atHome(pkg string, homes []string) bool {
	for _, h := range homes {
		if under(pkg, h) {
			return true
		}
	}
	return false
}

// checkImports reports imports that the floors or the lists forbid.
func checkImports(s source, report func(pos token.Pos, format string, args ...any)) {
	if s.test {
		return
	}
	for _, im := range s.file.Imports {
		path := strings.Trim(im.Path.Value, `"`)
		if to, ok := strings.CutPrefix(path, module); ok && !mayImport(s.pkg, to) {
			report(im.Pos(), "%s must not import %s: lower floors only", s.pkg, to)
		}
		if homes, bound := importHome(path); bound && !atHome(s.pkg, homes) {
			report(im.Pos(), "import of %q outside %v", path, homes)
		}
	}
}

// checkCalls reports calls that belong elsewhere, and panics that are no BUG.
func checkCalls(s source, report func(pos token.Pos, format string, args ...any)) {
	if s.test {
		return
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.SelectorExpr:
			id, ok := x.X.(*ast.Ident)
			if !ok || id.Obj != nil {
				return true
			}
			if homes, bound := callHome(id.Name, x.Sel.Name); bound && !atHome(s.pkg, homes) {
				report(x.Pos(), "%s.%s outside %v", id.Name, x.Sel.Name, homes)
			}
		case *ast.CallExpr:
			checkBuiltin(x, report)
		}
		return true
	})
}

func checkBuiltin(call *ast.CallExpr, report func(pos token.Pos, format string, args ...any)) {
	id, ok := call.Fun.(*ast.Ident)
	if !ok || id.Obj != nil {
		return
	}
	switch id.Name {
	case "print", "println":
		report(call.Pos(), "builtin %s", id.Name)
	case "panic":
		if text, ok := leadingText(call.Args[0]); ok && !strings.HasPrefix(text, "BUG: ") {
			report(call.Pos(), "panic text must start with \"BUG: \"")
		}
	}
}

// leadingText returns the literal a panic's argument starts with, if it is
// written there: "x", "x" + y, fmt.Sprintf("x", ...).
func leadingText(e ast.Expr) (string, bool) {
	switch x := e.(type) {
	case *ast.BasicLit:
		return strings.Trim(x.Value, "\"`"), x.Kind == token.STRING
	case *ast.BinaryExpr:
		return leadingText(x.X)
	case *ast.CallExpr:
		if len(x.Args) > 0 {
			return leadingText(x.Args[0])
		}
	}
	return "", false
}
