package registry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/verify/check"
)

const maxErrorBody = 64 << 10 // bytes of a registry's error message

func (r *repository) url(kind, id string) *url.URL {
	path := "/v2/" + r.name.RepositoryStr() + "/" + kind + "/" + id
	return &url.URL{Scheme: cmp.Or(r.scheme, r.name.Scheme()), Host: r.name.RegistryStr(), Path: path}
}

func (r *repository) get(ctx context.Context, u *url.URL, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header = header
	req.Header.Set("Accept-Encoding", "identity") // digests are over the bytes as stored
	return r.client.Do(req)
}

// statusError returns the registry's message from an answer other than 200.
func statusError(resp *http.Response) error {
	whole := resp.Body
	resp.Body = io.NopCloser(io.LimitReader(whole, maxErrorBody)) // CheckError fails on a longer one
	err := transport.CheckError(resp, http.StatusOK)
	resp.Body = whole
	return err
}

// answer is a response with its document, or with its fault if the status is not
// 200.
type answer struct {
	*http.Response
	body  []byte
	fault *transport.Error
}

// document reads a document of at most limit bytes, again from its beginning if the
// connection breaks.
func (r *repository) document(ctx context.Context, u *url.URL, accept string, limit int64) (*answer, error) {
	late := &silentError{"the whole of a document of " + u.Host, r.pace.document}
	ctx, cancel := context.WithTimeoutCause(ctx, r.pace.document, late)
	defer cancel()
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

// cutError reports that only a part of an answer came.
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
	tooLarge := fmt.Errorf("%w: the limit is %d bytes", check.ErrTooLarge, limit)
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

// isEncoded reports whether the bytes of an answer are not those that are stored.
func isEncoded(resp *http.Response) bool {
	encoding := resp.Header.Get("Content-Encoding")
	return encoding != "" && !strings.EqualFold(encoding, "identity")
}

// whatCame says what an answer holds in the place of a document.
func whatCame(resp *http.Response, body []byte) string {
	start := strings.ToLower(string(bytes.TrimSpace(body[:min(len(body), 512)])))
	mediaType := mediaTypeOf(resp)
	switch {
	case len(body) == 0:
		return "an empty answer"
	case strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html") || mediaType == "text/html":
		return fmt.Sprintf("a web page from %s (the page of a login, or of a proxy?)", resp.Request.URL.Host)
	case isEncoded(resp):
		return fmt.Sprintf("an answer encoded as %.40q, which was not asked for", resp.Header.Get("Content-Encoding"))
	case mediaType == "":
		return fmt.Sprintf("%d bytes of no stated type", len(body))
	}
	return fmt.Sprintf("%d bytes of type %.100q", len(body), mediaType)
}

const (
	maxFetch     = 64 << 10
	fetchTimeout = time.Minute
)

// Fetch returns the document at an https URL, such as a public key, if it has at
// most 64 KiB. It follows redirects to other https URLs only, and accepts no status
// but 200. The authorities and client certificates of opts count for the host of the
// URL as for a registry. It sends no credentials, and does not heed AllowInsecure and
// AllowHTTP, since what is fetched may be what is trusted.
func Fetch(ctx context.Context, rawURL string, opts Options) ([]byte, error) {
	opts.AllowInsecure, opts.AllowHTTP = false, false
	opts.OnNote = noteOnce(opts.OnNote)
	network, err := newNetwork(opts, defaultPace)
	if err != nil {
		return nil, err
	}
	defer network.close()
	var rt http.RoundTripper = network
	if u, err := url.Parse(rawURL); err == nil && u.Host != "" {
		if rt, err = network.to(u.Host); err != nil {
			return nil, err
		}
	}
	return fetch(ctx, rawURL, &retrier{rt, defaultPace, opts.OnWait})
}

func fetch(ctx context.Context, rawURL string, rt http.RoundTripper) ([]byte, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("fetch: malformed URL") // the error does not repeat it: it may hold a password
	}
	what := "fetch " + safeURL(u)
	if u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s: want a URL of the form https://host/path", what)
	}
	client := &http.Client{Transport: rt, CheckRedirect: redirectPolicy(false), Timeout: fetchTimeout}
	body, err := fetchOnce(ctx, u, client)
	if err != nil {
		return nil, &fetchError{what + ": " + describe(err), err}
	}
	return body, nil
}

func fetchOnce(ctx context.Context, u *url.URL, client *http.Client) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if err := statusError(resp); err != nil {
		return nil, err
	}
	return readAll(resp, maxFetch)
}
