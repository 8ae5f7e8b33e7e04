package trust

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrSignature says that a signature does not verify under a key. It may
	// be another key's, or be over another message.
	ErrSignature = errors.New("signature does not verify under the key")
)

// UnsupportedError says that an anchor is well-formed, but of a kind this
// package does not judge by. Found is the kind's name as it stands in the file.
type UnsupportedError struct {
	What  string
	Found string
	Want  string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s %q is not supported, want %s", e.What, e.Found, e.Want)
}

// WeakKeyError says that a key is too weak to be trusted. Key is as
// [Key.Describe] gives it, Want what is asked of such a key.
type WeakKeyError struct {
	Key  string
	Want string
}

func (e *WeakKeyError) Error() string {
	return fmt.Sprintf("key %s is too weak: want %s", e.Key, e.Want)
}

// EncodingError says that an ECDSA signature is not in its one DER form, so
// that it was not put to the key at all.
type EncodingError struct{ Reason string }

func (e *EncodingError) Error() string { return "ECDSA signature encoding: " + e.Reason }

// WindowError says that a time lies outside the window in which an anchor was
// valid. Both ends belong to the window; a zero From or To leaves it open.
type WindowError struct {
	From, To, At time.Time
}

func (e *WindowError) Error() string {
	return fmt.Sprintf("%s is outside the window from %s to %s, both included",
		stamp(e.At), stamp(e.From), stamp(e.To))
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "(open)"
	}
	return t.UTC().Format(time.RFC3339Nano)
}
