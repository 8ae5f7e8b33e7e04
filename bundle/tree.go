package bundle

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// treeWalk fetches an image's index, manifests and configs.
type treeWalk struct {
	*collector
	ctx   context.Context
	repo  string
	img   *Image
	nodes []oci.Digest
	met   map[oci.Digest]bool
	seen  []string // platforms met
	kept  int      // platforms carried
}

// buildkitReference is how BuildKit says which child an attestation is about.
const buildkitReference = "vnd.docker.reference.digest"

func (t *treeWalk) node(d oci.Descriptor, depth int64) error {
	if depth > t.req.Limits.Depth {
		return &check.Fault{ID: check.LimitDepth, Subject: string(d.Digest), Detail: fmt.Sprintf("indexes nest deeper than %d levels", t.req.Limits.Depth)}
	}
	m, err := t.parse(d)
	if err != nil {
		return err
	}
	if t.met[d.Digest] {
		return nil
	}
	t.met[d.Digest] = true
	t.nodes = append(t.nodes, d.Digest)
	if !oci.IsIndex(d.MediaType) {
		return t.leaf(m, depth)
	}
	chosen := t.choose(m)
	for _, child := range m.Manifests {
		if !chosen(child) {
			t.img.Omitted = append(t.img.Omitted, Omitted{Platform: PlatformName(child.Platform), Digest: child.Digest})
			continue
		}
		if err := t.child(child, depth); err != nil {
			return err
		}
	}
	return nil
}

func (t *treeWalk) child(d oci.Descriptor, depth int64) error {
	if _, ok := t.meta[d.Digest]; !ok {
		if _, err := t.manifest(t.ctx, t.repo, string(d.Digest)); err != nil {
			return fmt.Errorf("platform %s of the index cannot be fetched: %w", PlatformName(d.Platform), err)
		}
	}
	return t.node(d, depth+1)
}

// choose returns which children of an index to carry. Without --platform that
// is all of them; with it, those that match, nested indexes, and what BuildKit
// attests about a child that is carried.
func (t *treeWalk) choose(m *oci.Manifest) func(oci.Descriptor) bool {
	if len(t.req.Platforms) == 0 {
		return func(oci.Descriptor) bool { return true }
	}
	matches := func(d oci.Descriptor) bool {
		return oci.IsIndex(d.MediaType) || d.Platform != nil && slices.ContainsFunc(t.req.Platforms, d.Platform.Matches)
	}
	carried := map[string]bool{}
	for _, d := range m.Manifests {
		t.seen = append(t.seen, PlatformName(d.Platform))
		if matches(d) {
			carried[string(d.Digest)] = true
		}
	}
	return func(d oci.Descriptor) bool {
		return carried[string(d.Digest)] || carried[d.Annotations[buildkitReference]]
	}
}

// leaf fetches the config of an image manifest; its layers are content.
func (t *treeWalk) leaf(m *oci.Manifest, depth int64) error {
	if err := t.metadata(t.ctx, t.repo, m.Config, t.req.Limits.Config); err != nil {
		return err
	}
	for _, l := range m.Layers {
		t.home[l.Digest] = t.repo
	}
	if depth > 0 || t.single(m) {
		t.kept++
	}
	return nil
}

// single reports whether an image without an index has a platform asked for.
func (t *treeWalk) single(m *oci.Manifest) bool {
	if len(t.req.Platforms) == 0 || !m.HasImageConfig() {
		return true
	}
	c, f := oci.ParseConfig(t.meta[m.Config.Digest])
	if f != nil {
		return true // the config check speaks of it
	}
	t.seen = append(t.seen, c.Platform().String())
	return slices.ContainsFunc(t.req.Platforms, c.Platform().Matches)
}

func (t *treeWalk) offered() string { return strings.Join(t.seen, ", ") }

// parse reads a manifest that has been fetched; a fault in it cannot be waived.
func (c *collector) parse(d oci.Descriptor) (*oci.Manifest, error) {
	m, faults := oci.ParseManifest(c.meta[d.Digest], d.MediaType)
	for _, f := range faults {
		if !f.Warn {
			if f.Subject == "" {
				f.Subject = string(d.Digest)
			}
			return nil, f
		}
	}
	return m, nil
}
