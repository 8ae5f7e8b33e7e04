package evidence

import (
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

const artifactTypeSignature = "application/vnd.dev.cosign.artifact.sig.v1+json"

// ReadCosign reads the signatures of cosign's first generation that one
// manifest stores for subject, one per layer. blob gives metadata by digest,
// nil for what is missing or damaged. A fault about the manifest as a whole is
// repeated in each of its signatures.
func ReadCosign(manifest, subject oci.Digest, blob func(oci.Digest) []byte) []Evidence {
	m, problems := parseManifest(blob(manifest))
	if m == nil {
		return []Evidence{{Form: check.FormSimpleSigning, Manifest: manifest, Subject: subject, Problems: problems}}
	}
	problems = append(problems, m.checkSubject(subject, false)...)
	problems = append(problems, m.checkType("", artifactTypeSignature)...)
	problems = append(problems, checkConfig(m, blob)...)
	sigs := make([]Evidence, 0, len(m.Layers))
	for i, l := range m.Layers {
		e := Evidence{Form: check.FormSimpleSigning, Manifest: manifest, Layer: i, Subject: subject}
		e.problem(problems...)
		if e.readLayer(l, oci.TypeSimpleSigning) {
			e.Message = blob(l.Digest)
			e.Payload = e.Message
		}
		if value := l.Annotations[annotationSignature]; value == "" {
			e.problem(encodingFault("the annotation %s is missing or empty", annotationSignature))
		} else {
			e.decodeSignature(value)
		}
		if _, ok := l.Annotations[annotationPredicate]; ok {
			e.problem(encodingFault("the layer has an annotation that cosign does not write: %q", annotationPredicate))
		}
		sigs = append(sigs, e)
	}
	return sigs
}

func (e *Evidence) decodeSignature(value string) {
	raw, err := DecodeBase64(value)
	if err != nil {
		e.problem(encodingFault("the signature is no strict base64: %v", err))
		return
	}
	e.Signature = raw
}

// ReadAttestations reads the DSSE envelopes that one manifest stores for
// subject, one per layer, as ReadCosign does for signatures: at the tag .att,
// or as a referrer of artifact type application/vnd.in-toto+json.
func ReadAttestations(manifest, subject oci.Digest, blob func(oci.Digest) []byte) []Evidence {
	m, problems := parseReferrer(blob(manifest))
	if m == nil {
		return []Evidence{{Form: check.FormAttestation, Manifest: manifest, Subject: subject, Problems: problems}}
	}
	problems = append(problems, m.checkSubject(subject, false)...)
	problems = append(problems, m.checkType("", oci.TypeInToto)...)
	problems = append(problems, m.checkAnnotations(map[string]*string{annotationCreated: nil})...)
	if m.Config != nil && m.Config.MediaType == oci.TypeEmpty {
		problems = append(problems, m.checkEmptyConfig()...)
	} else {
		problems = append(problems, checkConfig(m, blob)...)
	}
	atts := make([]Evidence, 0, len(m.Layers))
	for i, l := range m.Layers {
		e := Evidence{Form: check.FormAttestation, Manifest: manifest, Layer: i, Subject: subject}
		e.problem(problems...)
		known := e.readLayer(l, oci.TypeDSSE)
		if l.Annotations[annotationSignature] != "" {
			e.problem(encodingFault("the annotation %s of an envelope is not empty: its signature stands within it", annotationSignature))
		}
		if raw := blob(l.Digest); raw != nil && known {
			e.readEnvelope(raw)
		}
		e.checkPredicate(l.Annotations, annotationPredicate)
		atts = append(atts, e)
	}
	return atts
}

// checkPredicate holds a layer's annotation against the statement.
func (e *Evidence) checkPredicate(annotations map[string]string, name string) {
	value, ok := annotations[name]
	if ok && e.Statement != nil && value != e.Statement.PredicateType {
		e.problem(&check.Fault{ID: check.SignatureClaims, Detail: "the annotation " + name + " is not what the statement says",
			Expected: clip(e.Statement.PredicateType), Found: clip(value)})
	}
}
