package layer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

func TestUnpackWellFormed(t *testing.T) {
	small, large := tarball(t, 1, 100), tarball(t, 30, 20_000)
	for _, c := range []struct {
		name    string
		packed  []byte
		content []byte
		want    Format
	}{
		{"tar", small, small, Tar},
		{"large tar", large, large, Tar},
		{"empty tar", make([]byte, 1024), make([]byte, 1024), Tar},
		{"gzip", gz(t, small), small, Gzip},
		{"large gzip", gz(t, large), large, Gzip},
		{"large gzip, another encoder", stdGz(t, large), large, Gzip},
		{"zstd", zst(t, small), small, Zstd},
		{"large zstd", zst(t, large), large, Zstd},
		{"zstd, no checksum", zst(t, large, zstd.WithEncoderCRC(false)), large, Zstd},
		{"zstd, single segment", zst(t, small, zstd.WithSingleSegment(true)), small, Zstd},
		{"zstd, best", zst(t, large, zstd.WithEncoderLevel(zstd.SpeedBestCompression)), large, Zstd},
		{"zstd, larger than its window", zst(t, large, zstd.WithWindowSize(16<<10)), large, Zstd},
	} {
		for _, r := range []Result{
			unpackAll(t, c.packed, Limits{}),
			unpackFrom(t, oneByOne(c.packed), len(c.packed), Limits{}),
		} {
			if r.Err != nil || r.Format != c.want || len(r.Findings) != 0 {
				t.Errorf("%s: got %+v, want format %s, no error and no findings", c.name, r, c.want)
			}
			if r.DiffID != diffID(c.content) || r.Unpacked != int64(len(c.content)) {
				t.Errorf("%s: got %s, %d bytes; want %s, %d", c.name, r.DiffID, r.Unpacked, diffID(c.content),
					len(c.content))
			}
		}
	}
}

func TestUnpackOtherFormats(t *testing.T) {
	for _, packed := range [][]byte{nil, []byte("BZh91AY&SY"), bytes.Repeat([]byte("text"), 1000), make([]byte, 100)} {
		r := unpackAll(t, packed, Limits{})
		if !errors.Is(r.Err, ErrFormat) || r.Format != Other || r.DiffID != "" {
			t.Errorf("%.10q: got %+v, want ErrFormat", packed, r)
		}
	}
}

func TestUnpackerAfterClose(t *testing.T) {
	u := NewUnpacker(3, Limits{})
	must(t, errors.Join(write(u, "abc")))
	first := u.Close()
	if !errors.Is(first, ErrFormat) || u.Close() != first {
		t.Errorf("Close returned %v, then another error", first)
	}
	if err := write(u, "d"); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write after Close: %v, want io.ErrClosedPipe", err)
	}
}

func write(w io.Writer, s string) error {
	_, err := io.WriteString(w, s)
	return err
}

func TestUnpackerTurnsPanicIntoError(t *testing.T) {
	u := start(1, Limits{}, func(in *bufio.Reader, _ *sink, _ *Result) error {
		_, _ = in.ReadByte()
		panic("index out of range")
	})
	_, err := u.Write(make([]byte, 10*feedChunk*feedChunks))
	must(t, err)
	if err := u.Close(); !errors.Is(err, ErrInternal) || u.Result().DiffID != "" {
		t.Errorf("got %v and diff ID %q, want ErrInternal and none", err, u.Result().DiffID)
	}
}

func TestUnpackerLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	content := tarball(t, 3, 100_000)
	for _, packed := range [][]byte{content, gz(t, content), zst(t, content), gz(t, content)[:1000],
		zst(t, content)[:1000], []byte("text")} {
		unpackAll(t, packed, Limits{})
		unpackAll(t, packed, Limits{MaxUnpacked: 1000})
	}
	for range 1000 { // a goroutine ends a little after it has signalled so
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// A decoder that is used again knows nothing of the layer before.
func TestADecoderIsUsedForManyLayers(t *testing.T) {
	content := tarball(t, 2, 3000)
	for name, packed := range map[string][]byte{"gzip": gz(t, content), "zstd": zst(t, content)} {
		for i := range 10_000 {
			if i%3 == 1 {
				if r := unpackAll(t, packed[:len(packed)-1-i%len(packed)/2], Limits{}); r.Err == nil {
					t.Fatalf("%s %d: a layer that is cut off is accepted", name, i)
				}
			} else if r := unpackAll(t, packed, Limits{}); r.Err != nil || r.DiffID != diffID(content) {
				t.Fatalf("%s %d: %+v", name, i, r)
			}
		}
	}
}
