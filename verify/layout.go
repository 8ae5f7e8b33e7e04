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
	if s.walkedAll() {
		for _, b := range s.c.Inventory.Blobs {
			if !reached[b.Digest] {
				s.fault(bundleWide, check.Fault{ID: check.LayoutRoles, Subject: string(b.Digest),
					Detail: fmt.Sprintf("nothing that index.json names reaches this blob of %d bytes", b.Size)})
			}
		}
	}
	for i, g := range s.graph.Images {
		s.imageLayout(i, g)
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
func (s *session) imageLayout(i int, g bundle.ImageGraph) {
	var fault inventoryFault = func(what, want, got string) {
		s.fault(i, check.Fault{ID: check.LayoutInventory, Subject: string(g.Digest),
			Detail: what, Expected: want, Found: got})
	}
	if ref, err := oci.ParseReference(g.Reference); err != nil || ref.String() != g.Reference {
		fault("the reference is not written in full", "[registry/]repository[:tag][@sha256:…]", g.Reference)
	} else if ref.Digest != "" && ref.Digest != g.Digest {
		fault("the reference names another digest than the image has", string(g.Digest), string(ref.Digest))
	}
	if s.walkedAll() && !slices.Equal(g.Platforms, g.Carried) {
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
	s.omitted(fault, g)
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

// omitted checks that each platform listed as left out is a child of an index of the
// image, and that the index gives it that name.
func (s *session) omitted(fault inventoryFault, g bundle.ImageGraph) {
	children := map[oci.Digest]string{}
	for _, n := range g.Tree {
		if m := s.graph.Manifests[n.Digest]; m != nil {
			for _, d := range m.Manifests {
				children[d.Digest] = bundle.PlatformName(d.Platform)
			}
		}
	}
	for _, o := range g.Omitted {
		name, ok := children[o.Digest]
		if !ok {
			fault("a platform is listed as left out that the index does not have",
				"a child of the index", string(o.Digest))
		} else if name != o.Platform {
			fault("a platform left out is listed under another name", name, o.Platform)
		}
	}
}

// listEvidence names every piece of evidence of an image in the report, and warns
// of what no check of this version judges. An attestation in the image's own index is
// part of the image: what vouches for the index vouches for it by digest.
func (s *session) listEvidence(i int, g *bundle.ImageGraph) {
	part := attestationsIn(g)
	for _, ev := range g.Evidence {
		judged := s.judged[ev.Digest]
		s.rep.Images[i].Evidence = append(s.rep.Images[i].Evidence, Evidence{
			Digest: string(ev.Digest), Kind: string(ev.Kind), Subject: string(ev.Subject), Judged: judged,
		})
		if !judged && !part[ev.Digest] && s.readable(ev) {
			s.fault(i, check.Fault{ID: check.PolicyNotJudged, Subject: string(ev.Digest),
				Detail: fmt.Sprintf("not judged: %s for %s; its digests were checked, and it proves nothing here",
					ev.Kind, ev.Subject),
				Warn: !s.demand[i].RequireAll || !maySign(ev.Kind)})
		}
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

// readable reports whether evidence is present and undamaged. What is not has
// failed the checks of layout and blobs.
func (s *session) readable(ev bundle.Evidence) bool {
	m := s.graph.Manifests[ev.Digest]
	if m == nil {
		return false
	}
	return !slices.ContainsFunc(m.Layers, func(l oci.Descriptor) bool {
		_, held := s.c.Meta[l.Digest]
		// Larger evidence is not metadata, and is not read before the content.
		return s.c.Damaged[l.Digest] || !held && l.Size <= oci.MaxJudgedEvidence
	})
}

// maySign reports whether evidence of a kind may be a signature, and so must be
// good if every signature must.
func maySign(k oci.Kind) bool {
	return k == oci.KindSignature || k == oci.KindBundle || k == oci.KindNotation
}

// blobs lists every blob of the inventory in the report: what it is, to which
// images it belongs, and in which state it was found. Those of the inventory
// itself and of the seal follow, and then those that should not be there.
func (s *session) blobs(rep *Report) {
	if s.c == nil {
		return
	}
	types, images := s.owners()
	listed := make(map[oci.Digest]bool, len(s.c.Inventory.Blobs))
	for _, b := range s.c.Inventory.Blobs {
		listed[b.Digest] = true
		roles := make([]string, len(b.Roles))
		for i, r := range b.Roles {
			roles[i] = string(r)
		}
		rep.Blobs = append(rep.Blobs, Blob{
			Digest: string(b.Digest), Size: b.Size, MediaType: Text(types[b.Digest]), Roles: roles,
			Images: append([]string{}, images[b.Digest]...), State: s.found.State(b.Digest),
		})
	}
	for _, d := range slices.Sorted(maps.Keys(s.c.Meta)) {
		if !listed[d] { // the reader holds no others that are not listed
			rep.Blobs = append(rep.Blobs, Blob{Digest: string(d), Size: int64(len(s.c.Meta[d])),
				Roles: []string{"own"}, Images: []string{}, State: check.Intact})
		}
	}
	for _, f := range rep.Failures {
		if f.ID == check.LayoutUnlisted && f.Subject != "" { // without a subject, it counts those not reported
			rep.Blobs = append(rep.Blobs, Blob{Digest: string(f.Subject), Roles: []string{}, Images: []string{},
				State: check.Unlisted})
		}
	}
}

// maxOwners bounds the images named for one blob: a bundle can list one image
// under many names.
const maxOwners = 16

// owners returns each blob's media type, and the images to which it belongs as
// content or as evidence.
func (s *session) owners() (types map[oci.Digest]string, images map[oci.Digest][]string) {
	types, images = map[oci.Digest]string{}, map[oci.Digest][]string{}
	note := func(owner string, d oci.Descriptor) {
		if types[d.Digest] == "" {
			types[d.Digest] = d.MediaType
		}
		if list := images[d.Digest]; owner != "" && len(list) < maxOwners && !slices.Contains(list, owner) {
			images[d.Digest] = append(list, owner)
		}
	}
	manifest := func(owner string, d oci.Descriptor) {
		if len(images[d.Digest]) >= maxOwners {
			return // its parts have as many
		}
		note(owner, d)
		if m := s.graph.Manifests[d.Digest]; m != nil && !oci.IsIndex(m.MediaType) {
			note(owner, m.Config)
			for _, l := range m.Layers {
				note(owner, l)
			}
		}
	}
	for _, g := range s.graph.Images {
		for _, n := range g.Tree {
			manifest(string(g.Digest), n.Descriptor())
		}
		for _, ev := range g.Evidence {
			manifest(string(g.Digest), ev.Descriptor())
		}
	}
	for _, k := range s.c.Inventory.Keys {
		manifest("", k.Descriptor())
	}
	return types, images
}

// unjudgedBytes sums what was carried and hashed, and proves nothing.
func (s *session) unjudgedBytes() (n int64) {
	seen := map[oci.Digest]bool{}
	count := func(d oci.Descriptor) {
		if !seen[d.Digest] && d.Digest != oci.EmptyDigest {
			seen[d.Digest] = true
			n += d.Size
		}
	}
	if s.rep.Seal == nil {
		n = s.c.SealSize()
	}
	for i := range s.graph.Images {
		g := &s.graph.Images[i]
		part := attestationsIn(g)
		for _, ev := range g.Evidence {
			m := s.graph.Manifests[ev.Digest]
			if m == nil || s.judged[ev.Digest] || part[ev.Digest] {
				continue
			}
			count(ev.Descriptor())
			count(m.Config)
			for _, l := range m.Layers {
				count(l)
			}
		}
	}
	return n
}
