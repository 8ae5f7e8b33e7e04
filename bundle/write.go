package bundle

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Fetch opens the content of a blob of size bytes. The caller closes the reader.
type Fetch func(ctx context.Context, d oci.Digest, size int64) (io.ReadCloser, error)

// copyBuffer is how many bytes of a blob are in memory at a time.
const copyBuffer = 256 << 10

// defaultWorkers is how many blobs are fetched at a time by default.
const defaultWorkers = 4

// WriteFile writes the bundle to a file opened for writing. It fetches several blobs
// at a time (workers, or 4 if that is 0), writes each straight to its place in the
// file, and compares it with its digest on the way. progress is called from
// several goroutines, with the number of content bytes of each write; it may be nil.
// The file is a bundle only if the error is nil.
func (p *Plan) WriteFile(ctx context.Context, w io.WriterAt, fetch Fetch, workers int, progress func(int64)) error {
	if len(p.entries) == 0 {
		return errNoPlan
	}
	if workers < 1 {
		workers = defaultWorkers
	}
	if progress == nil {
		progress = func(int64) {}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for _, e := range largestFirst(p.entries, func(e planned) int64 { return e.size }) {
		group.Go(func() error {
			out := io.NewOffsetWriter(w, e.offset)
			return e.write(ctx, out, fetch, progress)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err := w.WriteAt(make([]byte, 2*blockSize), p.Size-2*blockSize)
	return err
}

// WriteStream writes the bundle to a pipe, one blob after the other. progress is
// called with the number of content bytes of each write; it may be nil. On failure it
// does not write the end of the archive, so that what was written is not a
// bundle.
func (p *Plan) WriteStream(ctx context.Context, w io.Writer, fetch Fetch, progress func(int64)) error {
	if progress == nil {
		progress = func(int64) {}
	}
	if len(p.entries) == 0 {
		return errNoPlan
	}
	out := bufio.NewWriterSize(w, copyBuffer)
	for _, e := range p.entries {
		if err := e.write(ctx, out, fetch, progress); err != nil {
			return err
		}
	}
	if _, err := out.Write(make([]byte, 2*blockSize)); err != nil {
		return err
	}
	return out.Flush()
}

// write writes one entry: header, body and padding.
func (e planned) write(ctx context.Context, w io.Writer, fetch Fetch, progress func(int64)) error {
	h := header(e.name, e.size)
	if _, err := w.Write(h[:]); err != nil {
		return err
	}
	if e.data != nil {
		if _, err := w.Write(e.data); err != nil {
			return err
		}
	} else if err := e.copyContent(ctx, w, fetch, progress); err != nil {
		return fmt.Errorf("blob %s: %w", e.digest, err)
	}
	_, err := w.Write(make([]byte, padding(e.size)))
	return err
}

func (e planned) copyContent(ctx context.Context, w io.Writer, fetch Fetch, progress func(int64)) error {
	rc, err := fetch(ctx, e.digest, e.size)
	if err != nil {
		return err
	}
	defer rc.Close()
	h := sha256.New()
	out := &counter{w: io.MultiWriter(w, h), progress: progress}
	n, err := io.CopyBuffer(out, io.LimitReader(rc, e.size), make([]byte, copyBuffer))
	if err != nil {
		return err
	}
	if n != e.size {
		return &check.Fault{ID: check.BlobSize, Detail: "the source ended early",
			Expected: fmt.Sprint(e.size), Found: fmt.Sprint(n)}
	}
	if got := oci.FromSum([sha256.Size]byte(h.Sum(nil))); got != e.digest {
		return &check.Fault{ID: check.BlobDigest, Detail: "the source gave other content",
			Expected: string(e.digest), Found: string(got)}
	}
	return nil
}

type counter struct {
	w        io.Writer
	progress func(int64)
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.progress(int64(n))
	return n, err
}

// largestFirst sorts work so that the largest piece is not the last to start.
func largestFirst[T any](all []T, size func(T) int64) []T {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b T) int { return cmp.Compare(size(b), size(a)) })
	return sorted
}
