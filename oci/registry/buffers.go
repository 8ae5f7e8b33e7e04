package registry

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// sizes are the sizes, in bytes, of what uploads hold in memory so that they can send it
// again.
type sizes struct {
	small  int64 // up to this a blob is sent by one request from memory
	chunk  int64 // the most that one request carries after a fault
	window int64 // what is kept of a blob: a chunk, and what is written ahead
	total  int64 // of all uploads together; at least a window
}

// The window is larger than what is lost in the buffers of both ends when a connection
// breaks. Some storages want chunks of at least 5 MiB, and so do registries that pass chunks
// on to them.
var defaultSizes = sizes{small: 4 << 20, chunk: 10 << 20, window: 12 << 20, total: 48 << 20}

// buffers lends the memory of uploads. Large buffers are used again, so that what is
// lent and what the garbage collector has not yet freed do not add up.
type buffers struct {
	sizes
	left *semaphore.Weighted
	free chan []byte
}

func newBuffers(s sizes) *buffers {
	return &buffers{sizes: s, left: semaphore.NewWeighted(s.total), free: make(chan []byte, s.total/s.window)}
}

// get waits until there is memory for n bytes, at most a window, and returns an empty
// buffer for them.
func (b *buffers) get(ctx context.Context, n int64) ([]byte, error) {
	if err := b.left.Acquire(ctx, b.weight(n)); err != nil {
		return nil, context.Cause(ctx)
	}
	if b.weight(n) < b.window {
		return make([]byte, 0, n), nil
	}
	select {
	case free := <-b.free:
		return free, nil
	default:
		return make([]byte, 0, b.window), nil
	}
}

// put takes a buffer back. It may be nil.
func (b *buffers) put(buffer []byte) {
	if buffer == nil {
		return
	}
	if int64(cap(buffer)) == b.window {
		b.free <- buffer[:0] // there is room for all that were lent
	}
	b.left.Release(b.weight(int64(cap(buffer))))
}

// weight rounds what is not small up to a window, so that its buffer can be used again.
func (b *buffers) weight(n int64) int64 {
	if n > b.window/12 {
		return b.window
	}
	return n
}
