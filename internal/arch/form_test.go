package arch_test

import (
	"go/ast"
	"go/token"
)

// checkSizes reports files, functions and structs above their caps.
func checkSizes(s source, report func(pos token.Pos, format string, args ...any)) {
	if s.lines > fileCap {
		report(s.file.Pos(), "%d lines, the cap is %d", s.lines, fileCap)
	}
	if s.test {
		return
	}
	for _, d := range s.file.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := s.line(fn.End()) - s.line(fn.Pos()) + 1; n > functionCap {
			report(fn.Pos(), "func %s has %d lines, the cap is %d", fn.Name.Name, n, functionCap)
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if st, ok := n.(*ast.StructType); ok {
			if f := st.Fields.NumFields(); f > fieldCap {
				report(st.Pos(), "struct with %d fields, the cap is %d", f, fieldCap)
			}
		}
		return true
	})
}

// checkInit reports init functions, in test files too: what a test needs before
// it starts belongs into TestMain.
func checkInit(s source, report func(pos token.Pos, format string, args ...any)) {
	for _, d := range s.file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			report(fn.Pos(), "init function")
		}
	}
}

// packageVars returns the names of the package-level variables of a file, and
// reports those that are born without a value: they are there to be changed.
func packageVars(s source, report func(pos token.Pos, format string, args ...any)) map[string]bool {
	names := map[string]bool{}
	for _, d := range s.file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			for _, id := range v.Names {
				if id.Name != "_" {
					names[id.Name] = true
				}
			}
			embedded := g.Doc != nil && len(g.Doc.List) > 0 && isEmbed(g.Doc) || v.Doc != nil && isEmbed(v.Doc)
			if len(v.Values) == 0 && !embedded {
				report(v.Pos(), "package-level variable %s without a value: state belongs to an owner", v.Names[0].Name)
			}
		}
	}
	return names
}

func isEmbed(doc *ast.CommentGroup) bool {
	for _, c := range doc.List {
		if len(c.Text) > 10 && c.Text[:10] == "//go:embed" {
			return true
		}
	}
	return false
}

// checkState reports assignments inside functions to package-level variables.
func checkState(s source, vars map[string]bool, report func(pos token.Pos, format string, args ...any)) {
	flag := func(e ast.Expr) {
		id := root(e)
		if id == nil || !vars[id.Name] {
			return
		}
		// The parser resolves names within one file: an unresolved one is of
		// the package, a resolved one tells where it was declared.
		if id.Obj != nil {
			v, ok := id.Obj.Decl.(*ast.ValueSpec)
			if !ok || !atTop(s.file, v) {
				return
			}
		}
		report(e.Pos(), "assignment to package-level variable %s", id.Name)
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.AssignStmt:
			if x.Tok != token.DEFINE {
				for _, l := range x.Lhs {
					flag(l)
				}
			}
		case *ast.IncDecStmt:
			flag(x.X)
		}
		return true
	})
}

// root returns the identifier that x.y[z] starts with; not through a pointer's
// star, whose target is the owner's.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func atTop(f *ast.File, v *ast.ValueSpec) bool {
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok {
			for _, spec := range g.Specs {
				if spec == v {
					return true
				}
			}
		}
	}
	return false
}
