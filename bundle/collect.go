package bundle

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/gapseal/gapseal/oci"
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
	Limits     oci.Limits
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
