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

// pace says how patient a Source is.
type pace struct {
	tries    int           // requests made for one answer, the first included
	first    time.Duration // pause before the second; each later one is twice as long
	maxPause time.Duration // longest pause that a Retry-After is granted
	stall    time.Duration // a body that brings nothing for so long is broken
}

var defaultPace = pace{tries: 5, first: 500 * time.Millisecond, maxPause: time.Minute, stall: 2 * time.Minute}

// pause waits before try number n+1, n counting from 1.
func (p pace) pause(ctx context.Context, n int) error {
	d := p.first << (n - 1)
	// Spread by a quarter, so that parallel transfers do not come back as one.
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
// go-containerregistry pays no heed to Retry-After and sleeps on when the
// caller has given up.
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

// replay returns req as it was before its body was read.
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

func passingError(err error) bool {
	for _, broken := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, errStalled, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE} {
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
		return true // a connection that broke; the numbers differ between systems
	}
	// net/http keeps the types of these to itself.
	return strings.Contains(err.Error(), "http2: ") || strings.Contains(err.Error(), "stream error: ")
}
