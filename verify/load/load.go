package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// Options say what is loaded and how.
type Options struct {
	Names Names
	// Only are the images to load; none loads all. A reference without a tag means every
	// tag, one without a digest any digest. Other images are verified, but not loaded.
	Only []oci.Reference
	// OverwriteTags lets tags that name something else be moved. Without it, the image
	// that wants the tag is not loaded.
	OverwriteTags bool
	Jobs          int                // requests at a time; zero is 4
	Advise        func(error) string // what to do about an error; it may be nil or return nothing
	// Settle is how long to wait before lists of referrers that this load wrote are looked at
	// once more: another load may have read such a list before, and written it after. Zero
	// leaves that out.
	Settle time.Duration
	// Warn is called by [Bundle] before content is read: with each image that cannot be
	// loaded, and with what a destination may refuse later. It may be nil.
	Warn func(text string)
	// Begin is called after the verdict and before the first manifest is stored, or before
	// an importer is called, with a report that names where the images will go. If it
	// fails, nothing is stored. It may be nil. It is not called if there is nothing to store.
	Begin func(context.Context, *verify.Report) error
}

// Error says that the bundle is verified and that images of it were not loaded. The
// report says which and why.
type Error struct{ Loaded *verify.Loaded }

// Error counts the images that failed and names the first cause.
func (e *Error) Error() string {
	failed, first := 0, verify.LoadedImage{}
	for _, img := range e.Loaded.Images {
		if img.Error != "" {
			if failed++; failed == 1 {
				first = img
			}
		}
	}
	return fmt.Sprintf("%d of %d images were not loaded; %s: %s", failed, len(e.Loaded.Images), first.Reference,
		first.Error)
}

// Bundle verifies the bundle that c reads, as [verify.Bundle] does with opt, and loads
// its images to dst. Loaded of the report says what became of each image.
//
// The error is that of verify.Bundle, or an [*Error] if images of a verified bundle were
// not loaded, or that of ctx if it ended after the verdict; there is a report in these cases.
// There is no report if the images cannot be placed (a [*CollisionError], for example), if
// requests to dst failed for all of them, or if ctx ended before the verdict; no manifest is
// stored then. Loading the bundle again continues where it stopped: blobs that dst has are
// not sent again.
func Bundle(
	ctx context.Context, c verify.Container, opt verify.Options, dst Destination, o Options,
) (*verify.Report, error) {
	r := newRun(c, dst, o)
	rep, err := r.verify(ctx, opt, c.Hash)
	if rep == nil {
		return nil, err
	}
	if err != nil {
		rep.Loaded = r.rejected()
		return rep, err
	}
	begun := r.begun()
	r.dst = &announced{Destination: r.dst, begin: func(ctx context.Context) error { return r.begin(ctx, rep, begun) }}
	if err := r.deliver(ctx); err != nil {
		rep.Loaded = r.interrupted()
		return rep, err
	}
	rep.Loaded = r.loaded()
	if !rep.Loaded.Complete {
		return rep, &Error{rep.Loaded}
	}
	return rep, nil
}

// Preview says what [Bundle] would do: where each image goes, what is there, and how many
// blobs would be sent. It judges the metadata and reads no content, so it gives no
// verdict; a bundle that its metadata rejects is a [*verify.Error]. It sends nothing.
func Preview(
	ctx context.Context, c verify.Container, opt verify.Options, dst Destination, o Options,
) (*verify.Loaded, error) {
	r := newRun(c, dst, o)
	r.preview = true
	_, err := r.verify(ctx, opt, withoutContent)
	if err := previewError(&r.early, err); err != nil {
		return nil, err
	}
	return r.previewed(), nil
}

// hasher reads and hashes the content of a container: see [verify.Container].
type hasher func(context.Context, bundle.Tap, func(int64)) error

var errPreviewed = errors.New("the content was not read")

// withoutContent is a hasher that ends a verification before the content is read.
func withoutContent(context.Context, bundle.Tap, func(int64)) error { return errPreviewed }

// previewError returns the error of a verification with withoutContent, nil if the metadata
// does not reject the bundle.
func previewError(early *verify.Report, err error) error {
	switch {
	case early.Verdict == check.Rejected:
		return &verify.Error{Report: early}
	case errors.Is(err, errPreviewed):
		return nil
	}
	return err
}

// run is one bundle on its way to a destination.
type run struct {
	Options
	dst   Destination
	c     verify.Container
	ctx   context.Context // for the tap, which is given none
	early verify.Report   // on the metadata
	*plan
	preview bool                  // nothing may be sent
	uploads map[oci.Digest]*place // content that is missing, and where it goes first
	stored  calls                 // manifests, by repository and digest
	lists   calls                 // lists of referrers, by repository and subject
	written written               // those of them that this load wrote
	checked calls                 // what was read back
}

func newRun(c verify.Container, dst Destination, o Options) *run {
	if o.Jobs == 0 {
		o.Jobs = 4
	}
	return &run{Options: o, dst: dst, c: c}
}

// verify verifies the bundle, and sends content while hash hashes it.
func (r *run) verify(ctx context.Context, opt verify.Options, hash hasher) (*verify.Report, error) {
	r.ctx = ctx
	if opt.Tap != nil {
		return nil, errors.New("load: the tap of the options is taken")
	}
	opt.Tap = r.tap
	return verifyPrepared(ctx, r.c, opt, &r.early, r.prepare, hash)
}

// verifyPrepared verifies the bundle that c reads, as [verify.Bundle] does with opt. It
// stores the report on the metadata in early. Unless that rejects the bundle, it calls
// prepare before hash.
func verifyPrepared(
	ctx context.Context, c verify.Container, opt verify.Options, early *verify.Report,
	prepare func(context.Context, *bundle.Contents) error, hash hasher,
) (*verify.Report, error) {
	also := opt.OnMetadata
	opt.OnMetadata = func(rep verify.Report) {
		*early = rep
		if also != nil {
			also(rep)
		}
	}
	return verify.Bundle(ctx, hashing{c, func(ctx context.Context, tap bundle.Tap, progress func(int64)) error {
		if contents := c.Metadata(); contents != nil && early.Verdict == check.Verified {
			if err := prepare(ctx, contents); err != nil {
				return err
			}
		}
		return hash(ctx, tap, progress)
	}}, opt)
}

// hashing is a container with another Hash.
type hashing struct {
	verify.Container
	hash hasher
}

// Hash implements [verify.Container].
func (h hashing) Hash(ctx context.Context, tap bundle.Tap, progress func(int64)) error {
	return h.hash(ctx, tap, progress)
}

// loaded returns the results of a verified bundle.
func (r *run) loaded() *verify.Loaded {
	l := r.results()
	r.count()
	for _, img := range r.images {
		if img.err != nil {
			l.Complete = false
			img.Error = verify.Text(explained(img.err, r.Advise))
		}
		l.Images = append(l.Images, img.LoadedImage)
	}
	return l
}

// results returns a list of results that is still empty.
func (r *run) results() *verify.Loaded {
	return &verify.Loaded{
		Destination: join(r.Names.Host, r.Names.Prefix), Complete: true,
		Images: []verify.LoadedImage{}, Unreferenced: []verify.LoadedBlob{},
	}
}

// explained adds to an error, in a line of its own, what to do about it.
func explained(err error, advise func(error) string) string {
	s := err.Error()
	if advise != nil {
		if advice := advise(err); advice != "" {
			s += "\n" + advice
		}
	}
	return s
}

// count counts the blobs of all images. A blob that images of one repository share counts
// for the first of them that was loaded, otherwise for the first.
func (r *run) count() {
	counted := map[*place]bool{}
	for _, failed := range []bool{false, true} {
		for _, img := range r.images {
			for _, p := range img.places {
				if (img.err != nil) == failed && !counted[p] {
					counted[p] = true
					img.count(p)
				}
			}
		}
	}
}

func (img *image) count(p *place) {
	switch p.state {
	case present:
		img.Blobs.Present++
	case mounted:
		img.Blobs.Mounted++
	case sent:
		img.Blobs.Sent++
		img.Blobs.Bytes += p.Size
	}
}

// rejected returns what the destination got of a bundle before it was rejected, and what it
// may have got: the answer to the end of an upload was an error, or was lost.
func (r *run) rejected() *verify.Loaded {
	l := nothingLoaded(join(r.Names.Host, r.Names.Prefix))
	if r.plan == nil {
		return l
	}
	for _, b := range r.order {
		for _, p := range b.places {
			if p.state == sent || p.doubtful {
				l.Unreferenced = append(l.Unreferenced, verify.LoadedBlob{
					Repository: p.repo, Digest: string(p.Digest), Size: p.Size,
				})
			}
		}
	}
	return l
}

// nothingLoaded is the result of a bundle of which no image was loaded.
func nothingLoaded(destination string) *verify.Loaded {
	return &verify.Loaded{
		Destination: destination, Images: []verify.LoadedImage{}, Unreferenced: []verify.LoadedBlob{},
	}
}

// previewed returns what would be done. The blobs that would be sent are counted as
// sent.
func (r *run) previewed() *verify.Loaded {
	for _, img := range r.live() {
		if text := r.narrow(img); text != "" {
			img.note(text)
		}
	}
	for _, p := range r.uploads {
		p.state = sent
	}
	for _, b := range r.order {
		for _, p := range b.places {
			if p.state == absent {
				p.state = mounted
			}
		}
	}
	return r.loaded()
}

// opener is a container whose content can be read again.
type opener interface {
	OpenBlob(d oci.Digest) (io.ReadCloser, error)
}
