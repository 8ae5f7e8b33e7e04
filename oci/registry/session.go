package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
)

// session is an upload as the registry knows it.
type session struct {
	r        *repository
	d        oci.Descriptor
	chunk    int64        // the most that one request carries after a fault
	faulty   *atomic.Bool // whether sending to this registry has failed
	location *url.URL     // where it goes on; nil if it has not begun
	stored   int64        // how many bytes the registry has
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

// send sends the bytes of w while they are written, in one request as long as nothing
// fails. After a fault it asks the registry how much it has, and goes on from there.
func (s *session) send(ctx context.Context, w *window) error {
	resp, err := s.start(ctx)
	if err != nil {
		return err
	}
	if minChunk(resp) > s.chunk {
		s.chunk = s.d.Size
	}
	for faults, last := 0, int64(0); s.stored < s.d.Size; {
		resp, err := s.patch(ctx, w)
		if err == nil {
			continue
		}
		faults++
		if s.faulty.Load() && isRefusedChunk(err, faults) {
			if err := s.withoutChunks(ctx, w, err); err != nil {
				return err
			}
			continue
		}
		if !mayResume(err, faults) || faults >= s.r.pace.tries || ctx.Err() != nil {
			return err
		}
		s.faulty.Store(true)
		if err := s.r.pauseAfter(ctx, faults, resp); err != nil {
			return err
		}
		if err := s.ask(ctx, w, err); err != nil {
			return err
		}
		if s.stored-last >= goodRun {
			faults = 0
		}
		last = max(last, s.stored) // otherwise an offset that goes back and forth would count as progress
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

// patch sends what follows, and notes how much the registry has then. A request with the
// whole blob has no Content-Range, so that registries without chunks accept it.
func (s *session) patch(ctx context.Context, w *window) (*http.Response, error) {
	end := s.d.Size
	if s.faulty.Load() {
		end = min(end, s.stored+s.chunk)
	}
	body, err := w.section(s.stored, end)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	req, err := http.NewRequestWithContext(once(ctx), http.MethodPatch, s.location.String(), body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = end - s.stored
	from := s.stored
	req.GetBody = func() (io.ReadCloser, error) { return w.section(from, end) }
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	if req.ContentLength < s.d.Size {
		header.Set("Content-Range", fmt.Sprintf("%d-%d", s.stored, end-1))
	}
	resp, err := s.r.exchange(req, header,
		[]int{http.StatusAccepted, http.StatusCreated, http.StatusNoContent})
	if err == nil {
		err = s.follow(resp)
	}
	if err != nil {
		return resp, err
	}
	// Some registries report the range of the chunk, or none. Whether all of the blob has
	// arrived shows at the end, by the digest.
	if has, ok := storedRange(resp); ok && has > s.stored && has < end {
		return resp, errPart
	}
	s.stored = end
	return resp, nil
}

var errPart = fmt.Errorf("the registry stored only a part of what was sent: %w", io.ErrUnexpectedEOF)

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

// mayResume reports whether an upload may go on after a fault. A registry that stored a
// part of a request refuses the next one if it does not begin where that part ends.
func mayResume(err error, faults int) bool {
	return passes(err) || faults > 1 && isOutOfPlace(err)
}

func isOutOfPlace(err error) bool {
	var fault *transport.Error
	return errors.As(err, &fault) && (fault.StatusCode == http.StatusRequestedRangeNotSatisfiable ||
		hasCode(fault, "RANGE_INVALID", "SIZE_INVALID", "BLOB_UPLOAD_INVALID"))
}

// withoutChunks begins the upload again after the registry refused a chunk, to send the
// whole blob in one request. It returns cause if the beginning of the blob is no longer in
// memory.
func (s *session) withoutChunks(ctx context.Context, w *window, cause error) error {
	s.faulty.Store(false)
	if from, _ := w.held(); from > 0 {
		return cause
	}
	_, err := s.start(ctx)
	return err
}

// isRefusedChunk reports whether err is the answer of a registry that does not support
// chunks. After an earlier fault, the answer may have another cause.
func isRefusedChunk(err error, faults int) bool {
	var fault *transport.Error
	if faults > 1 || !errors.As(err, &fault) || isDenied(fault) {
		return false
	}
	switch fault.StatusCode {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusConflict,
		http.StatusLengthRequired, http.StatusUnsupportedMediaType, http.StatusRequestedRangeNotSatisfiable,
		http.StatusUnprocessableEntity, http.StatusNotImplemented:
		return true
	}
	return false
}

// ask finds out how much the registry has. If the registry does not say, ask assumes what
// it had before the request that failed with cause.
func (s *session) ask(ctx context.Context, w *window, cause error) error {
	resp, err := s.r.request(ctx, http.MethodGet, s.location, nil, nil,
		http.StatusNoContent, http.StatusOK, http.StatusAccepted)
	var fault *transport.Error
	switch from, _ := w.held(); {
	case errors.As(err, &fault) && isLost(fault) && from == 0:
		_, err := s.start(ctx)
		return err
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
	if ok && has == 0 && s.stored == 0 && isOutOfPlace(cause) {
		has = 1 // 0-0 stands for no byte as well as for one
	}
	if ok {
		s.stored = has
	}
	return nil
}

func isLost(fault *transport.Error) bool {
	return fault.StatusCode == http.StatusNotFound || hasCode(fault, "BLOB_UPLOAD_UNKNOWN")
}

// finish ends the session, so that what was sent becomes a blob. If an answer is lost, it
// looks whether the registry has the blob.
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

// put ends the session with the digest of the blob. body is what is not sent yet.
func (s *session) put(ctx context.Context, body []byte) (*http.Response, error) {
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	resp, err := s.r.request(once(ctx), http.MethodPut, withDigest(s.location, s.d.Digest), header, body,
		http.StatusCreated, http.StatusOK, http.StatusAccepted, http.StatusNoContent)
	if err == nil {
		err = checkStored(resp, s.d.Digest)
	}
	return resp, err
}

// putWhole stores a blob by one request. After a fault it sends all of it again.
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

// abandon is cancel where another error is reported already.
func (s *session) abandon(ctx context.Context) {
	if ctx.Err() == nil {
		_ = s.cancel(once(ctx))
	}
}
