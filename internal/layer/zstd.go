package layer

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// zstdMaxWindow is the largest window that a frame header can state (RFC 8878
// section 3.1.1.1.2), so no limit beyond it means anything.
const zstdMaxWindow = 1<<41 + 7<<38

// unzstd lets the decoder read through a [frameWalker], because the decoder
// does not tell what it skipped. The decoder keeps to the window limit by
// itself; the walker knows how large the window was.
func unzstd(in io.Reader, out *sink, r *Result) error {
	window := min(uint64(out.limits.MaxWindow), zstdMaxWindow)
	w := newFrameWalker(window)
	dec, err := zstd.NewReader(io.TeeReader(in, w),
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(max(window, zstd.MinWindowSize)),
		zstd.WithDecoderMaxMemory(window)) // for a stream, this is its window
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInternal, err)
	}
	defer dec.Close()
	_, err = io.Copy(out, dec)
	w.findings(r)
	return w.verdict(err)
}

// verdict is the error of the layer, given what the decoder said. The decoder
// reads nothing ahead, so both have seen the same bytes.
func (w *frameWalker) verdict(err error) error {
	limit := (*LimitError)(nil)
	switch {
	case errors.As(err, &limit):
		return limit
	case w.limit != nil:
		return w.limit
	case w.trailing():
		return fmt.Errorf("%w: no zstd frame", ErrTrailing)
	case err != nil:
		return damaged(fmt.Sprintf("zstd frame %d", w.frames+w.skipped), err)
	}
	return nil
}

func (w *frameWalker) findings(r *Result) {
	if w.frames > 1 {
		r.find("zstd: %d frames where one is usual", w.frames)
	}
	if w.skipped > 0 {
		r.find("zstd: %d bytes in skippable frames (%d), which decoders pass over", w.skippedBytes, w.skipped)
	}
}
