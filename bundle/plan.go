package bundle

import (
	"errors"
	"fmt"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// A Plan is a bundle that is ready to be written. All its metadata is in memory. The
// digests and sizes of its content are known, and so is the place of each entry.
// [NewPlan] and [Collect] make one; the zero Plan cannot be written.
type Plan struct {
	Contents
	Index   []byte // index.json; its SHA-256 is the bundle's identity
	Size    int64  // of the whole file, in bytes
	entries []planned

	metadata int64 // bytes that a reader holds
}

type planned struct {
	name   string
	digest oci.Digest
	size   int64
	data   []byte // nil for content, which is fetched when the bundle is written
	offset int64  // of the header
}

// NewPlan completes an inventory with the blobs that its manifests reach, and lays
// out the file, within the budgets of lim. It derives inv.Schema, inv.Blobs, the
// platforms of the images and the order of their evidence, and takes the rest of inv
// as it is.
// meta holds all metadata by digest. The error is a [*check.Fault] if a manifest
// of the source is malformed; no waiver allows that.
func NewPlan(inv Inventory, meta map[oci.Digest][]byte, lim oci.Limits) (*Plan, error) {
	p := &Plan{Contents: Contents{Inventory: &inv, Meta: meta, Limits: lim.WithDefaults()}}
	g := p.Walk()
	for i := range inv.Images {
		inv.Images[i].Evidence = g.Images[i].Canonical
		inv.Images[i].Platforms = append([]string{}, g.Images[i].Carried...)
	}
	inv.Blobs = g.Blobs
	inv.Schema = inv.schema()
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

var errNoPlan = errors.New("the plan is empty: NewPlan and Collect make one")

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
	p.metadata = metadata
	return p.fits(int64(len(blob)))
}

// fits compares the documents of the plan with the budgets within which a reader holds
// them.
func (p *Plan) fits(inventory int64) error {
	for _, b := range []struct {
		id        check.ID
		what      string
		size, max int64
	}{
		{check.LimitIndex, "index.json", int64(len(p.Index)), p.Limits.Index},
		{check.LimitInventory, "the inventory", inventory, p.Limits.Inventory},
		{check.LimitMetadata, "the metadata in all", p.metadata, p.Limits.Metadata},
	} {
		if b.size > b.max {
			return &check.Fault{ID: b.id, Detail: b.what + " would be over its budget",
				Expected: fmt.Sprintf("at most %d bytes", b.max), Found: fmt.Sprintf("%d bytes", b.size)}
		}
	}
	return nil
}

// tight reports whether a seal might not fit any more.
func (p *Plan) tight() bool {
	return p.metadata+min(2*MaxSeal, p.Limits.Metadata/64) > p.Limits.Metadata
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

// Identity returns the SHA-256 of index.json. Since the format is canonical, it
// determines every byte of the bundle.
func (p *Plan) Identity() oci.Digest { return oci.FromBytes(p.Index) }

// ContentSize returns how many bytes of content remain to be fetched.
func (p *Plan) ContentSize() (n int64) {
	for _, e := range p.entries {
		if e.data == nil {
			n += e.size
		}
	}
	return n
}

// TypeSeal is the artifact type of a seal, and the payload type of its envelope.
const TypeSeal = "application/vnd.gapseal.seal.v1+json"

// MaxSeal is how large the envelope of a seal may be, in bytes. It is part of the
// bundle format: a seal does not grow with the bundle.
const MaxSeal = 64 << 10

func sealArtifact(envelope []byte) ([]byte, error) {
	return artifact(TypeSeal, oci.TypeDSSE, envelope)
}

func sealEntry(manifest []byte) oci.Descriptor {
	d := describe(oci.TypeManifest, manifest)
	d.ArtifactType = TypeSeal
	return d
}

// AddSeal puts a seal after the inventory. The seal, given as its envelope, should
// name p.Manifest, which is the manifest of the inventory. Index, size and
// identity of the plan change. The error is a [*check.Fault] if a budget is exceeded;
// an envelope that is empty or larger than [MaxSeal] is an error, too.
func (p *Plan) AddSeal(envelope []byte) error {
	if p.Inventory == nil {
		return errNoPlan
	}
	if len(envelope) == 0 || len(envelope) > MaxSeal {
		return fmt.Errorf("the seal has %d bytes, the format allows 1 to %d", len(envelope), MaxSeal)
	}
	p.Sealed, p.Seal = true, envelope
	p.entries, p.Size = nil, 0
	return p.layOut()
}

// sealBlobs returns the blobs that a seal adds to the file: its manifest and its
// envelope. Its config is that of the inventory.
func (p *Plan) sealBlobs() ([][]byte, error) {
	if !p.Sealed {
		return nil, nil
	}
	manifest, err := sealArtifact(p.Seal)
	return [][]byte{manifest, p.Seal}, err
}

// SealSize returns the size of the seal's manifest and envelope in bytes, or 0 if
// there is no seal or it cannot be read.
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
