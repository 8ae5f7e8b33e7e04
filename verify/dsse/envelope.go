package dsse

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/trust"
)

// MaxEnvelope is the budget for an envelope's text, in bytes: a receipt holds a
// whole report.
const MaxEnvelope = 64 << 20

const envelopeText = "envelope"

// document is an envelope as it is written.
type document struct {
	Payload     []byte   `json:"payload"`
	PayloadType string   `json:"payloadType"`
	Signatures  []signed `json:"signatures"`
}

type signed struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// Canonical returns v as canonical JSON (RFC 8785), which is how payloads are
// written. The error is that of a type that JSON cannot hold.
func Canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(raw)
	if err := value.Canonicalize(); err != nil {
		return nil, err
	}
	return value, nil
}

// Sign returns an envelope with the payload and the signature by s over it. The
// error matches [ErrTooLarge] for one over [MaxEnvelope], is a [*FormatError]
// for an empty payload or type, and otherwise the signer's.
func Sign(payloadType string, payload []byte, s *Signer) ([]byte, error) {
	if payloadType == "" || len(payload) == 0 {
		return nil, malformed(envelopeText, "there is nothing to sign, or it has no type")
	}
	message := evidence.PAE(payloadType, payload)
	sig, err := s.signer.SignMessage(bytes.NewReader(message))
	if err != nil {
		return nil, err
	}
	// A private key whose public half does not belong to it would sign in vain.
	if err := s.public.Verify(message, sig); err != nil {
		return nil, err
	}
	raw, err := Canonical(&document{payload, payloadType, []signed{{s.public.Fingerprint(), sig}}})
	if err == nil && len(raw) > MaxEnvelope {
		return nil, tooLarge(envelopeText, len(raw), MaxEnvelope)
	}
	return raw, err
}

// Open returns the payload of an envelope of that type, and the one of keys that
// signed it. The error matches [ErrTooLarge] for a text over [MaxEnvelope], is a
// [*FormatError] for any spelling but the one that [Sign] writes, a [*TypeError]
// for another payload type, a [*KeyError] for a key that is not among keys, a
// [*trust.WeakKeyError] for one that nobody should trust, and for a signature
// that does not verify under the key it names a [*trust.EncodingError] or one
// that matches [trust.ErrSignature]. With an error there is no payload.
func Open(raw []byte, payloadType string, keys []*trust.Key) ([]byte, *trust.Key, error) {
	doc, err := parse(raw)
	if err != nil {
		return nil, nil, err
	}
	if doc.PayloadType != payloadType {
		return nil, nil, &TypeError{Want: payloadType, Found: clip(doc.PayloadType)}
	}
	key, err := choose(doc.Signatures[0].KeyID, keys)
	if err != nil {
		return nil, nil, err
	}
	if err := key.CheckStrength(); err != nil {
		return nil, nil, err
	}
	if err := key.Verify(evidence.PAE(payloadType, doc.Payload), doc.Signatures[0].Sig); err != nil {
		return nil, nil, err
	}
	return doc.Payload, key, nil
}

// parse reads an envelope in its one spelling, which is found by writing it
// again.
func parse(raw []byte) (*document, error) {
	if len(raw) > MaxEnvelope {
		return nil, tooLarge(envelopeText, len(raw), MaxEnvelope)
	}
	var doc document
	if err := strict.UnmarshalKnown(raw, &doc); err != nil {
		return nil, malformed(envelopeText, "%v", err)
	}
	if n := len(doc.Signatures); n != 1 {
		return nil, malformed(envelopeText, "want exactly one signature, found %d", n)
	}
	if len(doc.Payload) == 0 || len(doc.Signatures[0].Sig) == 0 {
		return nil, malformed(envelopeText, "the payload or the signature is empty")
	}
	if again, err := Canonical(&doc); err != nil || !bytes.Equal(again, raw) {
		return nil, malformed(envelopeText, "it is not written in its one form: canonical JSON, canonical base64, every member, nothing around it")
	}
	return &doc, nil
}

func choose(keyID string, keys []*trust.Key) (*trust.Key, error) {
	e := &KeyError{Found: clip(keyID)}
	for _, k := range keys {
		if k.Fingerprint() == keyID {
			return k, nil
		}
		e.Want = append(e.Want, k.Fingerprint())
	}
	return nil, e
}
