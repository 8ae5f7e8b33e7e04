package bundle

import (
	"fmt"

	"github.com/gapseal/gapseal/oci"
)

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
func (p *Plan) AddSeal(envelope []byte, lim oci.Limits) error {
	if len(envelope) == 0 || len(envelope) > MaxSeal {
		return fmt.Errorf("the seal has %d bytes, the format allows 1 to %d", len(envelope), MaxSeal)
	}
	p.Sealed, p.Seal = true, envelope
	p.entries, p.Size = nil, 0
	return p.layOut(lim)
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
