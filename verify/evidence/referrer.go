package evidence

import (
	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// What the annotation dev.sigstore.bundle.content says.
const (
	contentEnvelope = "dsse-envelope"
	contentMessage  = "message-signature"
)

// ReadReferrer reads the Sigstore bundle that a referrer's manifest stores for
// subject: its one layer. The annotations of the manifest that describe the bundle
// must agree with it. blob returns metadata by
// digest, nil for what is missing or damaged. The result has one element.
func ReadReferrer(manifest, subject oci.Digest, blob func(oci.Digest) []byte) []Evidence {
	e := Evidence{Form: check.SigstoreBundle(""), Manifest: manifest, Subject: subject}
	m, problems := parseManifest(blob(manifest))
	e.problem(problems...)
	if m == nil {
		return []Evidence{e}
	}
	e.problem(m.checkSubject(subject, true)...)
	e.problem(m.checkConfig(blob)...)
	if len(m.Layers) != 1 {
		e.problem(encodingFault("the manifest of a Sigstore bundle has %d layers, expected one", len(m.Layers)))
		return []Evidence{e}
	}
	l := m.Layers[0]
	e.Form = check.SigstoreBundle(bundleVersions[l.MediaType])
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
	e.Cert = b.Cert
	e.Chain = b.Chain
	e.Hint = b.Hint
	e.Entries = b.Entries
	e.Timestamps = b.Timestamps
	if b.Envelope != nil {
		e.takeEnvelope(b.Envelope)
		return
	}
	if b.Message == nil {
		return
	}
	e.Signature = b.Message.Signature
	e.Message = blob(e.Subject)
	if b.Message.Digest != e.Subject {
		e.problem(&check.Fault{ID: check.SignatureClaims, Detail: "the message signature is about another image",
			Expected: string(e.Subject), Found: string(b.Message.Digest)})
	}
}

// bundleAnnotations returns what annotations of the manifest must say of the
// bundle that was read. A message signature has no predicate.
func (e *Evidence) bundleAnnotations() map[string]string {
	switch {
	case e.Signature == nil:
		return nil // it could not be read, which is reported already
	case e.Payload == nil:
		return map[string]string{annotationContent: contentMessage, annotationPredicateType: ""}
	case e.Statement == nil:
		return map[string]string{annotationContent: contentEnvelope}
	}
	return map[string]string{
		annotationContent:       contentEnvelope,
		annotationPredicateType: e.Statement.PredicateType,
	}
}

// annotationInToto names the predicate type on a layer, as BuildKit writes it.
const annotationInToto = "in-toto.io/predicate-type"

// ReadInToto reads the layers of type application/vnd.in-toto+json that one
// manifest stores for subject. Such a layer is an unsigned in-toto statement,
// with Message and Signature nil, or a DSSE envelope of one. The config is not
// read. blob returns metadata by digest, nil for what is missing or damaged.
func ReadInToto(manifest, subject oci.Digest, blob func(oci.Digest) []byte) []Evidence {
	m, problems := parseManifest(blob(manifest))
	if m == nil {
		return []Evidence{{Form: check.FormInToto, Manifest: manifest, Subject: subject, Problems: problems}}
	}
	problems = append(problems, m.checkSubject(subject, false)...)
	all := make([]Evidence, 0, len(m.Layers))
	for i, l := range m.Layers {
		e := Evidence{Form: check.FormInToto, Manifest: manifest, Layer: i, Subject: subject}
		e.problem(problems...)
		if l.MediaType != oci.TypeInToto {
			e.problem(encodingFault("the layer has media type %.100q, expected %s", l.MediaType, oci.TypeInToto))
		}
		if raw := blob(l.Digest); raw != nil {
			e.readInToto(raw)
		}
		e.checkPredicate(l.Annotations, annotationInToto)
		all = append(all, e)
	}
	return all
}

// readInToto recognizes an envelope by the member that only an envelope has.
func (e *Evidence) readInToto(raw []byte) {
	if f := tooLarge("the in-toto statement", raw); f != nil {
		e.problem(f)
		return
	}
	var either struct {
		PayloadType *string `json:"payloadType"`
	}
	if err := strict.Unmarshal(raw, &either); err == nil && either.PayloadType != nil {
		e.readEnvelope(raw)
		return
	}
	e.Payload = raw
	e.readStatement(raw)
}
