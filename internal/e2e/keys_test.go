package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
)

// keyPassword encrypts the private keys, as cosign requires.
const keyPassword = "end-to-end"

// keyPair is the paths of two files that cosign generate-key-pair wrote.
type keyPair struct{ private, public string }

// makeSigners has cosign make the two signing keys of this run.
func (l *lab) makeSigners() error {
	for name, pair := range map[string]*keyPair{"signer": &l.signer, "untrusted": &l.untrusted} {
		prefix := filepath.Join(l.dir, name)
		if err := l.must("cosign2", "generate-key-pair", "--output-key-prefix", prefix); err != nil {
			return err
		}
		*pair = keyPair{private: prefix + ".key", public: prefix + ".pub"}
	}
	return nil
}

// must runs a tool outside of any test, and returns an error unless it succeeds.
func (l *lab) must(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	return succeed(l.command(ctx, name, args...))
}

// fingerprint returns "sha256:" and the SHA-256 of the DER of the public key in a PEM
// file.
func fingerprint(t *testing.T, publicFile string) string {
	t.Helper()
	text, err := os.ReadFile(publicFile)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s holds no PEM block", publicFile)
	}
	sum := sha256.Sum256(block.Bytes)
	return "sha256:" + hex.EncodeToString(sum[:])
}
