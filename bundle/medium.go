package bundle

import (
	"context"
	"io"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// Medium is what is known of the files that a bundle is read from.
type Medium struct {
	Known []*check.Fault // told whatever else is found
	Cut   bool           // the end is missing, and Known says why: that is not told again
	// Explain is asked at the end of [Reader.Rest] for the cause, if anything
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
