package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
)

// request sends a request whose answer has no document, and reads the body of the answer.
// If the status is none of want, it returns the answer and a [transport.Error]. Without an
// answer, the response is nil.
func (r *repository) request(ctx context.Context, method string, u *url.URL, header http.Header, body []byte,
	want ...int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return r.exchange(req, header, want)
}

func (r *repository) exchange(req *http.Request, header http.Header, want []int) (*http.Response, error) {
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if !slices.Contains(want, resp.StatusCode) {
		return resp, faultOf(resp)
	}
	// Read the answer, so that the connection can be used again.
	_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody)
	return resp, nil
}

// faultOf returns the message of an answer whose status is not one that was wanted.
func faultOf(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	fault := &transport.Error{StatusCode: resp.StatusCode, Request: resp.Request}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	_ = errors.As(transport.CheckError(resp), &fault) // with the codes, if it has any
	return fault
}

// uploads returns where uploads begin.
func (r *repository) uploads() *url.URL { return r.url("blobs", "uploads/") }

// locationOf returns where an upload goes on. The address may be relative, and may be
// on another host, which gets no credentials. For an address of the registry itself, the
// scheme is that by which the registry was reached: one behind a proxy that ends TLS often
// writes http.
func (r *repository) locationOf(resp *http.Response) (*url.URL, error) {
	text := resp.Header.Get("Location")
	if text == "" {
		return nil, errors.New("the registry does not say where the upload goes on (Location)")
	}
	u, err := resp.Request.URL.Parse(text)
	if err != nil || u.Host == "" {
		return nil, errors.New("the registry says in a malformed way where the upload goes on (Location)")
	}
	u.User, u.Fragment = nil, ""
	if u.Host == r.name.RegistryStr() {
		u.Scheme = r.scheme
	}
	if !strings.EqualFold(u.Scheme, "http") && !strings.EqualFold(u.Scheme, "https") {
		return nil, fmt.Errorf("the upload goes on at an address of the scheme %.20q", u.Scheme)
	}
	if err := r.client.CheckRedirect(&http.Request{Method: resp.Request.Method, URL: u},
		[]*http.Request{resp.Request}); err != nil {
		return nil, fmt.Errorf("where the upload goes on: %w", err)
	}
	return u, nil
}

// withDigest returns the address by which an upload is finished. The query that the
// registry chose stays as it is.
func withDigest(u *url.URL, d oci.Digest) *url.URL {
	done := *u
	if done.RawQuery != "" {
		done.RawQuery += "&"
	}
	done.RawQuery += "digest=" + url.QueryEscape(string(d))
	return &done
}

// checkStored compares the digest that a registry says it stored, if it names one.
func checkStored(resp *http.Response, d oci.Digest) error {
	got := resp.Header.Get("Docker-Content-Digest")
	if got == "" || got == string(d) {
		return nil
	}
	return mismatch("the registry says that it stored %.100q, not %s", got, d)
}

// mismatch returns an error that matches [ErrMismatch].
func mismatch(format string, args ...any) error {
	return &fetchError{fmt.Sprintf(format, args...), ErrMismatch}
}

// passes reports whether a request that failed with err may succeed if it is repeated.
func passes(err error) bool {
	var fault *transport.Error
	if errors.As(err, &fault) {
		return passingStatus(fault.StatusCode)
	}
	return passingError(err)
}

// pauseAfter waits before try n+1, as long as the answer to try n asks for.
func (r *repository) pauseAfter(ctx context.Context, n int, resp *http.Response) error {
	after, asked := retryAfter(resp)
	switch {
	case !asked:
		return r.pace.pause(ctx, n)
	case after > r.pace.maxPause:
		return fmt.Errorf("the registry asks for a pause of %s", after)
	}
	return sleep(ctx, after)
}
