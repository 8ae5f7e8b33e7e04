package load

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

// plan says what goes where. It follows from the metadata of the bundle.
type plan struct {
	*bundle.Contents
	graph  *bundle.Graph
	images []*image
	blobs  map[oci.Digest]*blob
	order  []*blob // in the order in which images name them
}

// image is one image with everything that goes along.
type image struct {
	verify.LoadedImage
	repo      string
	root      oci.Digest
	tree      []oci.Digest // its manifests, children before their indexes
	evidence  []oci.Digest // manifests
	tags      []*tag       // those of the evidence, and that of the image last
	places    []*place     // of its blobs, which other images may share
	referrers []referrers
	err       error // why it is not loaded
	stage     stage // how far it came
}

// tag is a name that a manifest gets.
type tag struct {
	name    string
	want    oci.Digest
	subject oci.Digest // what the evidence under the tag is about; empty for the tag of the image
}

// referrers are the manifests that name one subject.
type referrers struct {
	subject oci.Digest
	list    []oci.Descriptor
}

// blob is a config, a layer or a piece of evidence that some image needs.
type blob struct {
	oci.Descriptor
	content bool // it is not in memory: it comes while the bundle is hashed
	places  []*place
}

// place is a blob in one of the repositories that need it.
type place struct {
	*blob
	repo     string
	state    state
	doubtful bool // the destination may have it, although its upload ended with an error
	err      error
}

type state int

const (
	unknown state = iota
	absent
	present // it was there before
	sent
	mounted
)

func (p *place) held() bool { return p.state >= present }

// CollisionError says that two manifests would get one name.
type CollisionError struct {
	Name       string    // repository:tag
	References [2]string // of the images that they belong to
	Digests    [2]oci.Digest
}

// Error names both.
func (e *CollisionError) Error() string {
	return fmt.Sprintf("two images would both become %s:\n  %s, of %s\n  %s, of %s", e.Name,
		e.Digests[0], e.References[0], e.Digests[1], e.References[1])
}

// newPlan plans where the images of a bundle go. early is the report on its metadata.
func newPlan(c *bundle.Contents, early *verify.Report, o *Options) (*plan, error) {
	p := &plan{Contents: c, graph: c.Walk(), blobs: map[oci.Digest]*blob{}}
	if len(early.Images) != len(p.graph.Images) {
		return nil, errors.New("load: the report is not about this bundle")
	}
	carried := map[oci.Digest]bundle.Blob{oci.EmptyDigest: {Digest: oci.EmptyDigest, Size: 2}}
	for _, b := range c.Inventory.Blobs {
		carried[b.Digest] = b
	}
	if err := p.mappingsUsed(o.Names.Map); err != nil {
		return nil, err
	}
	names := map[string]*image{}
	for i := range p.graph.Images {
		g := &p.graph.Images[i]
		ref, err := oci.ParseReference(g.Reference)
		if err != nil {
			return nil, err
		}
		if !o.wants(ref, g.Digest) {
			continue
		}
		img, err := p.image(g, ref, o)
		if err != nil {
			return nil, err
		}
		p.tagEvidence(img, g, &early.Images[i])
		p.tagRoot(img)
		if err := collide(names, img); err != nil {
			return nil, err
		}
		p.parts(img, carried)
		p.images = append(p.images, img)
	}
	if o.Names.TagAs != "" && len(p.images) > 1 {
		return nil, fmt.Errorf("the tag %s is for one image, and %d are to be loaded", o.Names.TagAs, len(p.images))
	}
	return p, nil
}

// UnusedMappingError says that no image of the bundle has a name to which a [Mapping]
// applies.
type UnusedMappingError struct{ From string }

// Error names the mapping.
func (e *UnusedMappingError) Error() string {
	return fmt.Sprintf("no image of the bundle is below %s, for which another name was given", e.From)
}

// mappingsUsed returns an error if a mapping applies to no image: its From may be misspelled,
// and images would get other names than were meant.
func (p *plan) mappingsUsed(list []Mapping) error {
	for i := range list {
		m := &list[i]
		used := slices.ContainsFunc(p.graph.Images, func(g bundle.ImageGraph) bool {
			ref, err := oci.ParseReference(g.Reference)
			return err == nil && m.fits(ref.Repository)
		})
		if !used && !m.Optional {
			return &UnusedMappingError{m.From}
		}
	}
	return nil
}

// wants reports whether an image is to be loaded.
func (o *Options) wants(ref oci.Reference, d oci.Digest) bool {
	return len(o.Only) == 0 || slices.ContainsFunc(o.Only, func(want oci.Reference) bool {
		return ref.Repository == want.Repository && (want.Tag == "" || want.Tag == ref.Tag) &&
			(want.Digest == "" || want.Digest == d)
	})
}

func (p *plan) image(g *bundle.ImageGraph, ref oci.Reference, o *Options) (*image, error) {
	repo, tag, err := o.Names.Place(ref)
	if err != nil {
		return nil, err
	}
	img := &image{repo: repo, root: g.Digest, LoadedImage: verify.LoadedImage{
		Reference: g.Reference, Digest: string(g.Digest), Destination: repo, Tag: verify.Text(tag),
		Before: beforeAbsent, Platforms: []string{}, LeftOut: []string{}, Notes: []string{},
	}}
	seen := map[oci.Digest]bool{}
	img.tree = p.below(nil, g.Digest, seen)
	for _, ev := range g.Canonical {
		img.Evidence++
		img.evidence = p.below(img.evidence, ev.Digest, seen)
	}
	return img, nil
}

// below appends a manifest to list, after all children of it that the bundle holds.
func (p *plan) below(list []oci.Digest, d oci.Digest, seen map[oci.Digest]bool) []oci.Digest {
	m := p.graph.Manifests[d]
	if seen[d] || m == nil {
		return list
	}
	seen[d] = true
	for _, child := range m.Manifests {
		list = p.below(list, child.Digest, seen)
	}
	return append(list, d)
}

// suffixes are those of the tags sha256-<hex>, under which evidence without a subject is
// found. That of all other kinds is .sig.
var suffixes = map[oci.Kind]string{
	oci.KindAttestation: ".att",
	oci.KindInToto:      ".att",
	oci.KindSBOM:        ".sbom",
}

// tagEvidence gives evidence without a subject the tag under which clients look for it. If
// several manifests want the same tag, one whose signature counts gets it.
func (p *plan) tagEvidence(img *image, g *bundle.ImageGraph, early *verify.Image) {
	inTree := map[oci.Digest]bool{}
	for _, d := range img.tree {
		inTree[d] = true
	}
	owner := map[string]*tag{}
	for _, ev := range g.Canonical {
		m := p.graph.Manifests[ev.Digest]
		if m == nil || m.Subject != nil || inTree[ev.Digest] {
			continue
		}
		name := "sha256-" + ev.Subject.Hex() + cmp.Or(suffixes[ev.Kind], ".sig")
		t := owner[name]
		if t == nil {
			t = &tag{name, ev.Digest, ev.Subject}
			owner[name] = t
			img.tags = append(img.tags, t)
			continue
		}
		other := ev.Digest
		if counts(early, ev.Digest) && !counts(early, t.want) {
			t.want, other = other, t.want
		}
		img.Notes = append(img.Notes, fmt.Sprintf("%s is stored by its digest alone, since the tag %s names %s",
			other, name, t.want))
	}
}

// counts reports whether a manifest holds a signature or attestation that counts.
func counts(img *verify.Image, manifest oci.Digest) bool {
	is := func(s *verify.Signature) bool {
		d, _, _ := strings.Cut(s.Digest, "#")
		return s.Counts && d == string(manifest)
	}
	return slices.ContainsFunc(img.Signatures, func(s verify.Signature) bool { return is(&s) }) ||
		slices.ContainsFunc(img.Attestations, func(a verify.Attestation) bool { return is(&a.Signature) })
}

func (p *plan) tagRoot(img *image) {
	switch {
	case reserved.MatchString(string(img.Tag)):
		img.fail(&ReservedTagError{img.repo, string(img.Tag)})
	case img.Tag != "":
		img.tags = append(img.tags, &tag{name: string(img.Tag), want: img.root})
	}
}

// collide returns an error if another image wants a tag of img for another manifest.
func collide(names map[string]*image, img *image) error {
	for _, t := range slices.Backward(img.tags) { // that of the image first: people know it
		name := img.repo + ":" + t.name
		other := names[name]
		if other == nil {
			names[name] = img
			continue
		}
		if d := other.wanted(t.name); d != t.want {
			return &CollisionError{name, [2]string{other.Reference, img.Reference}, [2]oci.Digest{d, t.want}}
		}
	}
	return nil
}

func (img *image) wanted(tag string) oci.Digest {
	for _, t := range img.tags {
		if t.name == tag {
			return t.want
		}
	}
	return ""
}

// parts lists the blobs and the referrers of an image.
func (p *plan) parts(img *image, carried map[oci.Digest]bundle.Blob) {
	seen := map[oci.Digest]bool{}
	bySubject := map[oci.Digest]int{}
	for _, d := range slices.Concat(img.tree, img.evidence) {
		m := p.graph.Manifests[d]
		for _, b := range append([]oci.Descriptor{m.Config}, m.Layers...) {
			if c, ok := carried[b.Digest]; ok && !seen[b.Digest] {
				seen[b.Digest] = true
				img.places = append(img.places, p.place(img, b, c))
			}
		}
		if m.Subject == nil {
			continue
		}
		at, ok := bySubject[m.Subject.Digest]
		if !ok {
			at = len(img.referrers)
			bySubject[m.Subject.Digest] = at
			img.referrers = append(img.referrers, referrers{subject: m.Subject.Digest})
		}
		img.referrers[at].list = append(img.referrers[at].list, p.describe(d, m))
	}
}

// describe describes a manifest as a list of referrers has it.
func (p *plan) describe(d oci.Digest, m *oci.Manifest) oci.Descriptor {
	return oci.Descriptor{
		MediaType: m.MediaType, Digest: d, Size: int64(len(p.Meta[d])),
		ArtifactType: cmp.Or(m.ArtifactType, m.Config.MediaType), Annotations: m.Annotations,
	}
}

// place returns the place of a blob in the repository of an image.
func (p *plan) place(img *image, d oci.Descriptor, carried bundle.Blob) *place {
	b := p.blobs[d.Digest]
	if b == nil {
		d = oci.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: carried.Size}
		_, held := p.Meta[d.Digest]
		b = &blob{Descriptor: d, content: !held}
		p.blobs[d.Digest] = b
		p.order = append(p.order, b)
	}
	for _, at := range b.places {
		if at.repo == img.repo {
			return at
		}
	}
	at := &place{blob: b, repo: img.repo}
	b.places = append(b.places, at)
	return at
}
