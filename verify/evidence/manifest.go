package evidence

import (
	"maps"
	"regexp"
	"slices"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// signatureManifest is a manifest that stores evidence and has no annotations
// of its own.
type signatureManifest struct {
	SchemaVersion int              `json:"schemaVersion"`
	MediaType     string           `json:"mediaType"`
	ArtifactType  string           `json:"artifactType"`
	Config        *oci.Descriptor  `json:"config"`
	Layers        []oci.Descriptor `json:"layers"`
	Subject       *oci.Descriptor  `json:"subject"`

	annotations map[string]string
}

// referrerManifest is one that may have annotations.
type referrerManifest struct {
	signatureManifest
	Annotations map[string]string `json:"annotations"`
}

// Annotations of a referrer's manifest, as cosign writes them.
const (
	annotationContent       = "dev.sigstore.bundle.content"
	annotationPredicateType = "dev.sigstore.bundle.predicateType"
	annotationCreated       = "org.opencontainers.image.created"
)

// parseManifest reads a manifest without annotations. For one that cannot be
// used it returns nil and why.
func parseManifest(raw []byte) (*signatureManifest, []*check.Fault) {
	var m signatureManifest
	if err := strict.UnmarshalKnown(raw, &m); err != nil {
		return nil, []*check.Fault{encodingFault("the manifest: %v", err)}
	}
	return &m, checkCompact(raw)
}

// parseReferrer reads a manifest that may have annotations.
func parseReferrer(raw []byte) (*signatureManifest, []*check.Fault) {
	var m referrerManifest
	if err := strict.UnmarshalKnown(raw, &m); err != nil {
		return nil, []*check.Fault{encodingFault("the manifest: %v", err)}
	}
	m.annotations = m.Annotations
	return &m.signatureManifest, checkCompact(raw)
}

func checkCompact(raw []byte) []*check.Fault {
	if strict.Compact(raw) {
		return nil
	}
	return []*check.Fault{encodingFault("the manifest %s", notCompact)}
}

// checkSubject judges the link to the image. The manifest may omit it where the
// name of its tag is the link.
func (m *signatureManifest) checkSubject(subject oci.Digest, needed bool) []*check.Fault {
	var faults []*check.Fault
	if m.Subject == nil {
		if needed {
			faults = append(faults, encodingFault("the manifest has no subject"))
		}
		return faults
	}
	if !bare(*m.Subject) {
		faults = append(faults, encodingFault("the subject of the manifest carries more than type, digest and size"))
	}
	if m.Subject.Digest != subject {
		faults = append(faults, &check.Fault{ID: check.SignatureClaims, Detail: "the manifest has another subject",
			Expected: string(subject), Found: check.Clip(string(m.Subject.Digest))})
	}
	return faults
}

func (m *signatureManifest) checkType(allowed ...string) []*check.Fault {
	if slices.Contains(allowed, m.ArtifactType) {
		return nil
	}
	return []*check.Fault{encodingFault("the manifest has artifactType %.100q, expected one of %q", m.ArtifactType,
		allowed)}
}

// checkEmptyConfig requires the empty config of OCI 1.1. It may repeat the
// artifact type and be inlined.
func (m *signatureManifest) checkEmptyConfig() []*check.Fault {
	if m.Config == nil || m.Config.MediaType != oci.TypeEmpty || m.Config.Digest != oci.EmptyDigest {
		return []*check.Fault{encodingFault("the config of the manifest is not the empty config %s", oci.TypeEmpty)}
	}
	c := *m.Config
	if c.ArtifactType == m.ArtifactType {
		c.ArtifactType = ""
	}
	if string(c.Data) == "{}" {
		c.Data = nil
	}
	if !bare(c) {
		return []*check.Fault{encodingFault("the config of the manifest carries more than type, digest, size and " +
			"the artifact type")}
	}
	return nil
}

// checkAnnotations requires each annotation of the manifest to be one that
// expected names, with the value it gives. A nil value allows any.
func (m *signatureManifest) checkAnnotations(expected map[string]*string) []*check.Fault {
	var faults []*check.Fault
	for _, name := range slices.Sorted(maps.Keys(m.annotations)) {
		value := m.annotations[name]
		want, known := expected[name]
		switch {
		case !known:
			faults = append(faults, encodingFault("the manifest has an unexpected annotation: %.100q", name))
		case name == annotationCreated && !created.MatchString(value):
			faults = append(faults, encodingFault("the annotation %s is not a time: %.100q", name, value))
		case want != nil && value != *want:
			faults = append(faults, &check.Fault{
				ID:       check.SignatureClaims,
				Detail:   "the annotation " + name + " differs from the evidence",
				Expected: check.Clip(*want),
				Found:    check.Clip(value),
			})
		}
	}
	return faults
}

var created = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$`)

// bare reports whether a descriptor has only the members that it must have.
func bare(d oci.Descriptor) bool {
	return len(d.Annotations) == 0 && d.Platform == nil && d.ArtifactType == "" && len(d.URLs) == 0 && d.Data == nil
}

// notCompact says what is wrong with a text that [strict.Compact] refuses.
const notCompact = "has white space between its parts, or unnecessary escapes"
