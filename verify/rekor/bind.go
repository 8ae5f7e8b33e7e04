package rekor

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
)

// BindPayload checks that the entry is about a signature of this message, such
// as a simple signing payload: that its hash is that of payload. If not, the
// error is a [*MismatchError]; for an entry of a kind that records only
// envelopes it is an [*UnsupportedError].
func (e *Entry) BindPayload(payload []byte) error {
	if e.Kind != kindHashedRekord {
		return e.unfit("a signature of a message")
	}
	return e.bindHash(payload)
}

// bindHash compares the hash of what was signed. Rekor v2 logs the hash that belongs
// to the key's algorithm. In an entry of Rekor v1, only SHA-256 is accepted.
func (e *Entry) bindHash(message []byte) error {
	hash, ok := hashes[e.HashAlgorithm]
	if !ok || e.HashAlgorithm != "sha256" && e.APIVersion != version2 {
		return mismatch("hash algorithm", "sha256", e.HashAlgorithm)
	}
	h := hash.New()
	h.Write(message)
	if want := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(e.HashValue, want) {
		return mismatch("payload digest", want, e.HashValue)
	}
	return nil
}

// BindSignature checks that the entry is about this signature, byte for byte.
// If not, the error is a [*MismatchError]. An intoto 0.0.1 stores no signature,
// and the error is an [*UnsupportedError]; use [Entry.BindEnvelopeSignature]
// instead.
func (e *Entry) BindSignature(sig []byte) error {
	if e.is(kindInToto, version1) {
		return e.unfit("a signature without its envelope")
	}
	return bindSignature(sig, e.Signature)
}

func bindSignature(sig, found []byte) error {
	if !bytes.Equal(found, sig) {
		encode := base64.StdEncoding.EncodeToString
		return mismatch("signature", encode(sig), encode(found))
	}
	return nil
}

// unfit returns the error for an entry of a kind that does not record what is
// judged, which what names.
func (e *Entry) unfit(what string) error {
	return &UnsupportedError{Kind: e.Kind, APIVersion: e.APIVersion, For: what}
}

func mismatch(what, expected, found string) error {
	return &MismatchError{What: what, Expected: check.Clip(expected), Found: check.Clip(found)}
}

// MaxEnvelope is the budget for the text of an envelope, in bytes: an
// attestation of 16 MiB in base64, and what surrounds it.
const MaxEnvelope = 24 << 20

// BindEnvelope checks that the entry is about this envelope, by what the entry's
// kind stores of it: the hash of the payload or of the pre-authentication encoding,
// and the payload type. In kinds that store no payload type, the signature covers
// it. The hash of the envelope's text is compared only where an entry stores
// nothing else, in an intoto 0.0.1: a text can be spelled in many ways, and the same
// is signed. The error
//
//   - is a [*MismatchError] if the entry is about another envelope;
//   - is an [*UnsupportedError] for a kind that records only messages, and for
//     an intoto 0.0.1 if env.Raw is nil, because such an entry stores nothing
//     but the hash of the text;
//   - matches [check.ErrTooLarge] for a text over [MaxEnvelope];
//   - is a [*check.FormatError] for a text that such an entry cannot be
//     compared with.
func (e *Entry) BindEnvelope(env *dsse.Envelope) error {
	if e.is(kindHashedRekord, version2) {
		return e.bindHash(env.PAE())
	}
	if e.Kind != kindDSSE && e.Kind != kindInToto {
		return e.unfit("an envelope")
	}
	if e.is(kindInToto, version2) && e.PayloadType != env.PayloadType {
		return mismatch("payload type", env.PayloadType, e.PayloadType)
	}
	if e.HashValue != "" {
		if err := e.bindHash(env.Payload); err != nil {
			return err
		}
	}
	return e.bindText(env)
}

// bindText compares the hash of the envelope's text, where nothing else binds its
// signature.
func (e *Entry) bindText(env *dsse.Envelope) error {
	if !e.is(kindInToto, version1) {
		return nil
	}
	text, err := e.openText(env)
	if err != nil {
		return err
	}
	return compareText(env, text)
}

func (e *Entry) bindEnvelopeHash(raw []byte) error {
	if len(raw) > MaxEnvelope {
		return check.TooLarge("envelope: bytes", len(raw), MaxEnvelope)
	}
	sum := sha256.Sum256(raw)
	if want := hex.EncodeToString(sum[:]); e.EnvelopeHash != want {
		return mismatch("envelope digest", want, e.EnvelopeHash)
	}
	return nil
}

// BindEnvelopeSignature checks that the entry is about the envelope's
// signature, byte for byte. The error is that of [Entry.BindSignature], except
// that for an intoto 0.0.1 it is that of [Entry.BindEnvelope]: the text whose
// hash the entry stores must hold this signature and no other.
func (e *Entry) BindEnvelopeSignature(env *dsse.Envelope) error {
	if !e.is(kindInToto, version1) {
		return e.BindSignature(env.Signature)
	}
	text, err := e.openText(env)
	if err != nil {
		return err
	}
	return bindSignature(env.Signature, text.Signature)
}

// openText reads the text whose hash the entry stores.
func (e *Entry) openText(env *dsse.Envelope) (*dsse.Envelope, error) {
	if env.Raw == nil {
		return nil, e.unfit("an envelope without its text")
	}
	if err := e.bindEnvelopeHash(env.Raw); err != nil {
		return nil, err
	}
	return dsse.ParseEnvelope(env.Raw)
}

// compareText compares the text of an envelope with the envelope that is judged.
func compareText(judged, text *dsse.Envelope) error {
	if text.PayloadType != judged.PayloadType {
		return mismatch("payload type", judged.PayloadType, text.PayloadType)
	}
	if want, found := sha256.Sum256(judged.Payload), sha256.Sum256(text.Payload); want != found {
		return mismatch("payload digest", hex.EncodeToString(want[:]), hex.EncodeToString(found[:]))
	}
	return nil
}

// BindKey checks that the entry is about a signature by this key: that its
// public key, or the public key of its certificate, has the same
// SubjectPublicKeyInfo. If not, the error is a [*MismatchError]; if the key in
// the entry cannot be read, it is that of [Entry.Key].
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

// BindCertificate checks that the entry holds this very certificate, given in
// DER, because another certificate of the same key may name another identity.
// If not, the error is a [*MismatchError]; if the key or certificate in the
// entry cannot be read, it is that of [Entry.Key].
func (e *Entry) BindCertificate(der []byte) error {
	if _, _, err := e.key(); err != nil {
		return err
	}
	blocks, _ := strict.PEM(e.PublicKeyPEM) // which key has judged
	block := blocks[0]
	if block.Type != "CERTIFICATE" {
		return mismatch("certificate", fingerprint(der), "none, but a public key "+fingerprint(block.Bytes))
	}
	if !bytes.Equal(block.Bytes, der) {
		return mismatch("certificate", fingerprint(der), fingerprint(block.Bytes))
	}
	return nil
}

// Key returns the public key in the entry, or that of the certificate in it, as
// an *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey. The key is a claim
// of the entry and vouches for nothing. The error is a [*check.FormatError] if
// the entry does not hold exactly one PEM block PUBLIC KEY or CERTIFICATE with a
// key of these types in it and nothing around it, or if an entry of Rekor v2 names another algorithm than
// that of its key.
func (e *Entry) Key() (crypto.PublicKey, error) {
	pub, _, err := e.key()
	return pub, err
}

func (e *Entry) key() (crypto.PublicKey, []byte, error) {
	name := e.keyMember()
	blocks, err := strict.PEM(e.PublicKeyPEM)
	if len(blocks) == 0 {
		return nil, nil, check.Malformed(name, "want a PEM block PUBLIC KEY or CERTIFICATE")
	}
	if err != nil || len(blocks) > 1 || len(blocks[0].Headers) > 0 || !alone(e.PublicKeyPEM) {
		return nil, nil, check.Malformed(name, "want exactly one PEM block, without headers and text around it")
	}
	pub, der, err := parseKey(blocks[0])
	if err != nil {
		return nil, nil, check.Malformed(name, "%v", err)
	}
	if e.KeyDetails != "" {
		err = e.checkDetails(pub)
	}
	return pub, der, err
}

// alone reports whether a text with one PEM block has no other text around it. A log
// stores none, and some readers refuse it.
func alone(text []byte) bool {
	text = bytes.TrimSpace(text)
	return bytes.HasPrefix(text, []byte("-----BEGIN ")) && bytes.HasSuffix(text, []byte("-----"))
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

// checkKey accepts only the types of key that cosign signs with, and only the
// one DER encoding of a key, because the parser accepts more than DER.
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
