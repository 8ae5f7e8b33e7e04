package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// target matches a make target that a document names.
var target = regexp.MustCompile("(?m)(?:^|`)make ([a-z0-9]+)")

// TestTargets requires every make target that a document names to exist.
func TestTargets(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range documents(t) {
		for _, m := range target.FindAllStringSubmatch(readDocument(t, name), -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(raw) {
				t.Errorf("%s: the Makefile has no target %s", name, m[1])
			}
		}
	}
}
