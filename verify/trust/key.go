package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
)

const (
	fingerprintPrefix = "sha256:"
	minECDSABits      = 256
	minRSABits        = 2048
	minRSAExponent    = 65537
)

// Key is a public key. The caller knows whether it is an anchor: a key found in
// a bundle can be a Key, and is not one.
type Key struct {
	Public crypto.PublicKey // *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey
	DER    []byte           // SubjectPublicKeyInfo
	Path   string           // where it was read from; set by the caller, may be empty

	// Certificate is the one that the key was read from, nil for a plain key. It
	// is for display: nothing in it is judged, its validity included.
	Certificate *x509.Certificate
}

// NewKey returns pub as a Key. The error is an [*UnsupportedError] for a type
// other than ECDSA, RSA and Ed25519, a [*check.FormatError] for a key that
// cannot be encoded, and matches [check.ErrTooLarge] for RSA beyond
// [MaxRSABits].
func NewKey(pub crypto.PublicKey) (*Key, error) {
	switch k := pub.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits > MaxRSABits {
			return nil, check.TooLarge("RSA modulus: bits", bits, MaxRSABits)
		}
	default:
		return nil, &UnsupportedError{What: "key type", Found: fmt.Sprintf("%T", pub), Want: "ECDSA, RSA or Ed25519"}
	}
	der, err := cryptoutils.MarshalPublicKeyToDER(pub)
	if err != nil {
		return nil, check.Malformed("public key", "%v", err)
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

// CheckStrength checks that the key is strong enough to rely on: ECDSA on
// P-256, P-384 or P-521, Ed25519, or RSA of at least 2048 bits with an odd
// public exponent of at least 65537 (FIPS 186-5). If not, or for a key of no
// such type, the error is a [*WeakKeyError].
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

// ParseFingerprint reads a fingerprint as people and other tools write it, and
// returns it as [Key.Fingerprint] does: "sha256:" or "SHA256:" and 64 hex digits
// in either case, with or without a colon between each pair of digits. The error
// is a [*check.FormatError].
func ParseFingerprint(s string) (string, error) {
	algorithm, digits, _ := strings.Cut(s, ":")
	sum, err := hex.DecodeString(withoutColons(digits))
	if algorithm != "sha256" && algorithm != "SHA256" || err != nil || len(sum) != sha256.Size {
		return "", check.Malformed("key fingerprint", "want sha256: and 64 hex digits, found %q", s)
	}
	return fingerprintPrefix + hex.EncodeToString(sum), nil
}

// withoutColons removes the colons of a text that consists of pairs with one
// colon between each two, and leaves any other text as it is.
func withoutColons(digits string) string {
	pairs := strings.Split(digits, ":")
	for _, pair := range pairs {
		if len(pair) != 2 {
			return digits
		}
	}
	return strings.Join(pairs, "")
}

// Budgets for keys.
const (
	MaxKeyFile = 64 << 10 // bytes of a PEM file
	MaxRSABits = 16384    // as in OpenSSL; beyond, one verification takes seconds
)

const keyFile = "public key file"

// ParseKey reads a public key file as [ParseKeys] does, but for one that holds
// several keys or a certificate, which it refuses.
func ParseKey(text []byte) (*Key, error) {
	keys, err := ParseKeys(text)
	switch {
	case err != nil:
		return nil, err
	case len(keys) > 1:
		return nil, check.Malformed(keyFile, "want one key, found %d", len(keys))
	case keys[0].Certificate != nil:
		return nil, check.Malformed(keyFile, "this is a certificate; give the public key alone, as "+
			"openssl x509 -pubkey -noout prints it")
	}
	return keys[0], nil
}

// ParseKeys reads a public key file: PEM blocks PUBLIC KEY or RSA PUBLIC KEY, or
// else one CERTIFICATE, whose public key is taken and nothing else. Other text may
// stand around the blocks. Each key is returned once, in the order of the file;
// there is at least one.
//
// The error matches [check.ErrTooLarge] when a budget is exceeded, is an
// [*UnsupportedError] for a type of key other than ECDSA, RSA and Ed25519, and a
// [*check.FormatError] otherwise. It says so if the file holds a private key or
// several certificates, and never repeats what is in the file.
func ParseKeys(text []byte) ([]*Key, error) {
	if len(text) > MaxKeyFile {
		return nil, check.TooLarge(keyFile+": bytes", len(text), MaxKeyFile)
	}
	blocks, err := strict.PEM(text)
	if err != nil {
		return nil, check.Malformed(keyFile, "it %v", err)
	}
	if len(blocks) == 0 {
		return nil, check.Malformed(keyFile, "want a PEM block PUBLIC KEY, found none")
	}
	var keys []*Key
	for _, block := range blocks {
		if block.Type == certificateBlock && len(blocks) > 1 {
			return nil, check.Malformed(keyFile, "want the certificate of the signer alone, found %d PEM blocks: of a "+
				"chain, the other certificates would be taken for signers too", len(blocks))
		}
		key, err := readBlock(block)
		if err != nil {
			return nil, err
		}
		same := func(k *Key) bool { return bytes.Equal(k.DER, key.DER) }
		if !slices.ContainsFunc(keys, same) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

const certificateBlock = "CERTIFICATE"

// readBlock reads one PEM block.
func readBlock(block *pem.Block) (*Key, error) {
	switch block.Type {
	case string(cryptoutils.PublicKeyPEMType), string(cryptoutils.PKCS1PublicKeyPEMType), certificateBlock:
	default:
		return nil, check.Malformed(keyFile, "%s", wrongBlock(block.Type))
	}
	if len(block.Headers) > 0 {
		return nil, check.Malformed(keyFile, "want a PEM block without headers")
	}
	if block.Type == certificateBlock {
		return keyOfCertificate(block)
	}
	pub, again, err := parseBlock(block)
	if err != nil {
		return nil, check.Malformed(keyFile, "%s: %v", block.Type, err)
	}
	key, err := NewKey(pub)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, block.Bytes) {
		return nil, check.Malformed(keyFile, "%s: the DER is not canonical; have the key written again by its maker",
			block.Type)
	}
	return key, nil
}

// wrongBlock says what was given instead of a public key. It knows only the
// type of the block.
func wrongBlock(blockType string) string {
	switch {
	case strings.HasPrefix(blockType, "ENCRYPTED ") && strings.HasSuffix(blockType, " PRIVATE KEY"):
		return "this is an encrypted private key; keep it secret and give the public key, " +
			"which cosign writes to cosign.pub"
	case strings.HasSuffix(blockType, "PRIVATE KEY"):
		return "this is a private key; keep it secret and give the public key that belongs to it"
	}
	return "want a PEM block PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE, found one of another type"
}

// keyOfCertificate returns the public key of a certificate.
func keyOfCertificate(block *pem.Block) (*Key, error) {
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, check.Malformed(keyFile, "%s: %v", block.Type, err)
	}
	key, err := NewKey(cert.PublicKey)
	if err != nil {
		return nil, err
	}
	key.Certificate = cert
	return key, nil
}

// parseBlock returns the public key in a block, and its one DER encoding.
func parseBlock(block *pem.Block) (pub crypto.PublicKey, der []byte, err error) {
	if block.Type == string(cryptoutils.PKCS1PublicKeyPEMType) {
		pub, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return nil, nil, err
		}
		return pub, x509.MarshalPKCS1PublicKey(pub), nil
	}
	pub, err = x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, nil, err
	}
	der, err = cryptoutils.MarshalPublicKeyToDER(pub)
	return pub, der, err
}

// Verify checks that sig is a signature by the key over message, as cosign
// makes it with a plain key: ECDSA over SHA-256 whatever the curve, RSA PKCS #1
// v1.5 over SHA-256, Ed25519 over the message.
//
// The error is an [*EncodingError] for an ECDSA signature in another form than
// DER, and matches [ErrSignature] for one that does not verify. Signatures of
// RSA and Ed25519 have no encoding: one of the wrong length matches
// ErrSignature, since it is most often another key's. Verify does not judge the
// strength of the key; see [Key.CheckStrength].
func (k *Key) Verify(message, sig []byte) error {
	verifier, err := signature.LoadVerifier(k.Public, crypto.SHA256)
	if err != nil {
		return fmt.Errorf("key %s: %w", k.Describe(), err)
	}
	if _, ok := k.Public.(*ecdsa.PublicKey); ok {
		if err := checkDER(sig); err != nil {
			return err
		}
	}
	if err := verifier.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message)); err != nil {
		return fmt.Errorf("%w %s, %s: %w", ErrSignature, k.Fingerprint(), k.Describe(), err)
	}
	return nil
}

// checkDER accepts only the one DER encoding of r and s, both positive, because
// the verifier accepts other encodings too. Integers beyond the order of the
// curve are left to the verifier: the signature may be one of another key's, on
// a larger curve.
func checkDER(sig []byte) error {
	r, s, err := strict.ECDSASignature(sig)
	if err != nil {
		return &EncodingError{Reason: check.Clip(err.Error())}
	}
	if r.Sign() <= 0 || s.Sign() <= 0 {
		return &EncodingError{Reason: "want two positive integers"}
	}
	return nil
}

// ErrSignature reports that a signature does not verify under a key: it is
// another key's, or over another message.
var ErrSignature = errors.New("signature does not verify under the key")

// UnsupportedError reports that an anchor is well-formed, but of a kind that
// this package does not support. Found is the kind's name as the file gives it.
type UnsupportedError struct {
	What  string
	Found string
	Want  string
}

// Error names what is not supported, and what is.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s %q is not supported, want %s", e.What, e.Found, e.Want)
}

// WeakKeyError reports that a key is too weak to be trusted. Key is as
// [Key.Describe] gives it, Want says what such a key must be.
type WeakKeyError struct {
	Key  string
	Want string
}

// Error names the key and what it must be.
func (e *WeakKeyError) Error() string {
	return fmt.Sprintf("key %s is too weak: want %s", e.Key, e.Want)
}

// EncodingError reports that an ECDSA signature is not in its one DER form. It
// was not verified.
type EncodingError struct{ Reason string }

// Error says how the encoding is wrong.
func (e *EncodingError) Error() string { return "ECDSA signature encoding: " + e.Reason }

// WindowError reports that a time lies outside the window in which an anchor
// was valid. Both ends belong to the window; a zero From or To leaves it open.
type WindowError struct {
	From, To, At time.Time
}

// Error names the time and the window.
func (e *WindowError) Error() string {
	return fmt.Sprintf("%s is outside the window from %s to %s, both included",
		stamp(e.At), stamp(e.From), stamp(e.To))
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "(open)"
	}
	return t.UTC().Format(time.RFC3339Nano)
}
