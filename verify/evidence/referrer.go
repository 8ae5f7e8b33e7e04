package evidence

import (
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// What the annotation dev.sigstore.bundle.content says.
const (
	contentEnvelope = "dsse-envelope"
	contentMessage  = "message-signature"
)

// ReadReferrer reads the Sigstore bundle that a referrer's manifest stores for
// subject: its one layer, beside the empty config. The annotations of the
// manifest must be known and agree with the bundle. blob gives metadata by
// digest, nil for what is missing or damaged. The result has one element.
func ReadReferrer(manifest, subject oci.Digest, blob func(oci.Digest) []byte) []Evidence {
	e := Evidence{Form: check.SigstoreBundle(""), Manifest: manifest, Subject: subject}
	m, problems := parseReferrer(blob(manifest))
	e.problem(problems...)
	if m == nil {
		return []Evidence{e}
	}
	e.problem(m.checkSubject(subject, true)...)
	e.problem(m.checkEmptyConfig()...)
	if len(m.Layers) != 1 {
		e.problem(encodingFault("the manifest of a Sigstore bundle has %d layers, expected one", len(m.Layers)))
		return []Evidence{e}
	}
	l := m.Layers[0]
	e.Form = check.SigstoreBundle(bundleVersions[l.MediaType])
	e.problem(m.checkType(l.MediaType)...)
	if !bare(l) {
		e.problem(encodingFault("the layer of a Sigstore bundle carries more than type, digest and size"))
	}
	if raw := blob(l.Digest); raw != nil {
		e.readBundle(raw, l.MediaType, blob)
	}
	e.problem(m.checkAnnotations(e.bundleAnnotations())...)
	return []Evidence{e}
}

func (e *Evidence) readBundle(raw []byte, mediaType string, blob func(oci.Digest) []byte) {
	b, faults := ReadBundle(raw, mediaType)
	e.problem(faults...)
	if b == nil {
		return
	}
	e.Cert, e.Chain, e.Hint, e.Entries, e.Timestamps = b.Cert, b.Chain, b.Hint, b.Entries, b.Timestamps
	if b.Envelope != nil {
		e.takeEnvelope(b.Envelope)
		return
	}
	if b.Message == nil {
		return
	}
	e.Signature, e.Message = b.Message.Signature, blob(e.Subject)
	if b.Message.Digest != e.Subject {
		e.problem(&check.Fault{ID: check.SignatureClaims, Detail: "the message signature is about another image",
			Expected: string(e.Subject), Found: string(b.Message.Digest)})
	}
}

// bundleAnnotations returns what the manifest's annotations may say of the
// bundle that was read; a message signature has no predicate.
func (e *Evidence) bundleAnnotations() map[string]*string {
	content := contentEnvelope
	allowed := map[string]*string{annotationContent: &content, annotationPredicateType: nil, annotationCreated: nil}
	switch {
	case e.Signature == nil:
		allowed[annotationContent] = nil // it could not be read, which is told
	case e.Payload == nil:
		content = contentMessage
		delete(allowed, annotationPredicateType)
	case e.Statement != nil:
		allowed[annotationPredicateType] = &e.Statement.PredicateType
	}
	return allowed
}
