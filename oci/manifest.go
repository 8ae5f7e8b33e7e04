package oci

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/internal/layer"
	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
)

// Manifest is an image manifest or an index, as the OCI image specification and
// Docker's schema 2 define them. An index has Manifests, an image manifest has
// Config and Layers, and no document has both.
type Manifest struct {
	MediaType    string // of the descriptor; the document names the same or none
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

	// Members of Docker's schema 1. A reader of that schema would see another image.
	FSLayers   jsontext.Value `json:"fsLayers"`
	History    jsontext.Value `json:"history"`
	Signatures jsontext.Value `json:"signatures"`
}

// ParseManifest reads raw as the document that a descriptor of mediaType points
// at. It returns nil for a document that cannot be used, and faults of class
// manifest, blob or limit for what is wrong with it, warnings included.
func ParseManifest(raw []byte, mediaType string) (*Manifest, []*check.Fault) {
	if !IsIndex(mediaType) && !IsManifest(mediaType) {
		return nil, []*check.Fault{{ID: check.ManifestMediaType,
			Detail: "not the media type of a manifest or index", Found: check.Clip(mediaType)}}
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
			usable = false // a malformed digest must not be used to look anything up
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

// maxFaults is how many faults of one document are collected.
const maxFaults = 100

func jsonFault(id check.ID, err error) *check.Fault {
	if errors.Is(err, strict.ErrTooDeep) {
		id = check.LimitNesting
	}
	return &check.Fault{ID: id, Detail: err.Error()}
}

func (doc *document) checkShape(mediaType string) []*check.Fault {
	if doc.SchemaVersion != 2 {
		return []*check.Fault{{ID: check.ManifestJSON, Detail: "schemaVersion",
			Expected: "2", Found: fmt.Sprint(doc.SchemaVersion)}}
	}
	if doc.FSLayers != nil || doc.History != nil || doc.Signatures != nil {
		return []*check.Fault{{ID: check.ManifestMediaType,
			Detail:   "has members of schema 1 (fsLayers, history or signatures), in which another image could stand",
			Expected: check.Clip(mediaType), Found: "a document of two schemas"}}
	}
	isIndex := doc.Manifests != nil
	isImage := doc.Config != nil || doc.Layers != nil
	if isIndex == isImage || isIndex != IsIndex(mediaType) || (isImage && doc.Config == nil) {
		return []*check.Fault{{ID: check.ManifestMediaType,
			Detail:   "the document does not have the shape of its media type",
			Expected: check.Clip(mediaType), Found: doc.shape()}}
	}
	if doc.MediaType == "" && (mediaType == TypeIndex || mediaType == TypeManifest) {
		return []*check.Fault{{ID: check.ManifestMediaType, Detail: "names no mediaType; its shape is unambiguous",
			Expected: mediaType, Warn: true}}
	}
	if doc.MediaType != mediaType {
		return []*check.Fault{{ID: check.ManifestMediaType, Detail: "mediaType differs from the descriptor's",
			Expected: check.Clip(mediaType), Found: check.Clip(doc.MediaType)}}
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

// descriptors returns all descriptors of m, that of the config first.
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
	subject := check.Clip(string(d.Digest))
	if _, err := ParseDigest(string(d.Digest)); err != nil {
		faults = append(faults, &check.Fault{ID: check.ManifestDigest, Detail: err.Error()})
	}
	if d.Size < 0 {
		faults = append(faults, &check.Fault{ID: check.ManifestSize, Subject: subject,
			Detail: "negative size", Found: fmt.Sprint(d.Size)})
	}
	if d.Data != nil && (FromBytes(d.Data) != d.Digest || int64(len(d.Data)) != d.Size) {
		faults = append(faults, &check.Fault{ID: check.BlobInline, Subject: subject,
			Detail:   "the descriptor's inline data is not its blob",
			Expected: subject, Found: string(FromBytes(d.Data))})
	}
	return faults
}

// EvidenceKind returns what kind of evidence m is; ok is false if it is something
// to run or install. A document is evidence only if the types of all its layers
// are in the closed table of evidence types, or if it has a subject, a config that
// is not an image config, and no layer that could be run.
//
// Runtimes unpack what has an image config, whatever the types of its layers say.
// So under an image config a layer counts as evidence only if isText reports that it
// is text ([IsText]). For a layer that is not at hand isText returns true; one over
// [MaxJudgedEvidence] must be looked at when it is read. If isText is nil, the types
// alone decide.
func (m *Manifest) EvidenceKind(isText func(Digest) bool) (kind Kind, ok bool) {
	if IsIndex(m.MediaType) {
		return "", false
	}
	if kind := m.kindOfLayers(); kind != "" {
		return kind, !m.HasImageConfig() || m.holdsText(isText)
	}
	if m.Subject == nil || m.HasImageConfig() || m.hasImageLayer() {
		return "", false
	}
	return KindReferrer, true
}

// kindOfLayers returns the kind of the first layer if all layers are in the table
// of evidence types.
func (m *Manifest) kindOfLayers() (kind Kind) {
	for _, l := range m.Layers {
		k, known := evidenceLayers[l.MediaType]
		if !known {
			return ""
		}
		kind = cmp.Or(kind, k)
	}
	return kind
}

func (m *Manifest) holdsText(isText func(Digest) bool) bool {
	return isText == nil || !slices.ContainsFunc(m.Layers, func(l Descriptor) bool { return !isText(l.Digest) })
}

// IsText reports whether raw is UTF-8 text without NUL that nothing can unpack. A tar
// may consist of printable characters only.
func IsText(raw []byte) bool {
	head := raw[:min(len(raw), layer.HeadSize)]
	return utf8.Valid(raw) && bytes.IndexByte(raw, 0) < 0 && layer.Sniff(head) == layer.Other &&
		!bytes.HasPrefix(raw, []byte("BZh")) // bzip2, which some runtimes unpack
}

func (m *Manifest) hasImageLayer() bool {
	for _, l := range m.Layers {
		if couldRun(l.MediaType) {
			return true
		}
	}
	return false
}

// HasImageConfig reports whether m has a config that runtimes read.
func (m *Manifest) HasImageConfig() bool { return isImageConfig(m.Config.MediaType) }

// Equal reports whether two descriptors point at the same blob with the same media
// type, size and inline data.
func (d Descriptor) Equal(o Descriptor) bool {
	return d.MediaType == o.MediaType && d.Digest == o.Digest && d.Size == o.Size && bytes.Equal(d.Data, o.Data)
}

// Config is what gapseal reads of an image config: the platform, and the
// SHA-256 of each layer when unpacked, lowest layer first.
type Config struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	OSVersion    string `json:"os.version"`
	Variant      string `json:"variant"`
	RootFS       struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// ParseConfig reads raw as an image config of the OCI image specification or of
// Docker. The fault is of class config or limit.
func ParseConfig(raw []byte) (*Config, *check.Fault) {
	var c Config
	if err := strict.Unmarshal(raw, &c); err != nil {
		return nil, jsonFault(check.ConfigJSON, err)
	}
	return &c, nil
}

// Platform returns the platform that the image was built for.
func (c *Config) Platform() Platform {
	return Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant, OSVersion: c.OSVersion}
}
