package bundle

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
)

// Media types of the bundle's own artifacts.
const (
	TypeInventory   = "application/vnd.gapseal.inventory.v1+json"
	TypeKeyArtifact = "application/vnd.gapseal.key.v1"
	TypeKey         = "application/x-pem-file"
)

// The schemas of an inventory. One from which nothing was left out has the first,
// so that the same content makes the same file whichever version wrote it.
const (
	InventorySchema        = "gapseal.inventory/v1"
	InventorySchemaLeftOut = "gapseal.inventory/v2"
)

// WaiverAllowUnverified is the name of the waiver in the inventory of a bundle that
// was written although its images did not verify. It is part of the format.
const WaiverAllowUnverified = "--allow-unverified"

// Inventory is the list of what a bundle holds, made by the exporter. It reveals
// loss but not malice: anyone who rewrites the bundle can rewrite the inventory.
// It holds no time, so that the same content always makes the same bundle.
type Inventory struct {
	Schema  string   `json:"schema"`
	Tool    Tool     `json:"tool"`
	Waivers []string `json:"waivers"`
	Images  []Image  `json:"images"`
	Keys    []Key    `json:"keys"`
	Blobs   []Blob   `json:"blobs"`
}

// Tool names the program that wrote the bundle.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Node is a manifest or index in the bundle.
type Node struct {
	MediaType string     `json:"mediaType"`
	Digest    oci.Digest `json:"digest"`
	Size      int64      `json:"size"`
}

// Image is one image under one reference.
type Image struct {
	Reference string `json:"reference"` // as requested, written in full
	Node
	Platforms []string   `json:"platforms"` // carried, in the order of the index
	Omitted   []Omitted  `json:"omitted"`   // left out, since only some platforms were requested
	Evidence  []Evidence `json:"evidence"`  // in canonical order
	LeftOut   []LeftOut  `json:"leftOut,omitempty"`
}

// Omitted is a child of an index that was left out because its platform was not
// requested.
type Omitted struct {
	Platform string     `json:"platform"`
	Digest   oci.Digest `json:"digest"`
}

// Evidence is a manifest with evidence about an image, about one of its platforms,
// or about other evidence.
type Evidence struct {
	Kind    oci.Kind   `json:"kind"`
	Subject oci.Digest `json:"subject"`
	Node
}

// Key is a public key that the bundle carries, as an artifact of its own.
type Key struct {
	Fingerprint string `json:"fingerprint"` // sha256:… of the key's DER
	Node
}

// Blob is one blob with its size in bytes and all of its roles.
type Blob struct {
	Digest oci.Digest `json:"digest"`
	Size   int64      `json:"size"`
	Roles  []Role     `json:"roles"`
}

// Role is the role of a blob in the manifest or the inventory that points at it.
type Role string

// The roles of a blob. All but the last two make a blob metadata, which is held in
// memory and comes first in the file.
const (
	RoleConfig   Role = "config"
	RoleEvidence Role = "evidence"
	RoleIndex    Role = "index"
	RoleKey      Role = "key"
	RoleManifest Role = "manifest"
	RolePayload  Role = "payload"
	RoleLayer    Role = "layer"
	RoleUnjudged Role = "unjudged" // evidence over its budget
)

// Metadata reports whether one of the blob's roles is a metadata role.
func (b Blob) Metadata() bool {
	for _, r := range b.Roles {
		if r != RoleLayer && r != RoleUnjudged {
			return true
		}
	}
	return false
}

// Descriptor returns n as a descriptor without annotations.
func (n Node) Descriptor() oci.Descriptor {
	return oci.Descriptor{MediaType: n.MediaType, Digest: n.Digest, Size: n.Size}
}

// parseInventory reads an inventory strictly: unknown members are refused, and the
// bytes must be those that export writes.
func parseInventory(raw []byte) (*Inventory, error) {
	var inv Inventory
	if err := strict.UnmarshalOwn(raw, &inv); err != nil {
		return nil, err
	}
	if inv.Schema != InventorySchema && inv.Schema != InventorySchemaLeftOut {
		return nil, fmt.Errorf("schema: want %s or %s, found %.60q",
			InventorySchema, InventorySchemaLeftOut, inv.Schema)
	}
	if err := inv.check(); err != nil {
		return nil, err
	}
	return &inv, nil
}

// Bounds of an inventory that the format sets.
const (
	maxKeys      = 64
	maxReference = 1024
)

var (
	toolName    = regexp.MustCompile(`^[0-9A-Za-z._-]{0,64}$`)
	toolVersion = regexp.MustCompile(`^[0-9A-Za-z.+()_-]{0,128}$`)

	waivers = []string{WaiverAllowUnverified}
)

// check returns an error unless inv is in its one valid form: each list is in order,
// with no element twice, and the texts are restricted, so that an inventory cannot
// carry unrelated data.
func (inv *Inventory) check() error {
	switch {
	case !toolName.MatchString(inv.Tool.Name) || !toolVersion.MatchString(inv.Tool.Version):
		return errors.New("does not name tool and version in plain letters and digits")
	case !ascending(inv.Waivers, cmp.Compare) || slices.ContainsFunc(inv.Waivers, unknownWaiver):
		return fmt.Errorf("lists waivers other than %q", waivers)
	case len(inv.Images) == 0:
		return errors.New("lists no image")
	case !ascending(inv.Images, compareImages):
		return errors.New("does not list images by reference, each reference once")
	case slices.ContainsFunc(inv.Images, hasLongReference):
		return fmt.Errorf("has a reference of more than %d bytes", maxReference)
	case len(inv.Keys) > maxKeys:
		return fmt.Errorf("lists %d keys, the format allows %d", len(inv.Keys), maxKeys)
	case !ascending(inv.Keys, compareKeys):
		return errors.New("does not list keys by fingerprint, each once")
	case !ascending(inv.Blobs, compareBlobs):
		return errors.New("does not list blobs by digest, each once")
	case inv.Schema != inv.schema():
		return fmt.Errorf("has schema %s, where what was left out dictates %s", inv.Schema, inv.schema())
	}
	for i := range inv.Images {
		if err := inv.Images[i].checkLeftOut(); err != nil {
			return err
		}
	}
	return nil
}

// schema returns the schema that the content dictates.
func (inv *Inventory) schema() string {
	if slices.ContainsFunc(inv.Images, func(img Image) bool { return len(img.LeftOut) > 0 }) {
		return InventorySchemaLeftOut
	}
	return InventorySchema
}

func unknownWaiver(w string) bool     { return !slices.Contains(waivers, w) }
func hasLongReference(img Image) bool { return len(img.Reference) > maxReference }

func compareImages(a, b Image) int { return cmp.Compare(a.Reference, b.Reference) }
func compareKeys(a, b Key) int     { return cmp.Compare(a.Fingerprint, b.Fingerprint) }
func compareBlobs(a, b Blob) int   { return cmp.Compare(a.Digest, b.Digest) }

// ascending reports whether each element of list is greater than the one before.
func ascending[T any](list []T, compare func(a, b T) int) bool {
	for i := 1; i < len(list); i++ {
		if compare(list[i-1], list[i]) >= 0 {
			return false
		}
	}
	return true
}

var emptyConfig = []byte("{}")

type artifactManifest struct {
	SchemaVersion int              `json:"schemaVersion"`
	MediaType     string           `json:"mediaType"`
	ArtifactType  string           `json:"artifactType"`
	Config        oci.Descriptor   `json:"config"`
	Layers        []oci.Descriptor `json:"layers"`
}

// artifact returns the one valid manifest for a blob of the bundle's own, with the
// empty config and the blob as its layer.
func artifact(artifactType, layerType string, blob []byte) ([]byte, error) {
	return strict.Marshal(&artifactManifest{
		SchemaVersion: 2, MediaType: oci.TypeManifest, ArtifactType: artifactType,
		Config: oci.Descriptor{MediaType: oci.TypeEmpty, Digest: oci.EmptyDigest, Size: int64(len(emptyConfig))},
		Layers: []oci.Descriptor{describe(layerType, blob)},
	})
}

// KeyArtifact returns the manifest under which a bundle carries a public key,
// given in PEM.
func KeyArtifact(pem []byte) ([]byte, error) { return artifact(TypeKeyArtifact, TypeKey, pem) }

func inventoryArtifact(blob []byte) ([]byte, error) {
	return artifact(TypeInventory, TypeInventory, blob)
}

func describe(mediaType string, blob []byte) oci.Descriptor {
	return oci.Descriptor{MediaType: mediaType, Digest: oci.FromBytes(blob), Size: int64(len(blob))}
}

func inventoryEntry(manifest []byte) oci.Descriptor {
	d := describe(oci.TypeManifest, manifest)
	d.ArtifactType = TypeInventory
	return d
}
