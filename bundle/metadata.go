package bundle

import (
	"bytes"
	"fmt"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/internal/strictjson"
	"github.com/gapseal/gapseal/oci"
)

// budget is what one entry may cost, and the check that says so.
type budget struct {
	max int64
	id  check.ID
}

// metadata decides whether an entry is held in memory, and within what budget.
func (r *Reader) metadata(e entry) (keep bool, b budget) {
	switch place := r.seq.place - 1; {
	case e.name == nameMarker:
		return true, budget{int64(len(layoutFile)) + blockSize, check.LayoutMarker}
	case e.name == nameIndex:
		return true, budget{r.lim.Index, check.LimitIndex}
	case e.digest == "":
		return false, b
	case place < atInventoryBlob:
		return true, budget{r.lim.Manifest, check.LimitManifest}
	case place == atInventoryBlob:
		return true, budget{r.lim.Inventory, check.LimitInventory}
	case r.Inventory == nil:
		return false, b
	}
	if b, ok := r.sealBudget(); ok {
		return true, b
	}
	return r.listed(e)
}

// listed looks an entry up in the inventory.
func (r *Reader) listed(e entry) (keep bool, b budget) {
	blob := r.Inventory.find(e.digest)
	if blob == nil {
		return false, b
	}
	if blob.Size != e.size {
		r.faults.add(&check.Fault{ID: check.BlobSize, Subject: string(e.digest), Detail: "the file holds another size than the inventory lists",
			Expected: fmt.Sprintf("%d bytes", blob.Size), Found: fmt.Sprintf("%d bytes", e.size)})
		r.Damaged[e.digest] = true
		r.states[e.digest] = StateDamaged
		return false, b
	}
	b = budget{max: oci.MaxJudgedEvidence, id: check.LimitEvidence}
	for _, role := range blob.Roles {
		if rb := r.roleBudget(role); rb.max > 0 && rb.max < b.max {
			b = rb
		}
	}
	return blob.Metadata(), b
}

func (r *Reader) roleBudget(role Role) budget {
	switch role {
	case RoleManifest, RoleIndex:
		return budget{r.lim.Manifest, check.LimitManifest}
	case RoleConfig:
		return budget{r.lim.Config, check.LimitConfig}
	case RolePayload, RoleKey:
		return budget{r.lim.Payload, check.LimitPayload}
	}
	return budget{}
}

// store keeps a metadata body, checked against the digest in its name, and
// interprets the bundle's own documents.
func (r *Reader) store(e entry, body []byte) {
	switch e.name {
	case nameMarker:
		r.marker(body)
		return
	case nameIndex:
		r.Index = body
		return
	}
	if got := oci.FromBytes(body); got != e.digest {
		r.faults.add(digestFault(e.digest, got))
		r.Damaged[e.digest] = true
		r.states[e.digest] = StateDamaged
		return
	}
	r.Meta[e.digest] = body
	if r.states[e.digest] == "" { // a name may stand in the file twice
		r.states[e.digest] = StateIntact
	}
	switch {
	case r.seq.place-1 == atInventoryBlob:
		r.readInventory(body)
	case r.seq.place-1 == atSealEnvelope && r.seq.seal != "":
		r.readSeal(body)
	}
}

func digestFault(want, got oci.Digest) *check.Fault {
	return &check.Fault{ID: check.BlobDigest, Subject: string(want), Detail: "the content is not what its digest says", Expected: string(want), Found: string(got)}
}

func (r *Reader) marker(body []byte) {
	if string(body) == layoutFile {
		return
	}
	f := &check.Fault{ID: check.LayoutMarker, Subject: nameMarker, Detail: "the layout marker", Expected: layoutFile, Found: fmt.Sprintf("%.80q", body)}
	r.faults.add(f)
}

// readInventory reads the inventory and compares index.json with what it
// dictates.
func (r *Reader) readInventory(body []byte) {
	inv, err := parseInventory(body)
	if err != nil {
		r.faults.add(&check.Fault{ID: check.LayoutInventory, Detail: "the inventory " + err.Error()})
		return
	}
	r.Inventory = inv
	if n := int64(len(inv.Images)); n > r.lim.Images {
		r.Inventory = nil
		r.stop(check.LimitImages, "images in the bundle", r.lim.Images)
		return
	}
	r.compareIndex(body)
}

func (r *Reader) compareIndex(inventory []byte) {
	manifest, err := inventoryArtifact(inventory)
	if err != nil {
		r.faults.add(&check.Fault{ID: check.Internal, Detail: err.Error()})
		return
	}
	r.Manifest = oci.FromBytes(manifest)
	r.seq.artifact(r.Manifest)
	if r.Index == nil {
		return // its absence is a disorder already
	}
	own := []oci.Descriptor{inventoryEntry(manifest)}
	if seal := listedSeal(r.Index); seal != nil {
		r.Sealed, r.sealed, r.seq.seal = true, *seal, seal.Digest
		own = append(own, *seal)
	}
	want, err := indexJSON(r.Inventory, own...)
	if err != nil {
		r.faults.add(&check.Fault{ID: check.Internal, Detail: err.Error()})
		return
	}
	if !bytes.Equal(r.Index, want) {
		r.faults.add(&check.Fault{ID: check.LayoutIndex, Subject: nameIndex, Detail: differingIndex(r.Index, want), Expected: string(oci.FromBytes(want)), Found: string(oci.FromBytes(r.Index))})
	}
}

// differingIndex says in a few words how an index.json differs.
func differingIndex(got, want []byte) string {
	var g, w index
	if strictjson.Unmarshal(got, &g) == nil && strictjson.Unmarshal(want, &w) == nil && len(g.Manifests) != len(w.Manifests) {
		return fmt.Sprintf("lists %d manifests where the inventory dictates %d", len(g.Manifests), len(w.Manifests))
	}
	return fmt.Sprintf("differs at byte %d from what the inventory dictates", strictjson.FirstDifference(got, want))
}

// find returns the blob of that digest; the list is sorted, and a list that is
// not finds nothing more than it should.
func (inv *Inventory) find(d oci.Digest) *Blob {
	lo, hi := 0, len(inv.Blobs)
	for lo < hi {
		if mid := (lo + hi) / 2; inv.Blobs[mid].Digest < d {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(inv.Blobs) && inv.Blobs[lo].Digest == d {
		return &inv.Blobs[lo]
	}
	return nil
}
