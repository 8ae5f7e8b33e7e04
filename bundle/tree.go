package bundle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// tree gathers what belongs to an image.
func (c *collector) tree(ctx context.Context, ref oci.Reference, root oci.Descriptor) (*treeWalk, error) {
	img := &Image{
		Reference: ref.String(),
		Node:      Node{root.MediaType, root.Digest, root.Size},
		Omitted:   []Omitted{}, Evidence: []Evidence{},
	}
	t := &treeWalk{
		collector: c, ctx: ctx, repo: ref.Repository, img: img,
		left: &leaving{image: img}, visited: map[oci.Digest]bool{},
	}
	if err := t.node(root, 0); err != nil {
		return nil, err
	}
	if !oci.IsIndex(root.MediaType) {
		t.children = 1
		if m, err := t.parse(root); err == nil && t.single(m) {
			t.kept = 1
		}
	}
	if t.kept > 0 {
		return t, nil
	}
	f := &check.Fault{ID: check.ManifestRunnable, Subject: string(root.Digest),
		Expected: "at least one image", Found: "none"}
	switch {
	case t.children == 0:
		f.Detail = "the index is empty"
	case len(t.req.Platforms) == 0:
		f.Detail = "the index holds nothing to run"
	default:
		return nil, &PlatformError{Offered: t.seen}
	}
	return nil, f
}

// evidence gathers the evidence about an image and about each member of its tree.
func (t *treeWalk) evidence() (*evidenceWalk, error) {
	t.spare = t.req.Limits.Metadata / 8 // for the index, the inventory and a seal
	w := &evidenceWalk{
		collector: t.collector, ctx: t.ctx, repo: t.repo, img: t.img, left: t.left,
		listed: map[string]bool{},
		have:   map[Evidence]bool{},
		by:     map[oci.Digest]*candidate{},
		signed: map[oci.Digest]bool{},
	}
	for _, d := range t.nodes {
		if err := w.subject(d); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// treeWalk fetches an image's index, manifests and configs.
type treeWalk struct {
	*collector
	ctx      context.Context
	repo     string
	img      *Image
	left     *leaving
	nodes    []oci.Digest
	visited  map[oci.Digest]bool
	seen     []string // platforms of the image
	children int      // of all its indexes
	kept     int      // things to run or install that the bundle carries

	attestations []attestation
}

// attestation is an attestation manifest that BuildKit stored in an index.
type attestation struct {
	index oci.Digest
	about oci.Digest
	oci.Descriptor
}

func (t *treeWalk) node(d oci.Descriptor, depth int64) error {
	if depth > t.req.Limits.Depth {
		return &check.Fault{ID: check.LimitDepth, Subject: string(d.Digest),
			Detail: fmt.Sprintf("indexes nest deeper than %d levels", t.req.Limits.Depth)}
	}
	m, err := t.parse(d)
	if err != nil {
		return err
	}
	if t.visited[d.Digest] {
		return nil
	}
	t.visited[d.Digest] = true
	t.nodes = append(t.nodes, d.Digest)
	t.sizes[d.Digest] = d.Size
	if !oci.IsIndex(d.MediaType) {
		return t.leaf(d.Digest, m)
	}
	t.children += len(m.Manifests)
	chosen := t.choose(m)
	for _, child := range m.Manifests {
		if !chosen(child) {
			t.omit(child)
			continue
		}
		if err := t.child(d.Digest, child, depth); err != nil {
			return err
		}
	}
	return nil
}

func (t *treeWalk) omit(d oci.Descriptor) {
	t.img.Omitted = append(t.img.Omitted, Omitted{Platform: PlatformName(d.Platform), Digest: d.Digest})
}

func (t *treeWalk) child(index oci.Digest, d oci.Descriptor, depth int64) error {
	if about, ok := d.AttestationOf(); ok {
		return t.attestation(attestation{index, about, d}, depth)
	}
	if err := t.fetchChild(d); err != nil {
		return &ChildError{Platform: PlatformName(d.Platform), Digest: d.Digest, Err: err}
	}
	if d.Platform == nil && !oci.IsIndex(d.MediaType) {
		chosen, err := t.configured(d)
		if err != nil {
			return err
		}
		if !chosen {
			t.omit(d)
			return nil
		}
	}
	if !oci.IsIndex(d.MediaType) {
		t.kept++
	}
	return t.node(d, depth+1)
}

func (t *treeWalk) fetchChild(d oci.Descriptor) error {
	if _, ok := t.meta[d.Digest]; ok {
		return nil
	}
	_, err := t.manifest(t.ctx, t.repo, string(d.Digest))
	return err
}

// configured reports whether to carry a child for which the index names no platform:
// one whose config names a requested one, and one that has none at all.
func (t *treeWalk) configured(d oci.Descriptor) (bool, error) {
	m, err := t.parse(d)
	if err != nil || len(t.req.Platforms) == 0 || !m.HasImageConfig() {
		return true, err
	}
	if err := t.metadata(t.ctx, t.repo, m.Config, "config", t.req.Limits.Config); err != nil {
		return false, err
	}
	return t.single(m), nil
}

// attestation carries an attestation manifest of an index. It is evidence, so it may
// be left out.
func (t *treeWalk) attestation(a attestation, depth int64) error {
	var m *oci.Manifest
	reason, err := t.attempt(func() (err error) {
		if err := t.fetchChild(a.Descriptor); err != nil {
			return err
		}
		m, err = t.parse(a.Descriptor)
		if err != nil {
			return err
		}
		return t.metadata(t.ctx, t.repo, m.Config, "config", t.req.Limits.Config)
	})
	if err != nil {
		return err
	}
	if reason != "" {
		t.leaveAttestation(a, reason)
		return nil
	}
	if t.runs(m) {
		t.kept++
	} else {
		t.attestations = append(t.attestations, a)
	}
	return t.node(a.Descriptor, depth+1)
}

// runs reports whether a manifest that is marked as an attestation is something to run
// all the same: see [Graph.Runs].
func (t *treeWalk) runs(m *oci.Manifest) bool {
	if _, ok := m.EvidenceKind(nil); !ok {
		return true
	}
	c, _ := oci.ParseConfig(t.meta[m.Config.Digest])
	return c != nil && c.OS != "" && !c.Platform().IsUnknown()
}

func (t *treeWalk) leaveAttestation(a attestation, reason Reason) {
	t.left.part(LeftOut{Subject: a.index, Digest: a.Digest, Type: typeOf(a.ArtifactType, a.MediaType), Reason: reason})
}

// choose returns which children of an index to carry. If no platforms were
// requested, that is all of them. Otherwise it is those that match, nested
// indexes, those without a platform, whose configs decide, and the attestations that
// BuildKit made about a child that is carried.
func (t *treeWalk) choose(m *oci.Manifest) func(oci.Descriptor) bool {
	if len(t.req.Platforms) == 0 {
		return func(oci.Descriptor) bool { return true }
	}
	matches := func(d oci.Descriptor) bool {
		return oci.IsIndex(d.MediaType) || d.Platform == nil || slices.ContainsFunc(t.req.Platforms, d.Platform.Matches)
	}
	carried := map[oci.Digest]bool{}
	for _, d := range m.Manifests {
		if _, ok := d.AttestationOf(); ok {
			continue
		}
		if d.Platform != nil {
			t.seen = append(t.seen, d.Platform.Full())
		}
		if matches(d) {
			carried[d.Digest] = true
		}
	}
	return func(d oci.Descriptor) bool {
		about, _ := d.AttestationOf()
		return carried[d.Digest] || carried[about]
	}
}

// leaf fetches the config of an image manifest, and notes where its layers are.
func (t *treeWalk) leaf(manifest oci.Digest, m *oci.Manifest) error {
	if err := t.metadata(t.ctx, t.repo, m.Config, "config", t.req.Limits.Config); err != nil {
		return err
	}
	t.sizes[m.Config.Digest] = m.Config.Size
	for _, l := range m.Layers {
		if err := t.layer(manifest, l); err != nil {
			return err
		}
	}
	if most := t.req.Limits.Entries; int64(len(t.sizes)) > most {
		return &check.Fault{ID: check.LimitEntries, Subject: string(manifest),
			Detail:   "the images name more blobs than a bundle may have",
			Expected: fmt.Sprintf("at most %d", most), Found: "more"}
	}
	return nil
}

// layer notes where a layer is. One that may be elsewhere is looked for.
func (t *treeWalk) layer(manifest oci.Digest, l oci.Descriptor) error {
	if l.Foreign() {
		err := t.holds(t.ctx, t.repo, l)
		switch absent := errors.Is(err, oci.ErrNotFound) || errors.Is(err, oci.ErrDenied); {
		case absent && t.req.AllowMissingForeign:
			t.left.part(LeftOut{
				Subject: manifest, Digest: l.Digest, Type: typeOf(l.MediaType), Reason: ReasonForeignLayer,
			})
			return nil
		case absent:
			return &ForeignLayerError{Manifest: manifest, Layer: l, Err: err}
		case err != nil:
			return err
		}
	}
	t.home[l.Digest] = t.repo
	t.sizes[l.Digest] = l.Size
	return nil
}

// single reports whether an image without an index has a requested platform.
func (t *treeWalk) single(m *oci.Manifest) bool {
	if len(t.req.Platforms) == 0 || !m.HasImageConfig() {
		return true
	}
	c, f := oci.ParseConfig(t.meta[m.Config.Digest])
	if f != nil {
		return true // the config check reports it
	}
	t.seen = append(t.seen, c.Platform().String())
	return slices.ContainsFunc(t.req.Platforms, c.Platform().Matches)
}
