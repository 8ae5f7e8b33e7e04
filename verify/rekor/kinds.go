package rekor

import "github.com/go-json-experiment/json/jsontext"

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
	envelope := r.object(content[0], "spec.content.envelope", "payloadType", "signatures")
	sig, keyID := r.objectWith(r.only(envelope[1], name), name+"[0]", "keyid", "publicKey", "sig")
	if keyID != nil {
		r.text(keyID, name+"[0].keyid") // a hint of the signer's, used for nothing
	}
	return &Entry{
		EnvelopeHash:  r.sha256(content[1], "spec.content.hash"),
		HashAlgorithm: "sha256",
		HashValue:     r.sha256(content[2], "spec.content.payloadHash"),
		PayloadType:   r.text(envelope[0], "spec.content.envelope.payloadType"),
		// The log encodes once more what is base64 in the envelope already.
		Signature:    r.decode64(string(r.base64(sig[1], name+"[0].sig")), name+"[0].sig"),
		PublicKeyPEM: r.base64(sig[0], name+"[0].publicKey"),
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
