package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mannered matches words that this project avoids in code, messages and
// documents, because readers stumble over them. They are concatenated here, so
// that this file does not contain them.
var mannered = regexp.MustCompile(`(?i)\b(` + strings.Join([]string{
	"another r" + "oad", "a" + "new", "no" + "body", "who" + "ever", "be" + " it", "held ag" + "ainst",
	"there" + "of", "to" + "ld", "str" + "ange", "stran" + "gers?", "wei" + "ghed",
}, "|") + `)\b`)

// allowed is the only use of such a word: an identifier of the standard library.
const allowed = "http.No" + "Body"

// TestPlainWords finds mannered words in the repository's own texts.
func TestPlainWords(t *testing.T) {
	extensions := []string{".go", ".md", ".txt", ".txtar", ".html", ".css", ".json", ".xml", ".csv", ".yaml"}
	own := []string{"README.md", "CHANGELOG.md", "Makefile"}
	for _, dir := range []string{"bundle", "cmd", "docs", "internal", "oci", "verify", "testdata"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && slices.Contains(extensions, filepath.Ext(path)) {
				name, _ := filepath.Rel(root, path)
				own = append(own, filepath.ToSlash(name))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range own {
		raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), allowed, "")
		if found := mannered.FindAllString(text, 3); found != nil {
			t.Errorf("%s contains %q; say it plainly", name, found)
		}
	}
	if len(own) < 300 {
		t.Errorf("found only %d files", len(own))
	}
}
