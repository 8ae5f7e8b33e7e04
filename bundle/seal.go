package bundle

import (
	"fmt"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/internal/strictjson"
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

// listedSeal returns what an index.json lists last, if that is a seal. Whether
// the rest of index.json is as it must be is asked elsewhere.
func listedSeal(raw []byte) *oci.Descriptor {
	var ix index
	if strictjson.Unmarshal(raw, &ix) != nil || len(ix.Manifests) == 0 {
		return nil
	}
	last := ix.Manifests[len(ix.Manifests)-1]
	if _, err := oci.ParseDigest(string(last.Digest)); err != nil || last.ArtifactType != TypeSeal {
		return nil
	}
	return &oci.Descriptor{MediaType: oci.TypeManifest, Digest: last.Digest, Size: last.Size, ArtifactType: TypeSeal}
}

// readSeal compares the seal's manifest with the one its envelope dictates.
// Whether the envelope is worth anything is for verify to say.
func (r *Reader) readSeal(envelope []byte) {
	manifest, err := sealArtifact(envelope)
	if err != nil {
		r.faults.add(&check.Fault{ID: check.Internal, Detail: err.Error()})
		return
	}
	want := sealEntry(manifest)
	if want.Digest != r.sealed.Digest || want.Size != r.sealed.Size {
		r.faults.add(&check.Fault{ID: check.LayoutSeal, Subject: string(r.sealed.Digest), Detail: "the seal's manifest is not the one the format dictates",
			Expected: fmt.Sprintf("%s, %d bytes", want.Digest, want.Size), Found: fmt.Sprintf("%s, %d bytes", r.sealed.Digest, r.sealed.Size)})
		return
	}
	r.Seal = envelope
}

// sealBudget tells whether the entry at hand is a part of the seal, and what it
// may cost.
func (r *Reader) sealBudget() (budget, bool) {
	switch {
	case r.seq.seal == "":
	case r.seq.place-1 == atSealManifest:
		return budget{r.lim.Manifest, check.LimitManifest}, true
	case r.seq.place-1 == atSealEnvelope:
		return budget{MaxSeal, check.LimitSeal}, true
	}
	return budget{}, false
}

// sealPart judges an entry where a part of the seal is due. What else stands
// there is a blob like all that follow, and the seal is told as missing.
func (s *sequence) sealPart(place int, e *entry, inv *Inventory) {
	part, want := "manifest", string(s.seal)
	if place == atSealEnvelope {
		part, want = "envelope", "the blob that its manifest names"
	}
	if _, listed := s.listed(e, inv); !listed && (place == atSealEnvelope || e.digest == s.seal) {
		return
	}
	s.faults.add(&check.Fault{ID: check.LayoutSeal, Subject: e.name, Detail: "index.json lists a seal, and its " + part + " is not where it belongs", Expected: want, Found: string(e.digest)})
	s.seal = ""
	s.blob(e, inv)
}

// unfinishedSeal reports a file that ended before the seal did.
func (r *Reader) unfinishedSeal() {
	if r.seq.seal != "" && r.seq.place <= atSealEnvelope {
		r.faults.add(&check.Fault{ID: check.LayoutSeal, Subject: string(r.seq.seal), Detail: "index.json lists a seal, and it is not in the file"})
	}
}
