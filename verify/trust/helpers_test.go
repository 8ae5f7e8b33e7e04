package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustParse(t testing.TB, text []byte) *Key {
	t.Helper()
	key, err := ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func block(blockType string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der})
}

func spki(t testing.TB, pub crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newECDSA(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newRSA is called once, because generating an RSA key is slow.
var newRSA = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// extended adds an element to a DER sequence. encoding/asn1 ignores it.
func extended(t testing.TB, der []byte) []byte {
	t.Helper()
	var elements []asn1.RawValue
	if _, err := asn1.Unmarshal(der, &elements); err != nil {
		t.Fatal(err)
	}
	out, err := asn1.Marshal(append(elements, asn1.RawValue{FullBytes: []byte{5, 0}}))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantFormat asserts a check.FormatError about what, with reason in its reason.
func wantFormat(t *testing.T, err error, what, reason string) {
	t.Helper()
	var format *check.FormatError
	if !errors.As(err, &format) {
		t.Fatalf("got %T (%v), want *check.FormatError", err, err)
	}
	if !strings.Contains(format.What, what) || !strings.Contains(format.Reason, reason) {
		t.Fatalf("got %q, want it about %q saying %q", err, what, reason)
	}
}

func wantUnsupported(t *testing.T, err error, found string) {
	t.Helper()
	var unsupported *UnsupportedError
	if !errors.As(err, &unsupported) {
		t.Fatalf("got %T (%v), want *UnsupportedError", err, err)
	}
	if unsupported.Found != found || !strings.Contains(err.Error(), unsupported.Want) {
		t.Fatalf("got %q, want it to name %q", err, found)
	}
}
