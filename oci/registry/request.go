package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

const maxErrorBody = 64 << 10 // of a registry's error message

func (r *repository) url(kind, id string) *url.URL {
	// The scheme is settled by the transport, which has tried the host.
	return &url.URL{Scheme: r.name.Scheme(), Host: r.name.RegistryStr(), Path: "/v2/" + r.name.RepositoryStr() + "/" + kind + "/" + id}
}

func (r *repository) get(ctx context.Context, u *url.URL, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header = header
	return r.client.Do(req)
}

// statusError reads the registry's message from an answer that is not 200.
func statusError(resp *http.Response) error {
	whole := resp.Body
	resp.Body = io.NopCloser(io.LimitReader(whole, maxErrorBody)) // CheckError fails on a longer one
	err := transport.CheckError(resp, http.StatusOK)
	resp.Body = whole
	return err
}

// answer is a response with its document, or with fault for another status.
type answer struct {
	*http.Response
	body  []byte
	fault *transport.Error
}

// document reads a document of at most limit bytes whole, and anew if its body
// breaks off.
func (r *repository) document(ctx context.Context, u *url.URL, accept string, limit int64) (*answer, error) {
	for n := 1; ; n++ {
		a, err := r.documentOnce(ctx, u, accept, limit)
		var cut *cutError
		if !errors.As(err, &cut) || n >= r.pace.tries || ctx.Err() != nil {
			return a, err
		}
		if err := r.pace.pause(ctx, n); err != nil {
			return nil, err
		}
	}
}

// cutError says that an answer came, but not all of it.
type cutError struct{ err error }

func (e *cutError) Error() string { return "the answer broke off: " + e.err.Error() }
func (e *cutError) Unwrap() error { return e.err }

func (r *repository) documentOnce(ctx context.Context, u *url.URL, accept string, limit int64) (*answer, error) {
	resp, err := r.get(ctx, u, http.Header{"Accept": {accept}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := &answer{Response: resp}
	if err := statusError(resp); err != nil {
		if !errors.As(err, &a.fault) {
			return nil, &cutError{err}
		}
		return a, nil
	}
	a.body, err = readAll(resp, limit)
	return a, err
}

func readAll(resp *http.Response, limit int64) ([]byte, error) {
	tooLarge := fmt.Errorf("%w: the limit is %d bytes", ErrTooLarge, limit)
	if resp.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if int64(len(body)) > limit {
		return nil, tooLarge
	}
	if err != nil {
		return nil, &cutError{err}
	}
	return body, nil
}
