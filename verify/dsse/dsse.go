// Package dsse signs what gapseal itself states (seals, receipts, register
// heads) and opens it again. It also holds the one reader of DSSE envelopes that
// the packages for other tools' evidence share.
//
// # Our envelopes
//
// [Sign] makes an envelope with one signature, and [Open] returns its payload if
// one of the given keys signed it:
//
//	signer, err := dsse.NewSigner(privateKey)
//	raw, err := dsse.Sign(payloadType, payload, signer)
//	payload, key, err := dsse.Open(raw, payloadType, []*trust.Key{signer.Public()})
//
// The envelope is the canonical JSON (RFC 8785) of
//
//	{"payload":BASE64,"payloadType":TYPE,"signatures":[{"keyid":KEY,"sig":BASE64}]}
//
// with nothing around it, where KEY is the fingerprint of the key as
// [trust.Key.Fingerprint] writes it. Open refuses every other spelling, so that
// one statement has one digest.
//
// The signature covers the payload type as well as the payload, and the caller
// of Open names the one type it accepts. An envelope that was made for one
// purpose therefore never serves another, even if the same key signs for both.
//
// # Other tools' envelopes
//
// [ParseEnvelope] reads an envelope with exactly one signature that any tool
// wrote, and verifies nothing. [Envelope.PAE] returns the bytes that its
// signature must be over.
//
// The format is DSSE 1.0 (github.com/secure-systems-lab/dsse).
package dsse

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// MaxEnvelope is the budget for the text of an envelope that [Open] reads and
// [Sign] writes, in bytes. A receipt holds a whole report.
const MaxEnvelope = 64 << 20

const envelopeText = "DSSE envelope"

// maxSignatures is how many signatures are counted for a message that says how
// many there are.
const maxSignatures = 64

// Envelope is a DSSE envelope with exactly one signature. Nothing in it has been
// verified.
type Envelope struct {
	Raw         []byte // the text it was read from, nil if it was not read from a text of its own
	PayloadType string
	Payload     []byte // decoded
	KeyID       string // which key was used, as the signer names it; often empty
	Signature   []byte // decoded
}

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

// shape allows further members, which DSSE 1.0 says to ignore.
var shape = strict.OpenObject(map[string]strict.Shape{
	"payload":     strict.Base64Text,
	"payloadType": strict.Text,
	"signatures": strict.List(strict.OpenObject(map[string]strict.Shape{
		"keyid": strict.Text,
		"sig":   strict.Base64Text,
	}), maxSignatures),
})

// ParseEnvelope reads an envelope that any tool wrote, of any payload type. How it
// is spelled is free: white space, the order of members, either alphabet of base64
// and line breaks in it; members that DSSE does not define are ignored. No member
// may occur twice or in another case. The caller bounds the size of raw. The error
// matches [check.ErrTooLarge] for more than 64 signatures, and is a
// [*check.FormatError] for any other number but one, for an empty payload or
// signature, and for any other form.
func ParseEnvelope(raw []byte) (*Envelope, error) {
	text, err := strict.Respell(raw, strict.MaxDepth, shape)
	if errors.Is(err, strict.ErrTooMany) {
		return nil, check.TooLarge(envelopeText+": signatures", maxSignatures+1, maxSignatures)
	}
	if err != nil {
		return nil, check.Malformed(envelopeText, "want strict JSON: %v", err)
	}
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, check.Malformed(envelopeText, "%v", err)
	}
	if n := len(doc.Signatures); n != 1 {
		return nil, check.Malformed(envelopeText, "want exactly one signature, found %d", n)
	}
	if len(doc.Payload) == 0 || len(doc.Signatures[0].Sig) == 0 {
		return nil, check.Malformed(envelopeText, "the payload or the signature is empty")
	}
	return &Envelope{
		Raw:         raw,
		PayloadType: doc.PayloadType,
		Payload:     doc.Payload,
		KeyID:       doc.Signatures[0].KeyID,
		Signature:   doc.Signatures[0].Sig,
	}, nil
}

// PAE returns the bytes that Signature must be over.
func (e *Envelope) PAE() []byte { return PAE(e.PayloadType, e.Payload) }

// write returns the envelope in our one spelling.
func (e *Envelope) write() ([]byte, error) {
	bare, err := Canonical(&document{[]byte{}, e.PayloadType, []signed{{e.KeyID, e.Signature}}})
	if err != nil {
		return nil, err
	}
	// The payload is the first member. It may be large, and an encoder would hold it
	// several times.
	const head = `{"payload":"`
	raw := make([]byte, 0, len(bare)+base64.StdEncoding.EncodedLen(len(e.Payload)))
	raw = append(raw, head...)
	raw = base64.StdEncoding.AppendEncode(raw, e.Payload)
	return append(raw, bare[len(head):]...), nil
}

// PAE returns the pre-authentication encoding of DSSE 1.0, the bytes that the
// signature of an envelope is made over.
func PAE(payloadType string, payload []byte) []byte {
	// go-securesystemslib has this function too, but in a package that imports
	// golang.org/x/crypto/ssh, which would then be part of everything that
	// verifies. A test compares the two.
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// Canonical returns v as canonical JSON (RFC 8785), the form in which payloads
// are written. It fails for a type that JSON cannot hold.
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

// Sign returns an envelope that holds the payload and the signer's signature.
// The error matches [check.ErrTooLarge] if the envelope exceeds [MaxEnvelope]
// and is a [*check.FormatError] for an empty payload or type. Any other error is
// the signer's; it matches [trust.ErrSignature] if the signature that the signer
// made does not verify under the signer's own public key.
func Sign(payloadType string, payload []byte, s *Signer) ([]byte, error) {
	if payloadType == "" || len(payload) == 0 {
		return nil, check.Malformed(envelopeText, "there is nothing to sign, or it has no type")
	}
	if s == nil || s.private == nil {
		return nil, errors.New("sign: there is no key to sign with; NewSigner and LoadSigner make a Signer")
	}
	message := PAE(payloadType, payload)
	sig, err := s.sign(message)
	if err != nil {
		return nil, err
	}
	// A key pair whose halves do not belong together makes signatures that
	// verify under no key.
	if err := s.public.Verify(message, sig); err != nil {
		return nil, err
	}
	env := &Envelope{Payload: payload, PayloadType: payloadType, KeyID: s.public.Fingerprint(), Signature: sig}
	raw, err := env.write()
	if err == nil && len(raw) > MaxEnvelope {
		return nil, check.TooLarge(envelopeText+": bytes", len(raw), MaxEnvelope)
	}
	return raw, err
}

// Open returns the payload of an envelope of the given type, and which of keys
// signed it. On any error the payload is nil. The error
//
//   - matches [check.ErrTooLarge] for a text over [MaxEnvelope];
//   - is a [*check.FormatError] for a text that [Sign] would not write;
//   - is a [*TypeError] for another payload type;
//   - is a [*KeyError] if the envelope names a key that is not among keys;
//   - is a [*trust.WeakKeyError] for a key that is too weak to rely on;
//   - is a [*trust.EncodingError] or matches [trust.ErrSignature] if the
//     signature does not verify under the key that the envelope names.
func Open(raw []byte, payloadType string, keys []*trust.Key) ([]byte, *trust.Key, error) {
	env, err := parse(raw)
	if err != nil {
		return nil, nil, err
	}
	if env.PayloadType != payloadType {
		return nil, nil, &TypeError{Want: payloadType, Found: check.Clip(env.PayloadType)}
	}
	key, err := choose(env.KeyID, keys)
	if err != nil {
		return nil, nil, err
	}
	if err := key.CheckStrength(); err != nil {
		return nil, nil, err
	}
	if err := key.Verify(env.PAE(), env.Signature); err != nil {
		return nil, nil, err
	}
	return env.Payload, key, nil
}

// parse reads an envelope in the one spelling that Sign gives it, which it
// recognizes by writing the envelope again.
func parse(raw []byte) (*Envelope, error) {
	if len(raw) > MaxEnvelope {
		return nil, check.TooLarge(envelopeText+": bytes", len(raw), MaxEnvelope)
	}
	env, err := ParseEnvelope(raw)
	if errors.Is(err, check.ErrTooLarge) {
		return nil, check.Malformed(envelopeText, "want exactly one signature, found many")
	}
	if err != nil {
		return nil, err
	}
	if again, err := env.write(); err != nil || !bytes.Equal(again, raw) {
		return nil, check.Malformed(envelopeText, "it is not written in its one form: "+
			"canonical JSON, canonical base64, every member, nothing around it")
	}
	return env, nil
}

func choose(keyID string, keys []*trust.Key) (*trust.Key, error) {
	e := &KeyError{Found: check.Clip(keyID)}
	for _, k := range keys {
		if k == nil {
			continue // which could verify nothing
		}
		if k.Fingerprint() == keyID {
			return k, nil
		}
		e.Want = append(e.Want, k.Fingerprint())
	}
	return nil, e
}

// TypeError reports that an envelope holds another kind of statement than the
// one asked for. Its signature was not checked.
type TypeError struct {
	Want, Found string
}

// Error names both types.
func (e *TypeError) Error() string {
	return fmt.Sprintf("the envelope holds a payload of another type: want %s, found %q", e.Want, e.Found)
}

// KeyError reports that an envelope names a key that is none of those given.
// Found is what the envelope claims; it was not verified.
type KeyError struct {
	Found string
	Want  []string // fingerprints
}

// Error names the acceptable keys, and the one found.
func (e *KeyError) Error() string {
	found := strconv.Quote(e.Found)
	if f, err := trust.ParseFingerprint(e.Found); err == nil {
		found = f
	}
	if len(e.Want) == 0 {
		return fmt.Sprintf("the envelope is signed by the key %s, and no key was given to verify it with", found)
	}
	want := strings.Join(e.Want, " or ")
	return fmt.Sprintf("the envelope is signed by another key: want %s, found %s", want, found)
}
