package receipt

import (
	"context"
	"fmt"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/verify/check"
)

// RefusedError reports that a receipt, although one of the pinned keys signed
// it, does not say what was asked for.
type RefusedError struct {
	Reason          string
	Expected, Found string // empty where they would add nothing
}

// Error returns the reason, with what was expected and found where that adds
// something.
func (e *RefusedError) Error() string {
	if e.Expected == "" && e.Found == "" {
		return e.Reason
	}
	return fmt.Sprintf("%s: expected %s, found %s", e.Reason, e.Expected, e.Found)
}

// Accept checks that the bundle was verified and, if transferID is not empty,
// that the receipt is about that transfer. The error is a [*RefusedError].
func (r *Receipt) Accept(transferID string) error {
	if transferID != "" && r.TransferID != transferID {
		found := r.TransferID
		if found == "" {
			found = "none"
		}
		return &RefusedError{"the receipt is of another transfer", transferID, found}
	}
	if v := r.Found.Verdict; v != check.Verified {
		cause := r.Found.Failures[0].ID
		reason := fmt.Sprintf("the receipt is valid, and it says that the bundle was %s: %s", v, cause)
		return &RefusedError{Reason: reason}
	}
	return nil
}

// Match checks that the receipt is about the bundle that b reads, to the byte.
// It reads the bundle to its end, has every digest checked, and compares
// identity and size. The signatures in the bundle are not judged again.
//
// Only the metadata may have been read from b before. progress is
// called with the number of bytes of each step and may be nil. The error is a
// [*RefusedError] for another or a damaged bundle, or that of ctx or of the
// operating system.
func (r *Receipt) Match(ctx context.Context, b *bundle.Reader, progress func(int64)) error {
	if err := b.Hash(ctx, nil, progress); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	want := identity(string(r.Found.Bundle.Identity))
	found := identity(string(b.Identity()))
	if want != found {
		return &RefusedError{"the receipt is of another bundle", want, found}
	}
	for _, f := range b.Faults() {
		if !f.Warn {
			return &RefusedError{Reason: "the bundle is not whole: " + f.Error()}
		}
	}
	if size, _ := b.Totals(); size != r.Found.Bundle.Size {
		return &RefusedError{"the bundle has another size", inBytes(r.Found.Bundle.Size), inBytes(size)}
	}
	return nil
}

func identity(s string) string {
	if s == "" {
		return "a file without an identity"
	}
	return s
}

func inBytes(n int64) string { return fmt.Sprintf("%d bytes", n) }
