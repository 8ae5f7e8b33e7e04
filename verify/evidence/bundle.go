package evidence

import (
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/rekor"
)

// Budgets for the lists of a Sigstore bundle.
const (
	MaxTimestamps   = 32
	MaxCertificates = 10 // of one chain, the leaf included
)

// bundleVersions gives the version that each media type of a Sigstore bundle
// means. Version 0.3 has two spellings.
var bundleVersions = map[string]string{
	"application/vnd.dev.sigstore.bundle+json;version=0.1": "0.1",
	"application/vnd.dev.sigstore.bundle+json;version=0.2": "0.2",
	"application/vnd.dev.sigstore.bundle+json;version=0.3": "0.3",
	"application/vnd.dev.sigstore.bundle.v0.3+json":        "0.3",
}

// Bundle is a Sigstore bundle. Exactly one of Envelope and Message is set,
// unless a fault says why not.
type Bundle struct {
	Version    string // "0.1", "0.2" or "0.3"
	Envelope   *Envelope
	Message    *MessageSignature
	Hint       string            // of the public key, empty with a certificate
	Cert       []byte            // DER of the signing certificate, nil with a public key
	Chain      [][]byte          // DER of what follows it, in versions 0.1 and 0.2 only
	Entries    []*rekor.LogEntry // at most rekor.MaxEntries
	Timestamps [][]byte          // DER of RFC 3161 TimeStampResp, at most MaxTimestamps
}

// ReadBundle reads a Sigstore bundle that is stored under a media type, whose
// version must be that of the bundle. It returns nil for text that is no bundle
// of that version; otherwise all that could be read, and a fault for each part
// that is not as the version demands. Faults are of id rekor.encoding for log
// entries, signature.claims for another type of payload, limit.evidence and
// limit.log-entry for what exceeds a budget, signature.encoding otherwise.
func ReadBundle(raw []byte, mediaType string) (*Bundle, []*check.Fault) {
	var pb bundlepb.Bundle
	if f := decodeProto("the Sigstore bundle", raw, &pb); f != nil {
		return nil, []*check.Fault{f}
	}
	b := &Bundle{Version: bundleVersions[pb.GetMediaType()]}
	if b.Version == "" || b.Version != bundleVersions[mediaType] {
		return nil, []*check.Fault{{ID: check.SignatureEncoding, Detail: "the media type within the Sigstore bundle",
			Expected: clip(mediaType), Found: clip(pb.GetMediaType())}}
	}
	var faults []*check.Fault
	for _, read := range []func(*bundlepb.Bundle) *check.Fault{b.readSigner, b.readContent, b.readTimestamps} {
		if f := read(&pb); f != nil {
			faults = append(faults, f)
		}
	}
	return b, append(faults, b.readEntries(&pb)...)
}

// readSigner reads the key hint or certificate. Until version 0.2 the leaf
// stands in a chain, from 0.3 on alone.
func (b *Bundle) readSigner(pb *bundlepb.Bundle) *check.Fault {
	switch c := pb.GetVerificationMaterial().GetContent().(type) {
	case *bundlepb.VerificationMaterial_PublicKey:
		b.Hint = c.PublicKey.GetHint()
		return nil
	case *bundlepb.VerificationMaterial_Certificate:
		return b.readCertificates(c.Certificate)
	case *bundlepb.VerificationMaterial_X509CertificateChain:
		if b.Version == "0.3" {
			return encodingFault("the Sigstore bundle holds a chain of certificates, which version 0.3 does not allow")
		}
		return b.readCertificates(c.X509CertificateChain.GetCertificates()...)
	}
	return encodingFault("the Sigstore bundle names neither a public key nor a certificate")
}

func (b *Bundle) readCertificates(certs ...*commonpb.X509Certificate) *check.Fault {
	var all [][]byte
	for _, c := range certs {
		if len(c.GetRawBytes()) == 0 {
			return encodingFault("the Sigstore bundle holds an empty certificate")
		}
		all = append(all, c.GetRawBytes())
	}
	if len(all) == 0 {
		return encodingFault("the Sigstore bundle holds an empty chain of certificates")
	}
	if b.Cert = all[0]; len(all) > 1 {
		b.Chain = all[1:]
	}
	return nil
}

func (b *Bundle) readTimestamps(pb *bundlepb.Bundle) *check.Fault {
	for _, t := range pb.GetVerificationMaterial().GetTimestampVerificationData().GetRfc3161Timestamps() {
		if len(t.GetSignedTimestamp()) == 0 {
			return encodingFault("the Sigstore bundle holds an empty timestamp")
		}
		b.Timestamps = append(b.Timestamps, t.GetSignedTimestamp())
	}
	return nil
}
