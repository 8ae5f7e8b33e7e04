package rekor

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrSET reports that a well-formed signed entry timestamp is not a
	// signature by the log key over the entry that is checked.
	ErrSET = errors.New("signed entry timestamp does not verify under the log key")

	// ErrProof reports that a well-formed inclusion proof does not lead from
	// the entry to the root hash.
	ErrProof = errors.New("inclusion proof does not lead from the entry to the root hash")

	// ErrCheckpoint reports that a signature which names the log's key is not a
	// signature by that key over the checkpoint.
	ErrCheckpoint = errors.New("checkpoint does not verify under the log key")

	// ErrUnsigned reports that no signature of a checkpoint names the key of a
	// log that was given.
	ErrUnsigned = errors.New("checkpoint is not signed by the log")

	// ErrLogKey reports that a key cannot be a log's: it is neither ECDSA nor
	// Ed25519.
	ErrLogKey = errors.New("log key must be an ECDSA or Ed25519 public key")
)

// UnsupportedError reports that an entry is of a kind or version that this package
// does not read. If For is set, the entry can be read, but its kind does not record
// what For names. Kind and APIVersion are as found.
type UnsupportedError struct {
	Kind       string
	APIVersion string
	For        string
}

// Error names the kind and what was expected instead.
func (e *UnsupportedError) Error() string {
	if e.For != "" {
		return fmt.Sprintf("log entry of kind %q version %q cannot be compared with %s", e.Kind, e.APIVersion, e.For)
	}
	known := make([]string, len(forms))
	for i, f := range forms {
		known[i] = f.kind + " " + f.version
	}
	return fmt.Sprintf("log entry of kind %q version %q is not supported, want %s", e.Kind, e.APIVersion,
		strings.Join(known, ", "))
}

// MismatchError reports that an entry is well-formed, but about something else.
// What is "kind", "log id", "log index", "tree size", "root hash", "hash
// algorithm", "payload digest", "payload type", "envelope digest", "signature",
// "public key" or "certificate". Expected belongs to what is judged, Found to
// the entry. Log ids, digests and roots are lower-case hex, signatures are
// base64, keys are "sha256:" and the hex of the SHA-256 of their
// SubjectPublicKeyInfo, and certificates the same of their DER.
type MismatchError struct {
	What     string
	Expected string
	Found    string
}

// Error names what differs, with both values.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("log entry has another %s: expected %s, found %s", e.What, e.Expected, e.Found)
}

// DuplicateError reports that two entries are the same. First and Second are
// their indexes in the list that was given; What, "log index" or "body", is
// what they share.
type DuplicateError struct {
	What          string
	First, Second int
}

// Error names both entries and what they share.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("log entries %d and %d have the same %s, want each entry once", e.First, e.Second, e.What)
}
