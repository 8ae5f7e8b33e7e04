package bundle

import (
	"cmp"
	"slices"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// Contents is the metadata of a bundle, planned or read. Every blob in Meta has
// been checked against its digest.
type Contents struct {
	Inventory *Inventory
	Meta      map[oci.Digest][]byte
	Damaged   map[oci.Digest]bool // metadata present in the file with a wrong digest or size
	Manifest  oci.Digest          // of the inventory's manifest, which a seal names
	Sealed    bool                // index.json lists a seal
	Seal      []byte              // its envelope, nil if there is none or it cannot be read
}

// Graph is what the roots that an inventory names (images, evidence, keys)
// reach, derived from the manifests alone.
type Graph struct {
	Images    []ImageGraph
	Manifests map[oci.Digest]*oci.Manifest
	Blobs     []Blob // by digest
	Faults    []*check.Fault

	meta    map[oci.Digest][]byte
	configs map[oci.Digest]config
}

// config is an image config, parsed once however many manifests name it.
type config struct {
	*oci.Config
	fault *check.Fault
}

// Config returns the image config of that digest as [oci.ParseConfig] reads it.
// Both results are nil if it is missing or damaged. It is not safe for use by
// several goroutines.
func (g *Graph) Config(d oci.Digest) (*oci.Config, *check.Fault) {
	raw, ok := g.meta[d]
	if !ok {
		return nil, nil
	}
	c, ok := g.configs[d]
	if !ok {
		c.Config, c.fault = oci.ParseConfig(raw)
		if c.fault != nil {
			c.fault.Subject = string(d)
		}
		g.configs[d] = c
	}
	return c.Config, c.fault
}

// ImageGraph is one image of the inventory with its parts.
type ImageGraph struct {
	Image
	Tree      []TreeNode // the root first, then its children in the order of the index
	Canonical []Evidence // the evidence in the order the format dictates
	Carried   []string   // platforms found present
}

// TreeNode is the root of an image or one of its children.
type TreeNode struct {
	Node
	Platform *oci.Platform // as the index names it, nil for the root
	Parent   oci.Digest    // empty for the root
}

// Walk derives the graph of c. Manifests that are missing or damaged are passed
// over: the layout and blob checks speak of them.
func (c *Contents) Walk(lim oci.Limits) *Graph {
	w := newWalker(c, lim)
	for _, img := range c.Inventory.Images {
		w.image(img)
	}
	for _, k := range c.Inventory.Keys {
		w.artifact(k.Node, RoleKey)
	}
	for _, b := range w.blobs {
		slices.Sort(b.Roles)
		w.Blobs = append(w.Blobs, *b)
	}
	slices.SortFunc(w.Blobs, compareBlobs)
	w.Faults = w.faults.list()
	return w.Graph
}

func compareBlobs(a, b Blob) int { return cmp.Compare(a.Digest, b.Digest) }
