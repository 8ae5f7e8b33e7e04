package evidence

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"google.golang.org/protobuf/proto"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/rekor"
)

// Budgets for the lists of a Sigstore bundle.
const (
	MaxTimestamps   = 32
	MaxCertificates = 10 // of one chain, the leaf included
)

// bundleVersions gives the version that each media type of a Sigstore bundle
// stands for. Version 0.3 has two media types.
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
	Envelope   *dsse.Envelope
	Message    *MessageSignature
	Hint       string            // of the public key, empty with a certificate
	Cert       []byte            // DER of the signing certificate, nil with a public key
	Chain      [][]byte          // DER of what follows it, in versions 0.1 and 0.2 only
	Entries    []*rekor.LogEntry // at most rekor.MaxEntries
	Timestamps [][]byte          // DER of RFC 3161 TimeStampResp, at most MaxTimestamps
}

// ReadBundle reads a Sigstore bundle that is stored under a media type, whose
// version must be that of the bundle. It returns nil for text that is not a
// bundle of that version. Otherwise it returns everything that could be read,
// and a fault for each part that is not as the version demands. The faults have
// the id rekor.encoding for log entries, signature.claims for another type of
// payload, limit.evidence and limit.log-entry for an exceeded budget, and
// signature.encoding otherwise.
func ReadBundle(raw []byte, mediaType string) (*Bundle, []*check.Fault) {
	var pb bundlepb.Bundle
	if f := decodeProto("the Sigstore bundle", raw, &pb); f != nil {
		return nil, []*check.Fault{f}
	}
	b := &Bundle{Version: bundleVersions[pb.GetMediaType()]}
	if b.Version == "" || b.Version != bundleVersions[mediaType] {
		return nil, []*check.Fault{{ID: check.SignatureEncoding, Detail: "the media type within the Sigstore bundle",
			Expected: check.Clip(mediaType), Found: check.Clip(pb.GetMediaType())}}
	}
	var faults []*check.Fault
	for _, read := range []func(*bundlepb.Bundle) *check.Fault{b.readSigner, b.readContent, b.readTimestamps} {
		if f := read(&pb); f != nil {
			faults = append(faults, f)
		}
	}
	return b, append(faults, b.readEntries(&pb)...)
}

// readSigner reads the key hint or the certificate. Until version 0.2 the leaf
// is part of a chain, from 0.3 on it is alone.
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
		if bytes.Contains(c.GetRawBytes(), []byte("-----BEGIN ")) {
			return fault(check.CertEncoding, "the certificate in the Sigstore bundle is PEM, and must be DER")
		}
		all = append(all, c.GetRawBytes())
	}
	if len(all) == 0 {
		return encodingFault("the Sigstore bundle holds an empty chain of certificates")
	}
	b.Cert = all[0]
	if len(all) > 1 {
		b.Chain = all[1:]
	}
	if slices.ContainsFunc(all, isRoot) {
		return fault(check.CertEncoding, "the Sigstore bundle brings the root of its chain, which only a trusted root "+
			"may name")
	}
	return nil
}

// isRoot reports whether a certificate issued itself.
func isRoot(der []byte) bool {
	c, err := x509.ParseCertificate(der)
	return err == nil && c.IsCA && bytes.Equal(c.RawIssuer, c.RawSubject)
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
		if b.Envelope, f = readProtoEnvelope(c.DsseEnvelope); f != nil {
			return f
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

// readEntries reads the log entries. Version 0.1 requires a SET in each, later
// versions an inclusion proof with a checkpoint. Whether an entry is complete
// in other respects is left to [rekor.LogEntry.Check].
func (b *Bundle) readEntries(pb *bundlepb.Bundle) (faults []*check.Fault) {
	for i, t := range pb.GetVerificationMaterial().GetTlogEntries() {
		e := newEntry(t)
		b.Entries = append(b.Entries, e)
		if lacks := b.entryLacks(e); lacks != "" {
			faults = append(faults, fault(check.RekorEncoding, "log entry %d of the Sigstore bundle of version %s %s",
				i, b.Version, lacks))
		}
	}
	return faults
}

func (b *Bundle) entryLacks(e *rekor.LogEntry) string {
	switch {
	case b.Version == "0.1" && e.SET == nil:
		return "has no signed entry timestamp"
	case b.Version != "0.1" && e.Proof == nil:
		return "has no inclusion proof"
	case b.Version != "0.1" && e.Proof.Checkpoint == "":
		return "has no checkpoint in its inclusion proof"
	case e.IntegratedTime != 0 && e.SET == nil:
		return "gives a time without a signed entry timestamp to vouch for it"
	}
	return ""
}

func newEntry(t *rekorpb.TransparencyLogEntry) *rekor.LogEntry {
	e := &rekor.LogEntry{
		LogIndex:       t.GetLogIndex(),
		LogID:          t.GetLogId().GetKeyId(),
		Kind:           t.GetKindVersion().GetKind(),
		Version:        t.GetKindVersion().GetVersion(),
		IntegratedTime: t.GetIntegratedTime(),
		Body:           t.GetCanonicalizedBody(),
	}
	if set := t.GetInclusionPromise().GetSignedEntryTimestamp(); len(set) > 0 {
		e.SET = set
	}
	if p := t.GetInclusionProof(); p != nil {
		e.Proof = &rekor.Proof{
			LogIndex:   p.GetLogIndex(),
			TreeSize:   p.GetTreeSize(),
			RootHash:   p.GetRootHash(),
			Hashes:     p.GetHashes(),
			Checkpoint: p.GetCheckpoint().GetEnvelope(),
		}
	}
	return e
}

// readRekor reads the Rekor bundle of the first generation. It does not name
// the kind of its entry, which is therefore taken from the body.
func (e *Evidence) readRekor(value string) {
	e.Rekor = []byte(value)
	b, err := rekor.ParseBundle(e.Rekor)
	if err != nil {
		e.problem(rekorFault(check.RekorEncoding, err))
		return
	}
	if err := b.CheckLogID(); err != nil {
		e.problem(rekorFault(check.RekorLogID, err))
		return
	}
	entry := &rekor.LogEntry{
		LogIndex:       b.LogIndex,
		LogID:          decodeHex(b.LogID),
		IntegratedTime: b.IntegratedTime,
		SET:            b.SET,
		Body:           b.Body,
	}
	if body, err := rekor.ParseEntry(b.Body); err == nil { // ParseBody will report the error
		entry.Kind, entry.Version = body.Kind, body.APIVersion
	}
	e.Entries = append(e.Entries, entry)
}

// decodeProto decodes the JSON of a protobuf message into m.
func decodeProto(what string, raw []byte, m proto.Message) *check.Fault {
	if f := tooLarge(what, raw); f != nil {
		return f
	}
	if err := strict.UnmarshalProto(raw, strict.MaxDepth, listBudgets, m); err != nil {
		return shapeFault(what, err)
	}
	return nil
}

// shapeFault returns an error of [strict.UnmarshalProto] as a fault of the id that
// belongs to its place.
func shapeFault(what string, err error) *check.Fault {
	id, limit := check.SignatureEncoding, check.LimitEvidence
	var in *strict.Error
	if errors.As(err, &in) && strings.Contains(in.At, "/tlogEntries/") {
		id, limit = check.RekorEncoding, check.LimitEntry
	}
	if errors.Is(err, strict.ErrTooMany) {
		id = limit
	}
	return fault(id, "%s: %v", what, err)
}

// listBudgets bounds each list of the messages that are read, by its JSON name:
// three bytes of text become a hundred in memory.
var listBudgets = map[string]int{
	"tlogEntries":       rekor.MaxEntries,
	"hashes":            rekor.MaxProofHashes,
	"rfc3161Timestamps": MaxTimestamps,
	"certificates":      MaxCertificates,
	"signatures":        64, // a fault gives the number, of which only one is allowed
}
