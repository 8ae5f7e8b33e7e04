package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gapseal/gapseal/oci"
)

// tap implements [bundle.Tap]: it sends content that is missing while it is hashed. An
// error of the destination does not end the hashing, since a verdict is still wanted.
func (r *run) tap(d oci.Digest, size int64) io.WriteCloser {
	p := r.uploads[d]
	if p == nil || p.Size != size {
		return nil
	}
	up, err := r.dst.Upload(r.ctx, p.repo, p.Descriptor)
	if err != nil {
		p.err = err
		return nil
	}
	return &sender{r: r, p: p, up: up}
}

// sender writes one blob to its place.
type sender struct {
	r  *run
	p  *place
	up oci.Upload
}

// Write sends b, and drops it once the destination has failed.
func (s *sender) Write(b []byte) (int, error) {
	if s.p.err == nil {
		_, s.p.err = s.up.Write(b)
	}
	return len(b), nil
}

// Close ends the upload of a blob that has the right digest.
func (s *sender) Close() error {
	if s.p.err == nil {
		s.p.err = s.up.Commit(s.r.ctx)
		s.p.doubtful = s.p.err != nil
	} else {
		s.cancel()
	}
	if s.p.err == nil {
		s.p.state = sent
	}
	return nil
}

// Discard implements [bundle.Discarder].
func (s *sender) Discard() error {
	s.cancel()
	s.p.err = errors.New("the blob in the bundle is not the one that its digest names")
	return nil
}

func (s *sender) cancel() { cancel(s.r.ctx, s.up) }

// cancelWithin is how long it may take to cancel an upload, also after an interrupt.
const cancelWithin = 2 * time.Second

// cancel cancels an upload. An error is ignored: destinations drop uploads that do not
// continue.
func cancel(ctx context.Context, up oci.Upload) {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), cancelWithin)
	defer done()
	_ = up.Cancel(ctx)
}

// supply brings a blob to all places that lack it, once the bundle is verified.
func (r *run) supply(ctx context.Context, b *blob) {
	failed := b.failure() // of sending it while it was hashed
	for _, p := range b.places {
		p.err = nil
		if !p.held() && (p.state == unknown || failed != nil) {
			r.ask(ctx, p)
		}
		if p.err != nil || p.held() {
			continue
		}
		p.err = r.bring(ctx, p, failed)
	}
}

// failure returns the first error of a blob's places.
func (b *blob) failure() error {
	for _, p := range b.places {
		if p.err != nil {
			return p.err
		}
	}
	return nil
}

// bring brings a blob to its place: from memory, from another repository, or from the
// bundle once more.
func (r *run) bring(ctx context.Context, p *place, failed error) error {
	if !p.content {
		return r.store(ctx, p, io.NopCloser(bytes.NewReader(r.memory(p.Digest))))
	}
	if from := p.source(); from != nil {
		return r.move(ctx, p, from)
	}
	return r.again(ctx, p, failed)
}

// memory returns a blob that is metadata.
func (r *run) memory(d oci.Digest) []byte {
	if raw, ok := r.Meta[d]; ok || d != oci.EmptyDigest {
		return raw
	}
	return []byte("{}")
}

// source returns another place that holds the blob, nil if there is none.
func (b *blob) source() *place {
	for _, p := range b.places {
		if p.held() {
			return p
		}
	}
	return nil
}

// move mounts or copies a blob from another repository, without reading the bundle again.
func (r *run) move(ctx context.Context, p, from *place) error {
	ok, err := r.dst.Mount(ctx, p.repo, from.repo, p.Descriptor)
	if err == nil && ok {
		p.state = mounted
		return nil
	}
	body, err := r.dst.Blob(ctx, from.repo, p.Descriptor)
	if err != nil {
		return err
	}
	return r.store(ctx, p, body)
}

// again sends a blob whose upload failed. It reads the blob from the bundle once more, and
// compares it with its digest again. A pipe cannot be read again.
func (r *run) again(ctx context.Context, p *place, failed error) error {
	if failed == nil {
		failed = fmt.Errorf("blob %s was not sent while the bundle was read", p.Digest)
	}
	c, ok := r.c.(opener)
	if !ok {
		return failed
	}
	body, err := c.OpenBlob(p.Digest)
	if err != nil {
		return errors.Join(failed, err)
	}
	return r.store(ctx, p, body)
}

// store sends a blob, and closes body.
func (r *run) store(ctx context.Context, p *place, body io.ReadCloser) error {
	defer body.Close()
	up, err := r.dst.Upload(ctx, p.repo, p.Descriptor)
	if err != nil {
		return err
	}
	if _, err := io.Copy(struct{ io.Writer }{up}, body); err != nil {
		cancel(ctx, up)
		return err
	}
	if err := up.Commit(ctx); err != nil {
		return err
	}
	p.state = sent
	return nil
}
