package bundle

import (
	"fmt"
	"io"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// Reader reads one bundle, each byte once. [Open] and [OpenStream] read the
// metadata, [Reader.Rest] everything else.
type Reader struct {
	Contents
	Index []byte // index.json as found, nil if it was not

	in      *input
	lim     oci.Limits
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
	states  map[oci.Digest]string // of those that were hashed
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
	r := &Reader{in: in, lim: lim, medium: m, read: map[oci.Digest]bool{}, states: map[oci.Digest]string{}}
	r.Meta, r.Damaged = map[oci.Digest][]byte{}, map[oci.Digest]bool{}
	r.seq = newSequence(&r.faults)
	return r, r.scan()
}

// Faults returns what is wrong with the container, the layout and the blobs.
// It is complete once Rest has returned.
func (r *Reader) Faults() []*check.Fault { return r.faults.list() }

// Identity is the SHA-256 of index.json, empty if there is none.
func (r *Reader) Identity() oci.Digest {
	if r.Index == nil {
		return ""
	}
	return oci.FromBytes(r.Index)
}

// The states of a blob.
const (
	StateIntact  = "intact"  // hashed, and what its digest says
	StateDamaged = "damaged" // hashed, and something else, or of another size
	StateUnread  = "unread"  // not reached, or over its budget
	StateMissing = "missing" // the file was read to its end without it
)

// State says in which state a blob that the inventory lists was found, once Rest
// has returned.
func (r *Reader) State(d oci.Digest) string {
	switch {
	case r.states[d] != "":
		return r.states[d]
	case r.read[d] || !r.Whole():
		return StateUnread
	}
	return StateMissing
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

// Whole reports whether the file could be read to its end, once Rest has
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
