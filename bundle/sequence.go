package bundle

import (
	"fmt"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// The first entries stand in a fixed order; everything after them follows from
// the inventory.
const (
	atInventoryManifest = 2 // behind oci-layout and index.json
	atInventoryConfig   = 3
	atInventoryBlob     = 4
	atBlobs             = 5

	// InventoryBlobs and SealBlobs are how many blobs of the bundle's own there
	// are beside those that the inventory lists.
	InventoryBlobs = atBlobs - atInventoryManifest
	SealBlobs      = atSealEnvelope - atSealManifest + 1

	atSealManifest = 5 // only if index.json lists a seal, and the blobs behind it
	atSealEnvelope = 6
)

// sequence checks that entries come in the one order the format allows. For the
// blobs of the inventory that is: metadata by digest, then content by digest.
type sequence struct {
	faults  *faultList
	place   int
	head    [atBlobs]oci.Digest // the blobs that stand first
	names   map[string]bool
	roles   map[oci.Digest]bool // digest to whether it is metadata; nil until the inventory is read
	last    oci.Digest
	content bool       // content has begun
	told    bool       // one complaint about order is enough
	seal    oci.Digest // of the seal's manifest; empty if there is none, or it is not in its place
}

func newSequence(faults *faultList) *sequence {
	return &sequence{faults: faults, names: map[string]bool{}}
}

// visit judges the place of e, the next entry.
func (s *sequence) visit(e *entry, inv *Inventory) {
	if s.names[e.name] {
		s.faults.add(&check.Fault{ID: check.ContainerDuplicate, Subject: e.name, Detail: "the name stands in the file more than once"})
		return
	}
	s.names[e.name] = true
	if e.refused {
		return // takes nobody's place
	}
	for s.place < len(fixed) && e.name != fixed[s.place].name {
		s.absent(e.name)
	}
	place := s.place
	s.place++
	switch {
	case place < len(fixed):
	case e.digest == "":
		s.place-- // it belongs further up
		s.disorder(e, "oci-layout first, then index.json")
	case place < atBlobs:
		s.head[place] = e.digest
	case s.seal != "" && place <= atSealEnvelope:
		s.sealPart(place, e, inv)
	default:
		s.blob(e, inv)
	}
}

// artifact checks that the inventory's own manifest and config come before it,
// and nothing in their place.
func (s *sequence) artifact(manifest oci.Digest) {
	first, second := s.head[atInventoryManifest], s.head[atInventoryConfig]
	switch {
	case first == manifest && second == oci.EmptyDigest:
	case first == oci.EmptyDigest && second == manifest:
		s.disorder(&entry{name: blobPrefix + first.Hex(), offset: blockSize}, "the inventory's manifest, then its config")
	case first != manifest:
		s.faults.add(&check.Fault{ID: check.LayoutInventory, Subject: string(first), Detail: "the inventory's manifest is not the one the format dictates", Expected: string(manifest), Found: string(first)})
	default:
		s.faults.add(&check.Fault{ID: check.LayoutInventory, Subject: string(second), Detail: "the inventory's config is not the empty config", Expected: string(oci.EmptyDigest), Found: string(second)})
	}
}

// fixed are the files that come first, and the check that misses them.
var fixed = []struct {
	name string
	id   check.ID
}{{nameMarker, check.LayoutMarker}, {nameIndex, check.LayoutIndex}}

// absent reports the next fixed file as missing and goes on behind it.
func (s *sequence) absent(found string) {
	f := fixed[s.place]
	s.faults.add(&check.Fault{ID: f.id, Subject: f.name, Detail: "is not where it belongs", Expected: f.name, Found: fmt.Sprintf("%q", found)})
	s.place++
}

func (s *sequence) blob(e *entry, inv *Inventory) {
	if inv == nil {
		return
	}
	meta, listed := s.listed(e, inv)
	if !listed {
		s.faults.add(&check.Fault{ID: check.LayoutUnlisted, Subject: string(e.digest), Detail: fmt.Sprintf("a blob of %d bytes that the inventory does not list", e.size)})
		return
	}
	if !meta && !s.content {
		s.content, s.last = true, ""
	}
	if meta == s.content || e.digest <= s.last {
		s.disorder(e, "metadata by digest, then content by digest")
		return
	}
	s.last = e.digest
}

// listed tells whether the inventory lists a blob, and if so whether that is
// metadata.
func (s *sequence) listed(e *entry, inv *Inventory) (meta, listed bool) {
	if s.roles == nil {
		s.roles = make(map[oci.Digest]bool, len(inv.Blobs))
		for _, b := range inv.Blobs {
			s.roles[b.Digest] = b.Metadata()
		}
	}
	meta, listed = s.roles[e.digest]
	return meta, listed
}

func (s *sequence) disorder(e *entry, want string) {
	if !s.told {
		s.told = true
		s.faults.add(&check.Fault{ID: check.ContainerOrder, Subject: e.name, Detail: fmt.Sprintf("entry at offset %d is out of order", e.offset-blockSize), Expected: want, Found: fmt.Sprintf("%q", e.name)})
	}
}
