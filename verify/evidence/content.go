package evidence

import (
	"crypto/sha256"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// MessageSignature is a signature over bytes that the bundle does not hold.
type MessageSignature struct {
	Digest    oci.Digest // of the message, as the bundle names it
	Signature []byte
}

func (b *Bundle) readContent(pb *bundlepb.Bundle) (f *check.Fault) {
	switch c := pb.GetContent().(type) {
	case *bundlepb.Bundle_MessageSignature:
		return b.readMessage(c.MessageSignature)
	case *bundlepb.Bundle_DsseEnvelope:
		if b.Envelope, f = newEnvelope(c.DsseEnvelope); f != nil {
			return f
		}
		if id := b.Envelope.KeyID; id != "" && b.Hint != "" && id != b.Hint {
			return encodingFault("the Sigstore bundle hints at the key %.100q, its DSSE envelope at %.100q", b.Hint, id)
		}
		return nil
	}
	return encodingFault("the Sigstore bundle holds neither a DSSE envelope nor a message signature")
}

func (b *Bundle) readMessage(m *commonpb.MessageSignature) *check.Fault {
	d := m.GetMessageDigest()
	if d.GetAlgorithm() != commonpb.HashAlgorithm_SHA2_256 || len(d.GetDigest()) != sha256.Size {
		return encodingFault("the message signature names no SHA-256 of its message")
	}
	if len(m.GetSignature()) == 0 {
		return encodingFault("the message signature is empty")
	}
	b.Message = &MessageSignature{Digest: oci.FromSum([sha256.Size]byte(d.GetDigest())), Signature: m.GetSignature()}
	return nil
}
