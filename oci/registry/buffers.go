package registry

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// sizes are the sizes of what is held in memory so that it can be sent again, in
// bytes.
type sizes struct {
	chunk int64 // the most that one request of an upload carries
	total int64 // of all uploads together; at least two chunks
}

// Some storages want chunks of 5 MiB at least, and so do the registries that pass
// chunks on to them.
var defaultSizes = sizes{chunk: 8 << 20, total: 40 << 20}

// buffers lends the buffers of uploads. Buffers of chunk size are used again, so that
// what is lent and what the garbage collector has not yet freed do not add up.
type buffers struct {
	sizes
	left *semaphore.Weighted
	free chan []byte
}

func newBuffers(s sizes) *buffers {
	return &buffers{sizes: s, left: semaphore.NewWeighted(s.total), free: make(chan []byte, s.total/s.chunk)}
}

// get waits until there is memory for n bytes, chunk at most, and returns a buffer with that
// capacity.
func (m *buffers) get(ctx context.Context, n int64) ([]byte, error) {
	if err := m.left.Acquire(ctx, m.weight(n)); err != nil {
		return nil, context.Cause(ctx)
	}
	return m.buffer(n), nil
}

// getTwo waits until there is memory for two chunks.
func (m *buffers) getTwo(ctx context.Context) (one, other []byte, err error) {
	if err := m.left.Acquire(ctx, 2*m.chunk); err != nil {
		return nil, nil, context.Cause(ctx)
	}
	return m.buffer(m.chunk), m.buffer(m.chunk), nil
}

// try is get without waiting. It returns nil if there is no memory.
func (m *buffers) try(n int64) []byte {
	if !m.left.TryAcquire(m.weight(n)) {
		return nil
	}
	return m.buffer(n)
}

// put takes a buffer back. It may be nil.
func (m *buffers) put(b []byte) {
	if b == nil {
		return
	}
	if int64(cap(b)) == m.chunk {
		select {
		case m.free <- b[:0]:
		default:
		}
	}
	m.left.Release(m.weight(int64(cap(b))))
}

// weight rounds what is not small up to a chunk, so that its buffer can be used again.
func (m *buffers) weight(n int64) int64 {
	if n > m.chunk/8 {
		return m.chunk
	}
	return n
}

func (m *buffers) buffer(n int64) []byte {
	if m.weight(n) < m.chunk {
		return make([]byte, 0, n)
	}
	select {
	case b := <-m.free:
		return b
	default:
		return make([]byte, 0, m.chunk)
	}
}
