package dsse

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrTooLarge says that a budget of this package is exceeded; the error that
	// wraps it names the budget.
	ErrTooLarge = errors.New("too large")

	// ErrPassword says that a private key cannot be decrypted with the password.
	ErrPassword = errors.New("the password does not decrypt the private key")
)

// FormatError says that an envelope or a private key is not in the form it must
// have. It never repeats what a private key file holds.
type FormatError struct {
	What   string // "envelope" or "private key file"
	Reason string
}

// Error names what is malformed and how.
func (e *FormatError) Error() string { return e.What + ": " + e.Reason }

// TypeError says that an envelope holds another kind of statement than the one
// asked for. Whether it is signed was not asked.
type TypeError struct {
	Want, Found string
}

// Error names both types.
func (e *TypeError) Error() string {
	return fmt.Sprintf("the envelope holds a payload of another type: want %s, found %q", e.Want, e.Found)
}

// KeyError says that an envelope names a key that is none of those given. Found
// is the envelope's word and nothing more.
type KeyError struct {
	Found string
	Want  []string // fingerprints
}

// Error names the keys that would do, and the one found.
func (e *KeyError) Error() string {
	want := strings.Join(e.Want, " or ")
	if want == "" {
		want = "none was given"
	}
	return fmt.Sprintf("the envelope is signed by another key: want %s, found %q", want, e.Found)
}

func malformed(what, format string, args ...any) error {
	return &FormatError{What: what, Reason: clip(fmt.Sprintf(format, args...))}
}

func tooLarge(what string, found, budget int) error {
	return fmt.Errorf("%s: %d bytes exceed the budget of %d: %w", what, found, budget, ErrTooLarge)
}

// clip keeps a hostile value from flooding a message.
func clip(s string) string {
	const longest = 300
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}
