package verify

import (
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/lock"
)

// locked reports whether the lock lists this image by this name.
func (s *session) locked(g *bundle.ImageGraph) bool {
	return s.inLock(g) != nil
}

// inLock returns the entry of the lock for an image, nil if there is none.
func (s *session) inLock(g *bundle.ImageGraph) *lock.Image {
	if s.opt.Lock == nil {
		return nil
	}
	if s.lockEntries == nil {
		s.lockEntries = make(map[string]*lock.Image, 2*len(s.opt.Lock.Images))
		for i := range s.opt.Lock.Images {
			img := &s.opt.Lock.Images[i]
			s.lockEntries[lockKey(img.Reference, img.Digest)] = img
			s.lockEntries[exactKey(img.Reference, img.Digest)] = img
		}
	}
	if img := s.lockEntries[exactKey(g.Reference, g.Digest)]; img != nil {
		return img // a lock may list an image with its digest in the reference, and without
	}
	return s.lockEntries[lockKey(g.Reference, g.Digest)]
}

// lockKey is the name of an image with its digest. A reference may repeat the
// digest or leave it out.
func lockKey(reference string, d oci.Digest) string {
	return nameOf(reference) + "@" + string(d)
}

// exactKey is a reference as it is written, with the digest of its image.
func exactKey(reference string, d oci.Digest) string { return reference + " " + string(d) }

// nameOf returns a reference without its digest.
func nameOf(reference string) string {
	name, _, _ := strings.Cut(reference, "@")
	return name
}

// lockedImages demands exactly the images of the lock, with exactly their
// platforms.
func (s *session) lockedImages() {
	if s.opt.Lock == nil {
		return
	}
	good := true
	fault := func(i int, f check.Fault) {
		good = false
		f.ID = check.PolicyLock
		s.fault(i, f)
	}
	found, names := map[*lock.Image]bool{}, s.lockedNames()
	for i := range s.graph.Images {
		g := &s.graph.Images[i]
		want := s.inLock(g)
		if want == nil {
			f := check.Fault{Subject: string(g.Digest), Detail: "the image is not in the lock", Found: g.Reference}
			if other := names[nameOf(g.Reference)]; other != nil {
				found[other] = true
				f.Detail = "the lock gives " + check.Clip(nameOf(g.Reference)) + " another digest"
				f.Expected, f.Found = string(other.Digest), string(g.Digest)
			}
			fault(i, f)
			continue
		}
		found[want] = true
		if !slices.Equal(want.Platforms, g.Carried) {
			fault(i, check.Fault{Subject: string(g.Digest), Detail: "the lock lists other platforms for this image",
				Expected: strings.Join(want.Platforms, ", "), Found: strings.Join(g.Carried, ", ")})
		}
	}
	for i := range s.opt.Lock.Images {
		if want := &s.opt.Lock.Images[i]; !found[want] {
			fault(bundleWide, check.Fault{Subject: want.Reference, Detail: "an image of the lock is not in the bundle",
				Expected: string(want.Digest), Found: "none"})
		}
	}
	if good {
		s.pass(bundleWide, check.Fault{ID: check.PolicyLock, Found: string(s.opt.Lock.Digest)})
	}
}

// lockedNames returns the images of the lock that bear a tag, by name: a name
// without a tag may stand for several.
func (s *session) lockedNames() map[string]*lock.Image {
	names := make(map[string]*lock.Image, len(s.opt.Lock.Images))
	for i := range s.opt.Lock.Images {
		img := &s.opt.Lock.Images[i]
		if name := nameOf(img.Reference); oci.HasTag(name) {
			names[name] = img
		}
	}
	return names
}
