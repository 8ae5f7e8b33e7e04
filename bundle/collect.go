package bundle

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// A Source is where images come from, such as registries (package oci/registry).
// The error of a method matches [oci.ErrNotFound] only if the source says that the
// object does not exist. If an object exists but cannot be fetched, the error must
// not match it, because what is not found is left out of the bundle.
type Source interface {
	// Manifest returns a manifest or index and its media type.
	Manifest(ctx context.Context, repository, tagOrDigest string) (raw []byte, mediaType string, err error)
	// Blob opens a blob. The caller closes it and compares its digest.
	Blob(ctx context.Context, repository string, d oci.Descriptor) (io.ReadCloser, error)
	// Referrers lists the manifests whose subject is d, from both the referrers API
	// and the fallback tag.
	Referrers(ctx context.Context, repository string, d oci.Digest) ([]oci.Descriptor, error)
}

// Request says what to collect.
type Request struct {
	Images     []oci.Reference
	Platforms  []oci.Platform // empty for all platforms
	Evidence   string         // a second repository to search for signatures; may be empty
	Keys       []PublicKey
	Tool       Tool
	Waivers    []string
	Limits     oci.Limits                            // zero fields mean the defaults
	OnResolved func(ref oci.Reference, d oci.Digest) // called with each digest once it is known; may be nil
}

// PublicKey is a public key for the bundle to carry.
type PublicKey struct {
	Fingerprint string // sha256:… of its DER
	PEM         []byte
}

// Collect resolves each reference to a digest, once, and gathers by digest all
// manifests, configs and evidence of the images and of each of their platforms.
// It returns the plan of the bundle, and a [Fetch] that reads its content from src
// when the plan is written.
//
// The error is what src returned, a [*check.Fault] if a manifest is malformed or
// nests too deep, a [*PlatformError], or a [*BudgetError].
func Collect(ctx context.Context, src Source, req Request) (*Plan, Fetch, error) {
	req.Limits = req.Limits.WithDefaults()
	c := &collector{
		src: src, req: req,
		meta:   map[oci.Digest][]byte{},
		home:   map[oci.Digest]string{},
		images: map[oci.Digest]bool{},
	}
	inv := Inventory{
		Schema: InventorySchema, Tool: req.Tool,
		Waivers: slices.Sorted(slices.Values(req.Waivers)),
		Images:  []Image{}, Keys: []Key{},
	}
	roots, err := c.resolve(ctx)
	if err != nil {
		return nil, nil, err
	}
	for i, ref := range req.Images {
		img, err := c.image(ctx, ref, roots[i])
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", ref, err)
		}
		inv.Images = append(inv.Images, *img)
	}
	slices.SortFunc(inv.Images, compareImages)
	inv.Images = slices.CompactFunc(inv.Images, sameImage)
	if err := c.keys(&inv); err != nil {
		return nil, nil, err
	}
	plan, err := NewPlan(inv, c.meta, req.Limits)
	return plan, c.fetch, err
}

func sameImage(a, b Image) bool { return a.Reference == b.Reference && a.Digest == b.Digest }

// PlatformError reports that an image has none of the requested platforms.
type PlatformError struct{ Offered []string } // the platforms that it has

// Error lists the platforms of the image.
func (e *PlatformError) Error() string {
	return "the image has none of the requested platforms, only " + strings.Join(e.Offered, ", ")
}

// BudgetError reports metadata that is larger than its budget. It matches
// [check.ErrTooLarge].
type BudgetError struct {
	Limit string // the budget, by its name in [oci.Limits.Budgets]
	What  string // what is too large
	Max   int64  // in bytes
}

// Error names what is too large and its budget.
func (e *BudgetError) Error() string {
	return fmt.Sprintf("%s: more than the budget of %d bytes", e.What, e.Max)
}

// Unwrap returns [check.ErrTooLarge].
func (e *BudgetError) Unwrap() error { return check.ErrTooLarge }

// collector remembers what it has fetched, and the repository of each blob.
type collector struct {
	src    Source
	req    Request
	meta   map[oci.Digest][]byte
	home   map[oci.Digest]string // the repository from which Fetch reads a blob
	images map[oci.Digest]bool   // the roots of the images that were requested
	held   int64                 // bytes in meta
}

func (c *collector) fetch(ctx context.Context, d oci.Digest, size int64) (io.ReadCloser, error) {
	return c.src.Blob(ctx, c.home[d], oci.Descriptor{Digest: d, Size: size})
}

// resolve returns the root of each image. It requests each tag only once, so that a
// tag that moves during the export cannot mix two images.
func (c *collector) resolve(ctx context.Context) ([]oci.Descriptor, error) {
	roots := make([]oci.Descriptor, len(c.req.Images))
	for i, ref := range c.req.Images {
		what := ref.Tag
		if ref.Digest != "" {
			what = string(ref.Digest)
		}
		d, err := c.manifest(ctx, ref.Repository, what)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ref, err)
		}
		if c.req.OnResolved != nil {
			c.req.OnResolved(ref, d.Digest)
		}
		c.images[d.Digest] = true
		roots[i] = d
	}
	return roots, nil
}

func (c *collector) image(ctx context.Context, ref oci.Reference, root oci.Descriptor) (*Image, error) {
	img := &Image{
		Reference: ref.String(),
		Node:      Node{root.MediaType, root.Digest, root.Size},
		Omitted:   []Omitted{}, Evidence: []Evidence{},
	}
	t := &treeWalk{collector: c, ctx: ctx, repo: ref.Repository, img: img, visited: map[oci.Digest]bool{}}
	if err := t.node(root, 0); err != nil {
		return nil, err
	}
	if t.kept == 0 {
		return nil, &PlatformError{Offered: t.seen}
	}
	e := &evidenceWalk{
		collector: c, ctx: ctx, repo: ref.Repository, img: img,
		listed: map[string]bool{},
		have:   map[Evidence]bool{},
	}
	for _, d := range t.nodes {
		if err := e.subject(d); err != nil {
			return nil, err
		}
	}
	return img, nil
}

// keys adds the public keys to the inventory, each as an artifact of its own.
func (c *collector) keys(inv *Inventory) error {
	for _, k := range c.req.Keys {
		manifest, err := KeyArtifact(k.PEM)
		if err != nil {
			return err
		}
		d := describe(oci.TypeManifest, manifest)
		c.meta[d.Digest], c.meta[oci.FromBytes(k.PEM)] = manifest, k.PEM
		inv.Keys = append(inv.Keys, Key{Fingerprint: k.Fingerprint, Node: Node{d.MediaType, d.Digest, d.Size}})
	}
	slices.SortFunc(inv.Keys, compareKeys)
	inv.Keys = slices.CompactFunc(inv.Keys, func(a, b Key) bool { return a.Fingerprint == b.Fingerprint })
	return nil
}

// treeWalk fetches an image's index, manifests and configs.
type treeWalk struct {
	*collector
	ctx     context.Context
	repo    string
	img     *Image
	nodes   []oci.Digest
	visited map[oci.Digest]bool
	seen    []string // platforms that the image has
	kept    int      // manifests that the bundle carries
}

// buildkitReference is the annotation by which BuildKit names the child that an
// attestation is about.
const buildkitReference = "vnd.docker.reference.digest"

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

// choose returns which children of an index to carry. If no platforms were
// requested, that is all of them. Otherwise it is those that match, nested
// indexes, and the attestations that BuildKit made about a child that is carried.
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

// leaf fetches the config of an image manifest, and notes where its layers are.
func (t *treeWalk) leaf(m *oci.Manifest, depth int64) error {
	if err := t.metadata(t.ctx, t.repo, m.Config, "config", t.req.Limits.Config); err != nil {
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

// single reports whether an image without an index is for a requested platform.
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

// parse reads a manifest that was fetched. No waiver allows a fault in it.
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

// manifest fetches a manifest by tag or digest, within its budget.
func (c *collector) manifest(ctx context.Context, repo, tagOrDigest string) (d oci.Descriptor, err error) {
	raw, mediaType, err := c.src.Manifest(ctx, repo, tagOrDigest)
	if err != nil {
		return d, err
	}
	d = describe(mediaType, raw)
	if strings.Contains(tagOrDigest, ":") && string(d.Digest) != tagOrDigest {
		return d, fmt.Errorf("the source returned another manifest: %w", digestFault(oci.Digest(tagOrDigest), d.Digest))
	}
	if d.Size > c.req.Limits.Manifest {
		return d, &check.Fault{ID: check.LimitManifest, Subject: string(d.Digest),
			Detail:   "the manifest is over its budget",
			Expected: fmt.Sprintf("at most %d bytes", c.req.Limits.Manifest), Found: fmt.Sprintf("%d bytes", d.Size)}
	}
	return d, c.hold(d, raw)
}

// hold keeps metadata in memory, within the budget for all metadata.
func (c *collector) hold(d oci.Descriptor, raw []byte) error {
	if _, ok := c.meta[d.Digest]; ok {
		return nil
	}
	if c.held += d.Size; c.held > c.req.Limits.Metadata {
		return &BudgetError{Limit: "metadata", What: "the metadata of all images together", Max: c.req.Limits.Metadata}
	}
	c.meta[d.Digest] = raw
	return nil
}

// metadata fetches a blob that is held in memory, and compares it with its digest.
// max is its budget in bytes, and limit is the name of that budget.
func (c *collector) metadata(ctx context.Context, repo string, d oci.Descriptor, limit string, max int64) error {
	if _, ok := c.meta[d.Digest]; ok || d.Digest == oci.EmptyDigest {
		return nil
	}
	if d.Size > max {
		what := fmt.Sprintf("blob %s (%.100q) of %d bytes", d.Digest, d.MediaType, d.Size)
		return &BudgetError{Limit: limit, What: what, Max: max}
	}
	rc, err := c.src.Blob(ctx, repo, d)
	if err != nil {
		return err
	}
	defer rc.Close()
	raw, err := io.ReadAll(io.LimitReader(rc, d.Size+1))
	if err != nil {
		return fmt.Errorf("blob %s: %w", d.Digest, err)
	}
	if got := oci.FromBytes(raw); got != d.Digest {
		return fmt.Errorf("the source returned another blob: %w", digestFault(d.Digest, got))
	}
	return c.hold(d, raw)
}
