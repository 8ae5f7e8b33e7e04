package layer

import "encoding/binary"

// Bits of a zstd frame's descriptor (RFC 8878 section 3.1.1.1.1).
const (
	flagChecksum      = 1 << 2
	flagSingleSegment = 1 << 5
)

// checksumSize is what follows the last block of a frame with flagChecksum.
const checksumSize = 4

// descriptor is the byte that tells how long the frame header is.
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

// header is the rest of the frame header: window, dictionary, content size.
func (w *frameWalker) header(b []byte) {
	if size := w.window(b); size > w.maxWindow {
		w.limit = &LimitError{What: LimitWindow, Limit: int64(w.maxWindow), Found: int64(min(size, 1<<62))}
		w.lost = true
		return
	}
	w.read(3, w.block)
}

// window is how much of its output the frame's decoder must keep: what the
// header says, or all of the content where the frame is a single segment
// (sections 3.1.1.1.2 and 3.1.1.1.4).
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

// block is a block header (section 3.1.1.2): last block or not, type, size.
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
