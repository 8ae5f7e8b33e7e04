package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// A Source is where images come from, such as registries (package oci/registry).
// The error of a method matches [oci.ErrNotFound] only if the source says that the
// object does not exist, and [oci.ErrDenied] only if it refuses to say. For an
// object that exists and cannot be fetched it is another error, so that nothing is
// left out in silence; [oci.ErrNoManifest] is one of these.
type Source interface {
	// Manifest returns a manifest or index and its media type.
	Manifest(ctx context.Context, repository, tagOrDigest string) (raw []byte, mediaType string, err error)
	// Blob opens a blob. The caller closes it and compares its digest.
	Blob(ctx context.Context, repository string, d oci.Descriptor) (io.ReadCloser, error)
	// Referrers lists the manifests whose subject is d, those of the referrers API
	// and those of the fallback tag. If one of the two is refused ([oci.ErrDenied])
	// or is no list ([oci.ErrNoList]), it returns the error and also what the other
	// one lists. The entries are hints: their manifests decide.
	Referrers(ctx context.Context, repository string, d oci.Digest) ([]oci.Descriptor, error)
}

// Request says what to collect.
type Request struct {
	Images     []oci.Reference
	Platforms  []oci.Platform // empty for all platforms
	Evidence   string         // a second repository to search for evidence; may be empty
	Keys       []PublicKey
	Tool       Tool
	Waivers    []string
	Limits     oci.Limits                            // zero fields mean the defaults
	OnResolved func(ref oci.Reference, d oci.Digest) // called with each digest once it is known; may be nil

	// EvidenceFor returns a further repository to search for the evidence of one image,
	// empty for none. It may be nil.
	EvidenceFor func(oci.Reference) string

	// Vouches reports whether evidence about an image or a part of it verifies under the
	// anchors. It is asked only if there is more evidence than the budgets allow: what
	// verifies is kept then. meta holds the metadata by digest. It may be nil.
	Vouches func(ref oci.Reference, ev Evidence, meta map[oci.Digest][]byte) bool

	// AllowMissingForeign leaves out the layers that their publisher does not pass on
	// ([oci.Descriptor.Foreign]) where the source does not hold them. Without it, such a
	// layer is a [*ForeignLayerError].
	AllowMissingForeign bool
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
// What belongs to an image must be there. Evidence that src holds and that cannot be
// fetched, read or carried is left out, and listed in the inventory with the reason
// ([LeftOut]): otherwise anyone who may push to a repository could stop every export
// of what is in it. Whether enough is left is for package verify to judge.
//
// The error is what src returned, a [*check.Fault] if a manifest of an image is
// malformed or nests too deep, a [*PlatformError], a [*ChildError], a
// [*ForeignLayerError], or a [*BudgetError].
func Collect(ctx context.Context, src Source, req Request) (*Plan, Fetch, error) {
	req.Limits = req.Limits.WithDefaults()
	c := &collector{
		src: src, req: req,
		meta:   map[oci.Digest][]byte{},
		home:   map[oci.Digest]string{},
		sizes:  map[oci.Digest]int64{oci.EmptyDigest: int64(len(emptyConfig))},
		types:  map[oci.Digest]string{},
		images: map[oci.Digest]bool{},
		shared: map[oci.Digest]int{}, further: map[oci.Digest]int64{},
	}
	c.texts = newTexts(c.meta)
	trees, err := c.all(ctx)
	if err != nil {
		return nil, nil, err
	}
	for {
		plan, err := c.plan(trees)
		switch {
		case overBudget(err) && c.shrink(false):
		case err == nil && plan.tight() && c.shrink(true):
		default:
			return plan, c.fetch, err
		}
	}
}

// plan makes the plan of what was chosen.
func (c *collector) plan(trees []*treeWalk) (*Plan, error) {
	inv := Inventory{
		Tool:    c.req.Tool,
		Waivers: slices.Sorted(slices.Values(c.req.Waivers)),
		Images:  []Image{}, Keys: []Key{},
	}
	c.list(trees)
	for _, t := range trees {
		inv.Images = append(inv.Images, *t.img)
	}
	slices.SortFunc(inv.Images, compareImages)
	inv.Images = slices.CompactFunc(inv.Images, sameImage)
	if err := c.keys(&inv); err != nil {
		return nil, err
	}
	return NewPlan(inv, c.meta, c.req.Limits)
}

// overBudget reports whether the documents of a bundle are over a budget.
func overBudget(err error) bool {
	f := (*check.Fault)(nil)
	return errors.As(err, &f) &&
		(f.ID == check.LimitMetadata || f.ID == check.LimitIndex || f.ID == check.LimitInventory)
}

// all gathers what belongs to the images before any evidence, since evidence is what
// gives way if there is too much for the budget. BuildKit's attestations come last:
// they are in the bundle in any case, and only need to be in memory to be judged.
func (c *collector) all(ctx context.Context) ([]*treeWalk, error) {
	roots, err := c.resolve(ctx)
	if err != nil {
		return nil, err
	}
	trees := make([]*treeWalk, len(roots))
	walks := make([]*evidenceWalk, len(roots))
	steps := []func(i int) error{
		func(i int) (err error) { trees[i], err = c.tree(ctx, c.req.Images[i], roots[i]); return err },
		func(i int) (err error) { walks[i], err = trees[i].evidence(); return err },
		func(i int) error { return walks[i].attestations(trees[i].attestations) },
	}
	for k, step := range steps {
		if c.gathering = k > 0; k == 1 {
			c.fixed = maps.Clone(c.sizes)
		}
		for i, ref := range c.req.Images {
			if err := step(i); err != nil {
				return nil, fmt.Errorf("%s: %w", ref, err)
			}
		}
	}
	c.choose()
	return trees, nil
}

func sameImage(a, b Image) bool { return a.Reference == b.Reference && a.Digest == b.Digest }

// PlatformError reports that an image has none of the requested platforms.
type PlatformError struct{ Offered []string } // the platforms that it has

// Error lists the platforms of the image.
func (e *PlatformError) Error() string {
	return "the image has none of the requested platforms, only " + strings.Join(e.Offered, ", ")
}

// ChildError reports a child of an index that cannot be fetched, as from a cache
// that holds only some platforms. The other platforms can be carried without it.
type ChildError struct {
	Platform string // as the index names it
	Digest   oci.Digest
	Err      error
}

// Error names the child and what the source said.
func (e *ChildError) Error() string {
	if errors.Is(e.Err, oci.ErrNotFound) {
		return fmt.Sprintf("the registry does not hold %s of the index, %s", e.Platform, e.Digest)
	}
	return fmt.Sprintf("%s %s of the index cannot be fetched: %v", e.Platform, e.Digest, e.Err)
}

// Unwrap returns what the source said.
func (e *ChildError) Unwrap() error { return e.Err }

// ForeignLayerError reports a layer that its publisher does not pass on and that
// the source does not hold. The image runs only where the layer is.
type ForeignLayerError struct {
	Manifest oci.Digest
	Layer    oci.Descriptor
	Err      error
}

// Error names the layer and where its publisher keeps it.
func (e *ForeignLayerError) Error() string {
	where := "elsewhere"
	if len(e.Layer.URLs) > 0 {
		where = check.Clip(fmt.Sprintf("at %q", e.Layer.URLs[0]))
	}
	return fmt.Sprintf("layer %s of %s is not in the registry; its publisher keeps it %s", e.Layer.Digest, e.Manifest,
		where)
}

// Unwrap returns what the source said.
func (e *ForeignLayerError) Unwrap() error { return e.Err }

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
	home   map[oci.Digest]string
	sizes  map[oci.Digest]int64  // of the blobs that are carried
	types  map[oci.Digest]string // media types of the manifests that were fetched
	images map[oci.Digest]bool   // the roots of the images that were requested
	held   int64                 // bytes in meta
	texts  *texts
	spare  int64        // of the budget for metadata, what evidence may not use
	added  []oci.Digest // to meta since the attempt began

	carried    map[oci.Digest]string // the repository of each blob of the plan
	gathering  bool                  // evidence, which gives way where there is not enough room
	candidates []*candidate          // evidence that was found
	shared     map[oci.Digest]int    // candidates by the blobs that are in meta for their sake
	fixed      map[oci.Digest]int64  // sizes of the blobs that belong to images
	further    map[oci.Digest]int64  // by Sigstore bundle, as furtherAtMost returned it
}

func (c *collector) fetch(ctx context.Context, d oci.Digest, size int64) (io.ReadCloser, error) {
	return c.src.Blob(ctx, c.carried[d], oci.Descriptor{Digest: d, Size: size})
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

// holds returns an error that matches [oci.ErrNotFound] or [oci.ErrDenied] if the
// source does not have a blob.
func (c *collector) holds(ctx context.Context, repo string, d oci.Descriptor) error {
	rc, err := c.src.Blob(ctx, repo, d)
	if err != nil {
		return err
	}
	return rc.Close()
}

// attempt runs a step that may be left out. If it fails and the export can go on, it
// forgets what the step fetched and returns the reason.
func (c *collector) attempt(step func() error) (Reason, error) {
	c.added = c.added[:0]
	err := step()
	if err == nil {
		return "", nil
	}
	reason := reasonFor(err)
	if reason == "" {
		return "", err
	}
	for _, d := range c.added {
		c.held -= int64(len(c.meta[d]))
		delete(c.meta, d)
	}
	return reason, nil
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
	if errors.Is(err, check.ErrTooLarge) {
		what := "manifest " + repo + named(tagOrDigest)
		return d, &BudgetError{Limit: "manifest", What: what, Max: c.req.Limits.Manifest}
	}
	if err != nil {
		return d, err
	}
	d = describe(mediaType, raw)
	c.types[d.Digest] = mediaType
	if isDigest(tagOrDigest) && string(d.Digest) != tagOrDigest {
		return oci.Descriptor{}, mismatch("manifest", oci.Digest(tagOrDigest), d.Digest)
	}
	if d.Size > c.req.Limits.Manifest {
		return d, &check.Fault{ID: check.LimitManifest, Subject: string(d.Digest),
			Detail:   "the manifest is over its budget",
			Expected: fmt.Sprintf("at most %d bytes", c.req.Limits.Manifest), Found: fmt.Sprintf("%d bytes", d.Size)}
	}
	return d, c.hold(d, raw)
}

func isDigest(id string) bool { return strings.Contains(id, ":") }

func named(tagOrDigest string) string {
	if isDigest(tagOrDigest) {
		return "@" + tagOrDigest
	}
	return ":" + tagOrDigest
}

// hold keeps metadata in memory, within the budget for all metadata.
func (c *collector) hold(d oci.Descriptor, raw []byte) error {
	if _, ok := c.meta[d.Digest]; ok {
		return nil
	}
	most := c.room()
	if c.gathering {
		most *= 2 // until it is clear which evidence gives way
	}
	if c.held+d.Size > most {
		return &BudgetError{Limit: "metadata", What: "the metadata of all images together", Max: c.req.Limits.Metadata}
	}
	c.held += d.Size
	c.meta[d.Digest] = raw
	c.added = append(c.added, d.Digest)
	return nil
}

// metadata fetches a blob that is held in memory, and compares it with its digest.
// max is its budget in bytes, and limit is the name of that budget.
func (c *collector) metadata(ctx context.Context, repo string, d oci.Descriptor, limit string, max int64) error {
	if d.Digest == oci.EmptyDigest {
		return nil
	}
	if raw, ok := c.meta[d.Digest]; ok {
		return sized(d, raw)
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
		return mismatch("blob", d.Digest, got)
	}
	if err := sized(d, raw); err != nil {
		return err
	}
	return c.hold(d, raw)
}

// sized asks that a descriptor gives the size that its blob has. Otherwise evidence
// that is not needed could give a blob of other evidence another size, and displace it.
func sized(d oci.Descriptor, raw []byte) error {
	if d.Size == int64(len(raw)) {
		return nil
	}
	return &check.Fault{ID: check.ManifestSize, Subject: string(d.Digest),
		Detail:   "the descriptor gives another size than the blob has",
		Expected: fmt.Sprintf("%d bytes", len(raw)), Found: fmt.Sprintf("%d bytes", d.Size)}
}

func mismatch(what string, want, got oci.Digest) error {
	return fmt.Errorf("%w: the source returned another %s: %w", oci.ErrMismatch, what, digestFault(want, got))
}
