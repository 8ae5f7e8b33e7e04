package bundle

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// budget is how many bytes an entry may have, and the check that fails if it has
// more.
type budget struct {
	max int64
	id  check.ID
}

// keeps decides whether an entry is held in memory, and within which budget.
func (r *Reader) keeps(e entry) (keep bool, b budget) {
	switch place := r.seq.place - 1; {
	case e.name == nameMarker:
		return true, budget{int64(len(layoutFile)) + blockSize, check.LayoutMarker}
	case e.name == nameIndex:
		return true, budget{r.Limits.Index, check.LimitIndex}
	case e.digest == "":
		return false, b
	case place < atInventoryBlob:
		return true, budget{r.Limits.Manifest, check.LimitManifest}
	case place == atInventoryBlob:
		return true, budget{r.Limits.Inventory, check.LimitInventory}
	case r.Inventory == nil:
		return false, b
	}
	if b, ok := r.sealBudget(); ok {
		return true, b
	}
	return r.keepsListed(e)
}

// keepsListed does the same as keeps, for an entry that the inventory should list.
func (r *Reader) keepsListed(e entry) (keep bool, b budget) {
	blob := r.Inventory.find(e.digest)
	if blob == nil {
		return false, b
	}
	if blob.Size != e.size {
		r.faults.add(&check.Fault{ID: check.BlobSize, Subject: string(e.digest),
			Detail:   "the size in the file is not the one the inventory lists",
			Expected: fmt.Sprintf("%d bytes", blob.Size), Found: fmt.Sprintf("%d bytes", e.size)})
		r.Damaged[e.digest] = true
		r.states[e.digest] = check.Damaged
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
		return budget{r.Limits.Manifest, check.LimitManifest}
	case RoleConfig:
		return budget{r.Limits.Config, check.LimitConfig}
	case RolePayload, RoleKey:
		return budget{r.Limits.Payload, check.LimitPayload}
	}
	return budget{}
}

// store compares the body of metadata with the digest in its name and keeps it. It
// also reads the bundle's own documents.
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
		r.states[e.digest] = check.Damaged
		return
	}
	r.Meta[e.digest] = body
	if r.states[e.digest] == "" { // a name may occur twice in the file
		r.states[e.digest] = check.Intact
	}
	switch {
	case r.seq.place-1 == atInventoryBlob:
		r.readInventory(body)
	case r.seq.place-1 == atSealEnvelope && r.seq.seal != "":
		r.readSeal(body)
	}
}

func (r *Reader) marker(body []byte) {
	if string(body) == layoutFile {
		return
	}
	r.faults.add(&check.Fault{ID: check.LayoutMarker, Subject: nameMarker, Detail: "is not the layout marker",
		Expected: layoutFile, Found: fmt.Sprintf("%.80q", body)})
}

// readInventory reads the inventory and compares index.json with the one that
// follows from it.
func (r *Reader) readInventory(body []byte) {
	inv, err := parseInventory(body)
	if err != nil {
		r.faults.add(&check.Fault{ID: check.LayoutInventory, Detail: "the inventory " + err.Error()})
		return
	}
	r.Inventory = inv
	if n := int64(len(inv.Images)); n > r.Limits.Images {
		r.Inventory = nil
		r.stop(check.LimitImages, "images in the bundle", r.Limits.Images)
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
		return // index.json is reported as missing already
	}
	own := []oci.Descriptor{inventoryEntry(manifest)}
	if seal := listedSeal(r.Index); seal != nil {
		r.Sealed = true
		r.sealManifest = *seal
		r.seq.seal = seal.Digest
		own = append(own, *seal)
	}
	want, err := indexJSON(r.Inventory, own...)
	if err != nil {
		r.faults.add(&check.Fault{ID: check.Internal, Detail: err.Error()})
		return
	}
	if !bytes.Equal(r.Index, want) {
		r.faults.add(&check.Fault{ID: check.LayoutIndex, Subject: nameIndex, Detail: differingIndex(r.Index, want),
			Expected: string(oci.FromBytes(want)), Found: string(oci.FromBytes(r.Index))})
	}
}

// differingIndex says how an index.json differs from the one that the format
// dictates.
func differingIndex(got, want []byte) string {
	var g, w index
	if strict.Unmarshal(got, &g) == nil && strict.Unmarshal(want, &w) == nil && len(g.Manifests) != len(w.Manifests) {
		return fmt.Sprintf("lists %d manifests where the inventory dictates %d", len(g.Manifests), len(w.Manifests))
	}
	return fmt.Sprintf("differs at byte %d from what the inventory dictates", strict.FirstDifference(got, want))
}

// find returns the blob with that digest, by binary search, nil if there is none. In
// an inventory whose list is not sorted, it may miss a blob, but never returns a
// wrong one.
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

// take reads the body of an entry that is metadata. It leaves other bodies to
// [Reader.Hash].
func (r *Reader) take(e entry) error {
	if e.digest != "" {
		e.again = r.read[e.digest]
		r.read[e.digest] = true
		if _, twice := r.places[e.digest]; !twice && r.in.file != nil {
			r.places[e.digest] = e
		}
	}
	keep, budget := r.keeps(e)
	if !keep {
		return r.leave(e)
	}
	if e.size > budget.max {
		return r.overBudget(e, budget)
	}
	if r.held+e.size > r.Limits.Metadata {
		r.stop(check.LimitMetadata, "bytes of metadata in all", r.Limits.Metadata)
		return nil
	}
	body := make([]byte, e.size)
	n, truncated, err := r.in.full(body)
	if err != nil {
		return err
	}
	if truncated {
		r.truncated(e, int64(n))
		return nil
	}
	r.held += e.size
	r.store(e, body)
	return r.padding(e)
}

// overBudget reports metadata that is too large to be held, and passes over it.
func (r *Reader) overBudget(e entry, b budget) error {
	r.faults.add(&check.Fault{ID: b.id, Subject: e.name, Detail: "is over its budget and was not read",
		Expected: fmt.Sprintf("at most %d bytes", b.max), Found: fmt.Sprintf("%d bytes", e.size)})
	if e.digest != "" {
		r.Damaged[e.digest] = true
	}
	n := e.size
	if r.in.file != nil {
		n = min(n, r.in.size-r.in.pos)
		r.in.skip(n)
	} else if m, err := io.CopyN(io.Discard, r.in, n); err == io.EOF {
		n = m
	} else if err != nil {
		return err
	}
	if n != e.size {
		r.truncated(e, n)
		return nil
	}
	return r.padding(e)
}

// leave passes over a body that is not held in memory.
func (r *Reader) leave(e entry) error {
	if r.in.file == nil {
		r.pending = &e
		return nil
	}
	if left := r.in.size - r.in.pos; e.size > left {
		r.truncated(e, left)
		return nil
	}
	r.content = append(r.content, e)
	r.in.skip(e.size)
	return r.padding(e)
}

// padding reads the bytes that fill the last block of a body, which must be zero.
func (r *Reader) padding(e entry) error {
	pad := make([]byte, padding(e.size))
	_, truncated, err := r.in.full(pad)
	if err != nil {
		return err
	}
	if truncated {
		r.cutOff(check.ContainerTruncated, e.name, "the file ends inside the padding after this entry", e.end())
		return nil
	}
	if slices.ContainsFunc(pad, func(b byte) bool { return b != 0 }) {
		r.faults.add(&check.Fault{ID: check.ContainerPadding, Subject: e.name,
			Detail: fmt.Sprintf("bytes after the entry at offset %d are not zero", e.offset+e.size)})
	}
	return nil
}

// listedSeal returns the last manifest that an index.json lists, if that is a seal.
// compareIndex compares the rest of index.json.
func listedSeal(raw []byte) *oci.Descriptor {
	var ix index
	if strict.Unmarshal(raw, &ix) != nil || len(ix.Manifests) == 0 {
		return nil
	}
	last := ix.Manifests[len(ix.Manifests)-1]
	if _, err := oci.ParseDigest(string(last.Digest)); err != nil || last.ArtifactType != TypeSeal {
		return nil
	}
	return &oci.Descriptor{MediaType: oci.TypeManifest, Digest: last.Digest, Size: last.Size, ArtifactType: TypeSeal}
}

// readSeal compares the manifest of the seal with the one that follows from its
// envelope. Package verify judges the envelope.
func (r *Reader) readSeal(envelope []byte) {
	manifest, err := sealArtifact(envelope)
	if err != nil {
		r.faults.add(&check.Fault{ID: check.Internal, Detail: err.Error()})
		return
	}
	want := sealEntry(manifest)
	if listed := r.sealManifest; want.Digest != listed.Digest || want.Size != listed.Size {
		r.faults.add(&check.Fault{ID: check.LayoutSeal, Subject: string(listed.Digest),
			Detail:   "the seal's manifest is not the one the format dictates",
			Expected: fmt.Sprintf("%s, %d bytes", want.Digest, want.Size),
			Found:    fmt.Sprintf("%s, %d bytes", listed.Digest, listed.Size)})
		return
	}
	r.Seal = envelope
}

// sealBudget returns the budget of the current entry if the entry is in the place of
// the seal's manifest or envelope.
func (r *Reader) sealBudget() (budget, bool) {
	switch {
	case r.seq.seal == "":
	case r.seq.place-1 == atSealManifest:
		return budget{r.Limits.Manifest, check.LimitManifest}, true
	case r.seq.place-1 == atSealEnvelope:
		return budget{MaxSeal, check.LimitSeal}, true
	}
	return budget{}, false
}

// unfinishedSeal reports a file that ended before the seal did.
func (r *Reader) unfinishedSeal() {
	if r.seq.seal != "" && r.seq.place <= atSealEnvelope {
		r.faults.add(&check.Fault{ID: check.LayoutSeal, Subject: string(r.seq.seal),
			Detail: "index.json lists a seal, and it is not in the file"})
	}
}
