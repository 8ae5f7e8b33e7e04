package oci

import (
	"context"
	"io"
)

// Upload is one blob on its way to a destination. Its bytes are written in order.
// Exactly one of Commit and Cancel ends it, whatever Write returned; an upload that is
// not ended may hold memory and a connection.
type Upload interface {
	io.Writer
	// Commit makes the blob part of the repository. It fails unless the destination
	// found the digest and the size that were announced.
	Commit(ctx context.Context) error
	// Cancel gives the blob up, and removes what was sent of it where the destination
	// offers that.
	Cancel(ctx context.Context) error
}
