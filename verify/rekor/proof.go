package rekor

import (
	"encoding/hex"
	"fmt"
	"math/bits"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// Budgets for an inclusion proof. Package tlog never returns for a tree of more
// than 1<<62 leaves; [MaxTreeSize] is the largest count that JSON can hold.
const (
	MaxProofHashes = 64
	MaxTreeSize    = maxInteger
)

// Proof is an inclusion proof: the claim that an entry is a leaf of the tree
// that a checkpoint speaks of. TreeSize and RootHash are claims until
// [Proof.BindCheckpoint] has compared them with a checkpoint that the log
// signed.
type Proof struct {
	LogIndex   int64 // of the leaf in this tree; in Rekor v1 not always that of the entry
	TreeSize   int64
	RootHash   []byte
	Hashes     [][]byte // from the leaf's sibling upwards
	Checkpoint string   // a signed note; see VerifyCheckpoint
}

// Verify answers whether the proof leads from body, as a leaf, to RootHash, as
// RFC 6962 section 2.1.1 defines it. The error matches [ErrProof] if it does
// not, [ErrTooLarge] when a budget is exceeded, and is a [*FormatError] for an
// index outside the tree, hashes of another length, and more or fewer of them
// than this leaf in a tree of this size has.
func (p *Proof) Verify(body []byte) error {
	if err := p.check(); err != nil {
		return err
	}
	hashes := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		hashes[i] = tlog.Hash(h)
	}
	if err := tlog.CheckRecord(hashes, p.TreeSize, tlog.Hash(p.RootHash), p.LogIndex, tlog.RecordHash(body)); err != nil {
		return fmt.Errorf("%w %x: leaf %d of %d", ErrProof, p.RootHash, p.LogIndex, p.TreeSize)
	}
	return nil
}

func (p *Proof) check() error {
	const what = "inclusion proof: "
	if len(p.Hashes) > MaxProofHashes {
		return tooLarge(what+"hashes", len(p.Hashes), MaxProofHashes)
	}
	if p.TreeSize > MaxTreeSize {
		return malformed(what+"treeSize", "want at most %d, found %d", int64(MaxTreeSize), p.TreeSize)
	}
	if p.LogIndex < 0 || p.LogIndex >= p.TreeSize {
		return malformed(what+"logIndex", "want an index within a tree of %d, found %d", p.TreeSize, p.LogIndex)
	}
	if len(p.RootHash) != tlog.HashSize {
		return malformed(what+"rootHash", "want %d bytes, found %d", tlog.HashSize, len(p.RootHash))
	}
	if want := proofLength(p.LogIndex, p.TreeSize); len(p.Hashes) != want {
		return malformed(what+"hashes", "want %d for leaf %d of %d, found %d", want, p.LogIndex, p.TreeSize, len(p.Hashes))
	}
	for i, h := range p.Hashes {
		if len(h) != tlog.HashSize {
			return malformed(what+"hashes", "want %d bytes each, found %d at %d", tlog.HashSize, len(h), i)
		}
	}
	return nil
}

// proofLength counts the siblings on the way from a leaf to the root: one on
// each level up to where the way joins the tree's right edge, and from there on
// only those to the left, the set bits of what remains of the index.
func proofLength(index, size int64) int {
	inner := bits.Len64(uint64(index ^ (size - 1)))
	return inner + bits.OnesCount64(uint64(index)>>inner)
}

// BindCheckpoint answers whether the proof is for the tree that the checkpoint
// speaks of: whether size and root are the same. If not, the error is a
// [*MismatchError].
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
