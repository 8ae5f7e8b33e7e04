package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// layout compares the inventory with what the manifests reach, both ways.
func (s *session) layout() {
	reached := make(map[oci.Digest]bool, len(s.graph.Blobs))
	listed := make(map[oci.Digest]bundle.Blob, len(s.c.Inventory.Blobs))
	for _, b := range s.c.Inventory.Blobs {
		listed[b.Digest] = b
	}
	for _, b := range s.graph.Blobs {
		reached[b.Digest] = true
		s.reachedBlob(b, listed)
	}
	walked := s.walkedAll()
	if walked {
		for _, b := range s.c.Inventory.Blobs {
			if !reached[b.Digest] {
				s.fault(bundleWide, check.Fault{ID: check.LayoutRoles, Subject: string(b.Digest),
					Detail: fmt.Sprintf("nothing that index.json names reaches this blob of %d bytes", b.Size)})
			}
		}
	}
	for i, g := range s.graph.Images {
		s.imageLayout(i, g, walked)
	}
}

// reachedBlob compares a blob that a manifest names with the inventory.
func (s *session) reachedBlob(b bundle.Blob, listed map[oci.Digest]bundle.Blob) {
	f := check.Fault{Subject: string(b.Digest)}
	l, ok := listed[b.Digest]
	switch {
	case !ok && s.found.Has(b.Digest):
		return // the reader reports it as a blob that is not listed
	case !ok && s.graph.IsForeign(b.Digest):
		f.ID = check.ManifestForeign
		f.Detail = "a layer that its publisher keeps elsewhere is missing, and export did not leave it out on purpose"
	case !ok:
		f.ID = check.LayoutMissing
		f.Detail = fmt.Sprintf("a manifest needs this %s of %d bytes, and neither the inventory nor the file has it",
			roleNames(b.Roles), b.Size)
	case l.Size != b.Size:
		f.ID, f.Detail = check.BlobSize, "the inventory lists another size than the manifest"
		f.Expected, f.Found = fmt.Sprintf("%d bytes", b.Size), fmt.Sprintf("%d bytes", l.Size)
	case !slices.Equal(l.Roles, b.Roles):
		f.ID, f.Detail = check.LayoutRoles, "the inventory gives other roles than the manifests"
		f.Expected, f.Found = roleNames(b.Roles), roleNames(l.Roles)
	default:
		return
	}
	s.fault(bundleWide, f)
}

// walkedAll reports whether the graph could be walked to its leaves. If not, a
// blob is unreached because something else failed.
func (s *session) walkedAll() bool {
	if len(s.c.Damaged) > 0 {
		return false
	}
	for _, f := range s.graph.Faults {
		if !f.Warn {
			return false
		}
	}
	for _, b := range s.graph.Blobs {
		if b.Metadata() && s.c.Meta[b.Digest] == nil {
			return false
		}
	}
	return true
}

func roleNames(roles []bundle.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, "+")
}

// inventoryFault reports what the inventory says wrongly about one image.
type inventoryFault func(what, want, got string)

// imageLayout compares what the inventory says about one image with its manifests.
// walked is the answer of walkedAll.
func (s *session) imageLayout(i int, g bundle.ImageGraph, walked bool) {
	var fault inventoryFault = func(what, want, got string) {
		s.fault(i, check.Fault{ID: check.LayoutInventory, Subject: string(g.Digest),
			Detail: what, Expected: want, Found: got})
	}
	if ref, err := oci.ParseReference(g.Reference); err != nil {
		fault("the reference cannot be that of an image", "[registry/]repository[:tag][@sha256:…]", err.Error())
	} else if ref.String() != g.Reference {
		fault("the reference is not written in full", "[registry/]repository[:tag][@sha256:…]", g.Reference)
	} else if ref.Digest != "" && ref.Digest != g.Digest {
		fault("the reference names another digest than the image has", string(g.Digest), string(ref.Digest))
	}
	if walked && !slices.Equal(g.Platforms, g.Carried) {
		fault("the platforms listed are not those carried",
			strings.Join(g.Carried, ", "), strings.Join(g.Platforms, ", "))
	}
	if !slices.Equal(g.Evidence, g.Canonical) {
		fault("evidence is not in canonical order, or is about something that is not part of the image",
			fmt.Sprintf("%d in order", len(g.Canonical)), fmt.Sprintf("%d listed", len(g.Evidence)))
	}
	for _, ev := range g.Evidence {
		s.evidenceLayout(fault, ev)
	}
}

// evidenceLayout compares the kind and the subject that the inventory gives a
// piece of evidence with those in its manifest.
func (s *session) evidenceLayout(fault inventoryFault, ev bundle.Evidence) {
	m := s.graph.Manifests[ev.Digest]
	if m == nil {
		return
	}
	if kind, ok := s.graph.EvidenceKind(m); ok && kind != ev.Kind {
		fault("evidence "+string(ev.Digest)+" is of another kind", string(kind), string(ev.Kind))
	}
	if m.Subject == nil {
		return
	}
	if m.Subject.Digest != ev.Subject && ev.Kind != oci.KindSignature {
		fault("evidence "+string(ev.Digest)+" refers to another subject",
			string(m.Subject.Digest), string(ev.Subject))
	}
	s.subjectDescriptor(ev, *m.Subject)
}

// subjectDescriptor compares a referrer's descriptor of its subject with the
// subject: the descriptor is not signed.
func (s *session) subjectDescriptor(ev bundle.Evidence, d oci.Descriptor) {
	of, raw := s.graph.Manifests[d.Digest], s.c.Meta[d.Digest]
	if of == nil || raw == nil {
		return
	}
	if d.Size != int64(len(raw)) {
		s.fault(bundleWide, check.Fault{ID: check.ManifestSize, Subject: string(ev.Digest),
			Detail: "the subject has another size", Expected: fmt.Sprint(len(raw)), Found: fmt.Sprint(d.Size)})
	}
	if d.MediaType != of.MediaType {
		s.fault(bundleWide, check.Fault{ID: check.ManifestMediaType, Subject: string(ev.Digest),
			Detail: "the subject is of another media type", Expected: of.MediaType, Found: check.Clip(d.MediaType)})
	}
}

// attestationsIn returns the attestation manifests among the children of an image.
func attestationsIn(g *bundle.ImageGraph) map[oci.Digest]bool {
	list := map[oci.Digest]bool{}
	for _, n := range g.Tree {
		if n.Attests != "" {
			list[n.Digest] = true
		}
	}
	return list
}
