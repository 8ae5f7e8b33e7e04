package evidence

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// ReadCosign reads the signatures of cosign's first generation that one
// manifest stores for subject, one per layer. blob returns metadata by digest,
// nil for what is missing or damaged. A fault of the manifest as a whole is
// repeated in each of its signatures.
func ReadCosign(manifest, subject oci.Digest, blob func(oci.Digest) []byte) []Evidence {
	m, problems := parseManifest(blob(manifest))
	if m == nil {
		return []Evidence{{Form: check.FormSimpleSigning, Manifest: manifest, Subject: subject, Problems: problems}}
	}
	problems = append(problems, m.checkSubject(subject, false)...)
	problems = append(problems, m.checkConfig(blob)...)
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
		sigs = append(sigs, e)
	}
	return sigs
}

func (e *Evidence) decodeSignature(value string) {
	raw, err := strict.Base64(value)
	if err != nil {
		e.problem(encodingFault("the signature: %v", err))
		return
	}
	e.Signature = raw
}

// ReadAttestations reads the DSSE envelopes that one manifest stores for
// subject, one per layer, at the tag .att or as a referrer of artifact type
// application/vnd.in-toto+json. It takes and returns the same as [ReadCosign].
func ReadAttestations(manifest, subject oci.Digest, blob func(oci.Digest) []byte) []Evidence {
	m, problems := parseManifest(blob(manifest))
	if m == nil {
		return []Evidence{{Form: check.FormAttestation, Manifest: manifest, Subject: subject, Problems: problems}}
	}
	problems = append(problems, m.checkSubject(subject, false)...)
	problems = append(problems, m.checkConfig(blob)...)
	atts := make([]Evidence, 0, len(m.Layers))
	for i, l := range m.Layers {
		e := Evidence{Form: check.FormAttestation, Manifest: manifest, Layer: i, Subject: subject}
		e.problem(problems...)
		known := e.readLayer(l, oci.TypeDSSE)
		if raw := blob(l.Digest); raw != nil && known {
			e.readEnvelope(raw)
		}
		e.checkPredicate(l.Annotations, annotationPredicate)
		atts = append(atts, e)
	}
	return atts
}

// checkPredicate compares a layer's annotation with the statement.
func (e *Evidence) checkPredicate(annotations map[string]string, name string) {
	value, ok := annotations[name]
	if ok && e.Statement != nil && value != e.Statement.PredicateType {
		e.problem(&check.Fault{
			ID:       check.SignatureClaims,
			Detail:   "the annotation " + name + " differs from the statement",
			Expected: check.Clip(e.Statement.PredicateType),
			Found:    check.Clip(value),
		})
	}
}

// Annotations of a layer of the first generation, as cosign writes them.
const (
	annotationSignature = "dev.cosignproject.cosign/signature"
	annotationRekor     = "dev.sigstore.cosign/bundle"
	annotationCert      = "dev.sigstore.cosign/certificate"
	annotationChain     = "dev.sigstore.cosign/chain"
	annotationTimestamp = "dev.sigstore.cosign/rfc3161timestamp"
	annotationPredicate = "predicateType"
)

// annotations are those that are read. Any other has no meaning here.
var annotations = []string{annotationSignature, annotationRekor, annotationCert, annotationChain, annotationTimestamp,
	annotationPredicate}

// maxPEM is the budget for an annotation with certificates, in bytes.
const maxPEM = 64 << 10

// readLayer reads what came with a layer, except the annotations signature and
// predicateType: they mean different things in different layers and are left to
// the caller. Annotations that it does not know are ignored, but for case variants
// of those that it knows. It reports whether the layer has the media type. A layer
// of another type does not hold what was signed.
func (e *Evidence) readLayer(l oci.Descriptor, mediaType string) bool {
	for _, name := range slices.Sorted(maps.Keys(l.Annotations)) {
		value := l.Annotations[name]
		switch name {
		case annotationRekor:
			e.readRekor(value)
		case annotationCert:
			e.readCertificate(value)
		case annotationChain:
			e.readChain(value)
		case annotationTimestamp:
			e.readTimestamp(value)
		}
	}
	e.problem(checkVariants(l.Annotations, annotations)...)
	if l.MediaType != mediaType {
		e.problem(encodingFault("the layer has media type %.100q, expected %s", l.MediaType, mediaType))
	}
	return l.MediaType == mediaType
}

// checkVariants refuses names that a reader which ignores case takes for one of
// those that are read.
func checkVariants(given map[string]string, known []string) (faults []*check.Fault) {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		for _, one := range known {
			if name != one && strings.EqualFold(name, one) {
				faults = append(faults, encodingFault("the annotation %.100q is a case variant of %s", name, one))
			}
		}
	}
	return faults
}

func (e *Evidence) readCertificate(value string) {
	certs, err := decodePEM(value)
	if err == nil && len(certs) != 1 {
		err = fmt.Errorf("want one certificate, found %d", len(certs))
	}
	if err != nil {
		e.problem(encodingFault("the annotation %s: %v", annotationCert, err))
		return
	}
	e.Cert = certs[0]
}

// readChain accepts an empty chain, which cosign writes for a certificate that
// came without one.
func (e *Evidence) readChain(value string) {
	certs, err := decodePEM(value)
	if err != nil {
		e.problem(encodingFault("the annotation %s: %v", annotationChain, err))
		return
	}
	e.Chain = certs
}

func (e *Evidence) readTimestamp(value string) {
	var t struct {
		Signed string `json:"SignedRFC3161Timestamp"`
	}
	if err := strict.UnmarshalKnown([]byte(value), &t); err != nil {
		e.problem(encodingFault("the annotation %s: %v", annotationTimestamp, err))
		return
	}
	der, err := strict.Base64(t.Signed)
	if err != nil || len(der) == 0 {
		e.problem(encodingFault("the annotation %s: want a timestamp in base64", annotationTimestamp))
		return
	}
	e.Timestamps = append(e.Timestamps, der)
}

// decodePEM returns the certificates of a text that holds no other PEM blocks.
func decodePEM(text string) ([][]byte, error) {
	if len(text) > maxPEM {
		return nil, fmt.Errorf("want at most %d bytes, found %d", maxPEM, len(text))
	}
	blocks, err := strict.PEM([]byte(text))
	if err != nil {
		return nil, err
	}
	if len(blocks) == 0 && strings.TrimSpace(text) != "" {
		return nil, errors.New("want PEM blocks CERTIFICATE, found none")
	}
	if len(blocks) > MaxCertificates {
		return nil, fmt.Errorf("want at most %d certificates, found %d", MaxCertificates, len(blocks))
	}
	var certs [][]byte
	for _, block := range blocks {
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return nil, errors.New("want PEM blocks CERTIFICATE without headers, and no others")
		}
		certs = append(certs, block.Bytes)
	}
	return certs, nil
}
