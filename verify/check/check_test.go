package check_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

// classes are those of the design, and no others.
var classes = map[string]bool{
	"container": true, "layout": true, "manifest": true, "blob": true, "config": true, "signature": true, "rekor": true,
	"trust": true, "cert": true, "tsa": true, "policy": true, "media": true, "limit": true, "input": true, "internal": true,
}

func TestTable(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+\.[a-z]+(-[a-z]+)*$`)
	seen := map[check.ID]bool{}
	for i, q := range check.Table {
		if !form.MatchString(string(q.ID)) || !classes[q.ID.Class()] {
			t.Errorf("%q is not class.question of a known class", q.ID)
		}
		if seen[q.ID] {
			t.Errorf("%s stands twice", q.ID)
		}
		seen[q.ID] = true
		if q.Asks == "" || q.Remedy == "" || strings.HasSuffix(q.Asks, ".") || strings.HasSuffix(q.Remedy, ".") {
			t.Errorf("%s: asks %q, remedy %q: want both, without a full stop", q.ID, q.Asks, q.Remedy)
		}
		if got, ok := check.Lookup(q.ID); !ok || got != q || check.Rank(q.ID) != i {
			t.Errorf("%s: looked up as %+v of rank %d, want rank %d", q.ID, got, check.Rank(q.ID), i)
		}
	}
	if _, ok := check.Lookup("no.such"); ok || check.Rank("no.such") != len(check.Table) {
		t.Error("an unknown id is looked up")
	}
}

// TestEveryIDIsInTheTable reads the constants from the source.
func TestEveryIDIsInTheTable(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "ids.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			id, _ := strconv.Unquote(lit.Value)
			count++
			if _, ok := check.Lookup(check.ID(id)); !ok {
				t.Errorf("%s = %s is in no row of the table", spec.Names[0].Name, id)
			}
		}
		return true
	})
	if count != len(check.Table) {
		t.Errorf("%d constants and %d rows", count, len(check.Table))
	}
}

// TestEveryCauseHasARemedy reads the constants from the source.
func TestEveryCauseHasARemedy(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "check.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	usual := check.Remedy(&check.Fault{ID: check.TrustKey})
	count := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Cause") || len(spec.Values) != 1 {
			return true
		}
		count++
		cause, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if r := check.Remedy(&check.Fault{ID: check.TrustKey, Cause: check.Cause(cause)}); r == "" || r == usual {
			t.Errorf("%s has no remedy of its own", spec.Names[0].Name)
		}
		return true
	})
	if count == 0 {
		t.Error("found no causes")
	}
}

// TestRemediesNameNoFlags: a library has none.
func TestRemediesNameNoFlags(t *testing.T) {
	for _, q := range check.Table {
		text := strings.ReplaceAll(q.Asks+" "+q.Remedy, "cosign sign --recursive", "")
		if strings.Contains(text, "--") || q.Scope == "" {
			t.Errorf("%s, of scope %q, names a flag: %s", q.ID, q.Scope, text)
		}
	}
}

func TestFaultAsError(t *testing.T) {
	for want, f := range map[string]check.Fault{
		"blob.size: too long": {ID: check.BlobSize, Detail: "too long"},
		"sha256:x: blob.size: too long (expected 1, found 2)": {ID: check.BlobSize, Detail: "too long", Subject: "sha256:x", Expected: "1", Found: "2"},
		"limit.depth: nests (expected at most 4, found )":     {ID: check.LimitDepth, Detail: "nests", Expected: "at most 4"},
	} {
		err := error(&f)
		if got := (*check.Fault)(nil); err.Error() != want || !errors.As(err, &got) || got.ID != f.ID {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
