package rekor

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
	"fmt"
)

// BindKey answers whether the entry is about a signature by this key: whether
// its public key, or the public key of its certificate, has the same
// SubjectPublicKeyInfo. If not, the error is a [*MismatchError]; for an
// unreadable key in the entry it is that of [Entry.Key].
func (e *Entry) BindKey(pub crypto.PublicKey) error {
	want, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return fmt.Errorf("key to compare with a log entry: %w", err)
	}
	_, found, err := e.key()
	if err != nil {
		return err
	}
	if !bytes.Equal(want, found) {
		return mismatch("public key", fingerprint(want), fingerprint(found))
	}
	return nil
}

// BindCertificate answers whether the entry holds this very certificate, given
// in DER: another of the same key may bear another identity. If not, the error
// is a [*MismatchError]; for an unreadable key or certificate in the entry it
// is that of [Entry.Key].
func (e *Entry) BindCertificate(der []byte) error {
	if _, _, err := e.key(); err != nil {
		return err
	}
	block, _ := pem.Decode(e.PublicKeyPEM)
	if block.Type != "CERTIFICATE" {
		return mismatch("certificate", fingerprint(der), "none, but a public key "+fingerprint(block.Bytes))
	}
	if !bytes.Equal(block.Bytes, der) {
		return mismatch("certificate", fingerprint(der), fingerprint(block.Bytes))
	}
	return nil
}

// Key returns the public key in the entry, or that of the certificate in it:
// *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey. It is a claim of the
// entry and vouches for nothing. The error is a [*FormatError], when the entry
// does not hold exactly one PEM block of the type PUBLIC KEY or CERTIFICATE in
// its canonical form (in an intoto 0.0.2, but for the line breaks), with a key
// of these types in it, or when an entry of Rekor v2 names another algorithm
// than the key's.
func (e *Entry) Key() (crypto.PublicKey, error) {
	pub, _, err := e.key()
	return pub, err
}

func (e *Entry) key() (crypto.PublicKey, []byte, error) {
	name := e.keyMember()
	block, _ := pem.Decode(e.PublicKeyPEM)
	if block == nil {
		return nil, nil, malformed(name, "want a PEM block PUBLIC KEY or CERTIFICATE")
	}
	// Comparing the whole text shuts out headers, a second block and anything
	// before, between and after.
	canonical := pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})
	if !e.samePEM(canonical) {
		return nil, nil, malformed(name, "want exactly one PEM block, without headers, and nothing around it")
	}
	pub, der, err := parseKey(block)
	if err != nil {
		return nil, nil, malformed(name, "%v", err)
	}
	if e.KeyDetails != "" {
		err = e.checkDetails(pub)
	}
	return pub, der, err
}

// samePEM compares the text with its canonical form. An intoto 0.0.2 holds it
// as the client wrote it, and npm's breaks its lines otherwise.
func (e *Entry) samePEM(canonical []byte) bool {
	found := e.PublicKeyPEM
	if e.is(kindInToto, version2) {
		found = bytes.ReplaceAll(found, []byte("\n"), nil)
		canonical = bytes.ReplaceAll(canonical, []byte("\n"), nil)
	}
	return bytes.Equal(canonical, found)
}

// keyMember names the member of the entry that holds its key.
func (e *Entry) keyMember() string {
	if f := findForm(e.Kind, e.APIVersion); f != nil {
		return f.key
	}
	return "public key"
}

// parseKey returns the key in block and its DER.
func parseKey(block *pem.Block) (crypto.PublicKey, []byte, error) {
	switch block.Type {
	case "PUBLIC KEY":
		pub, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, nil, err
		}
		return checkKey(pub, block.Bytes)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, err
		}
		return checkKey(cert.PublicKey, cert.RawSubjectPublicKeyInfo)
	}
	return nil, nil, fmt.Errorf("want a PEM block PUBLIC KEY or CERTIFICATE, found %q", block.Type)
}

// checkKey asks for a type of key that cosign signs with, and for its one DER
// encoding: the parser is more lenient than DER.
func checkKey(pub crypto.PublicKey, der []byte) (crypto.PublicKey, []byte, error) {
	switch pub.(type) {
	case *ecdsa.PublicKey, *rsa.PublicKey, ed25519.PublicKey:
	default:
		return nil, nil, fmt.Errorf("want an ECDSA, RSA or Ed25519 key, found %T", pub)
	}
	again, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil || !bytes.Equal(again, der) {
		return nil, nil, fmt.Errorf("want the canonical DER of a SubjectPublicKeyInfo")
	}
	return pub, der, nil
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:])
}
