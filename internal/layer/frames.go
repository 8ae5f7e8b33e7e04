package layer

import "encoding/binary"

// frameWalker follows the frames of a zstd file as its bytes pass (RFC 8878
// section 3.1): it reads frame headers and block headers, counts, and steps
// over the rest. It is a writer that never fails; where the file makes no
// sense it stops looking, since the decoder beside it fails there too.
type frameWalker struct {
	maxWindow    uint64
	frames       int   // with content
	skipped      int   // skippable frames
	skippedBytes int64 // in those
	limit        *LimitError

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

// trailing says that bytes follow the last frame which begin no other.
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
