package layer

import (
	"bytes"
	"io"
	"testing"
)

func TestFeedCarriesEverything(t *testing.T) {
	data := tarball(t, 10, 100_000)
	for _, cut := range []int{1000, feedChunk, feedChunk + 1, len(data)} {
		f := newFeed()
		go func() {
			for rest := data; len(rest) > 0; rest = rest[min(cut, len(rest)):] {
				_, _ = f.Write(rest[:min(cut, len(rest))])
			}
			f.close()
		}()
		head := make([]byte, 1000)
		_, err := io.ReadFull(f, head)
		must(t, err)
		tail, err := io.ReadAll(io.MultiReader(f)) // by Read
		if err != nil || !bytes.Equal(append(head, tail...), data) {
			t.Errorf("writes of %d bytes: %d bytes came out of %d, error %v", cut, len(head)+len(tail), len(data), err)
		}
		if n, err := f.Read(head); n != 0 || err != io.EOF {
			t.Errorf("read at the end: %d, %v", n, err)
		}
	}
}

func TestFeedWriterDoesNotBlockOnceTheReaderLeft(t *testing.T) {
	f := newFeed()
	written := make(chan struct{})
	go func() {
		defer close(written)
		for range 3 * feedChunks {
			_, _ = f.Write(make([]byte, feedChunk))
		}
		f.close()
	}()
	_, err := f.Read(make([]byte, 1))
	must(t, err)
	f.leave()
	<-written
}

func TestFeedIsSmallForSmallLayers(t *testing.T) {
	f := newFeed()
	for range 100 {
		_, _ = f.Write([]byte("0123456789"))
	}
	f.close()
	var out bytes.Buffer
	n, err := f.WriteTo(&out)
	if n != 1000 || err != nil || f.made != 1 {
		t.Errorf("%d bytes in %d chunks, error %v; want 1000 in 1", n, f.made, err)
	}
}

func TestFeedStopsAtTheFirstWriteError(t *testing.T) {
	f := newFeed()
	_, _ = f.Write(make([]byte, 2*feedChunk))
	f.close()
	n, err := f.WriteTo(zerosThen{})
	if n != 0 || err != io.ErrShortWrite {
		t.Errorf("WriteTo = %d, %v; want the writer's error", n, err)
	}
}

type zerosThen struct{}

func (zerosThen) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
