package e2e

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
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

// rsaKey returns an RSA key of 4096 bits, which it makes once, since that takes long: an
// encrypted private key, the public key, and beside it a certificate for it that is no
// longer valid.
func rsaKey(t *testing.T) keyPair {
	t.Helper()
	prefix := stack.file("rsa")
	pair := keyPair{private: prefix + ".key", public: prefix + ".pub"}
	if _, err := os.Stat(prefix + ".crt"); err == nil {
		return pair
	}
	key := ok(rsa.GenerateKey(rand.Reader, 4096))(t)
	writePEM(t, prefix+".pem", "PRIVATE KEY", ok(x509.MarshalPKCS8PrivateKey(key))(t))
	wantExit(t, 0, command(t, "cosign2", "import-key-pair", "--key", prefix+".pem", "--output-key-prefix", prefix))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "signer"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour),
	}
	der := ok(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)
	writePEM(t, prefix+".crt", "CERTIFICATE", der)
	return pair
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
