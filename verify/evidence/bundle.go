package evidence

import (
	"bytes"
	"crypto/sha256"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gapseal/gapseal/oci"
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

// readEntries reads the log entries. Version 0.1 demands a SET of each, the
// later ones an inclusion proof with a checkpoint. Whether an entry is whole
// otherwise is for [rekor.LogEntry.Check] to say.
func (b *Bundle) readEntries(pb *bundlepb.Bundle) (faults []*check.Fault) {
	for i, t := range pb.GetVerificationMaterial().GetTlogEntries() {
		e := newEntry(t)
		b.Entries = append(b.Entries, e)
		if lacks := b.entryLacks(e); lacks != "" {
			faults = append(faults, fault(check.RekorEncoding, "log entry %d of the Sigstore bundle of version %s %s", i, b.Version, lacks))
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
		return "names a time, and has no signed entry timestamp to vouch for it"
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
	if !Written(e.Rekor) {
		e.problem(fault(check.RekorEncoding, "the Rekor bundle %s", notWritten))
	}
	if err := b.CheckLogID(); err != nil {
		e.problem(rekorFault(check.RekorLogID, err))
		return
	}
	entry := &rekor.LogEntry{LogIndex: b.LogIndex, LogID: decodeHex(b.LogID), IntegratedTime: b.IntegratedTime, SET: b.SET, Body: b.Body}
	if body, err := rekor.ParseEntry(b.Body); err == nil { // otherwise ParseBody says so
		entry.Kind, entry.Version = body.Kind, body.APIVersion
	}
	e.Entries = append(e.Entries, entry)
}

// decodeProto reads the JSON of a protobuf message into m. protojson accepts
// many spellings of one message (names in snake_case, numbers for enums and
// integers, four kinds of base64, null for what is absent), so that the text is
// read beside the message's descriptor first, and only the spelling that
// writers use is let through.
func decodeProto(what string, raw []byte, m proto.Message) *check.Fault {
	if f := tooLarge(what, raw); f != nil {
		return f
	}
	r := &protoText{Decoder: jsontext.NewDecoder(bytes.NewReader(raw)), what: what}
	if bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) {
		return r.fault("begins with a byte order mark")
	}
	if f := r.message(m.ProtoReflect().Descriptor()); f != nil {
		return f
	}
	if _, err := r.ReadToken(); err != io.EOF {
		return r.fault("carries data after the end of the document")
	}
	if !writtenProto(raw) {
		return r.fault("%s", notWritten)
	}
	if err := protojson.Unmarshal(raw, m); err != nil {
		return r.fault("%s", strings.ReplaceAll(err.Error(), "\u00a0", " ")) // protobuf adds no-break spaces at random
	}
	return nil
}

// protoText reads along a descriptor. None of the messages it reads contains
// itself, which bounds the depth of what it accepts.
type protoText struct {
	*jsontext.Decoder
	what string
}

// listBudgets bounds every list of the messages that are read, by its JSON
// name: three bytes of text become a hundred in memory.
var listBudgets = map[string]struct {
	most int
	id   check.ID
}{
	"tlogEntries":       {rekor.MaxEntries, check.LimitEntry},
	"hashes":            {rekor.MaxProofHashes, check.LimitEntry},
	"rfc3161Timestamps": {MaxTimestamps, check.LimitEvidence},
	"certificates":      {MaxCertificates, check.LimitEvidence},
	"signatures":        {64, check.LimitEvidence}, // more than one is refused with its reason
}

func (r *protoText) fault(format string, args ...any) *check.Fault {
	at := string(r.StackPointer())
	id := check.SignatureEncoding
	if strings.Contains(at, "/tlogEntries/") {
		id = check.RekorEncoding
	}
	where := r.what
	if at != "" {
		where += " at " + at
	}
	return fault(id, "%.200s: "+format, append([]any{where}, args...)...)
}

// begin reads the token that opens an object or array.
func (r *protoText) begin(kind jsontext.Kind, want string) *check.Fault {
	tok, err := r.ReadToken()
	if err != nil {
		return r.fault("want strict JSON: %v", err)
	}
	if tok.Kind() != kind {
		return r.fault("want %s", want)
	}
	return nil
}

func (r *protoText) end() *check.Fault {
	if _, err := r.ReadToken(); err != nil {
		return r.fault("want strict JSON: %v", err)
	}
	return nil
}

func (r *protoText) message(md protoreflect.MessageDescriptor) *check.Fault {
	if f := r.begin('{', "an object"); f != nil {
		return f
	}
	for r.PeekKind() != '}' {
		tok, err := r.ReadToken()
		if err != nil {
			return r.fault("want strict JSON, each member once: %v", err)
		}
		name := tok.String()
		fd := md.Fields().ByJSONName(name)
		if fd == nil {
			return r.fault("unknown member %.100q, want the camelCase names of %s", name, md.FullName())
		}
		if f := r.field(fd); f != nil {
			return f
		}
	}
	return r.end()
}

func (r *protoText) field(fd protoreflect.FieldDescriptor) *check.Fault {
	if !fd.IsList() {
		return r.value(fd)
	}
	if f := r.begin('[', "an array"); f != nil {
		return f
	}
	budget := listBudgets[fd.JSONName()]
	for n := 0; r.PeekKind() != ']'; n++ {
		if n == budget.most {
			f := r.fault("more than %d members", budget.most)
			f.ID = budget.id
			return f
		}
		if f := r.value(fd); f != nil {
			return f
		}
	}
	return r.end()
}

func (r *protoText) value(fd protoreflect.FieldDescriptor) *check.Fault {
	if fd.Kind() == protoreflect.MessageKind {
		return r.message(fd.Message())
	}
	tok, err := r.ReadToken()
	if err != nil {
		return r.fault("want strict JSON: %v", err)
	}
	if tok.Kind() != '"' {
		return r.fault("want a string")
	}
	text := tok.String()
	switch fd.Kind() {
	case protoreflect.BytesKind:
		if _, err := DecodeBase64(text); err != nil {
			return r.fault("want standard base64 in its one spelling: %v", err)
		}
	case protoreflect.Int64Kind:
		if n, err := strconv.ParseInt(text, 10, 64); err != nil || strconv.FormatInt(n, 10) != text {
			return r.fault("want a plain integer in a string, found %.100q", text)
		}
	}
	return nil
}
