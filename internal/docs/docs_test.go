package docs

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated parts of the documents")

// root is the root of the repository, relative to this package.
const root = "../.."

// documents lists README.md, CHANGELOG.md and docs/*.md, relative to root.
func documents(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(paths) < 5 {
		t.Fatalf("docs/*.md: found %d, %v", len(paths), err)
	}
	list := []string{"README.md", "CHANGELOG.md"}
	for _, p := range paths {
		list = append(list, "docs/"+filepath.Base(p))
	}
	return list
}

func readDocument(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// A generated part of a document is enclosed in two comments:
//
//	<!-- generated: NAME -->
//	…
//	<!-- end -->
var generatedPart = regexp.MustCompile(`(?s)<!-- generated: ([a-z0-9. -]+) -->\n(.*?)<!-- end -->`)

// TestGenerated compares every generated part with what its generator returns,
// and requires every generator to be used. With -update it writes the documents.
func TestGenerated(t *testing.T) {
	parts := generators()
	used := map[string]bool{}
	for _, name := range documents(t) {
		text := readDocument(t, name)
		fresh := generatedPart.ReplaceAllStringFunc(text, func(part string) string {
			m := generatedPart.FindStringSubmatch(part)
			generate := parts[m[1]]
			if generate == nil {
				t.Errorf("%s: nothing generates %q", name, m[1])
				return part
			}
			used[m[1]] = true
			want := generate(t)
			if m[2] != want && !*update {
				t.Errorf("%s: the part %q is out of date; run go test ./internal/docs -update\nfound:\n%s\nwant:\n%s",
					name, m[1], m[2], want)
			}
			return "<!-- generated: " + m[1] + " -->\n" + want + "<!-- end -->"
		})
		if opened := strings.Count(text, "<!-- generated:"); opened != len(generatedPart.FindAllString(text, -1)) {
			t.Errorf("%s: a generated part has no end", name)
		}
		if *update && fresh != text && !t.Failed() {
			if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), []byte(fresh), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name := range parts {
		if !used[name] {
			t.Errorf("no document has the part %q", name)
		}
	}
}

// fenced returns text as a code block of a language.
func fenced(language, text string) string {
	return "```" + language + "\n" + strings.TrimRight(text, "\n") + "\n```\n"
}

// table returns rows as a Markdown table. The first row is the head.
func table(rows ...[]string) string {
	var b strings.Builder
	for i, r := range rows {
		b.WriteString("| " + strings.Join(r, " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(r)) + "|\n")
		}
	}
	return b.String()
}

// code formats a non-empty cell as code.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// concat joins the generators of several sources. It panics if two have the same
// name.
func concat(maps ...map[string]func(testing.TB) string) map[string]func(testing.TB) string {
	all := map[string]func(testing.TB) string{}
	for _, m := range maps {
		for name, f := range m {
			if all[name] != nil {
				panic("two generators are called " + name)
			}
			all[name] = f
		}
	}
	return all
}

func generators() map[string]func(testing.TB) string {
	return concat(checkParts(), formatParts(), reportParts(), failureParts(), tableParts(),
		mediaParts(), changeParts(), sealParts(), walkParts(), libraryParts())
}

// classes lists the classes of checks, each once, in the order of cause.
func classes(ids []string) (list []string) {
	for _, id := range ids {
		class, _, _ := strings.Cut(id, ".")
		if !slices.Contains(list, class) {
			list = append(list, class)
		}
	}
	return list
}
