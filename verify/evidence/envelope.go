package evidence

import (
	"strconv"

	"github.com/sigstore/protobuf-specs/gen/pb-go/dsse"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/rekor"
)

// Envelope is a DSSE envelope with exactly one signature.
type Envelope struct {
	rekor.Envelope        // with Raw, if it was read from an envelope of its own
	KeyID          string // which key was used, as the signer names it; often empty
}

// PAE returns the bytes that an envelope's signature signs, the pre-authentication
// encoding of DSSE 1.0.
func PAE(payloadType string, payload []byte) []byte {
	out := make([]byte, 0, len(payload)+len(payloadType)+32)
	out = append(out, "DSSEv1 "...)
	out = strconv.AppendInt(out, int64(len(payloadType)), 10)
	out = append(append(append(out, ' '), payloadType...), ' ')
	out = strconv.AppendInt(out, int64(len(payload)), 10)
	return append(append(out, ' '), payload...)
}

// PAE returns the bytes that Signature signs.
func (e *Envelope) PAE() []byte { return PAE(e.PayloadType, e.Payload) }

// ReadEnvelope reads a DSSE envelope of an in-toto statement, stored as
// application/vnd.dsse.envelope.v1+json. The fault is limit.evidence for one
// over [MaxSize], signature.claims for another type of payload, and
// signature.encoding for everything else, two signatures among them.
func ReadEnvelope(raw []byte) (*Envelope, *check.Fault) {
	var pb dsse.Envelope
	if f := decodeProto("the DSSE envelope", raw, &pb); f != nil {
		return nil, f
	}
	env, f := newEnvelope(&pb)
	if f != nil {
		return nil, f
	}
	env.Raw = raw
	return env, nil
}

func newEnvelope(env *dsse.Envelope) (*Envelope, *check.Fault) {
	if n := len(env.GetSignatures()); n != 1 {
		return nil, encodingFault("the DSSE envelope has %d signatures, expected exactly one", n)
	}
	if env.GetPayloadType() != oci.TypeInToto {
		return nil, &check.Fault{ID: check.SignatureClaims, Detail: "the payload type of the DSSE envelope",
			Expected: oci.TypeInToto, Found: clip(env.GetPayloadType())}
	}
	sig := env.GetSignatures()[0]
	if len(sig.GetSig()) == 0 || len(env.GetPayload()) == 0 {
		return nil, encodingFault("the DSSE envelope has no payload or an empty signature")
	}
	return &Envelope{
		Envelope: rekor.Envelope{PayloadType: env.GetPayloadType(), Payload: env.GetPayload(), Signature: sig.GetSig()},
		KeyID:    sig.GetKeyid(),
	}, nil
}

func (e *Evidence) readEnvelope(raw []byte) {
	env, f := ReadEnvelope(raw)
	if f != nil {
		e.problem(f)
		return
	}
	e.takeEnvelope(env)
}

// takeEnvelope fills e from an envelope and the statement in it.
func (e *Evidence) takeEnvelope(env *Envelope) {
	e.Envelope = &env.Envelope
	e.Message, e.Signature, e.Payload = env.PAE(), env.Signature, env.Payload
	if e.Hint == "" {
		e.Hint = env.KeyID
	}
	e.readStatement(env.Payload)
}
