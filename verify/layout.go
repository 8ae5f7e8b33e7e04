package verify

import (
	"fmt"
	"maps"
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
				s.bundleFault(&check.Fault{ID: check.LayoutRoles, Subject: string(b.Digest), Detail: fmt.Sprintf("nothing that index.json names reaches this blob of %d bytes", b.Size)})
			}
		}
	}
	for i, g := range s.graph.Images {
		s.imageLayout(i, g)
	}
}

func (s *session) bundleFault(f *check.Fault) { s.rec.fault(bundleWide, f) }

func (s *session) reachedBlob(b bundle.Blob, listed map[oci.Digest]bundle.Blob) {
	l, ok := listed[b.Digest]
	switch {
	case !ok && s.present(b.Digest): // told as a blob that the inventory does not list
	case !ok:
		s.bundleFault(&check.Fault{ID: check.LayoutMissing, Subject: string(b.Digest), Detail: fmt.Sprintf("a manifest needs this %s of %d bytes, and neither the inventory nor the file has it", roleNames(b.Roles), b.Size)})
	case l.Size != b.Size:
		s.bundleFault(&check.Fault{ID: check.BlobSize, Subject: string(b.Digest), Detail: "the inventory lists another size than the manifest", Expected: fmt.Sprintf("%d bytes", b.Size), Found: fmt.Sprintf("%d bytes", l.Size)})
	case !slices.Equal(l.Roles, b.Roles):
		s.bundleFault(&check.Fault{ID: check.LayoutRoles, Subject: string(b.Digest), Detail: "the inventory gives other roles than the manifests", Expected: roleNames(b.Roles), Found: roleNames(l.Roles)})
	}
}

// walkedAll reports whether the graph could be walked to its leaves; if not, a
// blob that was not reached has its cause elsewhere.
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

// imageLayout compares what the inventory says of one image with its manifests.
func (s *session) imageLayout(i int, g bundle.ImageGraph) {
	subject := string(g.Digest)
	fault := func(what, want, got string) {
		s.rec.fault(i, &check.Fault{ID: check.LayoutInventory, Subject: subject, Detail: what, Expected: want, Found: got})
	}
	if ref, err := oci.ParseReference(g.Reference); err != nil || ref.String() != g.Reference {
		fault("the reference is not written in full", "[registry/]repository[:tag][@sha256:…]", g.Reference)
	} else if ref.Digest != "" && ref.Digest != g.Digest {
		fault("the reference names another digest than the image has", string(g.Digest), string(ref.Digest))
	}
	if s.walkedAll() && !slices.Equal(g.Platforms, g.Carried) {
		fault("the platforms listed are not those carried", strings.Join(g.Carried, ", "), strings.Join(g.Platforms, ", "))
	}
	if !slices.Equal(g.Evidence, g.Canonical) {
		fault("evidence is not in canonical order, or speaks for something that is not part of the image", fmt.Sprint(len(g.Canonical))+" in order", fmt.Sprint(len(g.Evidence))+" listed")
	}
	for _, ev := range g.Evidence {
		s.evidenceLayout(fault, ev)
	}
	s.omitted(fault, g)
}

// evidenceLayout checks the kind and the subject that the inventory gives a
// piece of evidence.
func (s *session) evidenceLayout(fault func(what, want, got string), ev bundle.Evidence) {
	m := s.graph.Manifests[ev.Digest]
	if m == nil {
		return
	}
	if kind, ok := m.EvidenceKind(); ok && kind != ev.Kind {
		fault("evidence "+string(ev.Digest)+" is of another kind", string(kind), string(ev.Kind))
	}
	if m.Subject != nil && m.Subject.Digest != ev.Subject && ev.Kind != oci.KindSignature {
		fault("evidence "+string(ev.Digest)+" refers to another subject", string(m.Subject.Digest), string(ev.Subject))
	}
	if m.Subject != nil {
		s.subjectDescriptor(ev, *m.Subject)
	}
}

// subjectDescriptor holds what a referrer says of its subject against the
// subject: nothing signs that descriptor.
func (s *session) subjectDescriptor(ev bundle.Evidence, d oci.Descriptor) {
	of, raw := s.graph.Manifests[d.Digest], s.c.Meta[d.Digest]
	if of == nil || raw == nil {
		return
	}
	if d.Size != int64(len(raw)) {
		s.bundleFault(&check.Fault{ID: check.ManifestSize, Subject: string(ev.Digest), Detail: "the subject has another size", Expected: fmt.Sprint(len(raw)), Found: fmt.Sprint(d.Size)})
	}
	if d.MediaType != of.MediaType {
		s.bundleFault(&check.Fault{ID: check.ManifestMediaType, Subject: string(ev.Digest), Detail: "the subject is of another media type", Expected: of.MediaType, Found: clip(d.MediaType)})
	}
}

// omitted checks that what is said to be left out is a child, and is left out.
func (s *session) omitted(fault func(what, want, got string), g bundle.ImageGraph) {
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
			fault("a platform is listed as left out that the index does not have", "a child of the index", string(o.Digest))
		} else if name != o.Platform {
			fault("a platform left out is listed under another name", name, o.Platform)
		}
	}
}

// blobs lists every blob of the inventory for the report: what it is, whose it
// is, and in which state it was found. The bundle's own follow, and others, which
// should not be there.
func (s *session) blobs(rep *Report) {
	if s.c == nil {
		return
	}
	types, images := s.owners()
	for _, b := range s.c.Inventory.Blobs {
		roles := make([]string, len(b.Roles))
		for i, r := range b.Roles {
			roles[i] = string(r)
		}
		rep.Blobs = append(rep.Blobs, Blob{Digest: string(b.Digest), Size: b.Size, MediaType: Text(types[b.Digest]), Roles: roles,
			Images: append([]string{}, images[b.Digest]...), State: s.state(b.Digest)})
	}
	s.ownBlobs(rep)
	for _, f := range rep.Failures {
		if f.ID == check.LayoutUnlisted && f.Subject != "" { // the last only counts those not told
			rep.Blobs = append(rep.Blobs, Blob{Digest: string(f.Subject), Roles: []string{}, Images: []string{}, State: check.Unlisted})
		}
	}
}

// ownBlobs adds the blobs that no inventory lists because they are its own or the
// seal's. No others are held beside those that it lists.
func (s *session) ownBlobs(rep *Report) {
	listed := make(map[oci.Digest]bool, len(s.c.Inventory.Blobs))
	for _, b := range s.c.Inventory.Blobs {
		listed[b.Digest] = true
	}
	for _, d := range slices.Sorted(maps.Keys(s.c.Meta)) {
		if !listed[d] {
			rep.Blobs = append(rep.Blobs, Blob{Digest: string(d), Size: int64(len(s.c.Meta[d])), Roles: []string{"own"}, Images: []string{}, State: check.Intact})
		}
	}
}

// maxOwners bounds the images named for one blob: a bundle can list one image
// under many names.
const maxOwners = 16

// owners gives each blob's media type and the images that it belongs to, whether
// as content or as evidence.
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
			return // nor is there room for its parts
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

// listEvidence names every piece of evidence, and warns of what no check of
// this version judges.
func (s *session) listEvidence(i int, g *bundle.ImageGraph) {
	for _, ev := range g.Evidence {
		judged := s.judged[ev.Digest]
		s.rep.Images[i].Evidence = append(s.rep.Images[i].Evidence, Evidence{Digest: string(ev.Digest), Kind: string(ev.Kind), Subject: string(ev.Subject), Judged: judged})
		if !judged && s.readable(ev) {
			s.rec.fault(i, &check.Fault{ID: check.PolicyNotJudged, Subject: string(ev.Digest), Detail: fmt.Sprintf("not judged: %s for %s; its digests were checked, and it proves nothing here", ev.Kind, ev.Subject), Warn: !s.demand[i].RequireAll || !maySign(ev.Kind)})
		}
	}
}

// readable reports whether evidence is there, undamaged: else the layout and blob
// checks speak of it.
func (s *session) readable(ev bundle.Evidence) bool {
	m := s.graph.Manifests[ev.Digest]
	if m == nil {
		return false
	}
	return !slices.ContainsFunc(m.Layers, func(l oci.Descriptor) bool {
		_, held := s.c.Meta[l.Digest]
		return s.c.Damaged[l.Digest] || !held && l.Size <= oci.MaxJudgedEvidence // larger evidence comes with the content
	})
}

// oversized refuses a signature that nobody could read, since the bundle carries
// it as content: a hostile one must not leave the report without a cause.
func (j *judgement) oversized() {
	if j.s.graph == nil {
		return // it is judged without a bundle
	}
	m := j.s.graph.Manifests[j.sig.Manifest]
	if m == nil || j.sig.Layer >= len(m.Layers) {
		return
	}
	if l := m.Layers[j.sig.Layer]; l.Size > oci.MaxJudgedEvidence && l.MediaType != oci.TypeSimpleSigning {
		j.fault(check.Fault{ID: check.LimitEvidence, Detail: "the evidence is too large to be judged; no honest signature is that large",
			Expected: fmt.Sprintf("at most %d bytes", int64(oci.MaxJudgedEvidence)), Found: fmt.Sprintf("%d bytes", l.Size)})
	}
}

// maySign reports whether evidence of a kind may be a signature, which
// --require-all would have to find good.
func maySign(k oci.Kind) bool {
	return k == oci.KindSignature || k == oci.KindBundle || k == oci.KindNotation
}

// unjudgedBytes sums what was carried and hashed, and proves nothing.
func (s *session) unjudgedBytes() (n int64) {
	var seen = map[oci.Digest]bool{}
	count := func(d oci.Descriptor) {
		if !seen[d.Digest] && d.Digest != oci.EmptyDigest {
			seen[d.Digest] = true
			n += d.Size
		}
	}
	if s.rep.Seal == nil {
		n = s.c.SealSize()
	}
	for _, g := range s.graph.Images {
		for _, ev := range g.Evidence {
			m := s.graph.Manifests[ev.Digest]
			if m == nil || s.judged[ev.Digest] {
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
