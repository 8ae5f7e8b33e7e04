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

// root is where the documents are, seen from this package.
const root = "../.."

// documents lists README.md, CHANGELOG.md and docs/*.md, from root.
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

// A generated part stands between two comments:
//
//	<!-- generated: NAME -->
//	…
//	<!-- end -->
var generatedPart = regexp.MustCompile(`(?s)<!-- generated: ([a-z0-9. -]+) -->\n(.*?)<!-- end -->`)

// TestGenerated compares every generated part with what the code makes, and
// wants each of them to stand somewhere.
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
				t.Errorf("%s: the part %q is out of date; run go test ./internal/docs -update\nfound:\n%s\nwant:\n%s", name, m[1], m[2], want)
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
			t.Errorf("the part %q stands in no document", name)
		}
	}
}

// fenced returns text as a code block of a language.
func fenced(language, text string) string {
	return "```" + language + "\n" + strings.TrimRight(text, "\n") + "\n```\n"
}

// table returns rows as a Markdown table, the first being its head.
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

// code sets every non-empty cell of a column in code.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// concat joins the generators of several sources; a name may stand in one only.
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

// classes lists the classes of the checks in the order of cause, each once.
func classes(ids []string) (list []string) {
	for _, id := range ids {
		class, _, _ := strings.Cut(id, ".")
		if !slices.Contains(list, class) {
			list = append(list, class)
		}
	}
	return list
}
