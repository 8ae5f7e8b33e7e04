package bundle

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"maps"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Tap looks at blobs as they are hashed: it returns a writer that is given the
// bytes of one blob in order and closed at their end, or nil. It is called from
// several goroutines, and for metadata too: a blob may be both.
type Tap func(d oci.Digest, size int64) io.WriteCloser

// Hash hashes everything that is not metadata, a file on all cores and a pipe
// in order, and completes Faults. tap and progress may be nil. The error is an
// operating system's, or that of ctx.
func (r *Reader) Hash(ctx context.Context, tap Tap, progress func(int64)) error {
	if tap == nil {
		tap = func(oci.Digest, int64) io.WriteCloser { return nil }
	}
	if progress == nil {
		progress = func(int64) {}
	}
	h := &hasher{r: r, tap: tap, progress: progress}
	err := r.tapMetadata(tap)
	if err != nil {
		return err
	}
	if r.in.file != nil {
		err = h.file(ctx)
	} else {
		err = h.stream(ctx)
	}
	if err != nil {
		return err
	}
	r.missing()
	return r.explain(ctx, progress)
}

// tapMetadata gives the tap what was read already.
func (r *Reader) tapMetadata(tap Tap) error {
	for _, d := range slices.Sorted(maps.Keys(r.Meta)) {
		t := tap(d, int64(len(r.Meta[d])))
		if t == nil {
			continue
		}
		if _, err := t.Write(r.Meta[d]); err != nil {
			return err
		}
		if err := t.Close(); err != nil {
			return err
		}
	}
	return nil
}

type hasher struct {
	r        *Reader
	tap      Tap
	progress func(int64)
	mu       sync.Mutex // guards r.faults
}

// file hashes a file's content blobs, the longest first so that no core is left
// with it at the end.
func (h *hasher) file(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, e := range largestFirst(h.r.content, func(e entry) int64 { return e.size }) {
		group.Go(func() error {
			body := io.NewSectionReader(h.r.in.file, e.offset, e.size)
			_, err := h.body(ctx, e, body)
			return err
		})
	}
	return group.Wait()
}

// stream hashes a pipe's content in the order it comes.
func (h *hasher) stream(ctx context.Context) error {
	r := h.r
	for r.pending != nil {
		e := *r.pending
		r.pending = nil
		whole, err := h.body(ctx, e, io.LimitReader(r.in, e.size))
		if err != nil {
			return err
		}
		if !whole {
			return nil
		}
		if err := r.padding(e); err != nil {
			return err
		}
		if err := r.scan(); err != nil {
			return err
		}
	}
	return nil
}

// body hashes one blob; whole is false if the file ended inside it.
func (h *hasher) body(ctx context.Context, e entry, body io.Reader) (whole bool, err error) {
	sum := sha256.New()
	var w io.Writer = sum
	if e.digest != "" {
		if t := h.tap(e.digest, e.size); t != nil {
			defer t.Close()
			w = io.MultiWriter(sum, t)
		}
	}
	n, err := copyChunks(ctx, w, body, h.progress)
	if err != nil {
		return false, fmt.Errorf("%s: %w", e.name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if n != e.size {
		h.r.truncated(e, n)
		return false, nil
	}
	h.compare(e, sum)
	return true, nil
}

func (h *hasher) compare(e entry, sum hash.Hash) {
	if e.digest == "" || h.r.Damaged[e.digest] {
		return // its name or its size has been refused already
	}
	if got := oci.FromSum([sha256.Size]byte(sum.Sum(nil))); got != e.digest {
		h.r.faults.add(digestFault(e.digest, got))
		h.r.states[e.digest] = check.Damaged
	} else if h.r.states[e.digest] == "" { // a name may stand in the file twice
		h.r.states[e.digest] = check.Intact
	}
}

// largestFirst keeps the longest piece of work from being the last to start.
func largestFirst[T any](all []T, size func(T) int64) []T {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b T) int { return cmp.Compare(size(b), size(a)) })
	return sorted
}

var buffers = sync.Pool{New: func() any { b := make([]byte, copyBuffer); return &b }}

// copyChunks copies until the end of src or of ctx.
func copyChunks(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (n int64, err error) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		m, err := src.Read(*buf)
		if _, werr := dst.Write((*buf)[:m]); werr != nil {
			return n, werr
		}
		n += int64(m)
		progress(int64(m))
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
