package oci

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
)

// Manifest is an image manifest or an index, as the OCI image specification
// and Docker's schema 2 define them. An index has Manifests, an image manifest
// has Config and Layers, and nothing has both.
type Manifest struct {
	MediaType    string // of the descriptor, or of the body where the two agree
	ArtifactType string
	Config       Descriptor
	Layers       []Descriptor
	Manifests    []Descriptor
	Subject      *Descriptor
	Annotations  map[string]string
}

type document struct {
	SchemaVersion int64             `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *Descriptor       `json:"config"`
	Layers        []Descriptor      `json:"layers"`
	Manifests     []Descriptor      `json:"manifests"`
	Subject       *Descriptor       `json:"subject"`
	Annotations   map[string]string `json:"annotations"`
}

// ParseManifest reads raw as the document a descriptor of mediaType points at.
// It returns nil for a document that cannot be used, and a fault of class
// manifest, blob or limit for everything wrong or worth telling.
func ParseManifest(raw []byte, mediaType string) (*Manifest, []*check.Fault) {
	if !IsIndex(mediaType) && !IsManifest(mediaType) {
		return nil, []*check.Fault{{ID: check.ManifestMediaType, Detail: "not the media type of a manifest or index", Found: clip(mediaType)}}
	}
	var doc document
	if err := strict.Unmarshal(raw, &doc); err != nil {
		return nil, []*check.Fault{jsonFault(check.ManifestJSON, err)}
	}
	faults := doc.checkShape(mediaType)
	for _, f := range faults {
		if !f.Warn {
			return nil, faults
		}
	}
	m := &Manifest{
		MediaType: mediaType, ArtifactType: doc.ArtifactType, Layers: doc.Layers,
		Manifests: doc.Manifests, Subject: doc.Subject, Annotations: doc.Annotations,
	}
	if doc.Config != nil {
		m.Config = *doc.Config
	}
	usable := true
	for _, d := range m.descriptors() {
		found := checkDescriptor(d)
		faults = append(faults, found...)
		if len(found) > 0 && found[0].ID == check.ManifestDigest || len(faults) > maxFaults {
			usable = false // nothing may be looked up under such a name
		}
		if len(faults) > maxFaults {
			break
		}
	}
	if !usable {
		return nil, faults
	}
	return m, faults
}

// maxFaults is how many complaints about one document are worth having.
const maxFaults = 100

func jsonFault(id check.ID, err error) *check.Fault {
	if errors.Is(err, strict.ErrTooDeep) {
		id = check.LimitNesting
	}
	return &check.Fault{ID: id, Detail: err.Error()}
}

func (doc *document) checkShape(mediaType string) []*check.Fault {
	if doc.SchemaVersion != 2 {
		return []*check.Fault{{ID: check.ManifestJSON, Detail: "schemaVersion", Expected: "2", Found: fmt.Sprint(doc.SchemaVersion)}}
	}
	isIndex := doc.Manifests != nil
	isImage := doc.Config != nil || doc.Layers != nil
	if isIndex == isImage || isIndex != IsIndex(mediaType) || (isImage && doc.Config == nil) {
		return []*check.Fault{{ID: check.ManifestMediaType, Detail: "the document has not the shape of its media type",
			Expected: clip(mediaType), Found: doc.shape()}}
	}
	if doc.MediaType == "" && (mediaType == TypeIndex || mediaType == TypeManifest) {
		return []*check.Fault{{ID: check.ManifestMediaType, Detail: "names no mediaType; its shape is unambiguous", Expected: mediaType, Warn: true}}
	}
	if doc.MediaType != mediaType {
		return []*check.Fault{{ID: check.ManifestMediaType, Detail: "mediaType differs from the descriptor's", Expected: clip(mediaType), Found: clip(doc.MediaType)}}
	}
	return nil
}

func (doc *document) shape() string {
	switch isImage := doc.Config != nil || doc.Layers != nil; {
	case isImage && doc.Manifests != nil:
		return "both a manifest and an index"
	case doc.Manifests != nil:
		return "an index"
	case doc.Config != nil:
		return "a manifest"
	}
	return "neither manifests nor a config"
}

// descriptors returns every descriptor of m, config first.
func (m *Manifest) descriptors() []Descriptor {
	var all []Descriptor
	if m.Config.Digest != "" || !IsIndex(m.MediaType) {
		all = append(all, m.Config)
	}
	all = append(append(all, m.Layers...), m.Manifests...)
	if m.Subject != nil {
		all = append(all, *m.Subject)
	}
	return all
}

func checkDescriptor(d Descriptor) []*check.Fault {
	var faults []*check.Fault
	if _, err := ParseDigest(string(d.Digest)); err != nil {
		faults = append(faults, &check.Fault{ID: check.ManifestDigest, Detail: err.Error()})
	}
	if d.Size < 0 {
		faults = append(faults, &check.Fault{ID: check.ManifestSize, Subject: clip(string(d.Digest)), Detail: "negative size", Found: fmt.Sprint(d.Size)})
	}
	if len(d.URLs) > 0 {
		faults = append(faults, &check.Fault{ID: check.ManifestForeign, Subject: clip(string(d.Digest)), Detail: "the descriptor points elsewhere for its content (urls)"})
	}
	if d.Data != nil && (FromBytes(d.Data) != d.Digest || int64(len(d.Data)) != d.Size) {
		faults = append(faults, &check.Fault{ID: check.BlobInline, Subject: clip(string(d.Digest)), Detail: "the descriptor's inline data is not its blob",
			Expected: clip(string(d.Digest)), Found: string(FromBytes(d.Data))})
	}
	return faults
}

// EvidenceKind returns what kind of evidence m is; ok is false for an image:
// a document is evidence only if every layer type is in the closed table of
// evidence types, or if it has a subject, a config that is no image config and
// no layer that a runtime unpacks. Whatever else could be run or installed.
func (m *Manifest) EvidenceKind() (kind Kind, ok bool) {
	if IsIndex(m.MediaType) {
		return "", false
	}
	for _, l := range m.Layers {
		k, known := evidenceLayers[l.MediaType]
		if !known {
			kind = ""
			break
		}
		if kind == "" {
			kind = k
		}
	}
	if kind != "" {
		return kind, true
	}
	if m.Subject == nil || isImageConfig(m.Config.MediaType) || m.hasImageLayer() {
		return "", false
	}
	return KindReferrer, true
}

func (m *Manifest) hasImageLayer() bool {
	for _, l := range m.Layers {
		if couldRun(l.MediaType) {
			return true
		}
	}
	return false
}

// HasImageConfig reports whether m carries a config that runtimes read.
func (m *Manifest) HasImageConfig() bool { return isImageConfig(m.Config.MediaType) }

// Equal reports whether two descriptors name the same blob as the same thing.
func (d Descriptor) Equal(o Descriptor) bool {
	return d.MediaType == o.MediaType && d.Digest == o.Digest && d.Size == o.Size && bytes.Equal(d.Data, o.Data)
}
