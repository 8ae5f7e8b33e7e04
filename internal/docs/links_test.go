package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
	fence   = regexp.MustCompile("(?ms)^```.*?^```$")
)

// TestLinks requires every relative link to lead to an existing file, and to a
// heading of that file if it names one.
func TestLinks(t *testing.T) {
	found := 0
	for _, name := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(readDocument(t, name), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			found++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := name
			if file != "" {
				target = path.Join(path.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(target))); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", name, m[1])
				continue
			}
			if anchor != "" && !anchors(readDocument(t, target))[anchor] {
				t.Errorf("%s: %s has no heading #%s", name, target, anchor)
			}
		}
	}
	if found < 10 {
		t.Errorf("found only %d relative links", found)
	}
}

// anchors returns the names that links use for headings: lower case, without
// punctuation, with hyphens between words.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		all[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])] = true
	}
	return all
}

// unwanted texts must not occur in a document. Host names of package registries
// are concatenated here, so that this file does not contain them.
var unwanted = []string{
	"proxy.golang" + ".org", "sum.golang" + ".org", "npmjs" + ".org", "npmjs" + ".com", "deb.debian" + ".org",
	"security.debian" + ".org", "pypi" + ".org", "crates" + ".io", "rubygems" + ".org",
	"/tmp/", "/work/", "gapseal-lab", "127.0.0.1:5000", "TODO", "FIXME",
}

func TestWords(t *testing.T) {
	for _, name := range documents(t) {
		text := strings.ToLower(readDocument(t, name))
		for _, word := range unwanted {
			if strings.Contains(text, strings.ToLower(word)) {
				t.Errorf("%s: holds %q", name, word)
			}
		}
	}
}
