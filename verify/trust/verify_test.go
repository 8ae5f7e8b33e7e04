package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"errors"
	"math/big"
	"strings"
	"testing"
)

var message = []byte("what was signed")

// sign makes a signature as cosign does with a plain key.
func sign(t *testing.T, private crypto.Signer) (*Key, []byte) {
	t.Helper()
	input, opts := message, crypto.SignerOpts(crypto.Hash(0))
	if _, pure := private.(ed25519.PrivateKey); !pure {
		sum := sha256.Sum256(message)
		input, opts = sum[:], crypto.SHA256
	}
	sig, err := private.Sign(rand.Reader, input, opts)
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return key, sig
}

func TestVerify(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, private := range map[string]crypto.Signer{
		"P-256": newECDSA(t, elliptic.P256()), "P-384": newECDSA(t, elliptic.P384()), "P-521": newECDSA(t,
			elliptic.P521()),
		"RSA": newRSA(), "Ed25519": edKey,
	} {
		t.Run(name, func(t *testing.T) {
			key, sig := sign(t, private)
			if err := key.Verify(message, sig); err != nil {
				t.Fatal(err)
			}
			err := key.Verify(append(bytes.Clone(message), '.'), sig)
			if !errors.Is(err, ErrSignature) || !strings.Contains(err.Error(), key.Fingerprint()) {
				t.Errorf("another message: got %v, want ErrSignature with the fingerprint", err)
			}
			flipped := bytes.Clone(sig)
			flipped[len(flipped)-1] ^= 1
			if err := key.Verify(message, flipped); !errors.Is(err, ErrSignature) {
				t.Errorf("flipped signature: got %v, want ErrSignature", err)
			}
		})
	}
}

func TestVerifyRefusesOtherSchemes(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384 := newECDSA(t, elliptic.P384())
	sum256, sum384, sum512 := sha256.Sum256(message), sha512.Sum384(message), sha512.Sum512(message)
	pss, err := rsa.SignPSS(rand.Reader, newRSA(), crypto.SHA256, sum256[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	over384, err := ecdsa.SignASN1(rand.Reader, p384, sum384[:])
	if err != nil {
		t.Fatal(err)
	}
	ph, err := edKey.Sign(nil, sum512[:], crypto.SHA512)
	if err != nil {
		t.Fatal(err)
	}
	_, byP256 := sign(t, newECDSA(t, elliptic.P256()))
	_, byP384 := sign(t, p384)
	for name, test := range map[string]struct {
		pub crypto.PublicKey
		sig []byte
	}{
		"RSA PSS":                 {newRSA().Public(), pss},
		"P-384 over SHA-384":      {p384.Public(), over384},
		"Ed25519ph":               {edKey.Public(), ph},
		"ECDSA under Ed25519":     {edKey.Public(), byP256},
		"ECDSA under RSA":         {newRSA().Public(), byP256},
		"P-384's under P-256":     {newECDSA(t, elliptic.P256()).Public(), byP384},
		"another P-256 key":       {newECDSA(t, elliptic.P256()).Public(), byP256},
		"RSA with a leading byte": {newRSA().Public(), append([]byte{0}, rsaSig(t)...)},
		"Ed25519 with nothing":    {edKey.Public(), nil},
	} {
		key, err := NewKey(test.pub)
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Verify(message, test.sig); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: got %v, want ErrSignature", name, err)
		}
	}
}

func rsaSig(t *testing.T) []byte {
	_, sig := sign(t, newRSA())
	return sig
}

func TestVerifyDistinguishesEncodingAndSignature(t *testing.T) {
	key, sig := sign(t, newECDSA(t, elliptic.P256()))
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &v); err != nil {
		t.Fatal(err)
	}
	der := func(integers ...*big.Int) []byte {
		b, err := asn1.Marshal(integers)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	p1363 := make([]byte, 64)
	v.R.FillBytes(p1363[:32])
	v.S.FillBytes(p1363[32:])
	padded := append([]byte{0x30, sig[1] + 1, 2, sig[3] + 1, 0}, sig[4:]...)
	long := append([]byte{0x30, 0x81}, sig[1:]...)
	for name, bad := range map[string][]byte{
		"empty":         nil,
		"trailing byte": append(bytes.Clone(sig), 0),
		"truncated":     sig[:len(sig)-1],
		"one integer":   der(v.R),
		"three":         der(v.R, v.S, v.S),
		"r zero":        der(new(big.Int), v.S),
		"s zero":        der(v.R, new(big.Int)),
		"r negative":    der(new(big.Int).Neg(v.R), v.S),
		"P1363":         p1363,
		"padded":        padded,
		"long length":   long,
	} {
		var encoding *EncodingError
		if err := key.Verify(message, bad); !errors.As(err, &encoding) {
			t.Errorf("%s: got %v, want *EncodingError", name, err)
		} else if !strings.HasPrefix(err.Error(), "ECDSA signature encoding: want ") {
			t.Errorf("%s: message %q", name, err)
		}
	}
	// Well-formed, but not of this curve: the signature is another key's, and its
	// encoding is not at fault.
	beyond := der(new(big.Int).Add(v.R, elliptic.P256().Params().N), v.S)
	if err := key.Verify(message, beyond); !errors.Is(err, ErrSignature) {
		t.Errorf("r beyond the order: got %v, want ErrSignature", err)
	}
}

func TestVerifyWithoutAUsableKey(t *testing.T) {
	err := (&Key{Public: "text"}).Verify(message, nil)
	if err == nil || errors.Is(err, ErrSignature) || !strings.Contains(err.Error(), "unsupported public key type") {
		t.Errorf("got %v, want the key to blame", err)
	}
}
