package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/oci"
)

// Blob opens the blob that d describes, always from the repository, whatever
// URLs d names. The reader delivers d.Size bytes, no more and no fewer, or an
// error; if the connection breaks it goes on where it was, a bounded number of
// times. It ends when ctx does. It does not check the digest.
//
// The error, of Blob or of a read, matches [oci.ErrNotFound] if the registry
// says that there is no such blob and [ErrMismatch] if the sizes differ.
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
	b.open = func() (io.ReadCloser, error) { return r.blobFrom(ctx, d, b.off) }
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

// blobFrom opens a blob at offset off.
func (r *repository) blobFrom(ctx context.Context, d oci.Descriptor, off int64) (io.ReadCloser, error) {
	if off > 0 {
		body, err := r.blobRange(ctx, d, off)
		if body != nil || err != nil {
			return body, err
		}
	}
	resp, err := r.get(ctx, r.url("blobs", string(d.Digest)), http.Header{})
	if err != nil {
		return nil, err
	}
	if err := wholeBlob(resp, d.Size); err != nil {
		resp.Body.Close()
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, resp.Body, off); err != nil {
		resp.Body.Close()
		return nil, &cutError{err}
	}
	return resp.Body, nil
}

func wholeBlob(resp *http.Response, size int64) error {
	if err := statusError(resp); err != nil {
		return orNotFound(err)
	}
	if resp.ContentLength >= 0 && resp.ContentLength != size {
		return fmt.Errorf("%w: the registry has %d bytes, the descriptor says %d", ErrMismatch, resp.ContentLength, size)
	}
	return nil
}

// blobRange asks for the rest only. It returns nil, nil if the server does not
// honour that, as it need not (RFC 9110, section 14.2).
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

// isRest reports whether a Content-Range begins at off of a blob of size bytes.
// How far it goes is the server's choice.
func isRest(header string, off, size int64) bool {
	span, total, ok := strings.Cut(header, "/")
	return ok && strings.HasPrefix(span, fmt.Sprintf("bytes %d-", off)) && (total == "*" || total == strconv.FormatInt(size, 10))
}
