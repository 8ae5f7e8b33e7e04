package docs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// yamlKey is a key in the tag of a struct, and keyRow one in a table.
var (
	yamlKey = regexp.MustCompile(`yaml:"([A-Za-z]+)"`)
	keyRow  = regexp.MustCompile("(?m)^\\| `([A-Za-z.\\[\\]]+)` \\|")
)

// TestYAMLKeys wants each key of a policy and of a transfer record to be
// described in operating.md, and no other.
func TestYAMLKeys(t *testing.T) {
	for heading, files := range map[string][]string{
		"The policy file":     {"policy.go", "rule.go", "anchors.go"},
		"The transfer record": {"transfer.go"},
	} {
		want := map[string]bool{}
		for _, file := range files {
			raw, err := os.ReadFile(filepath.Join(root, "verify", "policy", file))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range yamlKey.FindAllSubmatch(raw, -1) {
				want[string(m[1])] = true
			}
		}
		_, text, ok := strings.Cut(readDocument(t, "docs/operating.md"), "\n## "+heading+"\n")
		text, _, _ = strings.Cut(text, "\n## ")
		found := map[string]bool{}
		for _, m := range keyRow.FindAllStringSubmatch(text, -1) {
			found[m[1][strings.LastIndexByte(m[1], '.')+1:]] = true
		}
		if !ok || len(want) < 10 || !maps.Equal(want, found) {
			t.Errorf("docs/operating.md, %s, describes %v; the code reads %v", heading, slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(want)))
		}
	}
}
