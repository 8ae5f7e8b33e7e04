package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

const (
	fingerprintPrefix = "sha256:"
	minECDSABits      = 256
	minRSABits        = 2048
	minRSAExponent    = 65537
)

// Key is a public key. Whether it is an anchor is the caller's business: a key
// found in a bundle can be a Key, and is not one.
type Key struct {
	Public crypto.PublicKey // *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey
	DER    []byte           // SubjectPublicKeyInfo
	Path   string           // where it was read from; set by the caller, may be empty
}

// NewKey returns pub as a Key. The error is an [*UnsupportedError] for a type
// other than ECDSA, RSA and Ed25519, a [*FormatError] for a key that cannot be
// encoded, and matches [ErrTooLarge] for RSA beyond [MaxRSABits].
func NewKey(pub crypto.PublicKey) (*Key, error) {
	switch k := pub.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits > MaxRSABits {
			return nil, tooLarge("RSA modulus: bits", bits, MaxRSABits)
		}
	default:
		return nil, &UnsupportedError{What: "key type", Found: fmt.Sprintf("%T", pub), Want: "ECDSA, RSA or Ed25519"}
	}
	der, err := cryptoutils.MarshalPublicKeyToDER(pub)
	if err != nil {
		return nil, malformed("public key", "%v", err)
	}
	return &Key{Public: pub, DER: der}, nil
}

// Fingerprint returns "sha256:" and the lower-case hex of the SHA-256 of the
// key's SubjectPublicKeyInfo.
func (k *Key) Fingerprint() string { return fingerprintPrefix + k.hexDigest() }

func (k *Key) hexDigest() string {
	sum := sha256.Sum256(k.DER)
	return hex.EncodeToString(sum[:])
}

// PEM returns the key as a PEM block PUBLIC KEY, with a final newline.
func (k *Key) PEM() string {
	return string(cryptoutils.PEMEncode(cryptoutils.PublicKeyPEMType, k.DER))
}

// Describe names the algorithm and size: "ECDSA P-256", "RSA 3072", "Ed25519".
func (k *Key) Describe() string {
	switch pub := k.Public.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + pub.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", pub.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", k.Public)
}

// CheckStrength answers whether the key may be relied on: ECDSA on P-256,
// P-384 or P-521, Ed25519, or RSA of 2048 bits and more with an odd public
// exponent of 65537 and more (FIPS 186-5). If not, or for a key of no such
// type, the error is a [*WeakKeyError].
func (k *Key) CheckStrength() error {
	switch pub := k.Public.(type) {
	case ed25519.PublicKey:
		return nil
	case *ecdsa.PublicKey:
		if pub.Curve.Params().BitSize >= minECDSABits {
			return nil
		}
		return &WeakKeyError{Key: k.Describe(), Want: "P-256, P-384 or P-521"}
	case *rsa.PublicKey:
		return k.checkRSA(pub)
	}
	return &WeakKeyError{Key: k.Describe(), Want: "an ECDSA, RSA or Ed25519 key"}
}

func (k *Key) checkRSA(pub *rsa.PublicKey) error {
	if pub.N.BitLen() < minRSABits {
		return &WeakKeyError{Key: k.Describe(), Want: fmt.Sprintf("at least %d bits", minRSABits)}
	}
	if pub.E < minRSAExponent || pub.E%2 == 0 {
		return &WeakKeyError{
			Key:  fmt.Sprintf("%s with the exponent %d", k.Describe(), pub.E),
			Want: fmt.Sprintf("an odd exponent of at least %d", minRSAExponent),
		}
	}
	return nil
}

// ParseFingerprint returns s if it is a fingerprint as [Key.Fingerprint] writes
// it, and a [*FormatError] otherwise. Upper case is refused, as there is one
// way to write a fingerprint.
func ParseFingerprint(s string) (string, error) {
	digits, ok := strings.CutPrefix(s, fingerprintPrefix)
	sum, err := hex.DecodeString(digits)
	if !ok || err != nil || len(sum) != sha256.Size || digits != strings.ToLower(digits) {
		return "", malformed("key fingerprint", "want sha256: and 64 lower-case hex digits, found %q", s)
	}
	return s, nil
}
