package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
)

// chunkState says whether a registry accepts blobs in chunks.
type chunkState int32

const (
	chunksUnknown chunkState = iota
	chunksAccepted
	chunksRefused
)

// chunking finds out whether a registry accepts chunks. One upload tries, and the
// others wait for its first two chunks.
type chunking struct {
	state atomic.Int32
	gate  chan struct{} // held by the upload that tries
}

func (t *Target) chunkingOf(host string) *chunking {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.chunking[host]
	if c == nil {
		c = &chunking{gate: make(chan struct{}, 1)}
		t.chunking[host] = c
	}
	return c
}

// enter returns what is known. If it returns chunksUnknown the caller tries, and calls
// leave.
func (c *chunking) enter(ctx context.Context) (chunkState, error) {
	if s := chunkState(c.state.Load()); s != chunksUnknown {
		return s, nil
	}
	select {
	case c.gate <- struct{}{}:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	s := chunkState(c.state.Load())
	if s != chunksUnknown {
		<-c.gate
	}
	return s, nil
}

func (c *chunking) leave(s chunkState) {
	c.state.Store(int32(s))
	<-c.gate
}

// session is an upload as the registry knows it.
type session struct {
	r        *repository
	d        oci.Descriptor
	location *url.URL // where it goes on; nil if it has not begun
	stored   int64    // how many bytes the registry has
}

// start begins the session.
func (s *session) start(ctx context.Context) (*http.Response, error) {
	resp, err := s.r.request(ctx, http.MethodPost, s.r.uploads(), nil, nil, http.StatusAccepted)
	if err != nil {
		return resp, err
	}
	s.stored = 0
	s.location, err = s.r.locationOf(resp)
	return resp, err
}

// follow notes where the session goes on, if an answer says so.
func (s *session) follow(resp *http.Response) error {
	if resp.Header.Get("Location") == "" {
		return nil
	}
	next, err := s.r.locationOf(resp)
	if err == nil {
		s.location = next
	}
	return err
}

// chunkError reports that a registry does not accept chunks of this size.
type chunkError struct{ err error }

func (e *chunkError) Error() string { return e.err.Error() }
func (e *chunkError) Unwrap() error { return e.err }

func isRefusedChunk(err error) bool {
	var refused *chunkError
	return errors.As(err, &refused)
}

// send stores a chunk, in as many requests as it takes. After a fault it asks the
// registry how much it has.
func (s *session) send(ctx context.Context, chunk []byte) error {
	if s.location == nil {
		resp, err := s.start(ctx)
		if err != nil {
			return err
		}
		if least := minChunk(resp); least > int64(cap(chunk)) {
			return &chunkError{fmt.Errorf("it wants chunks of %d bytes or more", least)}
		}
	}
	from := s.stored
	if from+int64(len(chunk)) > s.d.Size {
		return fmt.Errorf("%w: more than the %d bytes that the descriptor says", oci.ErrMismatch, s.d.Size)
	}
	for faults := 0; s.stored < from+int64(len(chunk)); {
		before := s.stored
		resp, err := s.patch(ctx, chunk[s.stored-from:])
		if err == nil {
			continue
		}
		if s.stored-before >= goodRun {
			faults = 0
		}
		faults++
		if !mayResume(err, faults) || faults >= s.r.pace.tries || ctx.Err() != nil {
			return refusedChunk(err, faults)
		}
		if err := s.r.pauseAfter(ctx, faults, resp); err != nil {
			return err
		}
		if err := s.ask(ctx, from, from+int64(len(chunk))); err != nil {
			return err
		}
		if s.stored-before >= goodRun {
			faults = 0
		}
	}
	return nil
}

// minChunk reads the header by which a registry asks for larger chunks.
func minChunk(resp *http.Response) int64 {
	n, err := strconv.ParseInt(resp.Header.Get("OCI-Chunk-Min-Length"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// patch sends the rest of a chunk, and notes how much the registry has then.
func (s *session) patch(ctx context.Context, rest []byte) (*http.Response, error) {
	end := s.stored + int64(len(rest))
	header := http.Header{
		"Content-Type":  {"application/octet-stream"},
		"Content-Range": {fmt.Sprintf("%d-%d", s.stored, end-1)},
	}
	resp, err := s.r.request(once(ctx), http.MethodPatch, s.location, header, rest,
		http.StatusAccepted, http.StatusCreated, http.StatusNoContent)
	if err != nil {
		return resp, err
	}
	if err := s.follow(resp); err != nil {
		return resp, err
	}
	// Some registries report the range of the chunk, or none. Whether all is there is
	// seen at the end, by the digest.
	if has, ok := storedRange(resp); ok && has > s.stored && has < end {
		end = has
	}
	s.stored = end
	return resp, nil
}

// storedRange reads how many bytes the registry has, from a header such as
// "Range: 0-1023". A registry that has none says "0-0", too.
func storedRange(resp *http.Response) (int64, bool) {
	first, last, ok := strings.Cut(strings.TrimPrefix(resp.Header.Get("Range"), "bytes="), "-")
	n, err := strconv.ParseInt(last, 10, 63)
	if !ok || first != "0" || err != nil || n < 0 {
		// olareg writes 0--1 for none.
		return 0, ok && first == "0" && last == "-1"
	}
	if n == 0 {
		return 0, true
	}
	return n + 1, true
}

// mayResume reports whether a chunk may be sent again after a fault. A registry that
// has stored a part of it refuses what does not begin where that ends.
func mayResume(err error, faults int) bool {
	return passes(err) || faults > 1 && isOutOfPlace(err)
}

func isOutOfPlace(err error) bool {
	var fault *transport.Error
	return errors.As(err, &fault) && (fault.StatusCode == http.StatusRequestedRangeNotSatisfiable ||
		hasCode(fault, "RANGE_INVALID", "SIZE_INVALID", "BLOB_UPLOAD_INVALID"))
}

// refusedChunk makes err a [chunkError] if the registry answered in a way that may be about
// chunks.
func refusedChunk(err error, faults int) error {
	var fault *transport.Error
	if faults > 1 || !errors.As(err, &fault) {
		return err
	}
	switch code := fault.StatusCode; {
	case isDenied(fault), code == http.StatusRequestEntityTooLarge, code == http.StatusTooManyRequests:
		return err
	case code < 500, code == http.StatusNotImplemented:
		return &chunkError{err}
	}
	return err
}

// ask finds out how much of the chunk from…to the registry has. A registry that does
// not say is taken to have none of it.
func (s *session) ask(ctx context.Context, from, to int64) error {
	resp, err := s.r.request(ctx, http.MethodGet, s.location, nil, nil,
		http.StatusNoContent, http.StatusOK, http.StatusAccepted)
	var fault *transport.Error
	switch {
	case errors.As(err, &fault) && isLost(fault):
		return fmt.Errorf("the registry has lost what was sent so far: %w", err)
	case errors.As(err, &fault):
		return nil
	case err != nil:
		return err
	}
	if err := s.follow(resp); err != nil {
		return err
	}
	has, ok := storedRange(resp)
	if !ok {
		return nil
	}
	if has < from || has > to {
		return fmt.Errorf("the registry says that it has %d bytes of the blob; want %d to %d", has, from, to)
	}
	s.stored = has
	return nil
}

func isLost(fault *transport.Error) bool {
	return fault.StatusCode == http.StatusNotFound || hasCode(fault, "BLOB_UPLOAD_UNKNOWN")
}

// finish makes what was sent a blob. If an answer is lost, it looks whether the blob is
// there.
func (s *session) finish(ctx context.Context) error {
	for n := 1; ; n++ {
		resp, err := s.put(ctx, nil)
		if err == nil || n == 1 && !passes(err) {
			return err
		}
		if has, headErr := s.r.hasBlob(ctx, s.d); headErr == nil && has {
			return nil
		}
		if !passes(err) || n >= s.r.pace.tries || ctx.Err() != nil {
			return err
		}
		if err := s.r.pauseAfter(ctx, n, resp); err != nil {
			return err
		}
	}
}

// put ends the session by the digest, with what is not sent yet.
func (s *session) put(ctx context.Context, body []byte) (*http.Response, error) {
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	resp, err := s.r.request(once(ctx), http.MethodPut, withDigest(s.location, s.d.Digest), header, body,
		http.StatusCreated, http.StatusOK, http.StatusAccepted, http.StatusNoContent)
	if err == nil {
		err = checkStored(resp, s.d.Digest)
	}
	return resp, err
}

// putWhole stores a blob by one request, from the beginning again after a fault.
func (s *session) putWhole(ctx context.Context, blob []byte) error {
	for n := 1; ; n++ {
		resp, err := s.start(once(ctx))
		if err == nil {
			resp, err = s.put(ctx, blob)
		}
		if err == nil || !passes(err) || n >= s.r.pace.tries || ctx.Err() != nil {
			return err
		}
		if err := s.r.pauseAfter(ctx, n, resp); err != nil {
			return err
		}
		s.abandon(ctx)
	}
}

// cancel ends the session without a blob. A registry may not offer that.
func (s *session) cancel(ctx context.Context) error {
	if s.location == nil {
		return nil
	}
	_, err := s.r.request(ctx, http.MethodDelete, s.location, nil, nil,
		http.StatusNoContent, http.StatusOK, http.StatusAccepted)
	s.location = nil
	var fault *transport.Error
	if errors.As(err, &fault) && fault.StatusCode < 500 {
		return nil
	}
	return err
}

// abandon is cancel for those who have another error to report.
func (s *session) abandon(ctx context.Context) {
	if ctx.Err() == nil {
		_ = s.cancel(once(ctx))
	}
}
