package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

const (
	maxFetch     = 64 << 10
	fetchTimeout = time.Minute
)

// Fetch returns what an https URL holds, at most 64 KiB: a public key. It does
// not leave https, not for a redirect either, and takes no answer but 200.
func Fetch(ctx context.Context, rawURL string) ([]byte, error) {
	network, err := newTransport(Options{})
	if err != nil {
		return nil, err
	}
	defer network.CloseIdleConnections()
	return fetch(ctx, rawURL, &retrier{inner: network, pace: defaultPace})
}

func fetch(ctx context.Context, rawURL string, rt http.RoundTripper) ([]byte, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("fetch: malformed URL") // not repeated, it may hold a password
	}
	what := "fetch " + safeURL(u)
	if u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s: want a URL of the form https://host/path", what)
	}
	body, err := fetchOnce(ctx, u, &http.Client{Transport: rt, CheckRedirect: redirectPolicy(false), Timeout: fetchTimeout})
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
