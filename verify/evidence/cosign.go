package evidence

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

const artifactTypeSignature = "application/vnd.dev.cosign.artifact.sig.v1+json"

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
			e.problem(encodingFault("the layer has an unexpected annotation: %q", annotationPredicate))
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
			e.problem(encodingFault("the annotation %s of an envelope is not empty: the signature belongs in the "+
				"envelope", annotationSignature))
		}
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

// maxPEM is the budget for an annotation with certificates, in bytes.
const maxPEM = 64 << 10

// readLayer reads what came with a layer, except the annotations signature and
// predicateType: they mean different things in different layers and are left to
// the caller. It reports whether the layer has the media type. A layer of
// another type does not hold what was signed.
func (e *Evidence) readLayer(l oci.Descriptor, mediaType string) bool {
	for _, name := range slices.Sorted(maps.Keys(l.Annotations)) {
		value := l.Annotations[name]
		switch name {
		case annotationSignature, annotationPredicate:
		case annotationRekor:
			e.readRekor(value)
		case annotationCert:
			e.readCertificate(value)
		case annotationChain:
			e.readChain(value)
		case annotationTimestamp:
			e.readTimestamp(value)
		default:
			e.problem(encodingFault("the layer has an unexpected annotation: %.100q", name))
		}
	}
	if l.MediaType != mediaType {
		e.problem(encodingFault("the layer has media type %.100q, expected %s", l.MediaType, mediaType))
	}
	l.Annotations = nil
	if !bare(l) {
		e.problem(encodingFault("the layer carries more than type, digest, size and annotations"))
	}
	return l.MediaType == mediaType
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
	if err != nil || len(der) == 0 || !strict.Compact([]byte(value)) {
		e.problem(encodingFault("the annotation %s: want a timestamp in standard base64, and no white space",
			annotationTimestamp))
		return
	}
	e.Timestamps = append(e.Timestamps, der)
}

// decodePEM returns the certificates of a text that holds nothing else, each
// written as encoding/pem writes it. White space may surround a block, because
// cosign trims the last line break of a chain.
func decodePEM(text string) ([][]byte, error) {
	if len(text) > maxPEM {
		return nil, fmt.Errorf("want at most %d bytes, found %d", maxPEM, len(text))
	}
	blocks, err := strict.PEM([]byte(text), strict.PEMCanonical)
	if err != nil {
		return nil, err
	}
	if len(blocks) > MaxCertificates {
		return nil, fmt.Errorf("want at most %d certificates, found %d", MaxCertificates, len(blocks))
	}
	var certs [][]byte
	for _, block := range blocks {
		if block.Type != "CERTIFICATE" {
			return nil, errors.New("want PEM blocks CERTIFICATE and nothing else")
		}
		certs = append(certs, block.Bytes)
	}
	return certs, nil
}

type signatureConfig struct {
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Created      string    `json:"created"`
	History      []history `json:"history"`
	RootFS       struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	Config struct{} `json:"config"`
}

type history struct {
	Created string `json:"created"`
}

// timestamp accepts an empty time too, because some writers leave it out.
var timestamp = regexp.MustCompile(`^$|^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$`)

// checkConfig judges the config of cosign's first generation. No signature
// covers it, so it may list the payloads and when they were made, and nothing
// else.
func checkConfig(m *signatureManifest, blob func(oci.Digest) []byte) []*check.Fault {
	if m.Config == nil || !bare(*m.Config) {
		return []*check.Fault{encodingFault("the manifest has no config, or one with more than type, digest and size")}
	}
	switch m.Config.MediaType {
	case oci.TypeConfig, oci.TypeDockerConfig, artifactTypeSignature:
	case oci.TypeEmpty:
		if m.Config.Digest == oci.EmptyDigest {
			return nil
		}
		return []*check.Fault{encodingFault("the config of the manifest has the type of the empty config, but is " +
			"not empty")}
	default:
		return []*check.Fault{encodingFault("the config of the manifest has media type %.100q, expected %s",
			m.Config.MediaType, oci.TypeConfig)}
	}
	raw := blob(m.Config.Digest)
	if raw == nil {
		return nil // reported by the blob checks
	}
	var c signatureConfig
	if err := strict.UnmarshalKnown(raw, &c); err != nil {
		return []*check.Fault{encodingFault("the config of the manifest: %v", err)}
	}
	var faults []*check.Fault
	if !strict.Compact(raw) {
		faults = append(faults, encodingFault("the config of the manifest %s", notCompact))
	}
	if !c.plain() {
		faults = append(faults, encodingFault("the config of the manifest holds more than a list of its layers and "+
			"when they were made"))
	}
	if !c.matches(m.Layers) {
		faults = append(faults, encodingFault("the config of the manifest does not match its layers"))
	}
	return faults
}

func (c *signatureConfig) plain() bool {
	ok := c.Architecture == "" && c.OS == "" && c.RootFS.Type == "layers" && timestamp.MatchString(c.Created)
	for _, h := range c.History {
		ok = ok && timestamp.MatchString(h.Created)
	}
	return ok
}

func (c *signatureConfig) matches(layers []oci.Descriptor) bool {
	if len(c.RootFS.DiffIDs) != len(layers) || len(c.History) > len(layers) {
		return false
	}
	for i, l := range layers {
		if c.RootFS.DiffIDs[i] != string(l.Digest) {
			return false
		}
	}
	return true
}
