package rekor

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512"
	"encoding/hex"
	"encoding/pem"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/verify/check"
)

// The kinds of Rekor v1, as its type models define them.

func parseHashedRekord(r *reader, raw jsontext.Value) *Entry {
	spec := r.object(raw, "spec", "data", "signature")
	data := r.object(spec[0], "spec.data", "hash")
	hash := r.object(data[0], "spec.data.hash", "algorithm", "value")
	sig := r.object(spec[1], "spec.signature", "content", "publicKey")
	key := r.object(sig[1], "spec.signature.publicKey", "content")
	return &Entry{
		HashAlgorithm: r.text(hash[0], "spec.data.hash.algorithm"),
		HashValue:     r.text(hash[1], "spec.data.hash.value"),
		Signature:     r.base64(sig[0], "spec.signature.content"),
		PublicKeyPEM:  r.base64(key[0], "spec.signature.publicKey.content"),
	}
}

func parseDSSE(r *reader, raw jsontext.Value) *Entry {
	spec := r.object(raw, "spec", "envelopeHash", "payloadHash", "signatures")
	sig := r.object(r.only(spec[2], "spec.signatures"), "spec.signatures[0]", "signature", "verifier")
	return &Entry{
		EnvelopeHash:  r.sha256(spec[0], "spec.envelopeHash"),
		HashAlgorithm: "sha256",
		HashValue:     r.sha256(spec[1], "spec.payloadHash"),
		Signature:     r.base64(sig[0], "spec.signatures[0].signature"),
		PublicKeyPEM:  r.base64(sig[1], "spec.signatures[0].verifier"),
	}
}

func parseInToto(r *reader, raw jsontext.Value) *Entry {
	spec := r.object(raw, "spec", "content", "publicKey")
	content, payloadHash := r.objectWith(spec[0], "spec.content", "payloadHash", "hash")
	e := &Entry{
		EnvelopeHash: r.sha256(content[0], "spec.content.hash"),
		PublicKeyPEM: r.base64(spec[1], "spec.publicKey"),
	}
	if payloadHash != nil {
		e.HashAlgorithm, e.HashValue = "sha256", r.sha256(payloadHash, "spec.content.payloadHash")
	}
	return e
}

func parseInToto2(r *reader, raw jsontext.Value) *Entry {
	const name = "spec.content.envelope.signatures"
	spec := r.object(raw, "spec", "content")
	content := r.object(spec[0], "spec.content", "envelope", "hash", "payloadHash")
	envelope, payload := r.objectWith(content[0], "spec.content.envelope", "payload", "payloadType", "signatures")
	sig, keyID := r.objectWith(r.only(envelope[1], name), name+"[0]", "keyid", "publicKey", "sig")
	if keyID != nil {
		r.text(keyID, name+"[0].keyid") // the signer's hint at the key, which is not used
	}
	e := &Entry{
		EnvelopeHash:  r.sha256(content[1], "spec.content.hash"),
		HashAlgorithm: "sha256",
		HashValue:     r.sha256(content[2], "spec.content.payloadHash"),
		PayloadType:   r.text(envelope[0], "spec.content.envelope.payloadType"),
		// The log encodes the base64 of the envelope once more.
		Signature:    r.decode64(string(r.base64(sig[1], name+"[0].sig")), name+"[0].sig"),
		PublicKeyPEM: r.base64(sig[0], name+"[0].publicKey"),
	}
	if payload != nil {
		r.payload(e, payload, "spec.content.envelope.payload")
	}
	return e
}

// payload compares the payload, which most logs leave out, with the hash beside it.
func (r *reader) payload(e *Entry, raw jsontext.Value, what string) {
	sum := sha256.Sum256(r.decode64(string(r.base64(raw, what)), what))
	if hex.EncodeToString(sum[:]) != e.HashValue {
		r.fail(what, "want the payload whose hash is %s", e.HashValue)
	}
}

// sha256 returns the value of an object that names a SHA-256.
func (r *reader) sha256(raw jsontext.Value, what string) string {
	hash := r.object(raw, what, "algorithm", "value")
	algorithm, value := r.text(hash[0], what+".algorithm"), r.text(hash[1], what+".value")
	if algorithm != "sha256" {
		r.fail(what+".algorithm", `want "sha256", found %q`, algorithm)
	}
	if len(value) != 64 || !isLowerHex(value) {
		r.fail(what+".value", "want 64 lower-case hex digits, found %q", value)
	}
	return value
}

// The kinds of Rekor v2: the JSON of its protocol buffers, in canonical form.

func parseHashedRekord2(r *reader, raw jsontext.Value) *Entry {
	const name = "spec.hashedRekordV002"
	spec := r.object(raw, "spec", "hashedRekordV002")
	entry := r.object(spec[0], name, "data", "signature")
	e := &Entry{}
	r.hash2(e, entry[0], name+".data")
	r.signature2(e, entry[1], name+".signature")
	if details := keyDetails[e.KeyDetails]; details.hash != e.HashAlgorithm {
		r.fail(name+".data.algorithm", "want the hash that %s signs, found %s", e.KeyDetails, e.HashAlgorithm)
	}
	return e
}

func parseDSSE2(r *reader, raw jsontext.Value) *Entry {
	const name = "spec.dsseV002"
	spec := r.object(raw, "spec", "dsseV002")
	entry := r.object(spec[0], name, "payloadHash", "signatures")
	e := &Entry{}
	r.hash2(e, entry[0], name+".payloadHash")
	r.signature2(e, r.only(entry[1], name+".signatures"), name+".signatures[0]")
	// The log always hashes the payload itself with SHA-256.
	if e.HashAlgorithm != "sha256" {
		r.fail(name+".payloadHash.algorithm", "want SHA2_256, found %s", e.HashAlgorithm)
	}
	return e
}

// hashes are the algorithms of Rekor v2, under our names.
var hashes = map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}

func (r *reader) hash2(e *Entry, raw jsontext.Value, what string) {
	hash := r.object(raw, what, "algorithm", "digest")
	algorithm, digest := r.text(hash[0], what+".algorithm"), r.base64(hash[1], what+".digest")
	ours, ok := map[string]string{"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}[algorithm]
	if !ok {
		r.fail(what+".algorithm", "want SHA2_256, SHA2_384 or SHA2_512, found %q", algorithm)
	} else if want := hashes[ours].Size(); len(digest) != want {
		r.fail(what+".digest", "want %d bytes, found %d", want, len(digest))
	}
	e.HashAlgorithm, e.HashValue = ours, hex.EncodeToString(digest)
}

func (r *reader) signature2(e *Entry, raw jsontext.Value, what string) {
	sig := r.object(raw, what, "content", "verifier")
	e.Signature = r.base64(sig[0], what+".content")
	what += ".verifier"
	member, block := "publicKey", "PUBLIC KEY"
	verifier, chosen := r.objectOr(sig[1], what, []string{member, "x509Certificate"}, "keyDetails")
	if chosen == 1 {
		member, block = "x509Certificate", "CERTIFICATE"
	}
	raws := r.object(verifier[1], what+"."+member, "rawBytes")
	der := r.base64(raws[0], what+"."+member+".rawBytes")
	e.PublicKeyPEM = pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der})
	e.KeyDetails = r.text(verifier[0], what+".keyDetails")
	if _, ok := keyDetails[e.KeyDetails]; !ok {
		r.fail(what+".keyDetails", "want the name of an ECDSA, RSA or Ed25519 algorithm, found %q", e.KeyDetails)
	}
}

// keyDetails are the algorithms that Rekor v2 logs, as the PublicKeyDetails of
// Sigstore's protocol buffers name them: the key, and the hash that it signs.
var keyDetails = map[string]struct{ key, hash string }{
	"PKIX_ECDSA_P256_SHA_256":       {"ECDSA P-256", "sha256"},
	"PKIX_ECDSA_P384_SHA_384":       {"ECDSA P-384", "sha384"},
	"PKIX_ECDSA_P384_SHA_256":       {"ECDSA P-384", "sha256"},
	"PKIX_ECDSA_P521_SHA_512":       {"ECDSA P-521", "sha512"},
	"PKIX_ECDSA_P521_SHA_256":       {"ECDSA P-521", "sha256"},
	"PKIX_ED25519":                  {"Ed25519", ""},
	"PKIX_ED25519_PH":               {"Ed25519", "sha512"},
	"PKIX_RSA_PKCS1V15_2048_SHA256": {"RSA 2048", "sha256"},
	"PKIX_RSA_PKCS1V15_3072_SHA256": {"RSA 3072", "sha256"},
	"PKIX_RSA_PKCS1V15_4096_SHA256": {"RSA 4096", "sha256"},
	"PKIX_RSA_PSS_2048_SHA256":      {"RSA 2048", "sha256"},
	"PKIX_RSA_PSS_3072_SHA256":      {"RSA 3072", "sha256"},
	"PKIX_RSA_PSS_4096_SHA256":      {"RSA 4096", "sha256"},
}

// checkDetails compares the algorithm that the entry names with the entry's
// key, so that no part of a body of Rekor v2 goes unchecked.
func (e *Entry) checkDetails(pub crypto.PublicKey) error {
	if want := keyDetails[e.KeyDetails].key; want != describe(pub) {
		return check.Malformed(e.keyMember()+".keyDetails", "%s says %s, but the key is %s", e.KeyDetails, want,
			describe(pub))
	}
	return nil
}

func describe(pub crypto.PublicKey) string {
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + pub.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", pub.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", pub)
}
