package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
)

// completed returns the words that complete the last argument, and the directive of
// cobra that the shell is given.
func completed(t *testing.T, args ...string) (words []string, directive string) {
	t.Helper()
	var out bytes.Buffer
	root := testRoot()
	root.SetOut(&out)
	root.SetErr(&bytes.Buffer{})
	root.SetArgs(append([]string{"__complete"}, args...))
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		words = append(words, word)
	}
	return words[:len(words)-1], words[len(words)-1]
}

// Directives of cobra, as it prints them.
const (
	anyFile    = ":0"
	noFile     = ":4"
	unfinished = ":6" // no file, and no space after the word
	anyFolder  = ":16"
)

func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	bundle := filepath.Join(dir, "app.tar")
	if err := os.WriteFile(bundle, fixture.Bundle(t, "app:v1", "multi:v1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "app.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "app\x1b[2J"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for line, c := range map[string]struct{ want, directive string }{
		"export --volume-size ":          {"fat32 cd dvd dvd-dl bd", noFile},
		"export --key ":                  {"", anyFile},
		"export --jobs ":                 {"", noFile},
		"export ":                        {"", noFile},
		"verify ":                        {"", anyFile},
		"verify app.tar ":                {"", noFile},
		"verify --register ":             {"", anyFolder},
		"verify --output ":               {"text json cosign", noFile},
		"verify --report sha256=" + dir:  {"sha256=" + dir + "/", unfinished},
		"verify --deep --dee":            {"", noFile},
		"register ":                      {"list show check export head", noFile},
		"register list ":                 {"", anyFolder},
		"help register ":                 {"list show check export head", noFile},
		"verify " + bundle + " --image ": {fixture.Host + "app:v1 " + fixture.Host + "multi:v1", noFile},
		"verify " + dir + " --image ":    {"", noFile},
		"verify --report csv=" + dir + "/app": {
			"csv=" + dir + "/app.d/ csv=" + dir + "/app.tar", noFile,
		},
	} {
		words, directive := completed(t, strings.Split(line, " ")...)
		if got := strings.Join(words, " "); got != c.want || directive != c.directive {
			t.Errorf("gapseal %s: %q %s, want %q %s", line, got, directive, c.want, c.directive)
		}
	}
}
