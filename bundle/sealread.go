package bundle

import (
	"fmt"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/internal/strictjson"
	"github.com/gapseal/gapseal/oci"
)

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
