package layer

import (
	"errors"
	"fmt"
)

// What an [Unpacker] finds wrong, apart from a [LimitError].
var (
	// ErrFormat: the layer begins like no format that layers have.
	ErrFormat = errors.New("layer is neither tar, gzip nor zstd")

	// ErrDamaged: the compressed data is broken or ends early.
	ErrDamaged = errors.New("layer is damaged")

	// ErrTrailing: something that is no compressed data follows it.
	ErrTrailing = errors.New("layer has bytes after its compressed data")

	// ErrInternal: the decoder gave way. That is a fault of the program, and
	// no verdict on the layer.
	ErrInternal = errors.New("internal fault while unpacking a layer")
)

// Result is what an [Unpacker] learned of one layer.
type Result struct {
	// Format is what the magic bytes say.
	Format Format

	// DiffID is "sha256:" and the lower-case hex SHA-256 of the unpacked
	// bytes; empty if Err is set.
	DiffID string

	// Unpacked counts unpacked bytes, up to where Err stopped it.
	Unpacked int64

	// Findings are bytes of the layer that its diff ID does not speak for,
	// and other things to warn of, one sentence each, of bounded number and
	// length. Text from the layer is quoted, in printable ASCII.
	Findings []string

	// Err is nil, a *LimitError, or wraps one of the errors above.
	Err error
}

func (r *Result) find(format string, args ...any) {
	r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
}

// damaged wraps what a decoder or the output said, unless it was a limit.
func damaged(where string, err error) error {
	if limit := (*LimitError)(nil); errors.As(err, &limit) {
		return limit
	}
	return fmt.Errorf("%w: %s: %w", ErrDamaged, where, err)
}
