package dsse

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func fixed(password string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(password), nil }
}

func encrypt(t testing.TB, der []byte, password string) []byte {
	t.Helper()
	raw, err := encrypted.EncryptWithCustomKDFParameters(der, []byte(password), encrypted.Legacy)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestLoadSigner(t *testing.T) {
	key := newP256(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	box, noPassword := encrypt(t, pkcs8(t, key), "secret"), encrypt(t, pkcs8(t, key), "")
	for name, test := range map[string]struct {
		text     []byte
		password string
		public   any
	}{
		"PKCS #8": {block("PRIVATE KEY", pkcs8(t, key)), "?", key.Public()},
		"SEC 1":   {block("EC PRIVATE KEY", sec1), "?", key.Public()},
		"SEC 1 by OpenSSL": {append(block("EC PARAMETERS", []byte("x")), block("EC PRIVATE KEY", sec1)...), "?",
			key.Public()},
		"PKCS #1":          {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), "?", rsaKey.Public()},
		"cosign":           {block("ENCRYPTED SIGSTORE PRIVATE KEY", box), "secret", key.Public()},
		"cosign, first":    {block("ENCRYPTED COSIGN PRIVATE KEY", box), "secret", key.Public()},
		"with no password": {block("ENCRYPTED SIGSTORE PRIVATE KEY", noPassword), "", key.Public()},
	} {
		s, err := LoadSigner(test.text, func() ([]byte, error) {
			if test.password == "?" {
				t.Errorf("%s: a password was asked for", name)
			}
			return []byte(test.password), nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, err := trust.NewKey(test.public)
		if err != nil {
			t.Fatal(err)
		}
		if s.Public().Fingerprint() != want.Fingerprint() {
			t.Errorf("%s: got %s, want %s", name, s.Public().Fingerprint(), want.Fingerprint())
		}
	}
}

// A key behind a hardware module is a crypto.Signer of a type that nothing here
// knows.
type module struct{ crypto.Signer }

func TestNewSignerTakesAnySigner(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.Signer{newP256(t), edKey} {
		s, err := NewSigner(module{key})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := Sign(someType, []byte("said"), s)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(raw, someType, []*trust.Key{s.Public()}); err != nil {
			t.Errorf("%s: %v", s.Public().Describe(), err)
		}
	}
}

// TestNoSigner signs without a key.
func TestNoSigner(t *testing.T) {
	for name, s := range map[string]*Signer{"nil": nil, "zero": {}} {
		if env, err := Sign("application/x-test", []byte("{}"), s); env != nil || err == nil ||
			!strings.Contains(err.Error(), "there is no key to sign with") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, private := range []crypto.Signer{nil, (*ecdsa.PrivateKey)(nil)} {
		if _, err := NewSigner(private); err == nil {
			t.Errorf("a signer of %T that is nil", private)
		}
	}
	s := signerOf(t, newP256(t))
	env, err := Sign("application/x-test", []byte("{}"), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, key, err := Open(env, "application/x-test", []*trust.Key{nil, s.Public()}); err != nil || key != s.Public() {
		t.Errorf("beside a nil: %v", err)
	}
	if _, _, err := Open(env, "application/x-test", []*trust.Key{nil}); err == nil {
		t.Error("opened with a nil key")
	}
}

func TestNewSignerRefuses(t *testing.T) {
	var unsupported *trust.UnsupportedError
	if _, err := NewSigner(nil); !errors.As(err, &unsupported) {
		t.Errorf("nil: %v", err)
	}
	weak, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var weakErr *trust.WeakKeyError
	if _, err := NewSigner(weak); !errors.As(err, &weakErr) {
		t.Errorf("P-224: %v", err)
	}
}

func TestLoadSignerRefusesTheForm(t *testing.T) {
	der := pkcs8(t, newP256(t))
	plain := block("PRIVATE KEY", der)
	for name, test := range map[string]struct{ text, want string }{
		"nothing":           {"", "found none"},
		"two keys":          {string(plain) + string(plain), "found more"},
		"parameters after":  {string(plain) + string(block("EC PARAMETERS", der)), "found more"},
		"a public key":      {string(block("PUBLIC KEY", der)), "this is a public key"},
		"a certificate":     {string(block("CERTIFICATE", der)), "this is a certificate"},
		"PKCS #8 encrypted": {string(block("ENCRYPTED PRIVATE KEY", der)), "cosign import-key-pair"},
		"another type":      {string(block("OPENSSH PRIVATE KEY", der)), "found another type"},
		"headers": {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der,
			Headers: map[string]string{"a": "b"}})), "without headers"},
		"legacy encryption": {string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der,
			Headers: map[string]string{"DEK-Info": "DES-CBC,00"}})), "cosign import-key-pair"},
		"broken":    {string(block("PRIVATE KEY", der[:20])), "PRIVATE KEY: "},
		"not a box": {string(block("ENCRYPTED COSIGN PRIVATE KEY", der)), "ENCRYPTED COSIGN PRIVATE KEY: "},
		"slow box":  {string(block("ENCRYPTED COSIGN PRIVATE KEY", slowBox(t))), "scrypt parameters"},
	} {
		var format *check.FormatError
		if _, err := LoadSigner([]byte(test.text), fixed("")); !errors.As(err, &format) ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadSigner(make([]byte, MaxKeyFile+1), nil); !errors.Is(err, check.ErrTooLarge) {
		t.Error(err)
	}
}

// slowBox returns a box that takes far more work to decrypt than those that tools
// write.
func slowBox(t testing.TB) []byte {
	t.Helper()
	return []byte(strings.Replace(string(encrypt(t, []byte("x"), "")), `"N":32768`, `"N":1073741824`, 1))
}

func TestLoadSignerRefusesThePassword(t *testing.T) {
	text := block("ENCRYPTED SIGSTORE PRIVATE KEY", encrypt(t, pkcs8(t, newP256(t)), "secret"))
	if _, err := LoadSigner(text, fixed("another")); !errors.Is(err, ErrPassword) {
		t.Errorf("a wrong password: %v", err)
	}
	interrupted := errors.New("interrupted")
	if _, err := LoadSigner(text, func() ([]byte, error) { return nil, interrupted }); !errors.Is(err, interrupted) {
		t.Errorf("none given: %v", err)
	}
	var format *check.FormatError
	if _, err := LoadSigner(text, nil); !errors.As(err, &format) {
		t.Errorf("no password function: %v", err)
	}
}

func TestLoadSignerRefusesTheKey(t *testing.T) {
	weak, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var weakErr *trust.WeakKeyError
	if _, err := LoadSigner(block("PRIVATE KEY", pkcs8(t, weak)), nil); !errors.As(err, &weakErr) {
		t.Errorf("P-224: %v", err)
	}
	agreement, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var unsupported *trust.UnsupportedError
	if _, err := LoadSigner(block("PRIVATE KEY", pkcs8(t, agreement)), nil); !errors.As(err, &unsupported) {
		t.Errorf("X25519: %v", err)
	}
}

func FuzzLoadSigner(f *testing.F) {
	f.Add(block("PRIVATE KEY", pkcs8(f, newP256(f))))
	f.Add(block("ENCRYPTED COSIGN PRIVATE KEY", []byte(`{"kdf":{}}`)))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := LoadSigner(text, fixed(""))
		if err == nil && s.Public().CheckStrength() != nil {
			t.Error("a weak key was accepted")
		}
	})
}
