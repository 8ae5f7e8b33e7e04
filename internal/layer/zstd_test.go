package layer

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestZstdFindings(t *testing.T) {
	content := tarball(t, 2, 3000)
	half := len(content) / 2
	one, two := zst(t, content[:half]), zst(t, content[half:], zstd.WithEncoderCRC(false))
	for _, c := range []struct {
		name   string
		packed []byte
		want   []string
	}{
		{"two frames", slices.Concat(one, two), []string{"zstd: 2 frames where one is usual"}},
		{"empty frame after", slices.Concat(zst(t, content), zframe(0, []byte{0}, zblock(true, 0, 0))),
			[]string{"zstd: 2 frames where one is usual"}},
		{"skippable before", slices.Concat(zskip("covert"), zst(t, content)),
			[]string{"zstd: 6 bytes in skippable frames (1), which decoders pass over"}},
		{"skippable behind", slices.Concat(zst(t, content), zskip("covert"), zskip("")),
			[]string{"zstd: 6 bytes in skippable frames (2), which decoders pass over"}},
		{"skippable between", slices.Concat(one, zskip("covert"), two),
			[]string{"zstd: 2 frames where one is usual",
				"zstd: 6 bytes in skippable frames (1), which decoders pass over"}},
	} {
		for _, r := range []Result{unpackAll(t, c.packed, Limits{}), unpackFrom(t, oneByOne(c.packed), len(c.packed),
			Limits{})} {
			if r.Err != nil || r.DiffID != diffID(content) {
				t.Errorf("%s: got %+v, want the diff ID and no error", c.name, r)
			}
			if !slices.Equal(r.Findings, c.want) {
				t.Errorf("%s: findings %q, want %q", c.name, r.Findings, c.want)
			}
		}
	}
}

func TestZstdErrors(t *testing.T) {
	content := tarball(t, 2, 3000)
	packed := zst(t, content)
	flip := func(at int) []byte {
		b := slices.Clone(packed)
		b[at] ^= 1
		return b
	}
	for _, c := range []struct {
		name   string
		packed []byte
		want   error
		cause  error
	}{
		{"checksum", flip(len(packed) - 1), ErrDamaged, zstd.ErrCRCMismatch},
		{"cut in a block", packed[:len(packed)/2], ErrDamaged, io.ErrUnexpectedEOF},
		{"cut in the checksum", packed[:len(packed)-2], ErrDamaged, io.ErrUnexpectedEOF},
		{"cut in the frame header", packed[:5], ErrDamaged, io.ErrUnexpectedEOF},
		{"second frame cut", slices.Concat(packed, packed[:40]), ErrDamaged, io.ErrUnexpectedEOF},
		{"skippable frame cut", slices.Concat(packed, zskip("covert")[:10]), ErrDamaged, io.ErrUnexpectedEOF},
		{"reserved block type", zframe(0, []byte{0}, zblock(true, 3, 0)), ErrDamaged, zstd.ErrReservedBlockType},
		{"reserved descriptor bit", zframe(8, []byte{0}, zblock(true, 0, 0)), ErrDamaged, nil},
		{"unknown dictionary", zframe(1, []byte{0, 7}, zblock(true, 0, 0)), ErrDamaged, zstd.ErrUnknownDictionary},
		{"content size too small", zframe(0x20, []byte{1}, zblock(true, 1, 2, 'x')), ErrDamaged,
			zstd.ErrFrameSizeExceeded},
		{"content size too large", zframe(0x20, []byte{3}, zblock(true, 1, 2, 'x')), ErrDamaged,
			zstd.ErrFrameSizeMismatch},
		{"garbage", slices.Concat(packed, []byte("covert")), ErrTrailing, nil},
		{"one byte", slices.Concat(packed, []byte{0}), ErrTrailing, nil},
		{"three bytes of magic", slices.Concat(packed, []byte{0x28, 0xb5, 0x2f}), ErrTrailing, nil},
		{"zero padding", slices.Concat(packed, make([]byte, 512)), ErrTrailing, nil},
		{"gzip after", slices.Concat(packed, gz(t, content)), ErrTrailing, nil},
		{"garbage after a skippable frame", slices.Concat(zskip("x"), []byte("garbage")), ErrTrailing, nil},
	} {
		for _, r := range []Result{unpackAll(t, c.packed, Limits{}), unpackFrom(t, oneByOne(c.packed), len(c.packed),
			Limits{})} {
			if !errors.Is(r.Err, c.want) || (c.cause != nil && !errors.Is(r.Err, c.cause)) || r.DiffID != "" {
				t.Errorf("%s: got %+v, want %v because of %v", c.name, r, c.want, c.cause)
			}
		}
	}
}

// The walker must read every kind of frame header to its end: one byte off, and it
// would take blocks for frames.
func TestWalkerReadsEveryHeader(t *testing.T) {
	content := []byte{5, 0, 0, 0, 0, 0, 0, 0}
	for flags := range 256 {
		single := flags&flagSingleSegment != 0
		if flags&8 != 0 || flags>>6 == 1 && !single { // reserved; adds 256 to the size
			continue
		}
		header := make([]byte, windowSize(byte(flags))+dictionarySize(byte(flags)))
		size := content[:contentSize(byte(flags))]
		frame := zframe(byte(flags), append(header, size...), zblock(false, 1, 2, 'x'),
			zblock(true, 0, 3, 'a', 'b', 'c'))
		if flags&flagChecksum != 0 {
			frame = append(frame, 1, 2, 3, 4)
		}
		w := newFrameWalker(1 << 20)
		_, err := w.Write(slices.Concat(frame, zskip("12345"), frame))
		must(t, err)
		if w.frames != 2 || w.skipped != 1 || w.skippedBytes != 5 || !w.boundary || w.skip != 0 || w.trailing() {
			t.Errorf("descriptor %#x: walker ended as %+v", flags, w)
		}
	}
}
