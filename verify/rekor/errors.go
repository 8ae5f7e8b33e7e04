package rekor

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrSET says that a well-formed signed entry timestamp is not a signature
	// by the log key over the entry at hand.
	ErrSET = errors.New("signed entry timestamp does not verify under the log key")

	// ErrProof says that a well-formed inclusion proof does not lead from the
	// entry to the root hash.
	ErrProof = errors.New("inclusion proof does not lead from the entry to the root hash")

	// ErrCheckpoint says that a signature which names the log's key is not a
	// signature by that key over the checkpoint.
	ErrCheckpoint = errors.New("checkpoint does not verify under the log key")

	// ErrUnsigned says that no signature of a checkpoint names the key of a log
	// that was asked for.
	ErrUnsigned = errors.New("checkpoint is not signed by the log")

	// ErrLogKey says that a key cannot be a log's: neither ECDSA nor Ed25519.
	ErrLogKey = errors.New("log key must be an ECDSA or Ed25519 public key")
)

// UnsupportedError says that an entry is of a kind or version this package
// does not read or, where For says what is judged, of one that cannot speak for
// that. Kind and version are as found.
type UnsupportedError struct {
	Kind       string
	APIVersion string
	For        string
}

func (e *UnsupportedError) Error() string {
	if e.For != "" {
		return fmt.Sprintf("log entry of kind %q version %q cannot speak for %s", e.Kind, e.APIVersion, e.For)
	}
	known := make([]string, len(forms))
	for i, f := range forms {
		known[i] = f.kind + " " + f.version
	}
	return fmt.Sprintf("log entry of kind %q version %q is not supported, want %s", e.Kind, e.APIVersion, strings.Join(known, ", "))
}

// MismatchError says that an entry is well-formed, but about something else.
// What is "kind", "log id", "log index", "tree size", "root hash", "hash
// algorithm", "payload digest", "payload type", "envelope digest",
// "signature", "public key" or "certificate"; Expected belongs to what is
// judged, Found to the entry. Log ids, digests and roots are lower-case hex,
// signatures base64, keys "sha256:" and the hex of the SHA-256 of their
// SubjectPublicKeyInfo, certificates the same of their DER.
type MismatchError struct {
	What     string
	Expected string
	Found    string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("log entry has another %s: expected %s, found %s", e.What, e.Expected, e.Found)
}

// DuplicateError says that two entries are one and the same: First and Second
// are their places. What is "log index" or "body".
type DuplicateError struct {
	What          string
	First, Second int
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("log entries %d and %d have the same %s, want each entry once", e.First, e.Second, e.What)
}
