package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// unsignedImages refuses whatever could be run and has no signature: an image
// dressed up as evidence, or an unsigned one that travels with others.
func (s *session) unsignedImages() {
	for i, g := range s.graph.Images {
		for _, ev := range g.Evidence {
			m := s.graph.Manifests[ev.Digest]
			if m == nil {
				continue
			}
			if _, ok := m.EvidenceKind(); !ok {
				s.rec.fault(i, &check.Fault{ID: check.PolicyUnsigned, Subject: string(ev.Digest),
					Detail: "is listed as evidence for " + string(ev.Subject) + " but could be run or installed, and carries no signature of its own", Expected: "layers of evidence types only", Found: describeLayers(m)})
			}
		}
		if len(s.graph.Images) > 1 && !s.rooted[i] {
			s.rec.fault(i, &check.Fault{ID: check.PolicyUnsigned, Subject: string(g.Digest), Detail: "rides along without a signature, so the whole bundle is refused", Found: g.Reference})
		}
	}
}

func describeLayers(m *oci.Manifest) string {
	if oci.IsIndex(m.MediaType) {
		return "an index"
	}
	types := []string{m.Config.MediaType}
	for _, l := range m.Layers {
		if !slices.Contains(types, l.MediaType) && len(types) < 4 {
			types = append(types, l.MediaType)
		}
	}
	return strings.Join(types, ", ")
}

// demandedImages checks that what the operator came for is there.
func (s *session) demandedImages() {
	for _, want := range s.opt.Images {
		if f := s.demanded(want); f != nil {
			s.bundleFault(f)
		} else {
			s.rec.add(bundleWide, Pass, check.Fault{ID: check.PolicyImage, Subject: want.String()})
		}
	}
}

// demanded looks for an image under the reference asked for. Where a tag was
// asked for, no other image may claim it: which of them a reader takes, nobody
// could say.
func (s *session) demanded(want oci.Reference) *check.Fault {
	f := &check.Fault{ID: check.PolicyImage, Subject: want.Name(), Expected: want.String(), Detail: "the image asked for is not in the bundle"}
	var others []string
	found := false
	for _, g := range s.graph.Images {
		ref, err := oci.ParseReference(g.Reference)
		switch {
		case err != nil || !sameName(ref, want):
			others = append(others, g.Reference)
		case want.Digest == "" || want.Digest == g.Digest:
			found = true
		case f.Found == "":
			f.Detail, f.Expected, f.Found = "the bundle holds another image under that reference", string(want.Digest), string(g.Digest)
		}
	}
	if found && (want.Tag == "" || f.Found == "") {
		return nil
	}
	f.Found = cmp.Or(f.Found, someOf(others))
	return f
}

func someOf(list []string) string {
	if len(list) > 10 {
		list = append(list[:10], fmt.Sprintf("and %d more", len(list)-10))
	}
	return strings.Join(list, ", ")
}

// sameName reports whether a claimed reference answers to the one asked for. A
// reference by digest alone matches any tag of its repository.
func sameName(claimed, want oci.Reference) bool {
	return claimed.Repository == want.Repository && (want.Tag == "" || claimed.Tag == want.Tag)
}

// bound says what, beyond the bundle's own word, binds the reference.
func (s *session) bound(i int, g *bundle.ImageGraph, ref oci.Reference) {
	img := &s.rep.Images[i]
	for _, want := range s.opt.Images {
		if want.Digest == g.Digest && sameName(ref, want) && want.Tag == ref.Tag {
			img.BoundBy = "digest"
		}
	}
	if img.BoundBy != "digest" && img.BoundBy != boundByPolicy && s.rep.Seal != nil {
		img.BoundBy = "seal"
	}
	if img.BoundBy == "digest" || img.BoundBy == boundByPolicy || img.BoundBy == "seal" || img.BoundBy == "docker-reference" && ref.Tag == "" {
		s.rec.add(i, Pass, check.Fault{ID: check.PolicyUnbound, Subject: img.Digest, Found: img.ClaimedReference})
		return
	}
	detail := "no signature covers this reference, it is only what export was asked for"
	if img.BoundBy == "docker-reference" {
		detail = "the signature names the repository, but no signature says that this is what the tag stands for now"
	}
	s.rec.fault(i, &check.Fault{ID: check.PolicyUnbound, Subject: img.Digest, Detail: detail, Found: img.ClaimedReference, Warn: true})
}
