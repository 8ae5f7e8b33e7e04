package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/policy"
)

// source matches what an example policy says about the origin of its facts.
var source = regexp.MustCompile(`\(read\s(?:# )?20[0-9]{2}-[0-9]{2}-[0-9]{2}\)|unconfirmed`)

// TestPublisherPolicies parses each example policy, whose key files are represented
// by the key of testdata. Each must be listed in publishers.md, and name the sources
// of its facts unless it is about the reader's own key.
func TestPublisherPolicies(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "docs", "policies", "*.yaml"))
	if err != nil || len(files) < 20 {
		t.Fatalf("docs/policies: found %d, %v", len(files), err)
	}
	listed := readDocument(t, "docs/publishers.md")
	for _, file := range files {
		name := filepath.Base(file)
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := policy.Parse(raw, standIn); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(listed, "](policies/"+name+")") {
			t.Errorf("docs/publishers.md does not list %s", name)
		}
		if !strings.HasPrefix(name, "own-key") && !source.Match(raw) {
			t.Errorf("%s does not say when its sources were read", name)
		}
	}
}

// standIn is a [policy.Opener] for keys that only their publishers can provide.
func standIn(name string) ([]byte, string, error) {
	raw, err := os.ReadFile(filepath.Join(root, "testdata", "keys", "cosign.pub"))
	return raw, name, err
}
