package bundle

import (
	"fmt"
	"io"
	"slices"

	"github.com/gapseal/gapseal/internal/check"
)

// take reads an entry's body if it is metadata, or leaves it for Rest.
func (r *Reader) take(e entry) error {
	if e.digest != "" {
		r.read[e.digest] = true
	}
	keep, budget := r.metadata(e)
	if !keep {
		return r.leave(e)
	}
	if e.size > budget.max {
		return r.overBudget(e, budget)
	}
	if r.held+e.size > r.lim.Metadata {
		r.stop(check.LimitMetadata, "bytes of metadata in all", r.lim.Metadata)
		return nil
	}
	body := make([]byte, e.size)
	n, truncated, err := r.in.full(body)
	if err != nil {
		return err
	}
	if truncated {
		r.truncated(e, int64(n))
		return nil
	}
	r.held += e.size
	r.store(e, body)
	return r.padding(e)
}

// overBudget passes over metadata that is too large to be held.
func (r *Reader) overBudget(e entry, b budget) error {
	r.faults.add(&check.Fault{ID: b.id, Subject: e.name, Detail: "is over its budget and was not read",
		Expected: fmt.Sprintf("at most %d bytes", b.max), Found: fmt.Sprintf("%d bytes", e.size)})
	if e.digest != "" {
		r.Damaged[e.digest] = true
	}
	n := e.size
	if r.in.file != nil {
		n = min(n, r.in.size-r.in.pos)
		r.in.skip(n)
	} else if m, err := io.CopyN(io.Discard, r.in, n); err == io.EOF {
		n = m
	} else if err != nil {
		return err
	}
	if n != e.size {
		r.truncated(e, n)
		return nil
	}
	return r.padding(e)
}

// truncated reports a file that ends inside an entry, of which got bytes came.
func (r *Reader) truncated(e entry, got int64) {
	r.cutOff(check.ContainerTruncated, e.name, fmt.Sprintf("the file ends inside this entry, after %d of its %d bytes", got, e.size), e.offset-blockSize+footprint(e.size))
}

// leave passes over a body that is not held in memory.
func (r *Reader) leave(e entry) error {
	if r.in.file == nil {
		r.pending = &e
		return nil
	}
	if left := r.in.size - r.in.pos; e.size > left {
		r.truncated(e, left)
		return nil
	}
	r.content = append(r.content, e)
	r.in.skip(e.size)
	return r.padding(e)
}

// padding checks the zero bytes that fill the last block of a body.
func (r *Reader) padding(e entry) error {
	pad := make([]byte, padding(e.size))
	_, truncated, err := r.in.full(pad)
	if err != nil {
		return err
	}
	if truncated {
		r.cutOff(check.ContainerTruncated, e.name, "the file ends inside the padding behind this entry", e.offset-blockSize+footprint(e.size))
		return nil
	}
	if slices.ContainsFunc(pad, func(b byte) bool { return b != 0 }) {
		r.faults.add(&check.Fault{ID: check.ContainerPadding, Subject: e.name, Detail: fmt.Sprintf("bytes after the entry at offset %d are not zero", e.offset+e.size)})
	}
	return nil
}
