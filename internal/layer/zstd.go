package layer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// zstdMaxWindow is the largest window that a frame header can state (RFC 8878
// section 3.1.1.1.2). A larger limit means nothing.
const zstdMaxWindow = 1<<41 + 7<<38

// unzstd lets the decoder read through a [frameWalker], because the decoder
// does not report what it skipped. The decoder keeps to the window limit
// itself; the walker knows how large the window was.
func unzstd(in io.Reader, out *sink, r *Result) error {
	window := min(uint64(out.limits.MaxWindow), zstdMaxWindow)
	w := newFrameWalker(window)
	defer w.done()
	dec, err := decoderFor(window, io.TeeReader(in, w))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInternal, err)
	}
	_, err = io.Copy(out, dec)
	if w.largest <= keptWindow {
		dec.release()
	} else {
		dec.Close()
		dec.Decoder = nil
	}
	w.findings(r)
	return w.verdict(err)
}

// A decoder is used for many layers, since a new one costs more than a small layer:
// ten thousand layers took seventeen seconds.
type decoder struct {
	*zstd.Decoder
	pool *sync.Pool
}

// decoders has a pool of decoders for each window limit.
var decoders sync.Map // of uint64 to *sync.Pool

func decoderFor(window uint64, in io.Reader) (decoder, error) {
	found, _ := decoders.LoadOrStore(window, &sync.Pool{})
	pool := found.(*sync.Pool)
	if idle, ok := pool.Get().(*zstd.Decoder); ok {
		return decoder{idle, pool}, idle.Reset(in)
	}
	dec, err := zstd.NewReader(in,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(max(window, zstd.MinWindowSize)),
		zstd.WithDecoderMaxMemory(window)) // for a stream, this is its window
	return decoder{dec, pool}, err
}

// keptWindow is the largest window, in bytes, whose memory is kept for another layer.
const keptWindow = 8 << 20

// release keeps the decoder for another layer. It must not be called for a decoder
// that panicked, since the state of that is not known.
func (d decoder) release() {
	if d.Reset(nil) == nil {
		d.pool.Put(d.Decoder)
	}
}

// large is held while a layer with a window over [keptWindow] is unpacked: two windows
// of the largest size would take more memory than everything else.
var large sync.Mutex

// waitIfLarge waits until no other layer has a large window. The decoder makes room for
// the window after the walker has seen the header of the frame.
func (w *frameWalker) waitIfLarge() {
	if w.largest > keptWindow && !w.alone {
		large.Lock()
		w.alone = true
	}
}

// done lets the next layer have a large window.
func (w *frameWalker) done() {
	if w.alone {
		w.alone = false
		runtime.GC() // the window is garbage now, and the next one may be as large
		large.Unlock()
	}
}

// verdict returns the error of the layer, given that of the decoder. The
// decoder does not read ahead, so both have seen the same bytes.
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

// frameWalker follows the frames of a zstd file as its bytes pass (RFC 8878
// section 3.1): it reads frame headers and block headers, counts, and skips the
// rest. It is a writer that never fails. Where the file is malformed it stops
// looking, because the decoder beside it fails there too.
type frameWalker struct {
	maxWindow    uint64
	frames       int   // with content
	skipped      int   // skippable frames
	skippedBytes int64 // in those
	limit        *LimitError
	largest      uint64 // window, in bytes
	alone        bool   // it holds large

	buf      [14]byte // the longest piece, what follows a frame's descriptor
	have     int      // bytes of buf
	want     int      // bytes of buf until step is called
	skip     int64    // bytes to step over before
	step     func(piece []byte)
	flags    byte // descriptor of the frame
	boundary bool // between two frames
	lost     bool // found no frame where one should begin, or a block of no type
}

func newFrameWalker(maxWindow uint64) *frameWalker {
	w := &frameWalker{maxWindow: maxWindow}
	w.nextFrame()
	return w
}

// Write takes all of p.
func (w *frameWalker) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && !w.lost; {
		if w.skip > 0 {
			n := min(w.skip, int64(len(rest)))
			w.skip -= n
			rest = rest[n:]
			continue
		}
		n := copy(w.buf[w.have:w.want], rest)
		w.have += n
		rest = rest[n:]
		if w.have == w.want {
			w.have = 0
			w.step(w.buf[:w.want])
		}
	}
	return len(p), nil
}

func (w *frameWalker) read(want int, step func([]byte)) { w.want, w.step = want, step }

// trailing reports whether the last frame is followed by bytes that begin no
// other frame.
func (w *frameWalker) trailing() bool {
	return w.boundary && w.skip == 0 && (w.lost || w.have > 0)
}

func (w *frameWalker) nextFrame() {
	w.boundary = true
	w.read(4, w.magic)
}

func (w *frameWalker) magic(b []byte) {
	switch m := [4]byte(b); {
	case isFrameMagic(m):
		w.boundary = false
		w.frames++
		w.read(1, w.descriptor)
	case isSkippableMagic(m):
		w.boundary = false
		w.skipped++
		w.read(4, w.skippable)
	default:
		w.lost = true
	}
}

func (w *frameWalker) skippable(b []byte) {
	w.skip = int64(binary.LittleEndian.Uint32(b))
	w.skippedBytes += w.skip
	w.nextFrame()
}

func isFrameMagic(m [4]byte) bool { return m == [4]byte{0x28, 0xb5, 0x2f, 0xfd} }

func isSkippableMagic(m [4]byte) bool {
	m[0] &= 0xf0
	return m == [4]byte{0x50, 0x2a, 0x4d, 0x18}
}

// Bits of a zstd frame's descriptor (RFC 8878 section 3.1.1.1.1).
const (
	flagChecksum      = 1 << 2
	flagSingleSegment = 1 << 5
)

// checksumSize is the number of bytes that follow the last block of a frame
// with flagChecksum.
const checksumSize = 4

// descriptor reads the byte that determines the length of the frame header.
func (w *frameWalker) descriptor(b []byte) {
	w.flags = b[0]
	w.read(windowSize(w.flags)+dictionarySize(w.flags)+contentSize(w.flags), w.header)
}

func windowSize(flags byte) int {
	if flags&flagSingleSegment != 0 {
		return 0
	}
	return 1
}

func dictionarySize(flags byte) int { return [4]int{0, 1, 2, 4}[flags&3] }

func contentSize(flags byte) int {
	if flags>>6 == 0 && flags&flagSingleSegment != 0 {
		return 1
	}
	return [4]int{0, 2, 4, 8}[flags>>6]
}

// header reads the rest of the frame header: window, dictionary, content size.
func (w *frameWalker) header(b []byte) {
	size := w.window(b)
	w.largest = max(w.largest, size)
	if size > w.maxWindow {
		w.limit = &LimitError{What: LimitWindow, Limit: int64(w.maxWindow), Found: int64(min(size, 1<<62))}
		w.lost = true
		return
	}
	w.waitIfLarge()
	w.read(3, w.block)
}

// window returns how much of its output the frame's decoder must keep: what the
// header says, or all of the content if the frame is a single segment (sections
// 3.1.1.1.2 and 3.1.1.1.4).
func (w *frameWalker) window(b []byte) uint64 {
	if w.flags&flagSingleSegment == 0 {
		base := uint64(1) << (10 + b[0]>>3)
		return base + base/8*uint64(b[0]&7)
	}
	var padded [8]byte
	field := b[dictionarySize(w.flags):]
	copy(padded[:], field)
	size := binary.LittleEndian.Uint64(padded[:])
	if len(field) == 2 {
		size += 256
	}
	return size
}

// block reads a block header (section 3.1.1.2): whether it is the last block,
// its type and its size.
func (w *frameWalker) block(b []byte) {
	header := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
	w.skip = int64(header >> 3)
	switch header >> 1 & 3 {
	case 1: // one byte, to be repeated
		w.skip = 1
	case 3:
		w.lost = true
		return
	}
	if header&1 == 0 {
		w.read(3, w.block)
		return
	}
	if w.flags&flagChecksum != 0 {
		w.skip += checksumSize
	}
	w.nextFrame()
}
