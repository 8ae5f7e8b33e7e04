package bundle

import (
	"fmt"

	"github.com/gapseal/gapseal/internal/check"
)

// cutOff reports a file that ends too early: how large it is, and how large it
// should be, where that is known. next is where the next entry would begin. What
// is known of the medium already is not told again.
func (r *Reader) cutOff(id check.ID, subject, detail string, next int64) {
	r.ended = true
	if r.medium.Cut {
		r.lost = true
		return
	}
	size, expected := r.in.pos, "more"
	if r.in.file != nil {
		size = r.in.size
	}
	if n, ok := r.expected(next); ok && n > size {
		expected = fmt.Sprintf("a file of %d bytes", n)
	}
	r.faults.add(&check.Fault{ID: id, Subject: subject, Detail: detail, Expected: expected, Found: fmt.Sprintf("%d bytes", size)})
}

// expected returns how large the file should be by its inventory: everything
// before next, the blobs that have not come, and the two blocks at the end. It is
// not known while own parts of the bundle are missing.
func (r *Reader) expected(next int64) (size int64, ok bool) {
	if next < 0 || r.Inventory == nil || r.Sealed && r.Seal == nil {
		return 0, false
	}
	size = next + 2*blockSize
	for _, b := range r.Inventory.Blobs {
		if r.read[b.Digest] {
			continue
		}
		n := footprint(b.Size)
		if size += n; n < 0 || size < 0 {
			return 0, false // a hostile size
		}
	}
	return size, true
}
