package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/gapseal/gapseal/internal/fixture"
)

// keyPassword opens encrypted.key.
const keyPassword = "open sesame"

// writeKeys puts fresh private keys into a folder, each with its public half
// beside it: seal.key, another.key, weak.key, and seal.key as cosign encrypts it;
// and those of the walk-through, which are always the same.
func writeKeys(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	der := writeKey(t, dir, "seal", elliptic.P256())
	writeKey(t, dir, "another", elliptic.P256())
	writeKey(t, dir, "weak", elliptic.P224())
	writeDocKeys(t, dir)
	box, err := encrypted.EncryptWithCustomKDFParameters(der, []byte(keyPassword), encrypted.Legacy)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, "encrypted.key"), "ENCRYPTED SIGSTORE PRIVATE KEY", box)
}

func writeKey(t *testing.T, dir, name string, curve elliptic.Curve) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, name+".key"), "PRIVATE KEY", der)
	if err := os.WriteFile(filepath.Join(dir, name+".pub"), fixture.PEM(&key.PublicKey), 0o444); err != nil {
		t.Fatal(err)
	}
	return der
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o400); err != nil {
		t.Fatal(err)
	}
}
