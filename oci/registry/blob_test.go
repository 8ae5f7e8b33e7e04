package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/gapseal/gapseal/oci"
)

func TestBlob(t *testing.T) {
	l := newLab(t)
	for _, size := range []int{0, 1, 300_000} {
		content := noise(size)
		got, err := l.blob(context.Background(), l.putBlob(content))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
}

func TestBlobReaderKeepsTheContract(t *testing.T) {
	l := newLab(t)
	content := noise(10_000)
	rc, err := l.source(Options{}).Blob(context.Background(), l.repo, l.putBlob(content))
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(rc, content); err != nil {
		t.Error(err)
	}
	rc.Close()
	if _, err := rc.Read(make([]byte, 1)); err == nil {
		t.Error("read after Close")
	}
}

func TestAbsentBlob(t *testing.T) {
	l := newLab(t)
	l.putBlob([]byte("another"))
	d := oci.Descriptor{Digest: oci.FromBytes([]byte("x")), Size: 1, URLs: []string{l.server.URL + "/elsewhere"}}
	_, err := l.blob(context.Background(), d)
	if !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	wantText(t, err, "blob "+l.repo+"@"+string(d.Digest))
	if l.requests("/elsewhere") != 0 {
		t.Error("went where the descriptor's urls point")
	}
}

// cutting serves content, but breaks off each answer after step bytes.
func cutting(content []byte, step int, ranges bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from := 0
		if ranges && r.Header.Get("Range") != "" {
			_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(content)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(content[from:min(from+step, len(content))])
	}
}

func TestCutBlobGoesOn(t *testing.T) {
	content := noise(2_500_000)
	l := newLab(t)
	d := oci.Descriptor{Digest: oci.FromBytes(content), Size: int64(len(content))}
	l.on("/blobs/"+string(d.Digest), cutting(content, 1_000_000, true))
	got, err := l.blob(context.Background(), d)
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	if n := l.requests("/blobs/"); n != 3 {
		t.Errorf("%d requests, want 3: what was there should not come twice", n)
	}
}

// TestReopeningIsBounded wants connections that deliver almost nothing to be retried a
// bounded number of times, and those that deliver something until the end.
func TestReopeningIsBounded(t *testing.T) {
	const cuts = 10
	for name, c := range map[string]struct {
		step int
		ok   bool
	}{"short runs": {goodRun / 2, false}, "good runs": {goodRun, true}} {
		t.Run(name, func(t *testing.T) {
			content := noise(cuts * c.step)
			l := newLab(t)
			d := oci.Descriptor{Digest: oci.FromBytes(content), Size: int64(len(content))}
			l.on("/blobs/"+string(d.Digest), cutting(content, c.step, true))
			got, err := l.blob(context.Background(), d)
			if c.ok {
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("got %d bytes, %v", len(got), err)
				}
				return
			}
			wantText(t, err, fmt.Sprintf("broken off after %d of %d bytes", fast.tries*c.step, len(content)))
			if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(got, content[:fast.tries*c.step]) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		})
	}
}

// TestCutBlobWithoutRanges reads from a server without ranges, which sends the whole
// blob again. What was delivered is skipped.
func TestCutBlobWithoutRanges(t *testing.T) {
	l := newLab(t)
	content := noise(500_000)
	d := l.putBlob(content)
	var n atomic.Int64
	l.on("/blobs/"+string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			cutting(content, 200_000, false)(w, r)
			return
		}
		cutting(content, len(content), false)(w, r)
	})
	got, err := l.blob(context.Background(), d)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

// TestRereadingIsBounded reads from a server without ranges that always breaks off a
// little later: what it sends in all is a small multiple of what is read.
func TestRereadingIsBounded(t *testing.T) {
	const step = goodRun
	l := newLab(t)
	content := noise(40 * step)
	d := l.putBlob(content)
	var n, sent atomic.Int64
	l.on("/blobs/"+string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			return // without a Content-Range, the answer is not taken for the rest
		}
		upTo := min(int(n.Add(1))*step, len(content))
		sent.Add(int64(upTo))
		cutting(content, upTo, false)(w, r)
	})
	got, err := l.blob(context.Background(), d)
	wantText(t, err, fmt.Sprintf("broken off after %d of %d bytes", len(got), len(content)))
	if len(got) < goodShare*step || sent.Load() > 10*int64(len(got)) {
		t.Errorf("got %d bytes of %d that were sent", len(got), sent.Load())
	}
}

func TestBadRangeAnswersAreNotTrusted(t *testing.T) {
	content := noise(300_000)
	for name, contentRange := range map[string]string{
		"from the start": "bytes 0-299999/300000", "of another size": "bytes 100000-299999/300001", "unsaid": "",
		"malformed": "bytes 100000",
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			d := l.putBlob(content)
			var n atomic.Int64
			l.on("/blobs/"+string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == 1 {
					cutting(content, 100_000, false)(w, r)
				} else if r.Header.Get("Range") == "" {
					cutting(content, len(content), false)(w, r)
				} else {
					w.Header().Set("Content-Range", contentRange)
					w.WriteHeader(http.StatusPartialContent)
					_, _ = w.Write(content[:200_000])
				}
			})
			got, err := l.blob(context.Background(), d)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestBlobOfAnotherSize(t *testing.T) {
	content := noise(100_000)
	for name, c := range map[string]struct {
		size      int64
		announced bool
		want      error
	}{
		"longer, announced":  {99_999, true, ErrMismatch},
		"longer, chunked":    {99_999, false, ErrMismatch},
		"shorter, announced": {100_001, true, ErrMismatch},
		"shorter, chunked":   {100_001, false, io.ErrUnexpectedEOF},
		"nothing expected":   {0, false, ErrMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			d := oci.Descriptor{Digest: oci.FromBytes(content), Size: c.size}
			l.on("/blobs/"+string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
				if c.announced {
					w.Header().Set("Content-Length", fmt.Sprint(len(content)))
				}
				_, _ = w.Write(content)
			})
			got, err := l.blob(context.Background(), d)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if int64(len(got)) > c.size || !bytes.HasPrefix(content, got) {
				t.Errorf("delivered %d bytes of %d", len(got), c.size)
			}
		})
	}
}

func TestEndlessBlob(t *testing.T) {
	l := newLab(t)
	d := oci.Descriptor{Digest: oci.FromBytes(nil), Size: 70_000}
	chunk := make([]byte, 1<<16)
	l.on("/blobs/"+string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	got, err := l.blob(context.Background(), d)
	if !errors.Is(err, ErrMismatch) || len(got) != 70_000 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestStalledBlobIsRequestedAgain(t *testing.T) {
	l := newLab(t)
	content := noise(50_000)
	d := l.putBlob(content)
	release := make(chan struct{})
	defer close(release)
	var n atomic.Int64
	l.on("/blobs/"+string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > 1 {
			l.memory.ServeHTTP(w, r)
			return
		}
		_, _ = w.Write(content[:20_000])
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	p := fast
	p.silence = 50 * time.Millisecond
	s, err := newSource(Options{Keychain: noCredentials{}}, p)
	if err != nil {
		t.Fatal(err)
	}
	rc, err := s.Blob(context.Background(), l.repo, d)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	got, err := io.ReadAll(rc)
	if err != nil || !bytes.Equal(got, content) || n.Load() < 2 {
		t.Errorf("got %d bytes in %d requests, %v", len(got), n.Load(), err)
	}
}

func TestSlowReaderIsNotAStall(t *testing.T) {
	l := newLab(t)
	content := noise(8 << 20) // more than the connection buffers
	p := fast
	p.silence = 50 * time.Millisecond
	s, err := newSource(Options{Keychain: noCredentials{}}, p)
	if err != nil {
		t.Fatal(err)
	}
	rc, err := s.Blob(context.Background(), l.repo, l.putBlob(content))
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if _, err := io.ReadFull(rc, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * p.silence)
	rest, err := io.ReadAll(rc)
	if err != nil || !bytes.Equal(rest, content[10:]) {
		t.Errorf("got %d bytes, %v", len(rest), err)
	}
	if n := l.requests("/blobs/"); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// errorWithData returns its error together with its last bytes, and must not be read
// after that.
type errorWithData struct {
	t    *testing.T
	data string
	err  error
}

func (r *errorWithData) Read(p []byte) (int, error) {
	if r.data == "" {
		r.t.Error("read after its error")
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	if r.data == "" {
		return n, r.err
	}
	return n, nil
}

func (r *errorWithData) Close() error { return nil }

func TestErrorsThatComeWithData(t *testing.T) {
	parts := []*errorWithData{{t, "first ", io.ErrUnexpectedEOF}, {t, "second", io.EOF}}
	b := &blobReader{size: 12, pace: fast, ctx: context.Background(), body: parts[0],
		wrap: func(err error) error { return err }}
	b.open = func() (io.ReadCloser, error) { return parts[1], nil }
	if got, err := io.ReadAll(b); err != nil || string(got) != "first second" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCancelEndsARead(t *testing.T) {
	l := newLab(t)
	d := oci.Descriptor{Digest: oci.FromBytes(nil), Size: 1000}
	l.on("/blobs/"+string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(make([]byte, 10))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	got, err := l.blob(ctx, d)
	if !errors.Is(err, context.Canceled) || len(got) != 10 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestCancelEndsAPause(t *testing.T) {
	l := newLab(t)
	l.on("/manifests/v1", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) })
	slow := fast
	slow.first = time.Hour
	s, err := newSource(Options{Keychain: noCredentials{}}, slow)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := s.Manifest(ctx, l.repo, "v1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestBlobsInParallel(t *testing.T) {
	l := newLab(t)
	s := l.source(Options{})
	var wg sync.WaitGroup
	for i := range 20 {
		content := append(noise(100_000), byte(i))
		d := l.putBlob(content)
		wg.Go(func() {
			rc, err := s.Blob(context.Background(), l.repo, d)
			if err != nil {
				t.Error(err)
				return
			}
			defer rc.Close()
			if got, err := io.ReadAll(rc); err != nil || !bytes.Equal(got, content) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
	if n := l.requests("GET /v2/") - l.requests("/blobs/"); n != 1 {
		t.Errorf("%d handshakes for one repository", n)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	l := newLab(t)
	s := l.source(Options{})
	for i := range 20 {
		rc, err := s.Blob(context.Background(), l.repo, l.putBlob(append(noise(50_000), byte(i))))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, rc); err != nil {
			t.Error(err)
		}
		rc.Close()
	}
	if n := l.connections.Load(); n > 3 { // one, and the attempts of the handshake to use TLS
		t.Errorf("%d connections for 20 blobs in a row", n)
	}
}

func TestNegativeSize(t *testing.T) {
	l := newLab(t)
	_, err := l.blob(context.Background(), oci.Descriptor{Digest: oci.FromBytes(nil), Size: -1})
	wantText(t, err, "negative size")
	if !strings.HasPrefix(err.Error(), "blob "+l.repo) {
		t.Error(err)
	}
}
