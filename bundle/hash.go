package bundle

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Tap is called once for each blob, including metadata, before the blob is hashed.
// Several goroutines call it. It returns a writer for the bytes of the blob, or nil
// if they are not wanted. The writer gets them in order and is then closed, or discarded
// if it is a [Discarder] and they were not those of the blob. An error of a writer ends
// [Reader.Hash].
type Tap func(d oci.Digest, size int64) io.WriteCloser

// Discarder is a writer of a [Tap] that has to know whether it got the blob. If the blob
// was cut, has another digest, or was not read to its end, Discard is called in place of
// Close.
type Discarder interface {
	io.WriteCloser
	Discard() error
}

// finish ends a writer of a tap. good says that it got the blob.
func finish(w io.WriteCloser, good bool) error {
	if d, ok := w.(Discarder); ok && !good {
		return d.Discard()
	}
	return w.Close()
}

// Hash hashes the blobs that are not metadata, and completes [Reader.Faults]. It
// uses all cores for a file, and reads a pipe in order. It gives the bytes of
// all blobs to tap, so that they can be used without reading them again. Only a blob
// for which [Reader.State] then returns [check.Intact] matches its digest.
// progress is called from several goroutines, each time with the number of bytes
// that were just hashed. tap and progress may be nil. Hash is called once, whatever
// it returns.
//
// The error is that of ctx, of a writer of tap, or of the operating system; what is
// wrong with the bundle is in Faults. It is [ErrStream] if a pipe was hashed before.
func (r *Reader) Hash(ctx context.Context, tap Tap, progress func(int64)) error {
	if tap == nil {
		tap = func(oci.Digest, int64) io.WriteCloser { return nil }
	}
	if progress == nil {
		progress = func(int64) {}
	}
	if r.in == nil {
		return errors.New("the reader has no bundle: Open and its like make one")
	}
	if r.in.file == nil && r.hashed {
		return ErrStream
	}
	r.hashed = true
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

// explain adds the faults of the medium to those that were found.
func (r *Reader) explain(ctx context.Context, progress func(int64)) error {
	if r.medium.Explain == nil || r.Sound() {
		return nil
	}
	faults, err := r.medium.Explain(ctx, progress)
	for _, f := range faults {
		r.faults.add(f)
	}
	return err
}

// missing reports what the file lacks: the inventory itself, or blobs that it
// lists.
func (r *Reader) missing() {
	if !r.Whole() {
		return
	}
	if r.Inventory == nil {
		if !r.faults.has(check.LayoutInventory, check.LimitInventory, check.BlobDigest) {
			r.faults.add(&check.Fault{ID: check.LayoutInventory,
				Detail: "there is no inventory; this is not a bundle that gapseal export wrote"})
		}
		return
	}
	r.unfinishedSeal()
	for _, b := range r.Inventory.Blobs {
		if !r.read[b.Digest] {
			r.faults.add(&check.Fault{ID: check.LayoutMissing, Subject: string(b.Digest),
				Detail: fmt.Sprintf("the inventory lists this blob of %d bytes, and it is not in the file", b.Size)})
		}
	}
}

// tapMetadata gives tap the blobs that are in memory.
func (r *Reader) tapMetadata(tap Tap) error {
	for _, d := range slices.Sorted(maps.Keys(r.Meta)) {
		t := tap(d, int64(len(r.Meta[d])))
		if t == nil {
			continue
		}
		_, err := t.Write(r.Meta[d])
		if err = cmp.Or(err, t.Close()); err != nil {
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

// file hashes the content of a file. It begins with the largest blobs, so that
// none of them is left for one core at the end.
func (h *hasher) file(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(max(h.r.Workers, 0), runtime.GOMAXPROCS(0)))
	for _, e := range largestFirst(h.r.content, func(e entry) int64 { return e.size }) {
		group.Go(func() error {
			body := io.NewSectionReader(h.r.in.file, e.offset, e.size)
			_, err := h.body(ctx, e, body)
			return err
		})
	}
	return group.Wait()
}

// stream hashes the content of a pipe in the order in which it comes.
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
	var t io.WriteCloser
	if e.digest != "" && !e.again {
		t = h.tap(e.digest, e.size)
	}
	if t != nil {
		w = io.MultiWriter(sum, t)
	}
	n, err := copyChunks(ctx, w, body, h.progress)
	got := oci.FromSum([sha256.Size]byte(sum.Sum(nil)))
	if t != nil {
		good := err == nil && n == e.size && got == e.digest && !h.r.Damaged[e.digest]
		err = cmp.Or(err, finish(t, good))
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", e.name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if n != e.size {
		h.r.truncated(e, n)
		return false, nil
	}
	h.compare(e, got)
	return true, nil
}

func (h *hasher) compare(e entry, got oci.Digest) {
	if e.digest == "" || h.r.Damaged[e.digest] {
		return // its name or size was reported as a fault
	}
	if got != e.digest {
		h.r.faults.add(digestFault(e.digest, got))
		h.r.states[e.digest] = check.Damaged
	} else if h.r.states[e.digest] == "" { // a name may occur twice in the file
		h.r.states[e.digest] = check.Intact
	}
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

// ErrStream says that the content of a bundle on a pipe cannot be read a second
// time. [Reader.OpenBlob] and a second call of [Reader.Hash] return it. The tap of
// the first call gets the content.
var ErrStream = errors.New("the bundle is read from a pipe, whose content cannot be read again")

// OpenBlob opens a blob of the bundle to be read again. The last read compares the
// blob with its digest. If they differ, it returns a [*check.Fault] instead of the
// last bytes, so that a reader never takes a wrong blob for a complete one, even if
// the file was changed after it was verified. The caller closes the blob.
// For a bundle in a file, OpenBlob may be called by several goroutines, also while
// Hash runs.
//
// The error matches [oci.ErrNotFound] if the bundle does not hold the blob, and
// [ErrStream] if its bytes are gone.
func (r *Reader) OpenBlob(d oci.Digest) (io.ReadCloser, error) {
	if raw, ok := r.Meta[d]; ok {
		return newBlobReader(d, bytes.NewReader(raw), int64(len(raw))), nil
	}
	if r.in.file == nil {
		return nil, fmt.Errorf("blob %s: %w", d, ErrStream)
	}
	e, ok := r.places[d]
	if !ok {
		return nil, fmt.Errorf("blob %s: %w", d, oci.ErrNotFound)
	}
	return newBlobReader(d, io.NewSectionReader(r.in.file, e.offset, e.size), e.size), nil
}

// blobReader reads a blob and compares it with its digest.
type blobReader struct {
	r    io.Reader
	want oci.Digest
	sum  hash.Hash
	left int64 // bytes that were not read yet
	err  error // what every further Read returns
}

func newBlobReader(d oci.Digest, r io.Reader, size int64) *blobReader {
	b := &blobReader{r: r, want: d, sum: sha256.New(), left: size}
	if size == 0 {
		b.err = b.end()
	}
	return b
}

// Read implements [io.Reader].
func (b *blobReader) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.sum.Write(p[:n])
	b.left -= int64(n)
	switch {
	case b.left == 0:
		b.err = b.end()
		if b.err != io.EOF {
			return 0, b.err // with n > 0, a caller that has all bytes might ignore the error
		}
		return n, nil
	case err == io.EOF:
		b.err = &check.Fault{ID: check.BlobSize, Subject: string(b.want),
			Detail: fmt.Sprintf("the file ends %d bytes before the blob does", b.left)}
	default:
		b.err = err
	}
	return n, b.err
}

// end compares the blob with its digest, and returns io.EOF if it is right.
func (b *blobReader) end() error {
	if got := oci.FromSum([sha256.Size]byte(b.sum.Sum(nil))); got != b.want {
		return digestFault(b.want, got)
	}
	return io.EOF
}

// Close implements [io.Closer].
func (b *blobReader) Close() error {
	b.err = fs.ErrClosed
	return nil
}
