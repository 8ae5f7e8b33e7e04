package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// goodRun is how much a connection must bring to count as working again.
const goodRun = 1 << 20

// blobReader is a blob over as many connections as it takes.
type blobReader struct {
	open func() (io.ReadCloser, error) // at off
	ctx  context.Context
	pace pace
	wrap func(error) error

	size, off int64
	body      io.ReadCloser
	pending   error // came together with the last bytes
	err       error // final
	opened    int64 // off when body was opened
	faults    int   // in a row
}

// Read implements [io.Reader].
func (b *blobReader) Read(p []byte) (int, error) {
	for b.err == nil && len(p) > 0 {
		if n := b.step(p); n > 0 {
			return n, nil
		}
	}
	return 0, b.err
}

// step reads once, and deals with what it met if there was no data.
func (b *blobReader) step(p []byte) int {
	left := b.size - b.off
	n, err := 0, b.pending
	b.pending = nil
	if err == nil {
		// Once all is there, one more byte is asked for: there must be none.
		n, err = b.body.Read(p[:min(int64(len(p)), max(left, 1))])
	}
	switch {
	case n > 0 && left == 0:
		b.err = b.wrap(fmt.Errorf("%w: it goes on after the %d bytes that the descriptor says", ErrMismatch, b.size))
	case n > 0:
		b.off += int64(n)
		b.pending = err
		return n
	case err != nil && left == 0:
		b.err = io.EOF
	case err == io.EOF:
		b.reopen(io.ErrUnexpectedEOF)
	case err != nil:
		b.reopen(err)
	}
	return 0
}

// reopen replaces a broken connection, or sets err.
func (b *blobReader) reopen(cause error) {
	_ = b.body.Close()
	if b.off-b.opened >= goodRun {
		b.faults = 0
	}
	b.opened = b.off
	for b.faults++; b.faults < b.pace.tries && b.ctx.Err() == nil; b.faults++ {
		if cause = b.pace.pause(b.ctx, b.faults); cause != nil {
			break
		}
		var cut *cutError
		if b.body, cause = b.open(); cause == nil {
			return
		} else if !errors.As(cause, &cut) {
			break
		}
	}
	if b.ctx.Err() != nil {
		cause = context.Cause(b.ctx)
	}
	b.err = b.wrap(fmt.Errorf("broken off after %d of %d bytes: %w", b.off, b.size, cause))
}

// Close implements [io.Closer].
func (b *blobReader) Close() error {
	if b.err == nil {
		b.err = errors.New("read of a closed blob")
	}
	if b.body == nil {
		return nil
	}
	return b.body.Close()
}
