package verify

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// listEvidence names every piece of evidence of an image in the report, and warns
// of what no check of this version judges. An attestation in the image's own index is
// part of the image: what vouches for the index vouches for it by digest.
func (s *session) listEvidence(i int, g *bundle.ImageGraph) {
	part := attestationsIn(g)
	about := map[oci.Digest]bool{} // what is evidence itself
	for _, ev := range g.Evidence {
		about[ev.Digest] = true
	}
	for _, ev := range g.Evidence {
		judged := s.judged[ev.Digest]
		s.rep.Images[i].Evidence = append(s.rep.Images[i].Evidence, Evidence{
			Digest: string(ev.Digest), Kind: string(ev.Kind), Subject: string(ev.Subject), Judged: judged,
		})
		if judged || part[ev.Digest] || !s.readable(ev) {
			continue
		}
		f := check.Fault{ID: check.PolicyNotJudged, Subject: string(ev.Digest),
			Detail: fmt.Sprintf("not judged: %s for %s; its digests were checked, and it proves nothing here",
				ev.Kind, ev.Subject),
			Warn: !s.demand[i].RequireAll || !maySign(ev.Kind)}
		if f.Warn && ev.Kind.Judged() && about[ev.Subject] {
			f.Detail += " (it is about other evidence, and not needed)"
			s.add(i, check.Skip, f)
			continue
		}
		s.fault(i, f)
	}
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

// maxOwners bounds the images named for one blob, and maxOwnersInAll those named for
// all blobs beyond the first of each: otherwise images that share many blobs would
// make the report larger than the bundle.
const (
	maxOwners      = 16
	maxOwnersInAll = 100_000
)

// owners returns each blob's media type, and the images to which it belongs as
// content or as evidence.
func (s *session) owners() (types map[oci.Digest]string, images map[oci.Digest][]string) {
	types, images = map[oci.Digest]string{}, map[oci.Digest][]string{}
	more := 0 // named for all blobs beyond the first of each
	full := func(d oci.Digest) bool {
		n := len(images[d])
		return n >= maxOwners || n > 0 && more >= maxOwnersInAll
	}
	walked := map[oci.Digest]bool{}
	note := func(owner string, d oci.Descriptor) {
		if types[d.Digest] == "" {
			types[d.Digest] = d.MediaType
		}
		if list := images[d.Digest]; owner != "" && !full(d.Digest) && !slices.Contains(list, owner) {
			images[d.Digest] = append(list, owner)
			more += min(len(list), 1)
		}
	}
	manifest := func(owner string, d oci.Descriptor) {
		if walked[d.Digest] && full(d.Digest) {
			return // its parts have as many
		}
		walked[d.Digest] = true
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
