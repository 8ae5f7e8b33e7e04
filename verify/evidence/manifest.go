package evidence

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// storing is a manifest that stores evidence. What it has beside these members
// has no meaning here: no signature covers it, and nothing is concluded from it.
type storing struct {
	Config      *oci.Descriptor   `json:"config"`
	Layers      []oci.Descriptor  `json:"layers"`
	Subject     *oci.Descriptor   `json:"subject"`
	Annotations map[string]string `json:"annotations"`
}

// Annotations of a referrer's manifest, as cosign writes them.
const (
	annotationContent       = "dev.sigstore.bundle.content"
	annotationPredicateType = "dev.sigstore.bundle.predicateType"
)

// parseManifest reads a manifest that stores evidence. For one that cannot be used
// it returns nil and why.
func parseManifest(raw []byte) (*storing, []*check.Fault) {
	var m storing
	if err := strict.Unmarshal(raw, &m); err != nil {
		return nil, []*check.Fault{encodingFault("the manifest: %v", err)}
	}
	return &m, nil
}

// checkSubject judges the link to the image. The manifest may omit it where the
// name of its tag is the link.
func (m *storing) checkSubject(subject oci.Digest, needed bool) []*check.Fault {
	switch {
	case m.Subject == nil && needed:
		return []*check.Fault{encodingFault("the manifest has no subject")}
	case m.Subject != nil && m.Subject.Digest != subject:
		return []*check.Fault{{ID: check.SignatureClaims, Detail: "the manifest has another subject",
			Expected: string(subject), Found: check.Clip(string(m.Subject.Digest))}}
	}
	return nil
}

// checkConfig requires the config to be empty or a JSON object, of whatever type and
// content: signatures are stored with the config of an image, with that of an
// artifact, or with {}. Nothing reads it, and nothing signs it, so it must not be
// a file of another kind that travels along.
func (m *storing) checkConfig(blob func(oci.Digest) []byte) []*check.Fault {
	if m.Config == nil {
		return nil
	}
	if m.Config.MediaType == oci.TypeEmpty && m.Config.Digest != oci.EmptyDigest {
		return []*check.Fault{encodingFault("the config of the manifest has the type of the empty config, but is not " +
			"empty")}
	}
	raw := blob(m.Config.Digest)
	if len(raw) == 0 {
		return nil // empty; one that is missing or damaged is reported by the blob checks
	}
	var members map[string]jsontext.Value
	if err := strict.Unmarshal(raw, &members); err != nil || !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return []*check.Fault{encodingFault("the config of the manifest is neither empty nor a JSON object")}
	}
	return nil
}

// checkAnnotations compares annotations of the manifest, where there are any, with
// the evidence: tools choose evidence by them.
func (m *storing) checkAnnotations(expected map[string]string) []*check.Fault {
	known := []string{annotationContent, annotationPredicateType}
	faults := checkVariants(m.Annotations, known)
	for _, name := range known {
		want, judged := expected[name]
		value, given := m.Annotations[name]
		if judged && given && value != want {
			faults = append(faults, &check.Fault{
				ID:       check.SignatureClaims,
				Detail:   "the annotation " + name + " differs from the evidence",
				Expected: check.Clip(want),
				Found:    check.Clip(value),
			})
		}
	}
	return faults
}
