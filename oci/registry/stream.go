package registry

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
)

// stream sends a blob by one request while it is written, as other tools do.
type stream struct {
	body *io.PipeWriter
	done chan struct{} // closed once there is a result
	err  error         // the result
}

var errEarly = errors.New("the registry answered before it had the whole blob")

// stream begins a session of one request.
func (s *session) stream(ctx context.Context) (*stream, error) {
	if _, err := s.start(ctx); err != nil {
		return nil, err
	}
	body, w := io.Pipe()
	req, err := http.NewRequestWithContext(once(ctx), http.MethodPut, withDigest(s.location, s.d.Digest).String(), body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = s.d.Size
	t := &stream{body: w, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		t.err = s.putStream(req)
		body.CloseWithError(cmp.Or(t.err, errEarly))
	}()
	return t, nil
}

func (s *session) putStream(req *http.Request) error {
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	resp, err := s.r.exchange(req, header, []int{http.StatusCreated, http.StatusOK, http.StatusAccepted,
		http.StatusNoContent})
	if err == nil {
		err = checkStored(resp, s.d.Digest)
	}
	return err
}

func (t *stream) write(p []byte) (int, error) { return t.body.Write(p) }

// finish waits for the answer.
func (t *stream) finish() error {
	t.body.Close()
	<-t.done
	return t.err
}

// stop ends the request, whose context has ended.
func (t *stream) stop(cause error) {
	t.body.CloseWithError(cause)
	<-t.done
}
