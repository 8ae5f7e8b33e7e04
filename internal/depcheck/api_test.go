package depcheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestExportedSignaturesAreImportable requires that another module can name
// every type in the exported signatures of every package that it can import.
func TestExportedSignaturesAreImportable(t *testing.T) {
	files := exportData(t)
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(files[path]) }
	imp := importer.ForCompiler(token.NewFileSet(), "gc", lookup)
	found := 0
	for path := range files {
		if !public(path) {
			continue
		}
		found++
		pkg, err := imp.Import(path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, use := range internalUses(pkg) {
			t.Error(use)
		}
	}
	if found < 15 {
		t.Errorf("found %d public packages; oci, bundle, verify and their parts were expected", found)
	}
}

// public reports whether other modules can import a package of ours that is not
// a command or test data.
func public(path string) bool {
	p := ours(path)
	return p != "" && p != "testdata" && !strings.HasPrefix(p, "cmd/") && !isInternal(path)
}

func isInternal(path string) bool {
	return strings.HasPrefix(path, module) && slices.Contains(strings.Split(path, "/"), "internal")
}

// exportData returns the files with the types of our packages and their
// dependencies, by import path. Without the go tool it skips the test.
func exportData(t *testing.T) map[string]string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go tool to compile the packages with")
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-json=ImportPath,Export", "./...")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	files := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return files
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Export != "" {
			files[p.ImportPath] = p.Export
		}
	}
}

// internalUses lists where exported declarations of a package name a type of one
// of our internal packages, such as "verify.Options.Limits names internal/x.T".
func internalUses(pkg *types.Package) []string {
	w := &apiWalker{pkg: pkg, seen: map[*types.TypeName]bool{}}
	for _, name := range pkg.Scope().Names() {
		if obj := pkg.Scope().Lookup(name); obj.Exported() {
			w.visit(pkg.Name()+"."+name, obj.Type())
		}
	}
	slices.Sort(w.found)
	return w.found
}

// apiWalker visits the types that exported declarations lead to.
type apiWalker struct {
	pkg   *types.Package
	seen  map[*types.TypeName]bool // types of pkg that were visited
	found []string
}

// visit visits one type. where is the path of declarations that led to it.
func (w *apiWalker) visit(where string, t types.Type) {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		w.named(where, t)
	case *types.Pointer:
		w.visit(where, t.Elem())
	case *types.Slice:
		w.visit(where, t.Elem())
	case *types.Array:
		w.visit(where, t.Elem())
	case *types.Chan:
		w.visit(where, t.Elem())
	case *types.Map:
		w.visit(where, t.Key())
		w.visit(where, t.Elem())
	case *types.Signature:
		w.signature(where, t)
	case *types.Struct:
		w.structure(where, t)
	case *types.Interface:
		w.iface(where, t)
	case *types.Union:
		for term := range t.Terms() {
			w.visit(where, term.Type())
		}
	}
}

// named checks the package of a named type. A type of the package itself is
// visited with its methods; those of other packages are visited there.
func (w *apiWalker) named(where string, t *types.Named) {
	for arg := range t.TypeArgs().Types() {
		w.visit(where, arg)
	}
	obj := t.Obj()
	if obj.Pkg() == nil {
		return // a predeclared type, such as error
	}
	if isInternal(obj.Pkg().Path()) && obj.Pkg() != w.pkg {
		w.found = append(w.found, fmt.Sprintf("%s names %s.%s", where, ours(obj.Pkg().Path()), obj.Name()))
		return
	}
	if obj.Pkg() != w.pkg || w.seen[obj] {
		return
	}
	w.seen[obj] = true
	w.constraints(where, t.TypeParams())
	w.visit(where, t.Underlying())
	for i := range t.NumMethods() {
		if m := t.Method(i); m.Exported() {
			w.visit(where+"."+m.Name(), m.Type())
		}
	}
}

func (w *apiWalker) signature(where string, t *types.Signature) {
	w.constraints(where, t.TypeParams())
	for v := range t.Params().Variables() {
		w.visit(where, v.Type())
	}
	for v := range t.Results().Variables() {
		w.visit(where, v.Type())
	}
}

func (w *apiWalker) constraints(where string, list *types.TypeParamList) {
	for p := range list.TypeParams() {
		w.visit(where, p.Constraint())
	}
}

// structure visits exported fields, and embedded ones, whose fields and methods
// may be promoted.
func (w *apiWalker) structure(where string, t *types.Struct) {
	for f := range t.Fields() {
		if f.Exported() || f.Embedded() {
			w.visit(where+"."+f.Name(), f.Type())
		}
	}
}

func (w *apiWalker) iface(where string, t *types.Interface) {
	for m := range t.ExplicitMethods() {
		if m.Exported() {
			w.visit(where+"."+m.Name(), m.Type())
		}
	}
	for e := range t.EmbeddedTypes() {
		w.visit(where, e)
	}
}

// secretSource and sampleSource are an internal package, and a public one that
// names its types in every place where a signature can.
const (
	secretPath   = module + "/internal/secret"
	secretSource = `package secret
		type T struct{}`
	sampleSource = `package sample
		import "` + secretPath + `"
		func Param(secret.T) {}
		func Result() (error, *secret.T) { return nil, nil }
		func Callback(func([]secret.T)) {}
		func Generic[P interface{ *secret.T }](P) {}
		type GenericType[P interface{ secret.T }] struct{ private P }
		func Unexported() hidden { return hidden{} }
		type Alias = secret.T
		type Underlying map[string]secret.T
		type Chan chan<- [2]secret.T
		type Struct struct { Field secret.T; private secret.T; embedded }
		type embedded struct { Promoted secret.T }
		type hidden struct { Reached secret.T }
		type Face interface { Method(secret.T); private(secret.T) }
		type Method struct{}
		func (*Method) Bad(...secret.T) {}
		func (*Method) good(secret.T) {}
		var Var secret.T
		var private secret.T
		func unexported(secret.T) {}
		func Fine(secret int) error { return nil }`
)

func TestInternalTypesAreFound(t *testing.T) {
	fset := token.NewFileSet()
	packages := importMap{}
	packages[secretPath] = typecheck(t, fset, packages, secretPath, secretSource)
	sample := typecheck(t, fset, packages, module+"/sample", sampleSource)
	want := []string{
		"sample.Alias", "sample.Callback", "sample.Chan", "sample.Face.Method", "sample.Generic",
		"sample.GenericType", "sample.Method.Bad", "sample.Param", "sample.Result", "sample.Struct.Field",
		"sample.Struct.embedded.Promoted", "sample.Underlying", "sample.Unexported.Reached", "sample.Var",
	}
	for i := range want {
		want[i] += " names internal/secret.T"
	}
	if got := internalUses(sample); !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// importMap is an importer of the packages in it.
type importMap map[string]*types.Package

func (m importMap) Import(path string) (*types.Package, error) {
	if p := m[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("no package %s", path)
}

func typecheck(t *testing.T, fset *token.FileSet, imp types.Importer, path, source string) *types.Package {
	t.Helper()
	file, err := parser.ParseFile(fset, path, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	conf := types.Config{Importer: imp}
	pkg, err := conf.Check(path, fset, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}
