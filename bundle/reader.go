package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Reader reads one bundle. [OpenFile], [Open] and [OpenStream] read its metadata,
// and [Reader.Hash] hashes everything else. Together they read each byte once. They
// read a pipe in order. Hash of the zero Reader is an error.
type Reader struct {
	Contents
	Index []byte // index.json as found, nil if there is none

	// Workers is how many blobs of a file [Reader.Hash] reads at a time; zero is one for
	// each core. More are of use only if the writers of its tap wait, such as for a
	// network.
	Workers int

	in      *input
	file    io.Closer // what OpenFile opened; nil if the caller did
	medium  Medium
	faults  faultList
	seq     *sequence
	held    int64                // bytes of metadata in memory
	entries int64                // headers read
	total   int64                // bytes that the entries take, by their headers
	content []entry              // blobs of a file that Hash hashes
	places  map[oci.Digest]entry // where each blob of a file is
	pending *entry               // blob of a pipe whose body comes next
	ended   bool                 // no further header can be read
	lost    bool                 // the place of the next header is not known
	hashed  bool                 // Hash was called
	read    map[oci.Digest]bool
	states  map[oci.Digest]check.State // of the blobs that were hashed

	sealManifest oci.Descriptor // of the seal that index.json lists
}

// entry is one file of the tar.
type entry struct {
	name   string
	digest oci.Digest // empty for a name that is not a blob's
	size   int64      // in bytes
	offset int64      // of the body

	again   bool // the blob came before, under the same name
	refused bool // its type or name is not allowed, so it has no place in the order
}

// OpenFile reads the metadata of the bundle in a file, within the budgets of lim;
// fields that are zero mean the defaults. A path that is not a regular file, such
// as that of a named pipe, is read as by [OpenStream]. The caller closes the
// reader. The error is that of the operating system; what is wrong with the bundle
// is in [Reader.Faults].
func OpenFile(path string, lim oci.Limits) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := openHandle(f, lim)
	if err != nil {
		f.Close()
		return nil, err
	}
	r.file = f
	return r, nil
}

func openHandle(f *os.File, lim oci.Limits) (*Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return OpenStream(f, lim)
	}
	return Open(f, info.Size(), lim)
}

// Open is [OpenFile] for a file of size bytes that the caller has opened. Several
// goroutines read it at once.
func Open(file io.ReaderAt, size int64, lim oci.Limits) (*Reader, error) {
	return OpenMedium(file, size, lim, Medium{})
}

// OpenStream is [OpenFile] for a pipe. It reads up to the header of the first
// blob that is not metadata.
func OpenStream(r io.Reader, lim oci.Limits) (*Reader, error) {
	return open(&input{r: r}, lim, Medium{})
}

// Medium is what is known about the files that a bundle is read from.
type Medium struct {
	// Known are faults of the medium, which are reported together with those that
	// reading the bundle finds.
	Known []*check.Fault
	// Cut says that the end of the bundle is missing and that Known says why. The
	// reader then does not report the missing end.
	Cut bool
	// Explain is called at the end of [Reader.Hash] if anything is wrong, and
	// returns the faults of the medium that caused it. It calls progress with the
	// number of bytes of each read. Explain may be nil.
	Explain func(ctx context.Context, progress func(int64)) ([]*check.Fault, error)
}

// OpenMedium is [Open] for a bundle whose medium has faults of its own, such as
// a set of volumes.
func OpenMedium(file io.ReaderAt, size int64, lim oci.Limits, m Medium) (*Reader, error) {
	in := &input{file: io.NewSectionReader(file, 0, size), size: size}
	in.r = fileReader{in}
	r, err := open(in, lim, m)
	if m.Cut && !r.complete() {
		r.Inventory = nil // judging incomplete metadata would blame the publisher for a fault of the medium
	}
	for _, f := range m.Known {
		r.faults.add(f)
	}
	return r, err
}

func open(in *input, lim oci.Limits, m Medium) (*Reader, error) {
	r := &Reader{
		in: in, medium: m,
		places: map[oci.Digest]entry{},
		read:   map[oci.Digest]bool{},
		states: map[oci.Digest]check.State{},
	}
	r.Limits = lim.WithDefaults()
	r.Meta = map[oci.Digest][]byte{}
	r.Damaged = map[oci.Digest]bool{}
	r.seq = newSequence(&r.faults)
	return r, r.scan()
}

// Close closes the file that [OpenFile] opened. For other readers it does
// nothing.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

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

// lose stops reading before the end of the archive, because the place of the next
// header is not known.
func (r *Reader) lose() {
	r.ended = true
	r.lost = true
}

// stop stops reading because a budget is exceeded.
func (r *Reader) stop(id check.ID, what string, max int64) {
	r.lose()
	r.faults.add(&check.Fault{ID: id, Detail: "too many " + what,
		Expected: fmt.Sprintf("at most %d", max), Found: "more"})
}

// Faults returns what is wrong with the container, the layout and the blobs. The
// list is complete once [Reader.Hash] has returned.
func (r *Reader) Faults() []*check.Fault { return r.faults.list() }

// Sound reports whether the reader has found nothing so far that rejects the bundle.
func (r *Reader) Sound() bool {
	for k, n := range r.faults.count {
		if !k.warn && n > 0 {
			return false
		}
	}
	return true
}

// Metadata returns the metadata that was read, nil if there is no inventory that
// can be read.
func (r *Reader) Metadata() *Contents {
	if r.Inventory == nil {
		return nil
	}
	return &r.Contents
}

// Identity returns the SHA-256 of index.json, which identifies the bundle; it is
// empty if there is none.
func (r *Reader) Identity() oci.Digest {
	if r.Index == nil {
		return ""
	}
	return oci.FromBytes(r.Index)
}

// Has reports whether the bundle holds a blob, in whatever state.
func (r *Reader) Has(d oci.Digest) bool { return r.read[d] }

// State returns the state of a blob that the inventory lists, once [Reader.Hash]
// has returned.
func (r *Reader) State(d oci.Digest) check.State {
	switch {
	case r.states[d] != "":
		return r.states[d]
	case r.read[d] || !r.Whole():
		return check.Unread
	}
	return check.Missing
}

// Whole reports whether the file could be read to its end. The answer is known once
// [Reader.Hash] has returned.
func (r *Reader) Whole() bool {
	return !r.lost && !r.faults.has(check.ContainerTruncated, check.ContainerWrapper)
}

// Totals returns how many bytes and blobs were read.
func (r *Reader) Totals() (bytes int64, blobs int) {
	if r.in == nil {
		return 0, 0
	}
	return r.in.pos, len(r.read)
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

// An input is read forward once. In a file, bytes can also be skipped. Hash and
// OpenBlob read them later through the field file, from several goroutines.
type input struct {
	r    io.Reader
	file io.ReaderAt // nil for a pipe
	size int64       // of the file, in bytes
	pos  int64
}

// Read implements [io.Reader].
func (in *input) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.pos += int64(n)
	return n, err
}

// skip moves on by n bytes in a file.
func (in *input) skip(n int64) { in.pos += n }

// full fills p. A file that ends before p is full is reported as truncated; err
// is the operating system's.
func (in *input) full(p []byte) (n int, truncated bool, err error) {
	n, err = io.ReadFull(in, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, true, nil
	}
	return n, false, err
}

// fileReader reads a file at the position of its input, so that bytes that are
// skipped are not read.
type fileReader struct{ in *input }

// Read implements [io.Reader].
func (f fileReader) Read(p []byte) (int, error) { return f.in.file.ReadAt(p, f.in.pos) }
