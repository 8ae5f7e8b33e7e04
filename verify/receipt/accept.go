package receipt

import (
	"context"
	"fmt"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/verify/check"
)

// RefusedError says that a receipt is what one of the pinned keys signed, and
// yet does not say what was asked for.
type RefusedError struct {
	Reason          string
	Expected, Found string // empty where they would say nothing
}

// Error says why, with what was expected and found where that says more.
func (e *RefusedError) Error() string {
	if e.Expected == "" && e.Found == "" {
		return e.Reason
	}
	return fmt.Sprintf("%s: expected %s, found %s", e.Reason, e.Expected, e.Found)
}

// Accept answers whether the receipt is of a verdict of verified and, if
// transferID is not empty, of that transfer. If not, the error is a
// [*RefusedError].
func (r *Receipt) Accept(transferID string) error {
	if transferID != "" && r.TransferID != transferID {
		found := r.TransferID
		if found == "" {
			found = "none"
		}
		return &RefusedError{"the receipt is of another transfer", transferID, found}
	}
	if r.Found.Verdict != check.Verified {
		return &RefusedError{Reason: fmt.Sprintf("the receipt is valid, and it says that the bundle was %s: %s", r.Found.Verdict, r.Found.Failures[0].ID)}
	}
	return nil
}

// Match answers whether the receipt is about these very bytes: it reads the
// bundle to its end, of which nothing must have been read behind its metadata,
// has every digest checked, and compares identity and size. The signatures in
// the bundle are not judged again. The error is a [*RefusedError], or the
// operating system's or that of ctx. progress may be nil.
func (r *Receipt) Match(ctx context.Context, b *bundle.Reader, progress func(int64)) error {
	if err := b.Hash(ctx, nil, progress); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	want, found := "a file without an identity", "a file without an identity"
	if id := r.Found.Bundle.Identity; id != nil {
		want = *id
	}
	if id := b.Identity(); id != "" {
		found = string(id)
	}
	if want != found {
		return &RefusedError{"the receipt is of another bundle", want, found}
	}
	for _, f := range b.Faults() {
		if !f.Warn {
			return &RefusedError{Reason: "the bundle is not whole: " + f.Error()}
		}
	}
	if size, _ := b.Totals(); size != r.Found.Bundle.Size {
		return &RefusedError{"the bundle has another size", fmt.Sprintf("%d bytes", r.Found.Bundle.Size), fmt.Sprintf("%d bytes", size)}
	}
	return nil
}
