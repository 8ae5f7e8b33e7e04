package registry

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// window holds the last bytes that were written of a blob. They are those that are not sent
// yet, and as many sent ones as there is room for, so that these can be sent again.
type window struct {
	mu      sync.Mutex
	changed *sync.Cond
	ring    []byte // the byte at off is at off % len(ring)
	ahead   int64  // how many bytes may be written before they are sent
	base    int64  // of the oldest byte that is held
	sent    int64  // of the next byte to send
	written int64  // of the next byte to write
	err     error  // of sending, final
	last    *section
}

func newWindow(ring []byte, ahead int64) *window {
	w := &window{ring: ring, ahead: ahead}
	w.changed = sync.NewCond(&w.mu)
	return w
}

// batch is how many bytes are waited for before they are sent, unless fewer are left.
// Each wait costs more than copying some bytes does.
const batch = 64 << 10

// write waits until there is room, and takes at least one byte of p. A writer that had to
// wait goes on when half of what may be ahead is sent.
func (w *window) write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.written-w.sent >= w.ahead {
		for w.err == nil && !w.roomy() {
			w.changed.Wait()
		}
	}
	if w.err != nil {
		return 0, w.err
	}
	at := w.written % int64(len(w.ring))
	room := min(w.ahead-(w.written-w.sent), int64(len(w.ring))-at)
	n := copy(w.ring[at:], p[:min(room, int64(len(p)))])
	w.written += int64(n)
	w.base = max(w.base, w.written-int64(len(w.ring)))
	if w.last != nil && w.last.ready() {
		w.changed.Broadcast()
	}
	return n, nil
}

// roomy reports whether a writer that waited may go on.
func (w *window) roomy() bool { return w.written-w.sent <= w.ahead/2 }

// fail ends the writing.
func (w *window) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
	w.changed.Broadcast()
}

// held returns which bytes can be sent.
func (w *window) held() (from, to int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.base, w.written
}

var errGone = errors.New("what has to be sent again is no longer in memory")

// section is the body of one request: the bytes from…to, as they are written.
type section struct {
	*window
	next, to int64
	closed   bool
}

// section begins to send at from. The section before is closed: a connection that broke
// may still read from it.
func (w *window) section(from, to int64) (*section, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if from < w.base || from > w.written {
		return nil, fmt.Errorf("%w: want byte %d, found only %d to %d", errGone, from, w.base, w.written)
	}
	if w.last != nil {
		w.last.closed = true
		w.changed.Broadcast()
	}
	w.sent = from
	w.last = &section{window: w, next: from, to: to}
	return w.last, nil
}

// ready reports whether there is enough to send.
func (s *section) ready() bool { return s.written-s.next >= min(batch, s.ahead/2, s.to-s.next) }

// Read implements [io.Reader].
func (s *section) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closed && s.err == nil && !s.ready() {
		s.changed.Wait()
	}
	switch {
	case s.closed:
		return 0, io.ErrClosedPipe
	case s.err != nil:
		return 0, s.err
	case s.next == s.to:
		return 0, io.EOF
	}
	at := s.next % int64(len(s.ring))
	n := copy(p[:min(int64(len(p)), s.written-s.next, s.to-s.next)], s.ring[at:])
	s.next += int64(n)
	s.sent = s.next
	if s.roomy() {
		s.changed.Broadcast()
	}
	return n, nil
}

// Close implements [io.Closer].
func (s *section) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.changed.Broadcast()
	return nil
}
