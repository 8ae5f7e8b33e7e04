package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

// remedies says what to do about each check: on the command line, where that
// names a flag, else as the table of checks has it.
func remedies(t testing.TB) func(check.Question) string {
	t.Helper()
	named := advice(t)
	return func(q check.Question) string {
		if a := named[string(q.ID)]; a != "" {
			return a
		}
		return q.Remedy
	}
}

// advice reads the maps of remedies, by check and by cause, from the source of the command line, a package
// main that cannot be imported.
func advice(t testing.TB) map[string]string {
	t.Helper()
	file := filepath.Join(root, "cmd", "gapseal", "advice.go")
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if ok {
			_, ok = pair.Key.(*ast.BasicLit) // others are no checks
		}
		if ok {
			list[written(t, pair.Key)] = written(t, pair.Value)
		}
		return true
	})
	if len(list) < 20 {
		t.Fatalf("%s: found only %d pieces of advice", file, len(list))
	}
	return list
}

// written returns a string that is written out, in one piece or in several.
func written(t testing.TB, e ast.Expr) string {
	t.Helper()
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return written(t, e.X) + written(t, e.Y)
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil {
			return s
		}
	}
	t.Fatalf("advice.go: want string literals, found %T", e)
	return ""
}
