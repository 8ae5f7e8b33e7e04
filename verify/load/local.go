package load

import (
	"cmp"
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
	// Find returns the digests by which the importer knows the image of a name: the one
	// that counts first, and none if it has no such image.
	Find(ctx context.Context, name string) ([]oci.Digest, error)
	// Import takes the images of a plan. It returns the blobs that were there before, as
	// far as it can tell. If writing the plan fails, no image of it may be found by name
	// afterwards.
	Import(ctx context.Context, p *archive.Plan, progress func(int64)) (present map[oci.Digest]bool, err error)
	// ReadBack looks up what Import wrote. The error names what is missing.
	ReadBack(ctx context.Context, p *archive.Plan) error
}

// ErrNoReadBack is returned by [Importer.ReadBack] and [Importer.Find] where nothing can
// be read back, as from a pipe.
var ErrNoReadBack = errors.New("what was written cannot be read back")

// Form says in which form an importer takes images.
type Form struct {
	archive.Options
	Evidence    bool // evidence goes along
	DigestNames bool // an image with a tag is listed under its digest, too
	Separate    bool // one archive for each image
	// ByConfig says that the importer may know an image by the digest of its config only.
	// That fixes the content, but the digest of the image is lost.
	ByConfig bool
}

// Local says which images [Import] loads, and how.
type Local struct {
	// Name returns the repository, written in full, and the tag under which an image is
	// loaded; no image without one is loaded.
	Name func(img *bundle.Image) (repository, tag string, ok bool, err error)
	// Demanded makes it an error that an image is not for the importer: it was asked for by
	// name.
	Demanded  bool
	Overwrite bool // a name may stand for another image before
	DryRun    bool // nothing is imported
	// Progress is called with the number of bytes of content as they are handed over; it
	// may be nil.
	Progress func(int64)
	// Begin is called with the number of bytes before they are handed over; it may be nil.
	Begin func(size int64)
}

// Import loads the images of a verified bundle into an importer. The bytes are read
// again from the bundle, and compared with their digests while they are handed over; if
// one differs, the import is broken off.
//
// The caller has verified the bundle with r, which reads a file. What failed stands in
// the result, image by image; the error is that of ctx, or says why nothing could be
// tried.
func Import(ctx context.Context, r *bundle.Reader, to Importer, opt Local) (*verify.Loaded, error) {
	l := &local{
		Local: opt, to: to, form: to.Form(), src: &content{Reader: r, graph: r.Walk()},
		out: &verify.Loaded{
			Destination: to.String(), Images: []verify.LoadedImage{}, Unreferenced: []verify.LoadedBlob{},
		},
	}
	if err := l.collect(); err != nil {
		return nil, err
	}
	l.before(ctx)
	if !opt.DryRun {
		l.load(ctx)
	}
	l.conclude()
	return l.out, ctx.Err()
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

// local is one call of [Import].
type local struct {
	Local
	to     Importer
	form   Form
	src    *content
	out    *verify.Loaded
	images []*localImage
}

// localImage is one image on its way.
type localImage struct {
	archive.Image
	result *verify.LoadedImage
	plan   *archive.Plan // nil if it is not loaded
	added  *archive.Added
}

// name is the name that counts: the one with the tag, if there is one.
func (img *localImage) name() string { return img.Names[0] }

func (img *localImage) fail(err error) {
	if img.result.Error == "" {
		img.result.Error = verify.Text(err.Error())
	}
}

func (img *localImage) failed() bool { return img.result.Error != "" }

// collect lists the images that are to be loaded.
func (l *local) collect() error {
	byName := map[string]*localImage{}
	for i := range l.src.graph.Images {
		g := &l.src.graph.Images[i]
		repository, tag, ok, err := l.Name(&g.Image)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		img := l.image(g, repository, tag)
		if other := byName[img.name()]; other != nil && other.Root.Digest != img.Root.Digest {
			return fmt.Errorf("%s and %s would both become %s, and are two images; nothing was loaded",
				other.result.Reference, img.result.Reference, img.name())
		}
		byName[img.name()] = img
		l.images = append(l.images, img)
	}
	return nil
}

// image prepares the result of an image, its names and its evidence.
func (l *local) image(g *bundle.ImageGraph, repository, tag string) *localImage {
	img := &localImage{result: &verify.LoadedImage{
		Reference: g.Reference, Digest: string(g.Digest), Destination: repository, Tag: verify.Text(tag),
		Before: "absent", Notes: []string{},
	}}
	img.Root = g.Descriptor()
	if tag != "" {
		img.Names = append(img.Names, repository+":"+tag)
	}
	if tag == "" || l.form.DigestNames {
		img.Names = append(img.Names, repository+"@"+string(g.Digest))
	}
	if l.form.Evidence {
		img.Evidence = l.evidence(g, repository)
	}
	return img
}

// evidence lists the evidence of an image, with the names of cosign's first generation.
func (l *local) evidence(g *bundle.ImageGraph, repository string) (list []archive.Evidence) {
	named := map[string]bool{}
	for _, e := range g.Canonical {
		item := archive.Evidence{Manifest: e.Descriptor(), Kind: e.Kind}
		m := l.src.Manifest(e.Digest)
		if suffix := tagSuffix[e.Kind]; suffix != "" && m != nil && m.Subject == nil {
			name := repository + ":sha256-" + e.Subject.Hex() + suffix
			if !named[name] {
				item.Name = name
			}
			named[name] = true
		}
		list = append(list, item)
	}
	return list
}

// tagSuffix is how the tag ends at which cosign looks for evidence of each kind.
var tagSuffix = map[oci.Kind]string{
	oci.KindSignature: ".sig", oci.KindAttestation: ".att", oci.KindSBOM: ".sbom",
}

// before looks up what the names stand for, and plans the images that may be loaded.
func (l *local) before(ctx context.Context) {
	shared := archive.NewPlan(l.src, l.form.Options)
	for _, img := range l.images {
		p := shared
		if l.form.Separate {
			p = archive.NewPlan(l.src, l.form.Options)
		}
		// An image that must not be loaded is not in the plan, so its digests are found with
		// one of its own.
		added, err := archive.NewPlan(l.src, l.form.Options).Add(img.Image)
		if err != nil {
			l.unfit(img, err)
			continue
		}
		img.added = added
		if !l.permitted(ctx, img) {
			continue
		}
		if img.added, err = p.Add(img.Image); err != nil {
			img.fail(err)
			continue
		}
		img.plan = p
	}
}

// unfit records an image that is not in a form for the importer.
func (l *local) unfit(img *localImage, err error) {
	notFor := errors.Is(err, archive.ErrNotRunnable) || errors.As(err, new(*archive.PlatformError))
	if !notFor || l.Demanded {
		img.fail(err)
		return
	}
	img.result.Skipped = verify.Text(err.Error())
}

// permitted reports whether an image may be loaded under its name.
func (l *local) permitted(ctx context.Context, img *localImage) bool {
	found, err := l.to.Find(ctx, img.name())
	switch {
	case errors.Is(err, ErrNoReadBack) || err == nil && len(found) == 0:
		return true
	case err != nil:
		img.fail(err)
		return false
	case l.same(img, found):
		img.result.Before = "same"
		return true
	}
	img.result.Before = "other " + string(found[0])
	if !l.Overwrite {
		img.fail(&TakenError{Name: img.name(), Has: found[0], Want: img.Root.Digest})
	}
	return l.Overwrite
}

// same reports whether an importer that knows an image by these digests has img.
func (l *local) same(img *localImage, found []oci.Digest) bool {
	known := img.added.Known[:1]
	if l.form.ByConfig {
		known = img.added.Known
	}
	return slices.ContainsFunc(found, func(d oci.Digest) bool { return slices.Contains(known, d) })
}

// load imports the plans and reads back what arrived.
func (l *local) load(ctx context.Context) {
	var size int64
	plans := l.plans()
	for _, p := range plans {
		size += p.Size()
	}
	if l.Begin != nil && len(plans) > 0 {
		l.Begin(size)
	}
	for _, p := range plans {
		present, err := l.to.Import(ctx, p, l.Progress)
		if err == nil {
			err = cmp.Or(ctx.Err(), l.to.ReadBack(ctx, p))
		}
		for _, img := range l.images {
			if img.plan == p {
				l.arrived(ctx, img, present, err)
			}
		}
	}
}

// plans lists the plans that hold an image.
func (l *local) plans() (list []*archive.Plan) {
	for _, img := range l.images {
		if img.plan != nil && !slices.Contains(list, img.plan) {
			list = append(list, img.plan)
		}
	}
	return list
}

// arrived completes the result of an image, and looks up each of its names.
func (l *local) arrived(ctx context.Context, img *localImage, present map[oci.Digest]bool, err error) {
	r := img.result
	unread := errors.Is(err, ErrNoReadBack)
	if err != nil && !unread {
		img.fail(err)
		return
	}
	for _, b := range img.added.Blobs {
		if present[b.Digest] {
			r.Blobs.Present++
			continue
		}
		r.Blobs.Sent++
		r.Blobs.Bytes += b.Size
	}
	r.Evidence = len(img.Evidence)
	if unread {
		r.Notes = append(r.Notes, err.Error())
		return
	}
	r.ReadBack = l.readBack(ctx, img)
}

// readBack looks up the names of an image.
func (l *local) readBack(ctx context.Context, img *localImage) bool {
	for _, name := range img.Names {
		found, err := l.to.Find(ctx, name)
		switch {
		case err != nil:
			img.fail(fmt.Errorf("read back %s: %w", name, err))
		case len(found) == 0:
			img.fail(fmt.Errorf("%s reported success, and does not know %s", l.to, name))
		case !l.same(img, found):
			img.fail(fmt.Errorf("read back %s: want %s, found %s", name, img.Root.Digest, found[0]))
		case !slices.Contains(found, img.Root.Digest):
			img.result.Notes = append(img.result.Notes, fmt.Sprintf(
				"the digest is lost: %s knows this image as %s, the digest of its config", l.to, found[0]))
		}
	}
	return !img.failed()
}

// conclude completes the result.
func (l *local) conclude() {
	loaded := 0
	complete := true
	for _, img := range l.images {
		l.out.Images = append(l.out.Images, *img.result)
		if img.result.Skipped == "" {
			loaded++
		}
		complete = complete && !img.failed()
	}
	l.out.Complete = complete && loaded > 0 && !l.DryRun
}

// TakenError says that a name stands for another image already.
type TakenError struct {
	Name      string
	Has, Want oci.Digest
}

// Error implements error.
func (e *TakenError) Error() string {
	return fmt.Sprintf("%s stands for another image already: want %s, found %s", e.Name, e.Want, e.Has)
}
