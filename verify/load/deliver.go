package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gapseal/gapseal/oci"
)

// deliver stores what the verdict allows, and reads it back. The error is that of ctx;
// those of images are kept with them.
func (r *run) deliver(ctx context.Context) error {
	if err := each(ctx, r.Jobs, r.order, r.supply); err != nil {
		return err
	}
	r.failWithPlaces()
	if err := each(ctx, r.Jobs, r.live(), r.push); err != nil {
		return err
	}
	if err := each(ctx, r.Jobs, r.live(), r.readBack); err != nil {
		return err
	}
	return r.settle(ctx)
}

// push stores the manifests of an image, whose blobs are there: children before their
// index, then the evidence, the lists of referrers, and the tags, that of the image last.
// An error that an interrupt caused says nothing of the image, so it is not kept.
func (r *run) push(ctx context.Context, img *image) {
	if err := r.pushAll(ctx, img); err != nil && ctx.Err() == nil {
		img.fail(err)
	}
}

func (r *run) pushAll(ctx context.Context, img *image) error {
	img.stage = stageManifests
	for _, d := range img.manifests() {
		err := r.stored.once(key(img.repo, d), func() error { return r.put(ctx, img, d) })
		if err != nil {
			return r.narrowed(d, err)
		}
	}
	for _, l := range img.referrers {
		err := r.lists.alone(key(img.repo, l.subject), func() error { return r.list(ctx, img.repo, l) })
		if err != nil {
			return err
		}
	}
	for i, t := range img.tags {
		if img.Tag != "" && i == len(img.tags)-1 {
			img.stage = stageTags
		}
		if err := r.tag(ctx, img, t); err != nil {
			return err
		}
	}
	img.stage = stageDone
	return nil
}

func key(repo string, d oci.Digest) string { return repo + "@" + string(d) }

// manifests lists all manifests of an image in the order in which they are stored.
func (img *image) manifests() []oci.Digest { return slices.Concat(img.tree, img.evidence) }

// put stores a manifest under its digest. If the image was there before, put first looks
// whether the manifest is there, too.
func (r *run) put(ctx context.Context, img *image, d oci.Digest) error {
	if img.Before == beforeSame {
		switch found, err := r.named(ctx, img.repo, string(d)); {
		case err != nil:
			return err
		case found == d:
			return nil
		}
	}
	return r.dst.PutManifest(ctx, img.repo, string(d), r.graph.Manifests[d].MediaType, r.Meta[d])
}

// list makes sure that the referrers of a subject are listed. A destination with the
// referrers API lists a manifest when it stores it; one that is not listed is stored again.
// For another destination, the manifests are added to the fallback index.
func (r *run) list(ctx context.Context, repo string, l referrers) error {
	keeps, err := r.dst.HasReferrersAPI(ctx, repo, l.subject)
	if err != nil {
		return err
	}
	found, err := r.dst.Referrers(ctx, repo, l.subject)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(l.list), func(d oci.Descriptor) bool { return lists(found, d.Digest) })
	if !keeps && len(missing) > 0 {
		r.written.add(key(repo, l.subject))
		return r.dst.AddReferrers(ctx, repo, l.subject, missing)
	}
	for _, d := range missing {
		if err := r.dst.PutManifest(ctx, repo, string(d.Digest), d.MediaType, r.Meta[d.Digest]); err != nil {
			return err
		}
	}
	return nil
}

// lists reports whether a list of referrers has a manifest.
func lists(found []oci.Descriptor, d oci.Digest) bool {
	return slices.ContainsFunc(found, func(f oci.Descriptor) bool { return f.Digest == d })
}

// tag gives a manifest its tag. It looks at the tag once more, as late as possible:
// somebody may have set it meanwhile.
func (r *run) tag(ctx context.Context, img *image, t *tag) error {
	if stays, err := r.meet(ctx, img, t); stays || err != nil {
		return err
	}
	return r.dst.PutManifest(ctx, img.repo, t.name, r.graph.Manifests[t.want].MediaType, r.Meta[t.want])
}

// readBack fetches the manifests and lists of an image again and compares them, and asks
// for its blobs.
func (r *run) readBack(ctx context.Context, img *image) {
	var missing []string
	note := func(err error) {
		if err != nil {
			missing = append(missing, err.Error())
		}
	}
	for _, d := range img.manifests() {
		note(r.checked.once(key(img.repo, d), func() error { return r.compare(ctx, img.repo, string(d), d) }))
	}
	for _, t := range img.tags {
		note(r.compareTag(ctx, img, t))
	}
	for _, l := range img.referrers {
		note(r.listed(ctx, img.repo, l))
	}
	for _, p := range img.places {
		note(r.checked.once(key(img.repo, p.Digest)+" blob", func() error { return r.there(ctx, p) }))
	}
	if img.ReadBack = len(missing) == 0; !img.ReadBack && ctx.Err() == nil {
		img.fail(&ReadBackError{missing})
	}
}

// ReadBackError says that the destination accepted an image, and that not all of it could
// be read back.
type ReadBackError struct{ Missing []string }

// maxMissing is how many parts an error names.
const maxMissing = 5

// Error names what is missing.
func (e *ReadBackError) Error() string {
	list, more := e.Missing, ""
	if len(list) > maxMissing {
		list, more = list[:maxMissing], fmt.Sprintf("; and %d more", len(list)-maxMissing)
	}
	return "the destination accepted all of it, but when it was read back: " + strings.Join(list, "; ") + more
}

// compare fetches a manifest again and compares its bytes.
func (r *run) compare(ctx context.Context, repo, name string, want oci.Digest) error {
	raw, _, err := r.dst.Manifest(ctx, repo, name)
	switch {
	case errors.Is(err, oci.ErrNotFound):
		return fmt.Errorf("%s is missing", named(name))
	case err != nil:
		return fmt.Errorf("%s: %w", named(name), err)
	case !bytes.Equal(raw, r.Meta[want]):
		return fmt.Errorf("%s: found %s, want %s", named(name), oci.FromBytes(raw), want)
	}
	return nil
}

// named describes a tag or digest for a message.
func named(name string) string {
	if strings.HasPrefix(name, "sha256:") {
		return "manifest " + name
	}
	return "tag " + name
}

// listed asks whether the list of what refers to a subject has all that should be there.
func (r *run) listed(ctx context.Context, repo string, l referrers) error {
	found, err := r.dst.Referrers(ctx, repo, l.subject)
	if err != nil {
		return fmt.Errorf("referrers of %s: %w", l.subject, err)
	}
	for _, want := range l.list {
		if !lists(found, want.Digest) {
			return fmt.Errorf("referrer %s of %s is not listed", want.Digest, l.subject)
		}
	}
	return nil
}

func (r *run) there(ctx context.Context, p *place) error {
	has, err := r.dst.HasBlob(ctx, p.repo, p.Descriptor)
	switch {
	case err != nil:
		return fmt.Errorf("blob %s: %w", p.Digest, err)
	case !has:
		return fmt.Errorf("blob %s is missing", p.Digest)
	}
	return nil
}

// calls remembers what was done, by key, so that images which share a part share the
// result.
type calls struct {
	mu  sync.Mutex
	all map[string]*call
}

type call struct {
	mu   sync.Mutex
	done bool
	err  error
}

func (c *calls) get(key string) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[string]*call{}
	}
	if c.all[key] == nil {
		c.all[key] = &call{}
	}
	return c.all[key]
}

// once calls do for a key unless that was done, and returns the error of the one call.
func (c *calls) once(key string, do func() error) error {
	one := c.get(key)
	one.mu.Lock()
	defer one.mu.Unlock()
	if !one.done {
		one.done, one.err = true, do()
	}
	return one.err
}

// alone calls do while no other call for the same key runs.
func (c *calls) alone(key string, do func() error) error {
	one := c.get(key)
	one.mu.Lock()
	defer one.mu.Unlock()
	return do()
}
