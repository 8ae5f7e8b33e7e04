package check

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTooLarge reports that a document exceeds a budget of the package that reads
// it. The error that wraps it names the document and the budget.
var ErrTooLarge = errors.New("too large")

// TooLarge returns an error that matches [ErrTooLarge]. What names the document;
// found and budget are counts of the same unit.
func TooLarge(what string, found, budget int) error {
	return fmt.Errorf("%s: %d exceeds the budget of %d: %w", what, found, budget, ErrTooLarge)
}

// FormatError reports that a document is not in the form it must have. What names
// the document or the part of it, Reason says what was expected and found.
type FormatError struct {
	What   string
	Reason string
}

// Error names what is malformed and how.
func (e *FormatError) Error() string { return e.What + ": " + e.Reason }

// Malformed returns a [*FormatError] whose reason is formatted as by
// [fmt.Sprintf] and clipped by [Clip].
func Malformed(what, format string, args ...any) error {
	return &FormatError{What: what, Reason: Clip(fmt.Sprintf(format, args...))}
}

// maxClipped is the longest text from outside that a message repeats, in bytes.
const maxClipped = 300

// Clip shortens a text from outside so that it cannot flood a message or a
// report. A character that the cut splits is dropped.
func Clip(s string) string {
	if len(s) <= maxClipped {
		return s
	}
	return strings.ToValidUTF8(s[:maxClipped], "") + "…"
}
