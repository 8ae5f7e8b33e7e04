package registry

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pace says how often and how long a Source tries.
type pace struct {
	tries    int           // requests made for one answer, the first included
	first    time.Duration // pause before the second; each later one is twice as long
	maxPause time.Duration // the longest Retry-After that is waited for
	stall    time.Duration // a connection that is silent for so long is broken
}

var defaultPace = pace{tries: 5, first: 500 * time.Millisecond, maxPause: time.Minute, stall: 2 * time.Minute}

// pause waits after try n, counted from 1.
func (p pace) pause(ctx context.Context, n int) error {
	d := p.first << (n - 1)
	// Vary the pause by a quarter, so that parallel transfers do not retry all at once.
	return sleep(ctx, d*3/4+rand.N(d/2+1))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retrier repeats requests that met a passing fault. The retrying transport of
// go-containerregistry is not enough: it ignores Retry-After, and sleeps on after the
// caller has cancelled.
type retrier struct {
	inner http.RoundTripper
	pace  pace
}

// RoundTrip implements [http.RoundTripper].
func (r *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	for n := 1; ; n++ {
		resp, err := watchedTrip(r.inner, req, r.pace.stall)
		if n >= r.pace.tries || req.Context().Err() != nil || !passing(resp, err) {
			return resp, err
		}
		next, ok := replay(req)
		after, asked := retryAfter(resp)
		if !ok || after > r.pace.maxPause {
			return resp, err
		}
		if resp != nil {
			_ = resp.Body.Close()
		}
		if asked {
			err = sleep(req.Context(), after)
		} else {
			err = r.pace.pause(req.Context(), n)
		}
		if err != nil {
			return nil, err
		}
		req = next
	}
}

// replay returns req with its body as it was before it was read.
func replay(req *http.Request) (*http.Request, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, false
	}
	next := req.Clone(req.Context())
	next.Body = body
	return next, true
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3).
func retryAfter(resp *http.Response) (time.Duration, bool) {
	if resp == nil {
		return 0, false
	}
	v := resp.Header.Get("Retry-After")
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(s) * time.Second, true
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at)), true
	}
	return 0, false
}

// passing reports whether a request may succeed if it is repeated.
func passing(resp *http.Response, err error) bool {
	if err != nil {
		return passingError(err)
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		499, 522: // nginx: client closed the request; Cloudflare: the origin timed out
		return true
	}
	return false
}

// brokenConnection lists the errors of a connection that broke.
var brokenConnection = []error{
	io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, errStalled,
	syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE,
}

func passingError(err error) bool {
	for _, broken := range brokenConnection {
		if errors.Is(err, broken) {
			return true
		}
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return true
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.IsTemporary
	}
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "read" || op.Op == "write") {
		return true // a connection that broke; error numbers differ between systems
	}
	// net/http does not export the types of these errors.
	return strings.Contains(err.Error(), "http2: ") || strings.Contains(err.Error(), "stream error: ")
}

var errStalled = errors.New("the connection was silent for too long")

// watched ends a body whose connection is silent: a connection can die without
// either end learning of it. Only the time spent in reads counts, not the time that
// the reader takes between them.
type watched struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	limit  time.Duration
	timer  *time.Timer
}

// watchedTrip sends req and watches the body of the answer.
func watchedTrip(rt http.RoundTripper, req *http.Request, limit time.Duration) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := rt.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	w := &watched{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, limit: limit}
	w.timer = time.AfterFunc(limit, func() { cancel(errStalled) })
	w.timer.Stop()
	resp.Body = w
	return resp, nil
}

// Read implements [io.Reader].
func (w *watched) Read(p []byte) (int, error) {
	w.timer.Reset(w.limit)
	n, err := w.ReadCloser.Read(p)
	w.timer.Stop()
	if err != nil && err != io.EOF && w.ctx.Err() != nil {
		err = context.Cause(w.ctx)
	}
	return n, err
}

// Close implements [io.Closer].
func (w *watched) Close() error {
	w.timer.Stop()
	defer w.cancel(nil)
	return w.ReadCloser.Close()
}
