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
	for _, p := range g.Runnable {
		img.Platforms = append(img.Platforms, p.Full())
	}
	s.rep.Images = append(s.rep.Images, img)
	d := s.demandsOn(ref)
	s.demand = append(s.demand, d)
	s.configs(i, g)
	s.platforms(i, g, d)
	s.leftOut(i, g)
	s.listed(i, g, d)
	s.allowed(i, g, d)
	s.anchored(i, g, d)
	s.denied(i, g)
	s.vouch(i, g, ref, d)
	s.bound(i, g, ref)
	s.listEvidence(i, g)
}

// platforms warns of platforms that export left out, and refuses if one of them
// was demanded or if none is left. What has no platform, such as a Helm chart, is
// for all of them.
func (s *session) platforms(i int, g *bundle.ImageGraph, d *demands) {
	f := check.Fault{ID: check.ManifestNarrowed, Subject: string(g.Digest), Found: strings.Join(g.Carried, ", ")}
	root := s.graph.Manifests[g.Digest]
	artifact := root != nil && !oci.IsIndex(root.MediaType) && !root.HasImageConfig()
	for _, want := range d.Platforms {
		if !artifact && !carries(g, want) {
			f.Detail, f.Expected = "a platform that was asked for is not in the bundle", want.Full()
			s.fault(i, f)
		}
	}
	if len(g.Without) > 0 {
		f.Detail, f.Expected, f.Warn = "export left platforms out: "+strings.Join(g.Without, ", "), "", true
		if s.narrowedOnPurpose(g, d) {
			f.Detail += "; the policy or the lock wants no others"
			s.add(i, check.Skip, f)
		} else {
			s.fault(i, f)
		}
	}
	if root == nil || !oci.IsIndex(root.MediaType) || slices.ContainsFunc(g.Tree, s.graph.Runs) {
		return
	}
	f = check.Fault{ID: check.ManifestRunnable, Subject: string(g.Digest),
		Detail: "no platform of the index is in the bundle", Expected: "at least one", Found: "none"}
	if len(root.Manifests) == 0 {
		f.Detail = "the index is empty"
	}
	s.fault(i, f)
}

// narrowedOnPurpose reports whether an anchor says which platforms are wanted, so that
// others are not missed: those allowed, or those of the lock.
func (s *session) narrowedOnPurpose(g *bundle.ImageGraph, d *demands) bool {
	locked := s.inLock(g)
	only := func(from *Demands) bool { return len(from.OnlyPlatforms) > 0 }
	return slices.ContainsFunc(d.each, only) || locked != nil && slices.Equal(locked.Platforms, g.Carried)
}

func carries(g *bundle.ImageGraph, want oci.Platform) bool {
	return slices.ContainsFunc(g.Runnable, func(p oci.Platform) bool { return p.Matches(want) })
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
	for _, f := range s.misnamed(g) {
		f.Warn = true
		s.fault(i, f)
	}
}

// misnamed lists the platforms that an index of the image names and the config does
// not. An index may name a manifest several times, for several platforms.
func (s *session) misnamed(g *bundle.ImageGraph) (faults []check.Fault) {
	for _, n := range g.Tree {
		list, ok := s.misnames[n.Digest]
		if !ok {
			list = s.misnamedIn(s.graph.Manifests[n.Digest])
			s.misnames[n.Digest] = list
		}
		for _, f := range list {
			if !slices.Contains(faults, f) {
				faults = append(faults, f)
			}
		}
	}
	return faults
}

// misnamedIn does the same as misnamed for one index, which many images may share.
func (s *session) misnamedIn(index *oci.Manifest) (faults []check.Fault) {
	if index == nil {
		return nil
	}
	type mention struct {
		of       oci.Digest
		platform string
	}
	seen := map[mention]bool{}
	for _, child := range index.Manifests {
		m := s.graph.Manifests[child.Digest]
		if m == nil || oci.IsIndex(m.MediaType) || !m.HasImageConfig() || child.Platform == nil ||
			child.Platform.IsUnknown() || seen[mention{child.Digest, child.Platform.Full()}] {
			continue
		}
		seen[mention{child.Digest, child.Platform.Full()}] = true
		if c, _ := s.graph.Config(m.Config.Digest); c != nil && !agrees(c.Platform(), *child.Platform) {
			faults = append(faults, check.Fault{ID: check.ConfigPlatform, Subject: string(m.Config.Digest),
				Detail:   "the config names another platform than the index",
				Expected: child.Platform.Full(), Found: c.Platform().Full()})
			if len(faults) == maxMisnamed {
				break
			}
		}
	}
	return faults
}

// maxMisnamed bounds the platforms of one index that are reported as misnamed: an index
// may name a manifest for a million invented platforms, in each of many images.
const maxMisnamed = 100

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
	if s.graph.Runs(n) && len(c.RootFS.DiffIDs) != len(m.Layers) {
		s.fault(i, check.Fault{ID: check.ConfigDiffIDs, Subject: subject,
			Detail:   "the config does not match the manifest",
			Expected: fmt.Sprintf("%d diff_ids, one for each layer", len(m.Layers)),
			Found:    fmt.Sprint(len(c.RootFS.DiffIDs))})
	}
}

// agrees reports whether a config names the platform that the index does, as far as
// it names one: it often leaves out the variant and the version.
func agrees(own, named oci.Platform) bool {
	if own.Variant == "" {
		named.Variant = ""
	}
	if own.OSVersion == "" {
		named.OSVersion = ""
	}
	return own.Matches(named)
}
