package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

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
	inner  http.RoundTripper
	pace   pace
	report func(what string, silence time.Duration) // of a long pause; may be nil
}

// RoundTrip implements [http.RoundTripper].
func (r *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	for n := 1; ; n++ {
		resp, err := r.inner.RoundTrip(req)
		last := n >= r.pace.tries || time.Since(began) > r.pace.patience || req.Context().Err() != nil ||
			err != nil && isImpatient(req.Context()) || isOnce(req.Context())
		if last || !passing(resp, err) {
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
			err = r.wait(req, after)
		} else {
			err = r.pace.pause(req.Context(), n)
		}
		if err != nil {
			return nil, err
		}
		req = next
	}
}

type impatientKey struct{}

// impatiently returns a context whose requests are not repeated if there is no answer:
// there is another way to try.
func impatiently(ctx context.Context) context.Context {
	return context.WithValue(ctx, impatientKey{}, true)
}

func isImpatient(ctx context.Context) bool { return ctx.Value(impatientKey{}) != nil }

type onceKey struct{}

// once returns a context whose requests are not repeated after a fault: a part of what
// they sent may have been stored. Such a request is repeated only if it was answered
// by 401.
func once(ctx context.Context) context.Context { return context.WithValue(ctx, onceKey{}, true) }

func isOnce(ctx context.Context) bool { return ctx.Value(onceKey{}) != nil }

// wait pauses as long as the server asked for, and reports a long pause.
func (r *retrier) wait(req *http.Request, d time.Duration) error {
	if d <= r.pace.notice || r.report == nil {
		return sleep(req.Context(), d)
	}
	if err := sleep(req.Context(), r.pace.notice); err != nil {
		return err
	}
	r.report(fmt.Sprintf("%s, which asks for a pause of %s", req.URL.Host, d), r.pace.notice)
	return sleep(req.Context(), d-r.pace.notice)
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
	return passingStatus(resp.StatusCode)
}

func passingStatus(code int) bool {
	switch code {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		499, 522: // nginx: client closed the request; Cloudflare: the origin timed out
		return true
	}
	return false
}

// brokenConnection lists the errors of a connection that broke.
var brokenConnection = []error{
	io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE,
}

// isBroken reports whether a connection broke. Error numbers differ between systems,
// so any fault of a read or write counts.
func isBroken(err error) bool {
	for _, broken := range brokenConnection {
		if errors.Is(err, broken) {
			return true
		}
	}
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "read" || op.Op == "write")
}

func passingError(err error) bool {
	var certificate *ConnectError
	if errors.As(err, &certificate) && certificate.Cause == CauseClientCertificate {
		return false
	}
	var timeout net.Error
	if isBroken(err) || errors.As(err, &timeout) && timeout.Timeout() {
		return true
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.IsTemporary
	}
	// net/http does not export the types of these errors.
	return strings.Contains(err.Error(), "http2: ") || strings.Contains(err.Error(), "stream error: ")
}
