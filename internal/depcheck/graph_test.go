package depcheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/gapseal/gapseal"

// platforms are those that gapseal is built for. Imports differ between them.
var platforms = []string{"linux", "darwin", "windows"}

// pkg is a package as go list reports it.
type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
	Module     *struct{ Path string }
}

// graph holds packages by their import path.
type graph map[string]*pkg

// list returns the packages that match the patterns, and all that they import,
// for each platform. Without the go tool it skips the test.
func list(t *testing.T, patterns ...string) map[string]graph {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go tool to list the dependencies with")
	}
	graphs := map[string]graph{}
	for _, goos := range platforms {
		graphs[goos] = listOn(t, goos, patterns)
	}
	return graphs
}

// once caches answers of the go tool by platform and patterns.
var once sync.Map

func listOn(t *testing.T, goos string, patterns []string) graph {
	t.Helper()
	key := goos + " " + strings.Join(patterns, " ")
	if g, ok := once.Load(key); ok {
		return g.(graph)
	}
	args := append([]string{"list", "-deps", "-json=ImportPath,Imports,Standard,Module"}, patterns...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(),
		"GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	g := graph{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &pkg{}
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		g[p.ImportPath] = p
	}
	once.Store(key, g)
	return g
}

// path returns the shortest chain of imports from one package to another, nil if
// there is none.
func (g graph) path(from, to string) []string {
	came := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == to {
			return trace(came, to)
		}
		if g[queue[0]] == nil {
			continue
		}
		for _, next := range g[queue[0]].Imports {
			if _, seen := came[next]; !seen {
				came[next] = queue[0]
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// without returns the graph as if these packages imported nothing.
func (g graph) without(packages ...string) graph {
	if len(packages) == 0 {
		return g
	}
	cut := maps.Clone(g)
	for _, p := range packages {
		delete(cut, p)
	}
	return cut
}

func trace(came map[string]string, at string) (path []string) {
	for ; at != ""; at = came[at] {
		path = append([]string{at}, path...)
	}
	return path
}

// ours returns the path of one of our packages relative to the module, and ""
// for any other package.
func ours(importPath string) string {
	if rest, ok := strings.CutPrefix(importPath, module+"/"); ok {
		return rest
	}
	return ""
}

func TestPathIsFound(t *testing.T) {
	g := graph{"a": {Imports: []string{"b", "c"}}, "b": {Imports: []string{"d"}}, "c": {Imports: []string{"b"}}}
	if got := strings.Join(g.path("a", "d"), " "); got != "a b d" {
		t.Errorf("path %q, want a b d", got)
	}
	if got := g.without("b").path("a", "d"); got != nil {
		t.Errorf("path %q without b, want none", got)
	}
	if got := g.path("b", "c"); got != nil {
		t.Errorf("path %q, want none", got)
	}
}
