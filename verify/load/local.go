package load

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/archive"
	"github.com/gapseal/gapseal/verify"
)

// Importer takes images as an archive: a container runtime, a folder, or a file.
type Importer interface {
	// String names the importer for a report, such as containerd:k8s.io.
	String() string
	// Form says what it takes.
	Form() Form
	// Find returns the digests by which the importer knows the image called name, the
	// preferred one first. It returns none if there is no such image.
	Find(ctx context.Context, name string) ([]oci.Digest, error)
	// Import takes the images of a plan. It returns the blobs that were there before, as
	// far as it can tell. If writing the plan fails, no image of it may be found by name
	// afterwards.
	Import(ctx context.Context, p *archive.Plan, progress func(int64)) (present map[oci.Digest]bool, err error)
	// ReadBack looks up what Import wrote. The error names what is missing.
	ReadBack(ctx context.Context, p *archive.Plan) error
}

// ErrNoReadBack is returned by [Importer.ReadBack] if nothing can be read back, as from a
// pipe, and by [Importer.Find] if names cannot be looked up, or ReadBack compares them.
var ErrNoReadBack = errors.New("what was written cannot be read back")

// Form says in which form an importer takes images.
type Form struct {
	archive.Options
	Evidence    bool // evidence is written, too
	DigestNames bool // an image with a tag is listed under its digest, too
	Separate    bool // one archive for each image
	// OneDigest says that the importer knows an image by one digest only. A name for which
	// Find returns another one as well is not free.
	OneDigest bool
	// ByConfig says that the importer may know an image only by the digest of its config.
	// That digest fixes the content, but the digest of the image is lost.
	ByConfig bool
}

// Import verifies the bundle that r reads, as [verify.Bundle] does with opt, and loads its
// images into an importer. The verdict comes first. Then the content is read again to be
// handed over, and each blob is compared with its digest once more; if one differs, the
// import fails. So r must read a file.
//
// o.Names needs no Host: images keep their names. The results and the errors are those of
// [Bundle]. An image that is not for the importer, such as a Helm
// chart for a runtime, is skipped, unless o.Only asks for it. progress is called with the
// number of bytes of content as they are handed over; it may be nil.
func Import(
	ctx context.Context, r *bundle.Reader, opt verify.Options, to Importer, o Options, progress func(int64),
) (*verify.Report, error) {
	l := newLocal(r, to, o)
	rep, err := verifyPrepared(ctx, r, opt, &l.early, l.prepare, r.Hash)
	if err != nil {
		if rep != nil {
			rep.Loaded = nothingLoaded(to.String())
		}
		return rep, err
	}
	if len(l.plans()) > 0 {
		if err := l.begin(ctx, rep, l.begun()); err != nil {
			l.refuse(err)
		}
	}
	l.load(ctx, progress)
	rep.Loaded = l.conclude()
	if err := ctx.Err(); err != nil && !rep.Loaded.Complete {
		rep.Loaded.Unfinished = verify.LoadInterrupted
		return rep, err
	}
	if !rep.Loaded.Complete {
		return rep, &Error{rep.Loaded}
	}
	return rep, nil
}

// PreviewImport says what [Import] would do, as [Preview] does.
func PreviewImport(
	ctx context.Context, r *bundle.Reader, opt verify.Options, to Importer, o Options,
) (*verify.Loaded, error) {
	l := newLocal(r, to, o)
	_, err := verifyPrepared(ctx, r, opt, &l.early, l.prepare, withoutContent)
	if err := previewError(&l.early, err); err != nil {
		return nil, err
	}
	for _, img := range l.images {
		if img.plan != nil {
			img.countSent(nil)
		}
	}
	return l.conclude(), nil
}

// local is a bundle on its way to an importer.
type local struct {
	Options
	r      *bundle.Reader
	to     Importer
	form   Form
	early  verify.Report // on the metadata
	src    *content
	images []*localImage
}

// localImage is one image on its way.
type localImage struct {
	archive.Image
	result *verify.LoadedImage
	plan   *archive.Plan // nil if it is not loaded
	added  *archive.Added
	err    error
}

func newLocal(r *bundle.Reader, to Importer, o Options) *local {
	return &local{Options: o, r: r, to: to, form: to.Form()}
}

// content is a bundle as the source of an archive.
type content struct {
	*bundle.Reader
	graph *bundle.Graph
}

// Manifest implements [archive.Source].
func (c *content) Manifest(d oci.Digest) *oci.Manifest { return c.graph.Manifests[d] }

// Config implements [archive.Source].
func (c *content) Config(d oci.Digest) *oci.Config {
	config, _ := c.graph.Config(d)
	return config
}

// prepare lists the images that are to be loaded, and asks what their names stand for. The
// error is about all images, such as names that collide; one about a single image is kept
// in it.
func (l *local) prepare(ctx context.Context, c *bundle.Contents) error {
	p, err := newPlan(c, &l.early, &l.Options)
	if err != nil {
		return err
	}
	l.src = &content{l.r, p.graph}
	graphs := map[string]*bundle.ImageGraph{}
	for i := range p.graph.Images {
		graphs[p.graph.Images[i].Reference] = &p.graph.Images[i]
	}
	for _, img := range p.images {
		l.images = append(l.images, l.image(img, graphs[img.Reference]))
	}
	shared := archive.NewPlan(l.src, l.form.Options)
	for _, img := range l.images {
		to := shared
		if l.form.Separate {
			to = archive.NewPlan(l.src, l.form.Options)
		}
		l.admit(ctx, img, to)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	l.failIfNothing()
	return nil
}

// image gives an image its names in the archive, and its evidence.
func (l *local) image(planned *image, g *bundle.ImageGraph) *localImage {
	result := planned.LoadedImage
	result.Evidence = 0
	img := &localImage{result: &result, err: planned.err}
	img.Root = g.Descriptor()
	if result.Tag != "" {
		img.Names = append(img.Names, planned.repo+":"+string(result.Tag))
	}
	if result.Tag == "" || l.form.DigestNames {
		img.Names = append(img.Names, planned.repo+"@"+string(g.Digest))
	}
	if !l.form.Evidence {
		result.Notes = []string{} // they are about tags of evidence
		return img
	}
	names := map[oci.Digest]string{}
	for _, t := range planned.tags {
		names[t.want] = planned.repo + ":" + t.name
	}
	for _, e := range g.Canonical {
		img.Evidence = append(img.Evidence, archive.Evidence{
			Manifest: e.Descriptor(), Name: names[e.Digest], Kind: e.Kind,
		})
	}
	return img
}

// admit adds an image to a plan if it is for the importer and its name is free.
func (l *local) admit(ctx context.Context, img *localImage, to *archive.Plan) {
	if img.err != nil {
		return
	}
	// Whether the image is loaded depends on the digests by which it is known, and nothing
	// can be taken out of a plan. So a plan of its own finds these digests.
	img.added, img.err = archive.NewPlan(l.src, l.form.Options).Add(img.Image)
	if img.err != nil {
		notFor := errors.Is(img.err, archive.ErrNotRunnable) || errors.As(img.err, new(*archive.PlatformError))
		if notFor && len(l.Only) == 0 {
			img.result.Skipped = verify.Text(img.err.Error())
			img.err = nil
		}
		return
	}
	if img.err = l.free(ctx, img); img.err != nil {
		return
	}
	if img.err = l.freeEvidence(ctx, img); img.err != nil {
		return
	}
	if img.added, img.err = to.Add(img.Image); img.err == nil {
		img.plan = to
	}
}

// free returns an error if the name of an image stands for another one and must not be
// moved.
func (l *local) free(ctx context.Context, img *localImage) error {
	found, err := l.to.Find(ctx, img.Names[0])
	switch {
	case errors.Is(err, ErrNoReadBack) || err == nil && len(found) == 0:
		return nil
	case err != nil:
		return err
	case l.same(img, found):
		img.result.Before = beforeSame
		return nil
	}
	other := found[0]
	if i := slices.IndexFunc(found, func(d oci.Digest) bool { return d != img.Root.Digest }); i > 0 {
		other = found[i]
	}
	img.result.Before = beforeOther + string(other)
	if l.OverwriteTags {
		return nil
	}
	return &TagError{
		Repository: img.result.Destination, Tag: string(img.result.Tag), Found: other, Want: img.Root.Digest,
	}
}

// same reports whether the digests found are those of img.
func (l *local) same(img *localImage, found []oci.Digest) bool {
	known := img.added.Known[:1]
	if l.form.ByConfig {
		known = img.added.Known
	}
	if l.form.OneDigest && len(found) > 1 {
		return false
	}
	return slices.ContainsFunc(found, func(d oci.Digest) bool { return slices.Contains(known, d) })
}

// failIfNothing makes it an error that every image was skipped.
func (l *local) failIfNothing() {
	if slices.ContainsFunc(l.images, func(img *localImage) bool { return img.result.Skipped == "" }) {
		return
	}
	for _, img := range l.images {
		img.err = errors.New(string(img.result.Skipped))
		img.result.Skipped = ""
	}
}

// load imports the plans and reads back what arrived.
func (l *local) load(ctx context.Context, progress func(int64)) {
	for _, p := range l.plans() {
		present, err := l.importPlan(ctx, p, progress)
		for _, img := range l.images {
			if img.plan == p {
				l.arrived(ctx, img, present, err)
			}
		}
	}
}

// importPlan imports a plan and reads it back. After an interrupt, the error says how far it
// came.
func (l *local) importPlan(ctx context.Context, p *archive.Plan, progress func(int64)) (map[oci.Digest]bool, error) {
	if ctx.Err() != nil {
		return nil, errNotHanded
	}
	present, err := l.to.Import(ctx, p, progress)
	switch {
	case err == nil && ctx.Err() == nil:
		err = l.to.ReadBack(ctx, p)
		if err != nil && ctx.Err() != nil {
			err = errUnread
		}
	case err == nil:
		err = errUnread
	case ctx.Err() != nil:
		err = errHanding
	}
	return present, err
}

// plans lists the plans that hold an image.
func (l *local) plans() (list []*archive.Plan) {
	for _, img := range l.images {
		if img.plan != nil && img.err == nil && !slices.Contains(list, img.plan) {
			list = append(list, img.plan)
		}
	}
	return list
}

// arrived completes the result of an image.
func (l *local) arrived(ctx context.Context, img *localImage, present map[oci.Digest]bool, err error) {
	unread := errors.Is(err, ErrNoReadBack)
	if img.err = err; err != nil && !unread {
		return
	}
	img.countSent(present)
	if unread {
		img.result.Notes = append(img.result.Notes, err.Error())
		img.err = nil
		return
	}
	img.err = l.readBack(ctx, img)
	if img.err != nil && ctx.Err() != nil {
		img.err = errUnread
	}
	img.result.ReadBack = img.err == nil
}

// countSent counts the evidence and the blobs of an image.
func (img *localImage) countSent(present map[oci.Digest]bool) {
	r := img.result
	r.Evidence = len(img.Evidence)
	r.Platforms = append([]string{}, img.added.Platforms...)
	r.LeftOut = append([]string{}, img.added.LeftOut...)
	for _, b := range img.added.Blobs {
		if present[b.Digest] {
			r.Blobs.Present++
			continue
		}
		r.Blobs.Sent++
		r.Blobs.Bytes += b.Size
	}
}

// readBack looks up the names of an image.
func (l *local) readBack(ctx context.Context, img *localImage) error {
	for _, name := range img.Names {
		found, err := l.to.Find(ctx, name)
		switch {
		case errors.Is(err, ErrNoReadBack):
		case err != nil:
			return fmt.Errorf("read back %s: %w", name, err)
		case len(found) == 0 && l.form.ByConfig && img.result.Tag == "":
			return fmt.Errorf("%s keeps no digests, so it does not know %s; the image needs a tag", l.to, name)
		case len(found) == 0:
			return fmt.Errorf("%s reported success, and does not know %s", l.to, name)
		case !l.same(img, found):
			return fmt.Errorf("read back %s: want %s, found %s", name, img.Root.Digest, found[0])
		case !slices.Contains(found, img.Root.Digest):
			img.result.Notes = append(img.result.Notes, fmt.Sprintf(
				"the digest is lost: %s knows this image only by that of its config, %s", l.to, found[0]))
		}
	}
	return nil
}

// conclude returns the results.
func (l *local) conclude() *verify.Loaded {
	out := &verify.Loaded{
		Destination: l.to.String(), Complete: true,
		Images: []verify.LoadedImage{}, Unreferenced: []verify.LoadedBlob{},
	}
	for _, img := range l.images {
		if img.err != nil {
			out.Complete = false
			img.result.Error = verify.Text(explained(img.err, l.Advise))
		}
		out.Images = append(out.Images, *img.result)
	}
	return out
}
