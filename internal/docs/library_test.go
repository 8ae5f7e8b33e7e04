package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// snippets are the functions that docs/library.md shows, by the name of the part.
// Each is declared in one of the Go files of its folder.
var snippets = map[string]struct{ dir, function string }{
	"library options":     {consumer, "options"},
	"library verify file": {consumer, "verifyFile"},
	"library verify pipe": {consumer, "verifyPipe"},
	"library keyless":     {"verify", "ExampleAnchors_TrustRoot"},
	"library report":      {"verify/report", "ExampleText"},
	"library volumes":     {"bundle/volume", "Example"},
	"library receipt":     {consumer, "signReceipt"},
	"library seal":        {consumer, "signSeal"},
	"library write":       {"bundle", "ExampleCollect"},
	"library policy":      {"verify/policy", "Example"},
	"library register":    {"verify/register", "Example"},
}

func libraryParts() map[string]func(testing.TB) string {
	parts := map[string]func(testing.TB) string{}
	for name, s := range snippets {
		parts[name] = func(t testing.TB) string { return fenced("go", goFunction(t, s.dir, s.function)) }
	}
	return parts
}

// goFunction returns the source of a function with its comment. Of an Example it
// returns the body alone, as go doc does.
func goFunction(t testing.TB, dir, function string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, file, source, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		text := func(from, to token.Pos) string {
			return string(source[fset.Position(from).Offset:fset.Position(to).Offset])
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || f.Name.Name != function {
				continue
			}
			if strings.HasPrefix(function, "Example") {
				return exampleBody(text(f.Body.Lbrace+1, f.Body.Rbrace))
			}
			if f.Doc != nil {
				return text(f.Doc.Pos(), f.End())
			}
			return text(f.Pos(), f.End())
		}
	}
	t.Errorf("%s declares no function %s", dir, function)
	return ""
}

// exampleBody removes the indentation of a function's body, and the comment with
// the expected output.
func exampleBody(body string) string {
	body, _, _ = strings.Cut(body, "\t// Output:")
	lines := strings.Split(strings.Trim(body, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "\t")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n\t ")
}
