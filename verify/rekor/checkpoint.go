package rekor

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
)

// MaxCheckpoint is the budget for a checkpoint with all its signatures, in
// bytes. A note has at most 100 of them.
const MaxCheckpoint = 64 << 10

// Checkpoint is what a log stated about its tree and signed.
type Checkpoint struct {
	Origin   string // the log's name; in Rekor v1 followed by " - " and the id of the tree
	TreeSize int64
	RootHash []byte
	LogIDs   [][]byte // of the logs that signed it; see [Checkpoint.BindLog]
	Unknown  []string // names and key ids of the other signatures, which were not verified
}

// VerifyCheckpoint opens a checkpoint, a signed note as C2SP tlog-checkpoint
// and signed-note define it, and checks that one of logs signed it. The error
//
//   - is [ErrUnsigned] if no signature names the key of one of logs;
//   - is [ErrCheckpoint] if a signature names such a key and does not verify;
//   - is [ErrLogKey] for a key that cannot be a log's;
//   - matches [check.ErrTooLarge] when the budget is exceeded;
//   - is a [*check.FormatError] otherwise.
//
// Signatures by other keys, such as those of witnesses, are returned by name. A
// caller should report that they were not verified.
func VerifyCheckpoint(checkpoint string, logs []CheckpointKey) (*Checkpoint, error) {
	if len(checkpoint) > MaxCheckpoint {
		return nil, check.TooLarge("checkpoint: bytes", len(checkpoint), MaxCheckpoint)
	}
	for _, l := range logs {
		if err := checkLogKey(l.Public); err != nil {
			return nil, err
		}
	}
	o := &opener{logs: logs}
	n, err := note.Open([]byte(checkpoint), o)
	if err != nil {
		return nil, o.explain(err)
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil {
		return nil, err
	}
	c.LogIDs = o.ids
	for _, s := range n.UnverifiedSigs {
		c.Unknown = append(c.Unknown, check.Clip(fmt.Sprintf("%s+%08x", s.Name, s.Hash)))
	}
	return c, checkSigners(c.Origin, n)
}

// parseCheckpoint reads the signed text: origin, size, root and, in old
// checkpoints of Rekor v1, further lines.
func parseCheckpoint(text string) (*Checkpoint, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 || slices.Contains(lines, "") {
		return nil, check.Malformed("checkpoint", "want the lines origin, size and root hash, and no empty one")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || decimal(size) != lines[1] {
		return nil, check.Malformed("checkpoint: size", "want a plain integer, found %q", lines[1])
	}
	var r reader
	root := r.decode64(lines[2], "checkpoint: root hash")
	if r.err == nil && len(root) != tlog.HashSize {
		r.fail("checkpoint: root hash", "want %d bytes, found %d", tlog.HashSize, len(root))
	}
	return &Checkpoint{Origin: lines[0], TreeSize: size, RootHash: root}, r.err
}

// checkSigners requires the origin to be that of each log that signed, and
// every signature to be written in its one form.
func checkSigners(origin string, n *note.Note) error {
	for _, s := range n.Sigs {
		if !IsOrigin(origin, s.Name) {
			return check.Malformed("checkpoint: origin", "want the name of the log that signed it, %q, found %q",
				s.Name, origin)
		}
	}
	for _, s := range slices.Concat(n.Sigs, n.UnverifiedSigs) {
		if _, err := strict.Base64(s.Base64); err != nil {
			return check.Malformed("checkpoint: signature", "want canonical base64 from %q", s.Name)
		}
	}
	return nil
}

// IsOrigin reports whether origin, the first line of a checkpoint, is the name of a
// log or, as Rekor v1 writes it, the name, " - " and the id of the tree.
func IsOrigin(origin, name string) bool {
	tree, found := strings.CutPrefix(origin, name+" - ")
	if !found {
		return origin == name
	}
	_, err := strconv.ParseUint(tree, 10, 64)
	return err == nil
}

// BindLog checks that the log of this id signed the checkpoint. A log id is the
// whole of the key id with which a signature of the checkpoint begins. If not,
// the error is a [*MismatchError].
func (c *Checkpoint) BindLog(logID []byte) error {
	if slices.ContainsFunc(c.LogIDs, func(id []byte) bool { return bytes.Equal(id, logID) }) {
		return nil
	}
	signers := make([]string, len(c.LogIDs))
	for i, id := range c.LogIDs {
		signers[i] = hex.EncodeToString(id)
	}
	return mismatch("log id", strings.Join(signers, ", "), hex.EncodeToString(logID))
}

// explain turns an error of note.Open into one of this package.
func (o *opener) explain(err error) error {
	var unverified *note.UnverifiedNoteError
	switch {
	case o.err != nil:
		return o.err
	case errors.As(err, &unverified):
		return ErrUnsigned
	}
	return check.Malformed("checkpoint", "want a signed note: %v", err)
}

// CheckpointKey is a log's key, to verify its checkpoints with.
type CheckpointKey struct {
	// Name is the name that the log signs with, or empty if any name will do: a
	// log of Rekor v1 chooses a name that cannot be derived from its URL.
	Name   string
	Public crypto.PublicKey // *ecdsa.PublicKey or ed25519.PublicKey
}

// ids returns the key ids that signatures by this key may have under a name:
// the SHA-256 of the SubjectPublicKeyInfo, which Rekor v1 uses for every key
// and C2SP signed-note for ECDSA, and for Ed25519 also the key id of
// signed-note.
func (k CheckpointKey) ids(name string) [][]byte {
	if k.Name != "" && k.Name != name {
		return nil
	}
	der, err := x509.MarshalPKIXPublicKey(k.Public)
	if err != nil {
		return nil // a curve without a name, so no id
	}
	sum := sha256.Sum256(der)
	ids := [][]byte{sum[:]}
	if key, ok := k.Public.(ed25519.PublicKey); ok {
		sum := sha256.Sum256(append([]byte(name+"\n\x01"), key...))
		ids = append(ids, sum[:])
	}
	return ids
}

// opener gives note.Open the keys of logs. It keeps the ids of those that
// signed, and the first error, because a note.Verifier can only say no.
type opener struct {
	logs []CheckpointKey
	ids  [][]byte
	seen map[signer]bool
	err  error
}

// signer is how a signature line identifies its key.
type signer struct {
	name string
	hash uint32
}

// Verifier implements [note.Verifiers]. It is called once for each signature.
func (o *opener) Verifier(name string, hash uint32) (note.Verifier, error) {
	s := signer{name, hash}
	for _, l := range o.logs {
		for _, id := range l.ids(name) {
			if binary.BigEndian.Uint32(id) == hash {
				return o.verifier(s, id, l.Public)
			}
		}
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}

// verifier refuses a second signature under one key id, which note.Open would
// skip without verifying it.
func (o *opener) verifier(s signer, id []byte, key crypto.PublicKey) (note.Verifier, error) {
	if o.seen[s] {
		o.err = check.Malformed("checkpoint: signature", "want one under %s, found another", s.name)
		return nil, o.err
	}
	if o.seen == nil {
		o.seen = map[signer]bool{}
	}
	o.seen[s] = true
	return &logVerifier{signer: s, id: id, key: key, opener: o}, nil
}

// logVerifier is one log's key under one name and key id.
type logVerifier struct {
	signer
	id     []byte
	key    crypto.PublicKey
	opener *opener
}

// Name implements [note.Verifier].
func (v *logVerifier) Name() string { return v.name }

// KeyHash implements [note.Verifier].
func (v *logVerifier) KeyHash() uint32 { return v.hash }

// Verify implements [note.Verifier].
func (v *logVerifier) Verify(msg, sig []byte) bool {
	v.opener.err = role{"checkpoint: signature", ErrCheckpoint}.verify(v.key, msg, sig)
	if v.opener.err != nil {
		return false
	}
	v.opener.ids = append(v.opener.ids, v.id)
	return true
}
