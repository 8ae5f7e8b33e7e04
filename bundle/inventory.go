package bundle

import (
	"fmt"

	"github.com/gapseal/gapseal/internal/strictjson"
	"github.com/gapseal/gapseal/oci"
)

// Media types of the bundle's own artifacts.
const (
	TypeInventory         = "application/vnd.gapseal.inventory.v1+json"
	TypeKeyArtifact       = "application/vnd.gapseal.key.v1"
	TypeKey               = "application/x-pem-file"
	InventorySchema       = "gapseal.inventory/v1"
	WaiverAllowUnverified = "--allow-unverified"
)

// Inventory is export's own list of what a bundle holds. It catches loss, not
// malice: whoever rewrites the bundle can rewrite it. It holds no time, so that
// the same content always makes the same bundle.
type Inventory struct {
	Schema  string   `json:"schema"`
	Tool    Tool     `json:"tool"`
	Waivers []string `json:"waivers"`
	Images  []Image  `json:"images"`
	Keys    []Key    `json:"keys"`
	Blobs   []Blob   `json:"blobs"`
}

// Tool names the program that exported.
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
	Reference string `json:"reference"` // as asked for, written in full
	Node
	Platforms []string   `json:"platforms"` // carried, in the order of the index
	Omitted   []Omitted  `json:"omitted"`   // left out by --platform
	Evidence  []Evidence `json:"evidence"`  // found in the source, in canonical order
}

// Omitted is a child of an index that export left out because it was told to.
type Omitted struct {
	Platform string     `json:"platform"`
	Digest   oci.Digest `json:"digest"`
}

// Evidence is one manifest that speaks for an image, for one of its platforms,
// or for other evidence.
type Evidence struct {
	Kind    oci.Kind   `json:"kind"`
	Subject oci.Digest `json:"subject"`
	Node
}

// Key is a public key that export put in, as an artifact of its own.
type Key struct {
	Fingerprint string `json:"fingerprint"` // sha256:… of the key's DER
	Node
}

// Blob is one blob with its size in bytes and every role it plays.
type Blob struct {
	Digest oci.Digest `json:"digest"`
	Size   int64      `json:"size"`
	Roles  []Role     `json:"roles"`
}

// Role says what a blob is to whatever points at it.
type Role string

// The roles. All but the last two are metadata: small, held in memory, and
// stored before everything else.
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

// parseInventory reads an inventory strictly: every name known, and the bytes
// exactly as export writes them.
func parseInventory(raw []byte) (*Inventory, error) {
	var inv Inventory
	if err := strictjson.UnmarshalOwn(raw, &inv); err != nil {
		return nil, err
	}
	if inv.Schema != InventorySchema {
		return nil, fmt.Errorf("schema: want %s, found %.60q", InventorySchema, inv.Schema)
	}
	if err := inv.check(); err != nil {
		return nil, err
	}
	return &inv, nil
}
