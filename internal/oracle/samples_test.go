package oracle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/cert"
)

// sample is a Sigstore bundle with its anchors. README.md describes the files from
// which it is read.
type sample struct {
	name     string
	bundle   []byte
	subject  oci.Digest
	artifact []byte // has the digest subject; nil if only the digest is known
	root     []byte // trusted root
	key      []byte // PEM; nil if there is an identity
	identity *cert.Policy
	fresh    bool // judged by the host's clock
	expect   bool // both sides must accept it without a change
}

// readSamples reads the samples below a directory. Each directory with a
// bundle.json is a sample.
func readSamples(t *testing.T, top string) (list []*sample) {
	t.Helper()
	err := filepath.WalkDir(top, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Base(path) != "bundle.json" {
			return err
		}
		list = append(list, readSample(t, top, filepath.Dir(path)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func readSample(t *testing.T, top, dir string) *sample {
	t.Helper()
	name, err := filepath.Rel(top, dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &sample{
		name: filepath.ToSlash(name), bundle: optional(t, dir, "bundle.json"), artifact: optional(t, dir, "artifact"),
		root: optional(t, dir, "trusted_root.json"), key: optional(t, dir, "key.pub"),
		expect: !strings.HasPrefix(filepath.Base(dir), "bad-"),
	}
	if s.root == nil {
		s.root = optional(t, filepath.Dir(dir), "trusted_root.json")
	}
	s.subject = oci.FromBytes(s.artifact)
	if s.artifact == nil {
		s.subject = oci.Digest(strings.TrimSpace(string(optional(t, dir, "digest"))))
	}
	if lines := strings.Fields(string(optional(t, dir, "identity"))); len(lines) == 2 {
		s.identity = &cert.Policy{SAN: lines[0], Issuer: lines[1]}
	}
	if s.root == nil || (s.key == nil) == (s.identity == nil) {
		t.Fatalf("%s: want trusted_root.json there or above, and either key.pub or identity", dir)
	}
	if _, err := oci.ParseDigest(string(s.subject)); err != nil {
		t.Fatalf("%s: want an artifact or a digest: %v", dir, err)
	}
	return s
}

// optional reads a file. It returns nil if there is none.
func optional(t *testing.T, dir, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
