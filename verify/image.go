package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// image judges one image: its documents, its signatures, and what it claims to be.
func (s *session) image(i int) {
	g := &s.graph.Images[i]
	ref, err := oci.ParseReference(g.Reference)
	if err != nil {
		ref = oci.Reference{} // layout.inventory has failed for it
	}
	img := newImage(g.Digest, g.Reference)
	img.Platforms = append(img.Platforms, g.Carried...)
	s.rep.Images = append(s.rep.Images, img)
	d := s.demandsOn(ref)
	s.demand = append(s.demand, d)
	s.configs(i, g)
	s.platforms(i, g, d)
	s.listed(i, g, d)
	s.allowed(i, g, d)
	s.anchored(i, g, d)
	s.denied(i, g)
	s.vouch(i, g, ref, d)
	s.bound(i, g, ref)
	s.listEvidence(i, g)
}

// platforms warns of platforms that export left out, and refuses an image that
// lacks a demanded platform or has none at all.
func (s *session) platforms(i int, g *bundle.ImageGraph, d *demands) {
	f := check.Fault{ID: check.ManifestNarrowed, Subject: string(g.Digest), Found: strings.Join(g.Carried, ", ")}
	for _, want := range d.Platforms {
		if !carries(g, want) {
			f.Detail, f.Expected = "a platform that was asked for is not in the bundle", want.String()
			s.fault(i, f)
		}
	}
	if len(g.Omitted) > 0 {
		var names []string
		for _, o := range g.Omitted {
			names = append(names, o.Platform)
		}
		f.Detail, f.Expected, f.Warn = "export left platforms out: "+strings.Join(names, ", "), "", true
		s.fault(i, f)
	}
	isIndex := oci.IsIndex(g.MediaType) && s.graph.Manifests[g.Digest] != nil
	if isIndex && !slices.ContainsFunc(g.Tree, s.isPlatform) {
		s.fault(i, check.Fault{ID: check.ManifestRunnable, Subject: string(g.Digest),
			Detail: "no platform of the index is in the bundle", Expected: "at least one", Found: "none"})
	}
}

// isPlatform reports whether a node is something to run: not an index, and not an
// attestation that is stored among the platforms.
func (s *session) isPlatform(n bundle.TreeNode) bool {
	m := s.graph.Manifests[n.Digest]
	if m == nil || oci.IsIndex(m.MediaType) {
		return false
	}
	_, isEvidence := m.EvidenceKind()
	return !isEvidence
}

func carries(g *bundle.ImageGraph, want oci.Platform) bool {
	return slices.ContainsFunc(g.Carried, func(name string) bool {
		p, err := oci.ParsePlatform(name)
		return err == nil && p.Matches(want)
	})
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
		s.fault(i, *f)
		return
	}
	if c == nil {
		return // missing or damaged: the checks of layout and blobs report it
	}
	if _, isEvidence := m.EvidenceKind(); !isEvidence && len(c.RootFS.DiffIDs) != len(m.Layers) {
		s.fault(i, check.Fault{ID: check.ConfigDiffIDs, Subject: subject,
			Detail:   "the config does not match the manifest",
			Expected: fmt.Sprintf("%d diff_ids, one for each layer", len(m.Layers)),
			Found:    fmt.Sprint(len(c.RootFS.DiffIDs))})
	}
	if p := n.Platform; p != nil && p.OS != "unknown" && !c.Platform().Matches(*p) {
		s.fault(i, check.Fault{ID: check.ConfigPlatform, Subject: subject, Warn: true,
			Detail:   "the config names another platform than the index",
			Expected: p.String(), Found: c.Platform().String()})
	}
}
