package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
)

// HasBlob reports whether repo holds the blob d, with its size. The error matches
// [oci.ErrDenied] if the registry refuses to say.
func (t *Target) HasBlob(ctx context.Context, repo string, d oci.Descriptor) (bool, error) {
	has, err := t.hasBlob(ctx, repo, d)
	return has, explain("look for blob "+join(repo, string(d.Digest)), repo, err)
}

func (t *Target) hasBlob(ctx context.Context, repo string, d oci.Descriptor) (bool, error) {
	if err := checkBlob(d); err != nil {
		return false, err
	}
	r, err := t.source.open(ctx, repo)
	if err != nil {
		return false, err
	}
	return r.hasBlob(ctx, d)
}

// hasBlob asks by HEAD. An answer without a length proves nothing, since a proxy may give
// the same for any path; nor does the refusal of a storage to which the registry redirects,
// since storages refuse HEAD of a signed address, but also what they do not have. In both
// cases hasBlob asks by GET.
func (r *repository) hasBlob(ctx context.Context, d oci.Descriptor) (bool, error) {
	resp, err := r.request(ctx, http.MethodHead, r.url("blobs", string(d.Digest)), nil, nil, http.StatusOK)
	var fault *transport.Error
	switch {
	case err == nil && resp.ContentLength >= 0:
		return resp.ContentLength == d.Size, nil
	case err == nil:
		return r.servesBlob(ctx, d)
	case !errors.As(err, &fault):
		return false, err
	case fault.StatusCode == http.StatusNotFound:
		return false, nil
	case r.isStorage(resp) && fault.StatusCode < 500:
		return r.servesBlob(ctx, d)
	}
	return false, err
}

// isStorage reports whether an answer came from another host than the registry.
func (r *repository) isStorage(resp *http.Response) bool {
	return resp != nil && !sameHost(resp.Request.URL, r.name.RegistryStr())
}

// servesBlob asks for the first byte of a blob. If the answer does not say how many bytes
// there are, servesBlob reads them all, and compares the digest.
func (r *repository) servesBlob(ctx context.Context, d oci.Descriptor) (bool, error) {
	header := http.Header{}
	if d.Size > 0 {
		header.Set("Range", "bytes=0-0")
	}
	resp, err := r.get(ctx, r.url("blobs", string(d.Digest)), header)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPartialContent:
		span := resp.Header.Get("Content-Range")
		if isRest(span, 0, d.Size) && !strings.HasSuffix(span, "/*") {
			return true, nil
		}
		return r.sendsBlob(ctx, d)
	case resp.StatusCode == http.StatusOK && resp.ContentLength >= 0:
		return resp.ContentLength == d.Size, nil
	case resp.StatusCode == http.StatusOK:
		return holdsBlob(resp.Body, d)
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusRequestedRangeNotSatisfiable,
		r.isStorage(resp) && resp.StatusCode < 500:
		return false, nil // S3 answers 403 for what it does not have
	}
	return false, faultOf(resp)
}

// sendsBlob reads all of a blob.
func (r *repository) sendsBlob(ctx context.Context, d oci.Descriptor) (bool, error) {
	resp, err := r.get(ctx, r.url("blobs", string(d.Digest)), http.Header{})
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return false, faultOf(resp)
	}
	return holdsBlob(resp.Body, d)
}

// holdsBlob reports whether body is the blob d.
func holdsBlob(body io.Reader, d oci.Descriptor) (bool, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(body, d.Size+1)); err != nil {
		return false, err
	}
	return hex.EncodeToString(h.Sum(nil)) == d.Digest.Hex(), nil
}
