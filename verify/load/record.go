package load

import (
	"context"
	"errors"
	"sync"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

// What can be recorded of a load that has not ended: a report before the first image can be
// reached, and one after an interrupt.

// stage is how far an image came.
type stage int

const (
	stageNothing stage = iota
	stageManifests
	stageTags // the destination was asked to set the tag of the image
	stageDone
)

// interruption says what an interrupted run did for an image.
var interruption = [...]error{
	stageNothing:   errors.New("interrupted before a manifest of it was stored"),
	stageManifests: errors.New("interrupted while its manifests were stored; this run did not set its tag"),
	stageTags:      errors.New("interrupted while its tag was set; it may be set"),
	stageDone:      errors.New("interrupted before all was read back; it is stored, and its tag is set"),
}

var errBegun = errors.New("not stored yet when this was written; a later report says what became of it")

// begin calls o.Begin with the report as it is before the first image can be reached.
func (o *Options) begin(ctx context.Context, rep *verify.Report, loaded *verify.Loaded) error {
	if o.Begin == nil {
		return nil
	}
	begun := *rep
	begun.Loaded = loaded
	return o.Begin(ctx, &begun)
}

// begun returns the results before the first manifest is stored.
func (r *run) begun() *verify.Loaded {
	l := r.results()
	l.Unfinished, l.Complete = verify.LoadBegun, false
	for _, img := range r.images {
		why := img.err
		if why == nil {
			why = errBegun
		}
		result := img.LoadedImage
		result.Error = verify.Text(explained(why, r.Advise))
		l.Images = append(l.Images, result)
	}
	return l
}

// interrupted returns the results of a run that was interrupted after the verdict.
func (r *run) interrupted() *verify.Loaded {
	for _, img := range r.images {
		if !img.ReadBack {
			img.fail(interruption[img.stage])
		}
	}
	l := r.loaded()
	if !l.Complete {
		l.Unfinished = verify.LoadInterrupted
	}
	return l
}

// announced is a destination that calls begin before it stores the first manifest. It
// stores none if begin fails.
type announced struct {
	Destination
	once  sync.Once
	begin func(context.Context) error
	err   error
}

func (a *announced) announce(ctx context.Context) error {
	a.once.Do(func() { a.err = a.begin(ctx) })
	return a.err
}

// PutManifest implements [Destination].
func (a *announced) PutManifest(ctx context.Context, repo, tagOrDigest, mediaType string, raw []byte) error {
	if err := a.announce(ctx); err != nil {
		return err
	}
	return a.Destination.PutManifest(ctx, repo, tagOrDigest, mediaType, raw)
}

// AddReferrers implements [Destination].
func (a *announced) AddReferrers(ctx context.Context, repo string, subject oci.Digest, add []oci.Descriptor) error {
	if err := a.announce(ctx); err != nil {
		return err
	}
	return a.Destination.AddReferrers(ctx, repo, subject, add)
}

// begun returns the results before the first import.
func (l *local) begun() *verify.Loaded {
	out := l.conclude()
	out.Unfinished, out.Complete = verify.LoadBegun, false
	for i := range out.Images {
		if img := &out.Images[i]; img.Error == "" && img.Skipped == "" {
			img.Error = verify.Text(errBegun.Error())
		}
	}
	return out
}

// refuse fails the images that were to be loaded.
func (l *local) refuse(err error) {
	for _, img := range l.images {
		if img.plan != nil && img.err == nil {
			img.err = err
		}
	}
}

var (
	errNotHanded = errors.New("interrupted before it was handed over")
	errHanding   = errors.New("interrupted while it was handed over; it may be there")
	errUnread    = errors.New("interrupted before all was read back; it was handed over")
)
