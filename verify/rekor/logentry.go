package rekor

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/gapseal/gapseal/verify/check"
)

// LogEntry is an entry of a transparency log as a Sigstore bundle carries it: the
// body, which is an [Entry], and what the log says about it. Nothing in it has been
// verified.
//
// IntegratedTime and, in Rekor v1, LogIndex are covered by the SET and by
// nothing else. Without a SET that verifies they are unproven claims.
type LogEntry struct {
	LogIndex       int64
	LogID          []byte // the id itself, not its hex
	Kind, Version  string // as declared beside the body; see [LogEntry.ParseBody]
	IntegratedTime int64  // Unix seconds, 0 if there is none
	SET            []byte // the signed entry timestamp, nil if there is none
	Body           []byte // the entry, decoded
	Proof          *Proof // nil if there is none
}

// Check checks the form of each part of the entry, and that the entry has the
// parts that its generation of Rekor gives and no others: from Rekor v1 a SET
// with its time, an inclusion proof, or both; from Rekor v2 an inclusion proof
// and no time, since nothing would vouch for one. The proof itself is left to
// [Proof.Verify]. The error matches [check.ErrTooLarge] when a budget is
// exceeded, is a [*MismatchError] for a proof of another index in Rekor v2, and a
// [*check.FormatError] otherwise.
func (e *LogEntry) Check() error {
	if len(e.Body) > MaxBody {
		return check.TooLarge("log entry: bytes", len(e.Body), MaxBody)
	}
	if len(e.LogID) != sha256.Size {
		return check.Malformed("logId", "want %d bytes, found %d", sha256.Size, len(e.LogID))
	}
	if e.LogIndex < 0 || e.LogIndex > maxInteger {
		return check.Malformed("logIndex", "want an integer from 0 to %d, found %d", int64(maxInteger), e.LogIndex)
	}
	if isV2(e.Kind, e.Version) {
		return e.checkV2()
	}
	return e.checkV1()
}

func (e *LogEntry) checkV1() error {
	if e.SET == nil && e.Proof == nil {
		return check.Malformed("log entry", "want a signed entry timestamp or an inclusion proof, found neither")
	}
	least := int64(0)
	if e.SET != nil {
		least = 1
	}
	if e.IntegratedTime < least || e.IntegratedTime > maxInteger {
		return check.Malformed("integratedTime", "want an integer from %d to %d, found %d", least, int64(maxInteger),
			e.IntegratedTime)
	}
	return nil
}

func (e *LogEntry) checkV2() error {
	if e.IntegratedTime != 0 {
		return check.Malformed("integratedTime", "want none: Rekor v2 gives no time, and nothing vouches for %d",
			e.IntegratedTime)
	}
	if e.SET != nil {
		return check.Malformed("signedEntryTimestamp", "want none: Rekor v2 gives no promise")
	}
	if e.Proof == nil {
		return check.Malformed("inclusionProof", "want one, as Rekor v2 gives nothing else")
	}
	if e.Proof.LogIndex != e.LogIndex {
		return mismatch("log index", decimal(e.Proof.LogIndex), decimal(e.LogIndex))
	}
	return nil
}

// ParseBody reads the body. The error is that of [ParseEntry], or a
// [*MismatchError] for a body of another kind or version than declared.
func (e *LogEntry) ParseBody() (*Entry, error) {
	entry, err := ParseEntry(e.Body)
	if err != nil {
		return nil, err
	}
	if !entry.is(e.Kind, e.Version) {
		return nil, mismatch("kind", e.Kind+" "+e.Version, entry.Kind+" "+entry.APIVersion)
	}
	return entry, nil
}

// Bundle returns the part of the entry that the SET covers, to be checked like
// the Rekor bundle of an annotation: see [Bundle.BindLog] and [VerifySET]. It
// returns nil if there is no SET. Call [LogEntry.Check] first.
func (e *LogEntry) Bundle() *Bundle {
	if e.SET == nil {
		return nil
	}
	return &Bundle{
		SET:            e.SET,
		Body:           e.Body,
		BodyBase64:     base64.StdEncoding.EncodeToString(e.Body),
		IntegratedTime: e.IntegratedTime,
		LogIndex:       e.LogIndex,
		LogID:          hex.EncodeToString(e.LogID),
	}
}

// Budgets for an inclusion proof. MaxTreeSize is the largest count that JSON can
// hold; package tlog does not terminate for trees of more than 1<<62 leaves.
const (
	MaxProofHashes = 64
	MaxTreeSize    = maxInteger
)

// Proof is an inclusion proof: the claim that an entry is a leaf of the tree
// whose checkpoint comes with it. TreeSize and RootHash are unproven until
// [Proof.BindCheckpoint] has compared them with a checkpoint that the log
// signed.
type Proof struct {
	LogIndex   int64 // of the leaf in this tree; in Rekor v1 not always that of the entry
	TreeSize   int64
	RootHash   []byte
	Hashes     [][]byte // from the leaf's sibling upwards
	Checkpoint string   // a signed note; see [VerifyCheckpoint]
}

// Verify checks that the proof leads from body, as a leaf, to RootHash (RFC 6962,
// section 2.1.1). The error matches [ErrProof] if it does not, matches
// [check.ErrTooLarge] when a budget is exceeded, and is a [*check.FormatError]
// for an index outside the tree, for hashes of another length, and for more or
// fewer of them than this leaf has in a tree of this size.
func (p *Proof) Verify(body []byte) error {
	if err := p.check(); err != nil {
		return err
	}
	hashes := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		hashes[i] = tlog.Hash(h)
	}
	if err := tlog.CheckRecord(hashes, p.TreeSize, tlog.Hash(p.RootHash), p.LogIndex,
		tlog.RecordHash(body)); err != nil {
		return fmt.Errorf("%w %x: leaf %d of %d", ErrProof, p.RootHash, p.LogIndex, p.TreeSize)
	}
	return nil
}

func (p *Proof) check() error {
	const what = "inclusion proof: "
	if len(p.Hashes) > MaxProofHashes {
		return check.TooLarge(what+"hashes", len(p.Hashes), MaxProofHashes)
	}
	if p.TreeSize > MaxTreeSize {
		return check.Malformed(what+"treeSize", "want at most %d, found %d", int64(MaxTreeSize), p.TreeSize)
	}
	if p.LogIndex < 0 || p.LogIndex >= p.TreeSize {
		return check.Malformed(what+"logIndex", "want an index within a tree of %d, found %d", p.TreeSize, p.LogIndex)
	}
	if len(p.RootHash) != tlog.HashSize {
		return check.Malformed(what+"rootHash", "want %d bytes, found %d", tlog.HashSize, len(p.RootHash))
	}
	if want := proofLength(p.LogIndex, p.TreeSize); len(p.Hashes) != want {
		return check.Malformed(what+"hashes", "want %d for leaf %d of %d, found %d", want, p.LogIndex, p.TreeSize,
			len(p.Hashes))
	}
	for i, h := range p.Hashes {
		if len(h) != tlog.HashSize {
			return check.Malformed(what+"hashes", "want %d bytes each, found %d at %d", tlog.HashSize, len(h), i)
		}
	}
	return nil
}

// proofLength returns the number of siblings on the path from a leaf to the root.
// Below the point where the path joins the right edge of the tree, there is one on
// each level. From there on there are only siblings to the left, one for each set bit
// in the rest of the index.
func proofLength(index, size int64) int {
	inner := bits.Len64(uint64(index ^ (size - 1)))
	return inner + bits.OnesCount64(uint64(index)>>inner)
}

// BindCheckpoint checks that the proof is for the tree of the checkpoint: that
// both have the same size and root. If not, the error is a [*MismatchError].
func (p *Proof) BindCheckpoint(c *Checkpoint) error {
	if c.TreeSize != p.TreeSize {
		return mismatch("tree size", decimal(c.TreeSize), decimal(p.TreeSize))
	}
	if want, found := hex.EncodeToString(c.RootHash), hex.EncodeToString(p.RootHash); want != found {
		return mismatch("root hash", want, found)
	}
	return nil
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// MaxEntries is the budget for the log entries of one signature.
const MaxEntries = 32

// CheckEntries checks that each log entry of one signature is there once: that no
// two entries of one log have the same index or the same body. Two logs may hold
// the same body. The error matches [check.ErrTooLarge] for more than
// [MaxEntries], and is a [*DuplicateError] otherwise.
func CheckEntries(entries []*LogEntry) error {
	if len(entries) > MaxEntries {
		return check.TooLarge("log entries", len(entries), MaxEntries)
	}
	for j, b := range entries {
		for i, a := range entries[:j] {
			if !bytes.Equal(a.LogID, b.LogID) {
				continue
			}
			if a.LogIndex == b.LogIndex {
				return &DuplicateError{What: "log index", First: i, Second: j}
			}
			if bytes.Equal(a.Body, b.Body) {
				return &DuplicateError{What: "body", First: i, Second: j}
			}
		}
	}
	return nil
}
