package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// image judges one image: its documents, its signatures, and what is claimed.
func (s *session) image(i int) {
	g := &s.graph.Images[i]
	ref, err := oci.ParseReference(g.Reference)
	if err != nil {
		ref = oci.Reference{} // told as a fault of the inventory
	}
	s.rep.Images = append(s.rep.Images, Image{
		Digest: string(g.Digest), ClaimedReference: g.Reference, BoundBy: check.BoundByNone, VouchedBy: check.VouchedByNone,
		Platforms: append([]string{}, g.Carried...), Signatures: []Signature{}, Attestations: []Attestation{}, Evidence: []Evidence{},
	})
	d := s.demandsOn(ref)
	s.demand = append(s.demand, d)
	s.configs(i, g)
	s.narrowed(i, g, d)
	s.ruled(i, g, d)
	s.allowed(i, g, d)
	s.anchoredImage(i, g, d)
	s.signatures(i, g, ref, d)
	s.requiredAttestations(i, g, d)
	s.bound(i, g, ref)
	s.listEvidence(i, g)
}

// narrowed tells of platforms that export left out, and refuses if one of them
// was asked for.
func (s *session) narrowed(i int, g *bundle.ImageGraph, d *demands) {
	names := make([]string, len(g.Omitted))
	for j, o := range g.Omitted {
		names[j] = o.Platform
	}
	for _, want := range d.Platforms {
		if !s.carries(g, want) {
			s.rec.fault(i, &check.Fault{ID: check.ManifestNarrowed, Subject: string(g.Digest), Detail: "a platform that was asked for is not in the bundle", Expected: want.String(), Found: strings.Join(g.Carried, ", ")})
		}
	}
	if len(names) > 0 {
		s.rec.fault(i, &check.Fault{ID: check.ManifestNarrowed, Subject: string(g.Digest), Detail: "export left platforms out: " + strings.Join(names, ", "), Found: strings.Join(g.Carried, ", "), Warn: true})
	}
	if oci.IsIndex(g.MediaType) && s.graph.Manifests[g.Digest] != nil && !s.runnable(g) {
		s.rec.fault(i, &check.Fault{ID: check.ManifestRunnable, Subject: string(g.Digest), Detail: "no platform of the index is in the bundle", Expected: "at least one", Found: "none"})
	}
}

func (s *session) carries(g *bundle.ImageGraph, want oci.Platform) bool {
	return slices.ContainsFunc(g.Carried, func(name string) bool {
		p, err := oci.ParsePlatform(name)
		return err == nil && p.Matches(want)
	})
}

// runnable reports whether a child is present that is more than an attestation.
func (s *session) runnable(g *bundle.ImageGraph) bool {
	return slices.ContainsFunc(g.Tree, s.isPlatform)
}

// isPlatform reports whether a node is something to run: no index, and no
// attestation stored among the platforms.
func (s *session) isPlatform(n bundle.TreeNode) bool {
	m := s.graph.Manifests[n.Digest]
	if m == nil || oci.IsIndex(m.MediaType) {
		return false
	}
	_, evidence := m.EvidenceKind()
	return !evidence
}

// configs judges the config of each platform.
func (s *session) configs(i int, g *bundle.ImageGraph) {
	for _, n := range g.Tree {
		m := s.graph.Manifests[n.Digest]
		if m == nil || oci.IsIndex(m.MediaType) || !m.HasImageConfig() {
			continue
		}
		s.config(i, n, m)
	}
}

func (s *session) config(i int, n bundle.TreeNode, m *oci.Manifest) {
	subject := string(m.Config.Digest)
	c, f := s.graph.Config(m.Config.Digest)
	if f != nil {
		s.rec.fault(i, f)
		return
	}
	if c == nil {
		return // missing or damaged: the layout and blob checks speak of it
	}
	if _, evidence := m.EvidenceKind(); !evidence && len(c.RootFS.DiffIDs) != len(m.Layers) {
		s.rec.fault(i, &check.Fault{ID: check.ConfigDiffIDs, Subject: subject, Detail: "the config does not match the manifest",
			Expected: fmt.Sprintf("%d diff_ids, one for each layer", len(m.Layers)), Found: fmt.Sprint(len(c.RootFS.DiffIDs))})
	}
	if p := n.Platform; p != nil && p.OS != "unknown" && !c.Platform().Matches(*p) {
		s.rec.fault(i, &check.Fault{ID: check.ConfigPlatform, Subject: subject, Detail: "the config names another platform than the index", Expected: p.String(), Found: c.Platform().String(), Warn: true})
	}
}
