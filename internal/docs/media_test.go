package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
)

func mediaParts() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{
		"evidence kinds": kindTable, "runnable marks": runnableMarks, "reasons": reasonTable,
	}
}

// reasonTable lists the reasons for which something is left out.
func reasonTable(testing.TB) string {
	rows := [][]string{{"reason", "meaning"}}
	for _, r := range bundle.Reasons() {
		rows = append(rows, []string{code(string(r)), r.Text()})
	}
	return table(rows...)
}

// named holds the media types for which package oci uses a constant.
var named = map[string]string{
	"TypeSimpleSigning": oci.TypeSimpleSigning,
	"TypeDSSE":          oci.TypeDSSE,
	"TypeInToto":        oci.TypeInToto,
}

// kindTable lists the layer types that are evidence. It reads the types from the
// source of their table, and gets the kind of each from the code.
func kindTable(t testing.TB) string {
	var kinds []oci.Kind
	types := map[oci.Kind][]string{}
	for _, e := range composite(t, "evidenceLayers") {
		mediaType := literal(t, e.(*ast.KeyValueExpr).Key)
		m := oci.Manifest{MediaType: oci.TypeManifest, Layers: []oci.Descriptor{{MediaType: mediaType}}}
		kind, ok := m.EvidenceKind(nil)
		if !ok {
			t.Errorf("a layer of type %q is no evidence", mediaType)
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
		types[kind] = append(types[kind], code(mediaType))
	}
	rows := [][]string{{"kind", "layer types"}}
	for _, k := range kinds {
		rows = append(rows, []string{code(string(k)), strings.Join(types[k], ", ")})
	}
	return table(rows...)
}

// runnableMarks lists the words that mark a layer type as runnable.
func runnableMarks(t testing.TB) string {
	var marks []string
	for _, e := range composite(t, "couldRun") {
		mark := literal(t, e)
		layers := []oci.Descriptor{{MediaType: "x/y" + mark}}
		m := oci.Manifest{MediaType: oci.TypeManifest, Subject: &oci.Descriptor{}, Layers: layers}
		if _, ok := m.EvidenceKind(nil); ok {
			t.Errorf("a layer type with %q in it is evidence", mark)
		}
		marks = append(marks, code(mark))
	}
	return strings.Join(marks, ", ") + "\n"
}

// composite returns the elements of the first list or map in the declaration of
// that name in package oci.
func composite(t testing.TB, name string) (elements []ast.Expr) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "oci", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if declares(d, name) {
				return firstList(t, d)
			}
		}
	}
	t.Fatalf("package oci declares no %s", name)
	return nil
}

// declares reports whether d is a function, or a group of variables, of that
// name.
func declares(d ast.Decl, name string) bool {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return d.Name.Name == name
	case *ast.GenDecl:
		return slices.ContainsFunc(d.Specs, func(s ast.Spec) bool {
			v, ok := s.(*ast.ValueSpec)
			return ok && v.Names[0].Name == name
		})
	}
	return false
}

func firstList(t testing.TB, d ast.Decl) (elements []ast.Expr) {
	t.Helper()
	ast.Inspect(d, func(n ast.Node) bool {
		if list, ok := n.(*ast.CompositeLit); ok && elements == nil {
			elements = list.Elts
		}
		return elements == nil
	})
	if len(elements) == 0 {
		t.Fatal("package oci: a declaration that should contain a list contains none")
	}
	return elements
}

func literal(t testing.TB, e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		if s := named[e.Name]; s != "" {
			return s
		}
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil {
			return s
		}
	}
	t.Fatalf("package oci: this test does not know the name %v", e)
	return ""
}
