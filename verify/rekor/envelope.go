package rekor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// MaxEnvelope is the budget for the text of an envelope, in bytes: an
// attestation of 16 MiB in base64, and what surrounds it.
const MaxEnvelope = 24 << 20

// Envelope is a DSSE envelope with one signature, of which an entry may speak.
type Envelope struct {
	// Raw is the envelope's text as it was given to the log, which is how an
	// attestation layer holds it. It is nil where only the parts are at hand, as
	// in a Sigstore bundle, whose JSON is another.
	Raw         []byte
	PayloadType string
	Payload     []byte // decoded
	Signature   []byte // decoded
}

// BindEnvelope answers whether the entry is about this envelope, by all that
// the kind stores of it: the hash of the payload or of the pre-authentication
// encoding, the payload type, the hash of the text if that is at hand. If not,
// the error is a [*MismatchError]. It is an [*UnsupportedError] for a kind that
// speaks of messages only, and for an intoto 0.0.1 without the text, of which
// that entry holds nothing but the hash; a text that is too large matches
// [ErrTooLarge], and one that such an entry cannot be bound by is a
// [*FormatError].
//
// The kinds that store no payload type leave it to the signature, which covers
// it.
func (e *Entry) BindEnvelope(env *Envelope) error {
	if e.is(kindHashedRekord, version2) {
		return e.bindHash(env.pae())
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

// bindText compares the hash of the envelope's text.
func (e *Entry) bindText(env *Envelope) error {
	if e.is(kindInToto, version1) {
		text, err := e.openText(env)
		if err != nil {
			return err
		}
		return text.same(env)
	}
	if env.Raw == nil || e.EnvelopeHash == "" {
		return nil
	}
	return e.bindEnvelopeHash(env.Raw)
}

func (e *Entry) bindEnvelopeHash(raw []byte) error {
	if len(raw) > MaxEnvelope {
		return tooLarge("envelope: bytes", len(raw), MaxEnvelope)
	}
	sum := sha256.Sum256(raw)
	if want := hex.EncodeToString(sum[:]); e.EnvelopeHash != want {
		return mismatch("envelope digest", want, e.EnvelopeHash)
	}
	return nil
}

// BindEnvelopeSignature answers whether the entry is about the envelope's
// signature, byte for byte. The error is that of [Entry.BindSignature], but for
// an intoto 0.0.1 it is that of [Entry.BindEnvelope]: the text, which the entry
// holds the hash of, must hold this signature and no other.
func (e *Entry) BindEnvelopeSignature(env *Envelope) error {
	if !e.is(kindInToto, version1) {
		return e.BindSignature(env.Signature)
	}
	text, err := e.openText(env)
	if err != nil {
		return err
	}
	return bindSignature(env.Signature, text.Signature)
}

// openText reads the text that the entry holds the hash of.
func (e *Entry) openText(env *Envelope) (*Envelope, error) {
	if env.Raw == nil {
		return nil, e.unfit("an envelope whose text is not at hand")
	}
	if err := e.bindEnvelopeHash(env.Raw); err != nil {
		return nil, err
	}
	return parseEnvelope(env.Raw)
}

func parseEnvelope(raw []byte) (*Envelope, error) {
	var r reader
	r.depth(raw, "envelope")
	top := r.object(raw, "envelope", "payload", "payloadType", "signatures")
	sig, keyID := r.objectWith(r.only(top[2], "envelope: signatures"), "envelope: signatures[0]", "keyid", "sig")
	if keyID != nil {
		r.text(keyID, "envelope: signatures[0].keyid")
	}
	env := &Envelope{
		Payload:     r.base64(top[0], "envelope: payload"),
		PayloadType: r.text(top[1], "envelope: payloadType"),
		Signature:   r.base64(sig[0], "envelope: signatures[0].sig"),
	}
	return env, r.err
}

// same compares what the text holds with the parts that are judged.
func (e *Envelope) same(judged *Envelope) error {
	if e.PayloadType != judged.PayloadType {
		return mismatch("payload type", judged.PayloadType, e.PayloadType)
	}
	if want, found := sha256.Sum256(judged.Payload), sha256.Sum256(e.Payload); want != found {
		return mismatch("payload digest", hex.EncodeToString(want[:]), hex.EncodeToString(found[:]))
	}
	return nil
}

// pae is DSSE's pre-authentication encoding, which is what the signature signs.
func (e *Envelope) pae() []byte {
	return append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(e.PayloadType), e.PayloadType, len(e.Payload)), e.Payload...)
}
