package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/oci"
)

// Blob opens the blob that d describes. It reads from the repository even if d
// names URLs. The reader returns exactly d.Size bytes or an error. If the
// connection breaks, it goes on where it was, a bounded number of times. It ends
// when ctx does. The caller compares the digest.
//
// The error, of Blob or of a read, matches [oci.ErrNotFound] if the registry
// answers that there is no such blob, and [ErrMismatch] if the sizes differ.
func (s *Source) Blob(ctx context.Context, repo string, d oci.Descriptor) (io.ReadCloser, error) {
	wrap := func(err error) error { return explain("blob "+join(repo, string(d.Digest)), repo, err) }
	if err := checkBlob(d); err != nil {
		return nil, wrap(err)
	}
	r, err := s.open(ctx, repo)
	if err != nil {
		return nil, wrap(err)
	}
	b := &blobReader{size: d.Size, pace: s.pace, ctx: ctx, wrap: wrap}
	b.open = func() (body io.ReadCloser, err error) {
		body, b.reread, err = r.blobFrom(ctx, d, b.off)
		return body, err
	}
	if b.body, err = b.open(); err != nil {
		return nil, wrap(err)
	}
	return b, nil
}

func checkBlob(d oci.Descriptor) error {
	if d.Size < 0 {
		return fmt.Errorf("descriptor with a negative size, %d", d.Size)
	}
	_, err := oci.ParseDigest(string(d.Digest))
	return err
}

// blobFrom opens a blob at an offset. It returns how many bytes it had to read again to
// get there, all of them if the server cannot begin elsewhere than at the start.
func (r *repository) blobFrom(
	ctx context.Context, d oci.Descriptor, off int64,
) (body io.ReadCloser, reread int64, err error) {
	if off > 0 {
		body, err := r.blobRange(ctx, d, off)
		if body != nil || err != nil {
			return body, 0, err
		}
	}
	resp, err := r.get(ctx, r.url("blobs", string(d.Digest)), http.Header{})
	if err != nil {
		return nil, 0, err
	}
	if err := wholeBlob(resp, d.Size); err != nil {
		resp.Body.Close()
		return nil, 0, err
	}
	if _, err := io.CopyN(io.Discard, resp.Body, off); err != nil {
		resp.Body.Close()
		return nil, 0, &cutError{err}
	}
	return resp.Body, off, nil
}

func wholeBlob(resp *http.Response, size int64) error {
	if err := statusError(resp); err != nil {
		return aboutContent(err)
	}
	if resp.ContentLength < 0 || resp.ContentLength == size {
		return nil
	}
	if mediaTypeOf(resp) == "text/html" || isEncoded(resp) {
		return fmt.Errorf("%w, but %s", ErrMismatch, whatCame(resp, []byte{'x'}))
	}
	return fmt.Errorf("%w: the registry has %d bytes, the descriptor says %d", ErrMismatch, resp.ContentLength, size)
}

// blobRange requests the blob from an offset on. It returns nil, nil if the server
// does not support that, which is allowed (RFC 9110, section 14.2).
func (r *repository) blobRange(ctx context.Context, d oci.Descriptor, off int64) (io.ReadCloser, error) {
	resp, err := r.get(ctx, r.url("blobs", string(d.Digest)), http.Header{"Range": {fmt.Sprintf("bytes=%d-", off)}})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusPartialContent && isRest(resp.Header.Get("Content-Range"), off, d.Size) {
		return resp.Body, nil
	}
	resp.Body.Close()
	return nil, nil
}

// isRest reports whether a Content-Range begins at off, of a blob of size bytes.
// The server chooses where it ends.
func isRest(header string, off, size int64) bool {
	span, total, ok := strings.Cut(header, "/")
	sameSize := total == "*" || total == strconv.FormatInt(size, 10)
	return ok && sameSize && strings.HasPrefix(span, fmt.Sprintf("bytes %d-", off))
}

// goodRun is how many bytes a connection must deliver to count as working again, and
// goodShare the share of what had to be read again for them: otherwise a server without
// ranges that always breaks off a little later could have a blob read over and over.
const (
	goodRun   = 1 << 20
	goodShare = 8
)

// blobReader reads a blob over as many connections as it takes.
type blobReader struct {
	open func() (io.ReadCloser, error) // at off
	ctx  context.Context
	pace pace
	wrap func(error) error

	size, off int64
	body      io.ReadCloser
	pending   error // returned together with the last bytes
	err       error // final
	opened    int64 // off when body was opened
	reread    int64 // bytes that were read again to open body
	faults    int   // in a row
}

// Read implements [io.Reader].
func (b *blobReader) Read(p []byte) (int, error) {
	for b.err == nil && len(p) > 0 {
		if n := b.step(p); n > 0 {
			return n, nil
		}
	}
	return 0, b.err
}

// step reads once. If that gave no bytes, it reconnects or sets err.
func (b *blobReader) step(p []byte) int {
	left := b.size - b.off
	n, err := 0, b.pending
	b.pending = nil
	if err == nil {
		// Once all bytes came, one more is requested: there must be none.
		n, err = b.body.Read(p[:min(int64(len(p)), max(left, 1))])
	}
	switch {
	case n > 0 && left == 0:
		b.err = b.wrap(fmt.Errorf("%w: it goes on after the %d bytes that the descriptor says", ErrMismatch, b.size))
	case n > 0:
		b.off += int64(n)
		b.pending = err
		return n
	case err != nil && left == 0:
		b.err = io.EOF
	case err == io.EOF:
		b.reopen(io.ErrUnexpectedEOF)
	case err != nil:
		b.reopen(err)
	}
	return 0
}

// reopen replaces a broken connection, or sets err.
func (b *blobReader) reopen(cause error) {
	_ = b.body.Close()
	if b.off-b.opened >= max(goodRun, b.reread/goodShare) {
		b.faults = 0
	}
	b.opened = b.off
	for b.faults++; b.faults < b.pace.tries && b.ctx.Err() == nil; b.faults++ {
		if cause = b.pace.pause(b.ctx, b.faults); cause != nil {
			break
		}
		var cut *cutError
		if b.body, cause = b.open(); cause == nil {
			return
		} else if !errors.As(cause, &cut) {
			break
		}
	}
	if b.ctx.Err() != nil {
		cause = context.Cause(b.ctx)
	}
	b.err = b.wrap(fmt.Errorf("broken off after %d of %d bytes: %w", b.off, b.size, cause))
}

// Close implements [io.Closer].
func (b *blobReader) Close() error {
	if b.err == nil {
		b.err = errors.New("read of a closed blob")
	}
	if b.body == nil {
		return nil
	}
	return b.body.Close()
}
