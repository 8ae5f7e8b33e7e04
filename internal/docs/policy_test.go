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

// transferKeys is the file of verify/policy with the keys of a transfer record;
// its other files hold those of a policy.
const transferKeys = "transfer.go"

// TestYAMLKeys compares the keys of a policy and of a transfer record that the
// code reads with those that operating.md describes.
func TestYAMLKeys(t *testing.T) {
	policyKeys, recordKeys := yamlKeys(t)
	for heading, want := range map[string]map[string]bool{
		"The policy file":     policyKeys,
		"The transfer record": recordKeys,
	} {
		_, text, ok := strings.Cut(readDocument(t, "docs/operating.md"), "\n## "+heading+"\n")
		text, _, _ = strings.Cut(text, "\n## ")
		found := map[string]bool{}
		for _, m := range keyRow.FindAllStringSubmatch(text, -1) {
			found[m[1][strings.LastIndexByte(m[1], '.')+1:]] = true
		}
		if !ok || len(want) < 10 || !maps.Equal(want, found) {
			t.Errorf("docs/operating.md, %s, describes %v; the code reads %v",
				heading, slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(want)))
		}
	}
}

// yamlKeys returns the keys in the struct tags of verify/policy.
func yamlKeys(t *testing.T) (policyKeys, recordKeys map[string]bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "verify", "policy", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	policyKeys, recordKeys = map[string]bool{}, map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		keys := policyKeys
		if filepath.Base(file) == transferKeys {
			keys = recordKeys
		}
		for _, m := range yamlKey.FindAllSubmatch(raw, -1) {
			keys[string(m[1])] = true
		}
	}
	return policyKeys, recordKeys
}
