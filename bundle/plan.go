package bundle

import (
	"fmt"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

const (
	nameMarker = "oci-layout"
	nameIndex  = "index.json"
	blobPrefix = "blobs/sha256/"
)

// A Plan is a bundle of which every byte but the content of layers is known:
// all sizes are, so each entry's place in the file is too.
type Plan struct {
	Contents
	Index   []byte // index.json; its SHA-256 is the bundle's identity
	Size    int64  // of the whole file, in bytes
	entries []planned
}

type planned struct {
	name   string
	digest oci.Digest
	size   int64
	data   []byte // nil for content, which is fetched
	offset int64  // of the header
}

// NewPlan completes an inventory with the blobs its manifests reach, and lays
// out the file. inv.Blobs is derived here; everything else of inv is taken as
// it is but for the order of evidence. A fault in the source's manifests is an
// error, and nothing can waive it.
func NewPlan(inv Inventory, meta map[oci.Digest][]byte, lim oci.Limits) (*Plan, error) {
	p := &Plan{Contents: Contents{Inventory: &inv, Meta: meta, Limits: lim.WithDefaults()}}
	g := p.Walk()
	for i := range inv.Images {
		inv.Images[i].Evidence = g.Images[i].Canonical
		inv.Images[i].Platforms = append([]string{}, g.Images[i].Carried...)
	}
	inv.Blobs = g.Blobs
	for _, f := range g.Faults {
		if !f.Warn {
			return nil, f
		}
	}
	if err := inv.check(); err != nil {
		return nil, fmt.Errorf("the inventory %w", err)
	}
	if err := p.layOut(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Plan) layOut() error {
	blob, err := strict.Marshal(p.Inventory)
	if err != nil {
		return err
	}
	manifest, err := inventoryArtifact(blob)
	if err != nil {
		return err
	}
	seal, err := p.sealBlobs()
	if err != nil {
		return err
	}
	p.Manifest = oci.FromBytes(manifest)
	own := []oci.Descriptor{inventoryEntry(manifest)}
	if p.Sealed {
		own = append(own, sealEntry(seal[0]))
	}
	if p.Index, err = indexJSON(p.Inventory, own...); err != nil {
		return err
	}
	p.add(nameMarker, []byte(layoutFile))
	p.add(nameIndex, p.Index)
	for _, b := range append([][]byte{manifest, emptyConfig, blob}, seal...) {
		p.add(blobPrefix+oci.FromBytes(b).Hex(), b)
	}
	metadata := int64(len(p.Index) + len(blob) + len(p.Seal))
	for _, b := range p.Inventory.Blobs {
		if b.Metadata() {
			data, ok := p.Meta[b.Digest]
			if !ok || int64(len(data)) != b.Size {
				return fmt.Errorf("blob %s: planned with %d bytes, have %d", b.Digest, b.Size, len(data))
			}
			metadata += b.Size
			p.add(blobPrefix+b.Digest.Hex(), data)
		}
	}
	p.addContent()
	if metadata > p.Limits.Metadata {
		return &check.Fault{ID: check.LimitMetadata, Detail: "all metadata together", Expected: fmt.Sprintf("at most %d bytes", p.Limits.Metadata), Found: fmt.Sprintf("%d bytes", metadata)}
	}
	return nil
}

func (p *Plan) addContent() {
	for _, b := range p.Inventory.Blobs {
		if !b.Metadata() {
			p.entry(planned{name: blobPrefix + b.Digest.Hex(), digest: b.Digest, size: b.Size})
		}
	}
	p.Size += 2 * blockSize
}

func (p *Plan) add(name string, data []byte) {
	p.entry(planned{name: name, digest: oci.FromBytes(data), size: int64(len(data)), data: data})
}

func (p *Plan) entry(e planned) {
	e.offset = p.Size
	p.entries = append(p.entries, e)
	p.Size += footprint(e.size)
}

// Identity is the SHA-256 of index.json: with the canonical form it fixes every
// byte of the bundle.
func (p *Plan) Identity() oci.Digest { return oci.FromBytes(p.Index) }

// ContentSize returns how many bytes of content are still to be fetched.
func (p *Plan) ContentSize() (n int64) {
	for _, e := range p.entries {
		if e.data == nil {
			n += e.size
		}
	}
	return n
}

// TypeSeal is the artifact type of a seal, and the payload type of the envelope
// in it.
const TypeSeal = "application/vnd.gapseal.seal.v1+json"

// MaxSeal is how large the envelope of a seal may be, in bytes. It is part of
// the bundle format: nothing in a seal grows with the bundle.
const MaxSeal = 64 << 10

func sealArtifact(envelope []byte) ([]byte, error) {
	return artifact(TypeSeal, oci.TypeDSSE, envelope)
}

func sealEntry(manifest []byte) oci.Descriptor {
	d := describe(oci.TypeManifest, manifest)
	d.ArtifactType = TypeSeal
	return d
}

// AddSeal puts a seal, given as its envelope, behind the inventory, which it
// should be about: p.Manifest names it. It lays the file out again, so that
// index.json, size and identity change. The error is a fault of a budget, or
// that of an envelope over [MaxSeal].
func (p *Plan) AddSeal(envelope []byte) error {
	if len(envelope) == 0 || len(envelope) > MaxSeal {
		return fmt.Errorf("the seal has %d bytes, the format allows 1 to %d", len(envelope), MaxSeal)
	}
	p.Sealed, p.Seal = true, envelope
	p.entries, p.Size = nil, 0
	return p.layOut()
}

// sealBlobs returns what a seal adds to the file: its manifest and its envelope;
// its config stands there as the inventory's.
func (p *Plan) sealBlobs() ([][]byte, error) {
	if !p.Sealed {
		return nil, nil
	}
	manifest, err := sealArtifact(p.Seal)
	return [][]byte{manifest, p.Seal}, err
}

// OwnBlobs counts the blobs that no inventory lists: the inventory's own
// manifest, its config and itself, and what belongs to a seal.
func (c *Contents) OwnBlobs() int {
	if c.Sealed {
		return 5
	}
	return 3
}

// SealSize returns how many bytes the blobs of the seal have, none if there is
// no seal or it cannot be read.
func (c *Contents) SealSize() int64 {
	if c.Seal == nil {
		return 0
	}
	manifest, err := sealArtifact(c.Seal)
	if err != nil {
		return 0
	}
	return int64(len(manifest) + len(c.Seal))
}
