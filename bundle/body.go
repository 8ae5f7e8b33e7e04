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
		r.truncated(e.name, e.size, int64(n))
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
		r.truncated(e.name, e.size, n)
		return nil
	}
	return r.padding(e)
}

func (r *Reader) truncated(name string, want, got int64) {
	r.ended = true
	if r.medium.Cut {
		r.lost = true
		return
	}
	r.faults.add(&check.Fault{ID: check.ContainerTruncated, Subject: name, Detail: "the file ends inside this entry",
		Expected: fmt.Sprintf("%d bytes", want), Found: fmt.Sprintf("%d bytes", got)})
}

// leave passes over a body that is not held in memory.
func (r *Reader) leave(e entry) error {
	if r.in.file == nil {
		r.pending = &e
		return nil
	}
	if left := r.in.size - r.in.pos; e.size > left {
		r.truncated(e.name, e.size, left)
		return nil
	}
	r.content = append(r.content, e)
	r.in.skip(e.size)
	return r.padding(e)
}

// padding checks the zero bytes that fill the last block of a body.
func (r *Reader) padding(e entry) error {
	pad := make([]byte, padding(e.size))
	n, truncated, err := r.in.full(pad)
	if err != nil {
		return err
	}
	if truncated {
		r.truncated(e.name, e.size+int64(len(pad)), e.size+int64(n))
		return nil
	}
	if slices.ContainsFunc(pad, func(b byte) bool { return b != 0 }) {
		r.faults.add(&check.Fault{ID: check.ContainerPadding, Subject: e.name, Detail: fmt.Sprintf("bytes after the entry at offset %d are not zero", e.offset+e.size)})
	}
	return nil
}
