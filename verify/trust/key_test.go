package trust

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

// Fingerprints as OpenSSL computes them:
// openssl pkey -pubin -in FILE -outform DER | sha256sum.
func TestFingerprintAndDescription(t *testing.T) {
	for _, test := range []struct{ file, fingerprint, description string }{
		{"cosign.pub", "sha256:5914d0ecee1fee54e59ad99df66dd7c814dc8bcadaf3bd537cf5a0b2d9984915", "ECDSA P-256"},
		{"rekor1.pub", "sha256:968f851ed47bb8d32b74b1990125a3c4dcc28271b86b6a38a95ea0135fd32062", "ECDSA P-256"},
		{"rekor2.pub", "sha256:c678fb6bab7c6db701511e7958601dac82843803ba23facf42de364c4145feea", "Ed25519"},
	} {
		key := mustParse(t, readFile(t, test.file))
		if key.Fingerprint() != test.fingerprint || key.Describe() != test.description {
			t.Errorf("%s: got %s, %s", test.file, key.Fingerprint(), key.Describe())
		}
		if key.PEM() != string(readFile(t, test.file)) {
			t.Errorf("%s: PEM differs from the file", test.file)
		}
		if s, err := ParseFingerprint(key.Fingerprint()); err != nil || s != test.fingerprint {
			t.Errorf("%s: own fingerprint does not parse: %v", test.file, err)
		}
	}
}

func TestParseFingerprintAcceptsOtherSpellings(t *testing.T) {
	digits := strings.Repeat("0a", 31) + "ff"
	want := "sha256:" + digits
	colons := strings.Repeat("0a:", 31) + "ff"
	for name, s := range map[string]string{
		"our own":                want,
		"upper-case digits":      "sha256:" + strings.ToUpper(digits),
		"upper-case prefix":      "SHA256:" + digits,
		"all upper case":         strings.ToUpper(want),
		"colons":                 "sha256:" + colons,
		"upper case with colons": "SHA256:" + strings.ToUpper(colons),
		"mixed case":             "sha256:0A" + digits[2:],
	} {
		if got, err := ParseFingerprint(s); err != nil || got != want {
			t.Errorf("%s: %q is read as %q, %v", name, s, got, err)
		}
	}
}

func TestParseFingerprintRefuses(t *testing.T) {
	good := strings.Repeat("0a", 32)
	for name, s := range map[string]string{
		"empty":        "",
		"no algorithm": good,
		"mixed prefix": "Sha256:" + good,
		"some colons":  "sha256:0a:" + good[2:],
		"last colon":   "sha256:" + strings.Repeat("0a:", 32),
		"first colon":  "sha256:" + strings.Repeat(":0a", 32),
		"other pairs":  "sha256:" + strings.Repeat("0a0:a0a:", 10) + "0a0a",
		"short":        "sha256:" + good[2:],
		"odd":          "sha256:" + good[1:],
		"long":         "sha256:" + good + "00",
		"not hex":      "sha256:" + good[:62] + "0g",
		"newline":      "sha256:" + good + "\n",
		"sha512":       "sha512:" + good,
		"flood":        strings.Repeat("ä", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseFingerprint(s)
			wantFormat(t, err, "key fingerprint", "want sha256: and 64 hex digits")
			if len(err.Error()) > 1000 {
				t.Errorf("message of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestCheckStrengthAccepts(t *testing.T) {
	for name, pub := range map[string]crypto.PublicKey{
		"P-256":    newECDSA(t, elliptic.P256()).Public(),
		"P-384":    newECDSA(t, elliptic.P384()).Public(),
		"P-521":    newECDSA(t, elliptic.P521()).Public(),
		"RSA 2048": newRSA().Public(),
		"Ed25519":  mustParse(t, readFile(t, "rekor2.pub")).Public,
	} {
		key, err := NewKey(pub)
		if err != nil {
			t.Fatal(name, err)
		}
		if err := key.CheckStrength(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckStrengthRefuses(t *testing.T) {
	modulus := func(bits uint) *big.Int { return new(big.Int).SetBit(big.NewInt(1), int(bits)-1, 1) }
	for name, test := range map[string]struct {
		pub  crypto.PublicKey
		want WeakKeyError
	}{
		"P-224":    {newECDSA(t, elliptic.P224()).Public(), WeakKeyError{"ECDSA P-224", "P-256, P-384 or P-521"}},
		"RSA 1024": {&rsa.PublicKey{N: modulus(1024), E: 65537}, WeakKeyError{"RSA 1024", "at least 2048 bits"}},
		"RSA 2047": {&rsa.PublicKey{N: modulus(2047), E: 65537}, WeakKeyError{"RSA 2047", "at least 2048 bits"}},
		"exponent 3": {&rsa.PublicKey{N: newRSA().N, E: 3}, WeakKeyError{"RSA 2048 with the exponent 3",
			"an odd exponent of at least 65537"}},
		"even": {&rsa.PublicKey{N: newRSA().N, E: 65538}, WeakKeyError{"RSA 2048 with the exponent 65538",
			"an odd exponent of at least 65537"}},
		"not a key":   {"text", WeakKeyError{"string", "an ECDSA, RSA or Ed25519 key"}},
		"nothing yet": {nil, WeakKeyError{"<nil>", "an ECDSA, RSA or Ed25519 key"}},
	} {
		err := (&Key{Public: test.pub}).CheckStrength()
		var weak *WeakKeyError
		if !errors.As(err, &weak) || *weak != test.want {
			t.Errorf("%s: got %#v, want %#v", name, err, test.want)
		} else if !strings.Contains(err.Error(), test.want.Want) {
			t.Errorf("%s: message %q", name, err)
		}
	}
}

func TestNewKeyRefuses(t *testing.T) {
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewKey(x25519.Public())
	wantUnsupported(t, err, "*ecdh.PublicKey")

	_, err = NewKey(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), MaxRSABits), E: 65537})
	if !errors.Is(err, check.ErrTooLarge) {
		t.Errorf("RSA over the budget: got %v, want check.ErrTooLarge", err)
	}

	//lint:ignore SA1019 no other way makes a point that is not on the curve
	_, err = NewKey(&ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)})
	wantFormat(t, err, "public key", "not on curve")
}
