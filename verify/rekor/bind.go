package rekor

import (
	"bytes"
	_ "crypto/sha256" // bindHash asks for it by name
	"encoding/base64"
	"encoding/hex"
)

// BindPayload answers whether the entry is about a signature of this very
// message, as a simple signing payload is one: whether its hash is that of
// payload. If not, the error is a [*MismatchError]. For an entry of a kind that
// speaks of envelopes only it is an [*UnsupportedError].
func (e *Entry) BindPayload(payload []byte) error {
	if e.Kind != kindHashedRekord {
		return e.unfit("a signature of a message")
	}
	return e.bindHash(payload)
}

// bindHash compares the hash of what was signed. Rekor v2 logs the hash that
// belongs to the key's algorithm; of Rekor v1, only SHA-256 is taken.
func (e *Entry) bindHash(message []byte) error {
	hash, ok := hashes[e.HashAlgorithm]
	if !ok || e.HashAlgorithm != "sha256" && e.APIVersion != version2 {
		return mismatch("hash algorithm", "sha256", e.HashAlgorithm)
	}
	h := hash.New()
	h.Write(message)
	if want := hex.EncodeToString(h.Sum(nil)); e.HashValue != want {
		return mismatch("payload digest", want, e.HashValue)
	}
	return nil
}

// BindSignature answers whether the entry is about this signature, byte for
// byte. If not, the error is a [*MismatchError]. An intoto 0.0.1 stores no
// signature, and the error is an [*UnsupportedError]: see
// [Entry.BindEnvelopeSignature].
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

// unfit says that the kind of e cannot speak for what is judged.
func (e *Entry) unfit(what string) error {
	return &UnsupportedError{Kind: e.Kind, APIVersion: e.APIVersion, For: what}
}

func mismatch(what, expected, found string) error {
	return &MismatchError{What: what, Expected: clip(expected), Found: clip(found)}
}
