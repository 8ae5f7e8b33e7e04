package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Reader reads one bundle, each byte once. [Open] and [OpenStream] read the
// metadata, [Reader.Hash] everything else.
type Reader struct {
	Contents
	Index []byte // index.json as found, nil if it was not

	in      *input
	medium  Medium
	faults  faultList
	seq     *sequence
	held    int64   // bytes of metadata in memory
	entries int64   // headers read
	content []entry // blobs of a file still to be hashed
	pending *entry  // blob of a pipe whose body comes next
	ended   bool    // no further header can be read
	lost    bool    // a header did not say where the next one is
	read    map[oci.Digest]bool
	states  map[oci.Digest]check.State // of those that were hashed
	total   int64
	sealed  oci.Descriptor // the seal that index.json lists
}

// entry is one file of the tar as found.
type entry struct {
	name   string
	digest oci.Digest // empty for a name that is no blob's
	size   int64
	offset int64 // of the body

	refused bool // by its type or name: it takes no place in the order
}

// Open reads the metadata of a bundle in a file of that size. The error is an
// operating system's; everything wrong with the bundle is in Faults.
func Open(file io.ReaderAt, size int64, lim oci.Limits) (*Reader, error) {
	return OpenMedium(file, size, lim, Medium{})
}

// OpenStream reads the metadata of a bundle from a pipe, up to the header of
// the first content blob.
func OpenStream(r io.Reader, lim oci.Limits) (*Reader, error) {
	return open(&input{r: r}, lim, Medium{})
}

func open(in *input, lim oci.Limits, m Medium) (*Reader, error) {
	r := &Reader{in: in, medium: m, read: map[oci.Digest]bool{}, states: map[oci.Digest]check.State{}}
	r.Limits = lim.WithDefaults()
	r.Meta, r.Damaged = map[oci.Digest][]byte{}, map[oci.Digest]bool{}
	r.seq = newSequence(&r.faults)
	return r, r.scan()
}

// Faults returns what is wrong with the container, the layout and the blobs.
// It is complete once Hash has returned.
func (r *Reader) Faults() []*check.Fault { return r.faults.list() }

// Identity is the SHA-256 of index.json, empty if there is none.
func (r *Reader) Identity() oci.Digest {
	if r.Index == nil {
		return ""
	}
	return oci.FromBytes(r.Index)
}

// State says in which state a blob that the inventory lists was found, once
// [Reader.Hash] has returned.
func (r *Reader) State(d oci.Digest) check.State {
	switch {
	case r.states[d] != "":
		return r.states[d]
	case r.read[d] || !r.Whole():
		return check.Unread
	}
	return check.Missing
}

// Totals returns how many bytes and blobs were read.
func (r *Reader) Totals() (bytes int64, blobs int) { return r.in.pos, len(r.read) }

// Has reports whether the bundle holds a blob, whatever its state.
func (r *Reader) Has(d oci.Digest) bool { return r.read[d] }

// scan reads headers and metadata until the end of the file, or on a pipe until
// content begins.
func (r *Reader) scan() error {
	for !r.ended {
		e, err := r.next()
		if err != nil || e == nil {
			return err
		}
		r.seq.visit(e, r.Inventory)
		if err := r.take(*e); err != nil {
			return err
		}
		if r.pending != nil {
			return nil
		}
	}
	return nil
}

// Whole reports whether the file could be read to its end, once Hash has
// returned. What was not reached was not asked.
func (r *Reader) Whole() bool {
	return !r.lost && !r.faults.has(check.ContainerTruncated, check.ContainerWrapper)
}

// missing reports what no entry brought: the inventory itself, or its blobs.
func (r *Reader) missing() {
	if !r.Whole() {
		return
	}
	if r.Inventory == nil {
		if !r.faults.has(check.LayoutInventory, check.LimitInventory, check.BlobDigest) {
			r.faults.add(&check.Fault{ID: check.LayoutInventory, Detail: "there is no inventory; this is not a bundle that gapseal export wrote"})
		}
		return
	}
	r.unfinishedSeal()
	for _, b := range r.Inventory.Blobs {
		if !r.read[b.Digest] {
			r.faults.add(&check.Fault{ID: check.LayoutMissing, Subject: string(b.Digest), Detail: fmt.Sprintf("the inventory lists this blob of %d bytes, and it is not in the file", b.Size)})
		}
	}
}

// An input is read forward once. A file can also be skipped over, and its
// content blobs are then hashed by several readers at once.
type input struct {
	r    io.Reader
	file io.ReaderAt // nil for a pipe
	size int64       // of the file
	pos  int64
}

func (in *input) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.pos += int64(n)
	return n, err
}

// skip moves on by n bytes; only a file can.
func (in *input) skip(n int64) { in.pos += n }

// fileReader reads a file at the input's position, so that skipping costs no
// reading.
type fileReader struct{ in *input }

func (f fileReader) Read(p []byte) (int, error) { return f.in.file.ReadAt(p, f.in.pos) }

// full fills p. A file that ends first is reported as truncated, any other
// error is the operating system's.
func (in *input) full(p []byte) (n int, truncated bool, err error) {
	n, err = io.ReadFull(in, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, true, nil
	}
	return n, false, err
}

// Medium is what is known of the files that a bundle is read from.
type Medium struct {
	Known []*check.Fault // told whatever else is found
	Cut   bool           // the end is missing, and Known says why: that is not told again
	// Explain is asked at the end of [Reader.Hash] for the cause, if anything
	// else is wrong, and tells the bytes it reads; nil if nobody knows.
	Explain func(ctx context.Context, progress func(int64)) ([]*check.Fault, error)
}

// OpenMedium is [Open] for a bundle of which more is known.
func OpenMedium(file io.ReaderAt, size int64, lim oci.Limits, m Medium) (*Reader, error) {
	in := &input{file: io.NewSectionReader(file, 0, size), size: size}
	in.r = fileReader{in}
	r, err := open(in, lim, m)
	if m.Cut && !r.complete() {
		r.Inventory = nil // judging half of it would blame the publisher for the medium
	}
	for _, f := range m.Known {
		r.faults.add(f)
	}
	return r, err
}

// Sound reports whether nothing is wrong so far that would reject the bundle.
func (r *Reader) Sound() bool {
	for k, n := range r.faults.count {
		if !k.warn && n > 0 {
			return false
		}
	}
	return true
}

// complete reports whether all metadata that the inventory lists was read.
func (r *Reader) complete() bool {
	if r.Inventory == nil {
		return false
	}
	for _, b := range r.Inventory.Blobs {
		if b.Metadata() && !r.read[b.Digest] {
			return false
		}
	}
	return true
}

// explain adds the cause of what was found, where somebody knows it.
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
