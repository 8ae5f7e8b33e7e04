package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// A Source is where images come from. Every method returns an error matching
// [oci.ErrNotFound] only if the source says that there is no such thing: what
// was found and cannot be fetched is another error, and nothing is dropped.
type Source interface {
	// Manifest returns a manifest or index, by tag or digest, and its media type.
	Manifest(ctx context.Context, repository, tagOrDigest string) (raw []byte, mediaType string, err error)
	// Blob opens a blob.
	Blob(ctx context.Context, repository string, d oci.Descriptor) (io.ReadCloser, error)
	// Referrers lists what refers to d, by API and by fallback tag.
	Referrers(ctx context.Context, repository string, d oci.Digest) ([]oci.Descriptor, error)
}

// Request says what to collect.
type Request struct {
	Images     []oci.Reference
	Platforms  []oci.Platform // empty: every platform
	Evidence   string         // repository of signatures if it is another one (COSIGN_REPOSITORY)
	Keys       []PublicKey
	Tool       Tool
	Waivers    []string
	Limits     oci.Limits                            // zero fields mean the defaults
	OnResolved func(ref oci.Reference, d oci.Digest) // told each digest once known
}

// PublicKey is a key to put into the bundle.
type PublicKey struct {
	Fingerprint string // sha256:… of its DER
	PEM         []byte
}

// Collect resolves each reference to a digest once and gathers, by digest, all
// manifests, configs and evidence of the images and of each of their platforms.
// The second result opens the content that the plan still lacks.
func Collect(ctx context.Context, src Source, req Request) (*Plan, Fetch, error) {
	req.Limits = req.Limits.WithDefaults()
	c := &collector{src: src, req: req, meta: map[oci.Digest][]byte{}, home: map[oci.Digest]string{}, images: map[oci.Digest]bool{}}
	inv := Inventory{Schema: InventorySchema, Tool: req.Tool, Waivers: slices.Sorted(slices.Values(req.Waivers)), Images: []Image{}, Keys: []Key{}}
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
	inv.Images = slices.CompactFunc(inv.Images, func(a, b Image) bool { return a.Reference == b.Reference && a.Digest == b.Digest })
	if err := c.keys(&inv); err != nil {
		return nil, nil, err
	}
	plan, err := NewPlan(inv, c.meta, req.Limits)
	return plan, c.fetch, err
}

// collector remembers what it has fetched, and from which repository each blob
// can be had.
type collector struct {
	src    Source
	req    Request
	meta   map[oci.Digest][]byte
	home   map[oci.Digest]string
	images map[oci.Digest]bool // roots that travel as images of their own
	held   int64
}

func (c *collector) fetch(ctx context.Context, d oci.Digest, size int64) (io.ReadCloser, error) {
	return c.src.Blob(ctx, c.home[d], oci.Descriptor{Digest: d, Size: size})
}

// resolve turns each reference into a digest, once.
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
	img := &Image{Reference: ref.String(), Node: Node{root.MediaType, root.Digest, root.Size}, Omitted: []Omitted{}, Evidence: []Evidence{}}
	t := &treeWalk{collector: c, ctx: ctx, repo: ref.Repository, img: img, met: map[oci.Digest]bool{}}
	if err := t.node(root, 0); err != nil {
		return nil, err
	}
	if t.kept == 0 {
		return nil, fmt.Errorf("none of its platforms is one that --platform asks for: it has %s", t.offered())
	}
	e := &evidenceWalk{collector: c, ctx: ctx, repo: ref.Repository, img: img, asked: map[string]bool{}, have: map[Evidence]bool{}}
	for _, d := range t.nodes {
		if err := e.subject(d); err != nil {
			return nil, err
		}
	}
	return img, nil
}

// keys puts the public keys in, each as an artifact of its own, by fingerprint.
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

// tagSuffixes are where cosign's first generation stores evidence: at the tag
// sha256-<hex> with one of these behind it.
var tagSuffixes = []string{".sig", ".att", ".sbom"}

// evidenceWalk finds everything that speaks for an image.
type evidenceWalk struct {
	*collector
	ctx   context.Context
	repo  string
	img   *Image
	asked map[string]bool // repository and subject whose referrers are known
	have  map[Evidence]bool
}

// subject gathers what is stored about the root or one child of the image.
func (w *evidenceWalk) subject(d oci.Digest) error {
	for _, repo := range w.repositories() {
		for _, suffix := range tagSuffixes {
			if err := w.tag(repo, d, "sha256-"+d.Hex()+suffix); err != nil {
				return err
			}
		}
		if err := w.referrers(repo, d, 1); err != nil {
			return err
		}
	}
	return nil
}

func (w *evidenceWalk) repositories() []string {
	if w.req.Evidence == "" || w.req.Evidence == w.repo {
		return []string{w.repo}
	}
	return []string{w.repo, w.req.Evidence}
}

func (w *evidenceWalk) tag(repo string, subject oci.Digest, tag string) error {
	d, err := w.manifest(w.ctx, repo, tag)
	if errors.Is(err, oci.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("evidence at tag %s: %w", tag, err)
	}
	return w.carry(repo, subject, d)
}

func (w *evidenceWalk) referrers(repo string, subject oci.Digest, depth int64) error {
	if key := repo + "@" + string(subject); w.asked[key] {
		return nil
	} else {
		w.asked[key] = true
	}
	found, err := w.src.Referrers(w.ctx, repo, subject)
	if err != nil {
		return fmt.Errorf("referrers of %s: %w", subject, err)
	}
	if len(found) > 0 && depth > w.req.Limits.Depth {
		return &check.Fault{ID: check.LimitDepth, Subject: string(subject), Detail: fmt.Sprintf("referrers of referrers nest deeper than %d levels", w.req.Limits.Depth)}
	}
	for _, d := range found {
		if w.images[d.Digest] {
			continue // it travels as an image, with signatures of its own
		}
		if err := w.referrer(repo, subject, d.Digest, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *evidenceWalk) referrer(repo string, subject, digest oci.Digest, depth int64) error {
	d, err := w.manifest(w.ctx, repo, string(digest))
	if err != nil {
		return fmt.Errorf("referrer %s was found and cannot be fetched: %w", digest, err)
	}
	if err := w.carry(repo, subject, d); err != nil {
		return err
	}
	return w.referrers(repo, digest, depth+1)
}

// carry lists one piece of evidence and fetches what of it is metadata.
func (w *evidenceWalk) carry(repo string, subject oci.Digest, d oci.Descriptor) error {
	m, err := w.parse(d)
	if err != nil {
		return err
	}
	kind, ok := m.EvidenceKind()
	if !ok {
		return &check.Fault{ID: check.PolicyUnsigned, Subject: string(d.Digest),
			Detail: fmt.Sprintf("refers to %s but could be run or installed; ask for it by digest, with a signature of its own, or have it removed", subject)}
	}
	if err := w.metadata(w.ctx, repo, m.Config, w.req.Limits.Config); err != nil {
		return err
	}
	for _, l := range m.Layers {
		w.home[l.Digest] = repo
		if err := w.piece(repo, l); err != nil {
			return err
		}
	}
	ev := Evidence{Kind: kind, Subject: subject, Node: Node{d.MediaType, d.Digest, d.Size}}
	if !w.have[ev] {
		w.have[ev] = true
		w.img.Evidence = append(w.img.Evidence, ev)
	}
	return nil
}

func (w *evidenceWalk) piece(repo string, l oci.Descriptor) error {
	switch evidenceRole(l) {
	case RolePayload:
		return w.metadata(w.ctx, repo, l, w.req.Limits.Payload)
	case RoleEvidence:
		return w.metadata(w.ctx, repo, l, oci.MaxJudgedEvidence)
	}
	return nil
}

// manifest fetches a manifest by tag or digest, within its budget.
func (c *collector) manifest(ctx context.Context, repo, tagOrDigest string) (d oci.Descriptor, err error) {
	raw, mediaType, err := c.src.Manifest(ctx, repo, tagOrDigest)
	if err != nil {
		return d, err
	}
	d = describe(mediaType, raw)
	if strings.Contains(tagOrDigest, ":") && string(d.Digest) != tagOrDigest {
		return d, fmt.Errorf("the registry answered with another manifest than %s: %w", tagOrDigest, digestFault(oci.Digest(tagOrDigest), d.Digest))
	}
	if d.Size > c.req.Limits.Manifest {
		return d, &check.Fault{ID: check.LimitManifest, Subject: string(d.Digest), Detail: "the manifest is over its budget", Expected: fmt.Sprintf("at most %d bytes", c.req.Limits.Manifest), Found: fmt.Sprintf("%d bytes", d.Size)}
	}
	return d, c.hold(d, raw)
}

// hold keeps metadata in memory, within the budget for all of it.
func (c *collector) hold(d oci.Descriptor, raw []byte) error {
	if _, ok := c.meta[d.Digest]; ok {
		return nil
	}
	if c.held += d.Size; c.held > c.req.Limits.Metadata {
		return fmt.Errorf("metadata is over its budget of %d bytes; export fewer images per bundle or raise --limit metadata", c.req.Limits.Metadata)
	}
	c.meta[d.Digest] = raw
	return nil
}

// metadata fetches a blob that is held in memory, checked against its digest.
func (c *collector) metadata(ctx context.Context, repo string, d oci.Descriptor, max int64) error {
	if _, ok := c.meta[d.Digest]; ok || d.Digest == oci.EmptyDigest {
		return nil
	}
	if d.Size > max {
		return fmt.Errorf("blob %s (%.100q) has %d bytes, over the budget of %d", d.Digest, d.MediaType, d.Size, max)
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
		return fmt.Errorf("the registry answered with another blob than %s: %w", d.Digest, digestFault(d.Digest, got))
	}
	return c.hold(d, raw)
}
