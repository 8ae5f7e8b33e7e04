package load

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
)

// What the name of an image stood for before it was loaded.
const (
	beforeAbsent = "absent"
	beforeSame   = "same"
	beforeOther  = "other " // and the digest
)

// prepare plans, and asks the destination what it has. The error is about all images; one
// about a single image is kept in it.
func (r *run) prepare(ctx context.Context, c *bundle.Contents) (err error) {
	if err := ctx.Err(); err != nil {
		return err // the report on the metadata may lack images
	}
	if r.plan, err = newPlan(c, &r.early, &r.Options); err != nil {
		return err
	}
	if err := each(ctx, r.Jobs, r.images, r.probe); err != nil {
		return err
	}
	if err := r.unanswered(); err != nil {
		return err
	}
	r.dropFailed()
	if err := each(ctx, r.Jobs, r.content(), r.ask); err != nil {
		return err
	}
	r.failWithPlaces()
	if err := r.unanswered(); err != nil {
		return err
	}
	r.dropFailed()
	if err := r.askToPush(ctx); err != nil {
		return err
	}
	r.uploads = map[oci.Digest]*place{}
	for _, b := range r.order {
		if p := b.first(); b.content && p != nil {
			r.uploads[b.Digest] = p
		}
	}
	r.warn()
	return nil
}

// each calls do for each element, jobs at a time. The error is that of ctx: do keeps its
// own.
func each[T any](ctx context.Context, jobs int, list []T, do func(context.Context, T)) error {
	var group errgroup.Group
	group.SetLimit(jobs)
	for _, e := range list {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			do(ctx, e)
			return nil
		})
	}
	_ = group.Wait() // none returns an error
	return ctx.Err()
}

// unanswered returns the first error if every image has one, and none is about the names
// of images. The destination cannot be used then, so the content need not be read.
func (r *run) unanswered() error {
	for _, img := range r.images {
		if img.err == nil || errors.As(img.err, new(*TagError)) || errors.As(img.err, new(*ReservedTagError)) {
			return nil
		}
	}
	if len(r.images) == 0 {
		return nil
	}
	return r.images[0].err
}

// probe asks what the tags of an image name, and its digest if it has no tag.
func (r *run) probe(ctx context.Context, img *image) {
	if img.err != nil {
		return
	}
	root := string(img.root)
	if img.Tag != "" {
		root = string(img.Tag)
	}
	found, err := r.named(ctx, img.repo, root)
	if err != nil {
		img.fail(err)
		return
	}
	img.Before = before(found, img.root)
	for _, t := range slices.Backward(img.tags) {
		if _, err := r.meet(ctx, img, t); err != nil {
			img.fail(err)
			return
		}
	}
}

func before(found, want oci.Digest) string {
	switch found {
	case "":
		return beforeAbsent
	case want:
		return beforeSame
	}
	return beforeOther + string(found)
}

// named returns the digest that a tag names, empty if the tag does not exist.
func (r *run) named(ctx context.Context, repo, tag string) (oci.Digest, error) {
	raw, _, err := r.dst.Manifest(ctx, repo, tag)
	if errors.Is(err, oci.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return oci.FromBytes(raw), nil
}

// fail keeps the first error of an image.
func (img *image) fail(err error) {
	if img.err == nil {
		img.err = err
	}
}

// content lists the places of content.
func (r *run) content() (list []*place) {
	for _, b := range r.order {
		if b.content {
			list = append(list, b.places...)
		}
	}
	return list
}

// live lists the images that have not failed.
func (r *run) live() (list []*image) {
	for _, img := range r.images {
		if img.err == nil {
			list = append(list, img)
		}
	}
	return list
}

// dropFailed forgets the places that only failed images need.
func (r *run) dropFailed() {
	needed := map[*place]bool{}
	for _, img := range r.live() {
		for _, p := range img.places {
			needed[p] = true
		}
	}
	for _, b := range r.order {
		b.places = slices.DeleteFunc(b.places, func(p *place) bool { return !needed[p] })
	}
}

// ask asks whether a blob is in its place.
func (r *run) ask(ctx context.Context, p *place) {
	has, err := r.dst.HasBlob(ctx, p.repo, p.Descriptor)
	switch {
	case err != nil:
		p.err = err
	case has:
		p.state = present
	default:
		p.state = absent
	}
}

// failWithPlaces gives images the errors of their blobs.
func (r *run) failWithPlaces() {
	for _, img := range r.images {
		for _, p := range img.places {
			if p.err != nil {
				img.fail(p.err)
			}
		}
	}
}

// first returns the place to which a blob is sent while it is hashed, nil if it is at
// the destination already, or if nothing needs it.
func (b *blob) first() (first *place) {
	for _, p := range b.places {
		if p.held() {
			return nil
		}
		if first == nil && p.state == absent {
			first = p
		}
	}
	return first
}
