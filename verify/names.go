package verify

import (
	"cmp"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// demandedImages asks for each image that the operator demanded.
func (s *session) demandedImages() {
	for _, want := range s.opt.Images {
		if f := s.demanded(want); f != nil {
			s.fault(bundleWide, *f)
		} else {
			s.pass(bundleWide, check.Fault{ID: check.PolicyImage, Subject: want.String()})
		}
	}
}

// demanded looks for an image under the reference that was demanded. If the
// reference has a tag, no other image may claim the same name and tag: a program
// that loads the bundle could take either.
func (s *session) demanded(want oci.Reference) *check.Fault {
	f := &check.Fault{ID: check.PolicyImage, Subject: want.Name(), Expected: want.String(),
		Detail: "the image asked for is not in the bundle"}
	var others []string
	found := oci.Digest("")
	for _, g := range s.graph.Images {
		ref, err := oci.ParseReference(g.Reference)
		switch {
		case err != nil || !sameName(ref, want):
			others = append(others, g.Reference)
		case want.Digest == "" && found != "" && found != g.Digest:
			f.Detail = "two images of the bundle claim that name, so it is ambiguous; demand it by digest"
			f.Found = string(found + ", " + g.Digest)
		case want.Digest == "" || want.Digest == g.Digest:
			found = g.Digest
		case f.Found == "":
			f.Detail = "the bundle holds another image under that reference"
			f.Expected, f.Found = string(want.Digest), string(g.Digest)
		}
	}
	if found != "" && (want.Tag == "" || f.Found == "") {
		return nil
	}
	f.Found = cmp.Or(f.Found, someOf(others))
	return f
}

// sameName reports whether a claimed reference has the name that was asked for. A
// reference by digest alone matches any tag of its repository.
func sameName(claimed, want oci.Reference) bool {
	return claimed.Repository == want.Repository && (want.Tag == "" || claimed.Tag == want.Tag)
}

// bound records what binds the reference to the digest, apart from the bundle's own
// claim.
func (s *session) bound(i int, g *bundle.ImageGraph, ref oci.Reference) {
	img := &s.rep.Images[i]
	for _, want := range s.opt.Images {
		if want.Digest == g.Digest && sameName(ref, want) && want.Tag == ref.Tag {
			img.BoundBy = check.BoundByDigest
		}
	}
	if s.locked(g) && weakly(img) {
		img.BoundBy = check.BoundByLock
	}
	if weakly(img) && s.rep.Seal != nil {
		img.BoundBy = check.BoundBySeal
	}
	f := check.Fault{ID: check.PolicyUnbound, Subject: img.Digest, Found: img.ClaimedReference}
	pinned := img.BoundBy == check.BoundByDigest || img.BoundBy == check.BoundByLock
	if other := s.alsoNamed(g, ref); other != "" && !pinned {
		s.fault(i, check.Fault{ID: check.PolicyUnbound, Subject: img.Digest, Warn: !s.demand[i].NamesBound,
			Detail:   "two images of the bundle claim the name " + check.Clip(ref.Name()) + ", so it is ambiguous",
			Expected: img.Digest, Found: string(other)})
		return
	}
	switch {
	case weakly(img) && s.demand[i].NamesBound:
		f.Detail = "it was demanded that names are bound, and nothing but the bundle or the signature gives this one"
		f.Expected = "a digest, a policy, a lock or a seal that binds the name"
		s.fault(i, f)
	case img.BoundBy == check.BoundByNone && img.VouchedBy != check.VouchedByNone:
		f.Detail, f.Warn = "nothing binds this name: "+unnamed(img)+", so the image could bear any other", true
		s.fault(i, f)
	case img.BoundBy == check.BoundByNone:
		f.Detail, f.Warn = "no signature covers this reference, it is only what export was asked for", true
		s.fault(i, f)
	case img.BoundBy == check.BoundByName && ref.Tag != "":
		f.Detail, f.Warn = "the signature names the repository, "+
			"but no signature says that this is what the tag stands for now", true
		s.fault(i, f)
	default:
		s.pass(i, f)
	}
}

// weakly reports whether at most the signature binds the name of an image.
func weakly(img *Image) bool {
	return img.BoundBy == check.BoundByName || img.BoundBy == check.BoundByNone
}

// unnamed says why what vouches for an image does not bind its name.
func unnamed(img *Image) string {
	if img.VouchedBy != check.VouchedBySignature {
		return "an attestation names no image"
	}
	for _, sig := range img.Signatures {
		if sig.Counts && sig.Form == check.FormSimpleSigning {
			return "the signature that counts was made for another name, which is accepted"
		}
	}
	return "a Sigstore bundle signs no name"
}

// alsoNamed returns another digest for which the bundle claims the same name and tag,
// empty if there is none.
func (s *session) alsoNamed(g *bundle.ImageGraph, ref oci.Reference) oci.Digest {
	if ref.Tag == "" {
		return ""
	}
	for _, i := range s.under(oci.Reference{Repository: ref.Repository, Tag: ref.Tag}) {
		if other := s.graph.Images[i].Digest; other != g.Digest {
			return other
		}
	}
	return ""
}

// under lists the images of the bundle that bear a name.
func (s *session) under(want oci.Reference) (found []int) {
	if s.byName == nil {
		s.byName = map[oci.Reference][]int{}
		for i, g := range s.graph.Images {
			ref, err := oci.ParseReference(g.Reference)
			if err != nil {
				continue
			}
			repository := oci.Reference{Repository: ref.Repository}
			s.byName[repository] = append(s.byName[repository], i)
			if ref.Tag != "" {
				tagged := oci.Reference{Repository: ref.Repository, Tag: ref.Tag}
				s.byName[tagged] = append(s.byName[tagged], i)
			}
		}
	}
	for _, i := range s.byName[oci.Reference{Repository: want.Repository, Tag: want.Tag}] {
		if want.Digest == "" || want.Digest == s.graph.Images[i].Digest {
			found = append(found, i)
		}
	}
	return found
}
