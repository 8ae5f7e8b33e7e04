package rekor

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxCheckpoint is the budget for a checkpoint with all its signatures, in
// bytes. A note has at most 100 of them.
const MaxCheckpoint = 64 << 10

// Checkpoint is what a log said of its tree, and signed.
type Checkpoint struct {
	Origin   string // the log's name; in Rekor v1 followed by " - " and the id of the tree
	TreeSize int64
	RootHash []byte
	LogIDs   [][]byte // of the logs that signed it; see BindLog
	Unknown  []string // names and key ids of other signatures, which nothing was asked of
}

// VerifyCheckpoint opens a checkpoint, a signed note as C2SP tlog-checkpoint
// and signed-note define it, and answers whether one of logs signed it. The
// error is [ErrUnsigned] if none of its signatures names the key of one of
// them, [ErrCheckpoint] if one does and does not verify, [ErrLogKey] for a key
// that cannot be a log's; it matches [ErrTooLarge] when the budget is
// exceeded, and is a [*FormatError] otherwise. Signatures by other keys,
// witnesses', are returned by name: a caller should say that nothing vouches
// for them.
func VerifyCheckpoint(checkpoint string, logs []CheckpointKey) (*Checkpoint, error) {
	if len(checkpoint) > MaxCheckpoint {
		return nil, tooLarge("checkpoint: bytes", len(checkpoint), MaxCheckpoint)
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
		c.Unknown = append(c.Unknown, clip(fmt.Sprintf("%s+%08x", s.Name, s.Hash)))
	}
	return c, checkSigners(c.Origin, n)
}

// parseCheckpoint reads the signed text: origin, size, root and, in old
// checkpoints of Rekor v1, further lines.
func parseCheckpoint(text string) (*Checkpoint, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 || slices.Contains(lines, "") {
		return nil, malformed("checkpoint", "want the lines origin, size and root hash, and no empty one")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || decimal(size) != lines[1] {
		return nil, malformed("checkpoint: size", "want a plain integer, found %q", lines[1])
	}
	var r reader
	root := r.decode64(lines[2], "checkpoint: root hash")
	if r.err == nil && len(root) != tlog.HashSize {
		r.fail("checkpoint: root hash", "want %d bytes, found %d", tlog.HashSize, len(root))
	}
	return &Checkpoint{Origin: lines[0], TreeSize: size, RootHash: root}, r.err
}

// checkSigners asks for the origin to be that of each log that signed, and for
// every signature to be written in its one form.
func checkSigners(origin string, n *note.Note) error {
	for _, s := range n.Sigs {
		if !isOrigin(origin, s.Name) {
			return malformed("checkpoint: origin", "want the name of the log that signed it, %q, found %q", s.Name, origin)
		}
	}
	for _, s := range slices.Concat(n.Sigs, n.UnverifiedSigs) {
		// note.Open has seen to it that it decodes.
		if b, _ := base64.StdEncoding.DecodeString(s.Base64); base64.StdEncoding.EncodeToString(b) != s.Base64 {
			return malformed("checkpoint: signature", "want canonical base64 from %q", s.Name)
		}
	}
	return nil
}

// isOrigin tells whether origin is the name of a log or, as Rekor v1 writes it,
// the name, " - " and the id of the tree.
func isOrigin(origin, name string) bool {
	tree, found := strings.CutPrefix(origin, name+" - ")
	if !found {
		return origin == name
	}
	_, err := strconv.ParseUint(tree, 10, 64)
	return err == nil
}

// BindLog answers whether the log of this id signed the checkpoint. A log id is
// the whole of the key id that a signature of the checkpoint begins with. If
// not, the error is a [*MismatchError].
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

// explain turns an error of note.Open into one of ours.
func (o *opener) explain(err error) error {
	var unverified *note.UnverifiedNoteError
	switch {
	case o.err != nil:
		return o.err
	case errors.As(err, &unverified):
		return ErrUnsigned
	}
	return malformed("checkpoint", "want a signed note: %v", err)
}
