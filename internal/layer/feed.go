package layer

import "io"

// A feed holds at most feedChunks chunks of feedChunk bytes.
const (
	feedChunk  = 64 << 10
	feedChunks = 4
)

// feed is a pipe with room for a few chunks, so that its two ends can work at
// the same time. One goroutine writes and closes, another reads and leaves.
// Chunks are allocated when they are first needed, because most layers are
// small.
type feed struct {
	full chan []byte
	free chan []byte
	left chan struct{} // closed when the reader has stopped reading
	made int
	in   []byte // chunk being filled
	cur  []byte // chunk being read
	rest []byte // what is left of cur
}

func newFeed() *feed {
	return &feed{
		full: make(chan []byte, feedChunks),
		free: make(chan []byte, feedChunks),
		left: make(chan struct{}),
	}
}

// Write never fails. Once the reader has left, it drops what it is given.
func (f *feed) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if f.in == nil && !f.grab() {
			break
		}
		n := min(len(rest), cap(f.in)-len(f.in))
		f.in = append(f.in, rest[:n]...)
		rest = rest[n:]
		if len(f.in) == cap(f.in) {
			f.flush()
		}
	}
	return len(p), nil
}

// grab takes an empty chunk, waiting for one if all are in use. It reports
// false if the reader has left.
func (f *feed) grab() bool {
	select {
	case <-f.left:
		return false
	case f.in = <-f.free:
		return true
	default:
	}
	if f.made < feedChunks {
		f.made++
		f.in = make([]byte, 0, feedChunk)
		return true
	}
	select {
	case <-f.left:
		return false
	case f.in = <-f.free:
		return true
	}
}

// flush passes the chunk to the reader. It does not block, because the channel
// has room for every chunk.
func (f *feed) flush() {
	if len(f.in) > 0 {
		f.full <- f.in
		f.in = nil
	}
}

// close signals the end to the reader.
func (f *feed) close() {
	f.flush()
	close(f.full)
}

// Read returns what is there, and waits only for the first byte.
func (f *feed) Read(p []byte) (int, error) {
	if len(f.rest) == 0 && !f.next() {
		return 0, io.EOF
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

func (f *feed) next() bool {
	if f.cur != nil {
		f.free <- f.cur[:0]
	}
	f.cur = <-f.full
	f.rest = f.cur
	return f.cur != nil
}

// WriteTo writes everything up to the end to w without copying it.
func (f *feed) WriteTo(w io.Writer) (total int64, err error) {
	for err == nil && (len(f.rest) > 0 || f.next()) {
		var n int
		n, err = w.Write(f.rest)
		f.rest = f.rest[n:]
		total += int64(n)
	}
	return total, err
}

// leave signals to the writer that the reader has stopped reading.
func (f *feed) leave() { close(f.left) }
