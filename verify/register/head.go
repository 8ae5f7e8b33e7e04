package register

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/trust"
)

// HeadPayloadType is the DSSE payload type of a signed head.
const HeadPayloadType = "application/vnd.gapseal.register-head.v1+json"

// HeadSchema names the JSON form of a head.
const HeadSchema = "gapseal.register-head/v1"

// Head pins a register at one size. Kept in another place, it shows later whether
// the entries up to that size are still the same.
type Head struct {
	Schema    string    `json:"schema"`
	Size      int64     `json:"size"`      // how many entries
	Root      string    `json:"root"`      // of the Merkle tree (RFC 6962) over the entries' files
	LastEntry string    `json:"lastEntry"` // SHA-256 of the last one's file, of nothing if there is no entry
	At        time.Time `json:"at"`
}

// Head checks the register and returns its head as of a time. The error is a
// [*DamagedError] if any entry has a fault, since a head would vouch for it, and
// otherwise as that of [Register.Check].
func (r *Register) Head(ctx context.Context, at time.Time) (Head, error) {
	res, err := r.Check(ctx)
	if err == nil {
		err = r.damaged(res)
	}
	if err != nil {
		return Head{}, err
	}
	return Head{
		Schema:    HeadSchema,
		Size:      res.Entries,
		Root:      res.Root,
		LastEntry: res.LastEntry,
		At:        at.UTC().Truncate(time.Second),
	}, nil
}

// Sign returns the head in a signed envelope. The error is that of [dsse.Sign].
func (h Head) Sign(s *dsse.Signer) ([]byte, error) {
	payload, err := dsse.Canonical(h)
	if err != nil {
		return nil, err
	}
	return dsse.Sign(HeadPayloadType, payload, s)
}

// OpenHead returns the head in an envelope and the one of keys that signed it.
// The error is that of [dsse.Open], or says what is wrong with the head.
func OpenHead(envelope []byte, keys []*trust.Key) (Head, *trust.Key, error) {
	payload, by, err := dsse.Open(envelope, HeadPayloadType, keys)
	if err != nil {
		return Head{}, nil, err
	}
	h, err := parseHead(payload, HeadSchema)
	if err != nil {
		return Head{}, nil, fmt.Errorf("the head in the envelope: %w", err)
	}
	return h, by, nil
}

// parseHead reads a head of a schema, in the one spelling that gapseal writes.
func parseHead(raw []byte, schema string) (h Head, err error) {
	if err := strict.UnmarshalKnown(raw, &h); err != nil {
		return Head{}, err
	}
	again, err := dsse.Canonical(h)
	switch {
	case err != nil:
		return Head{}, err
	case h.Schema != schema:
		return Head{}, fmt.Errorf("its schema is %.60q, want %s", h.Schema, schema)
	case !bytes.Equal(raw, again) || h.Size < 0 || !inSeconds(h.At):
		return Head{}, errors.New("it is not spelled as gapseal writes one")
	}
	return h, nil
}

// tree is the Merkle tree (RFC 6962) over the files of the entries. It keeps only
// what is needed to add another entry: the roots of its perfect subtrees, largest
// first.
type tree struct {
	size  int64
	roots []tlog.Hash
}

// add adds a file by its [tlog.RecordHash].
func (t *tree) add(h tlog.Hash) {
	for n := t.size; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(t.roots[len(t.roots)-1], h)
		t.roots = t.roots[:len(t.roots)-1]
	}
	t.roots = append(t.roots, h)
	t.size++
}

func (t *tree) root() tlog.Hash {
	if t.size == 0 {
		h, _ := tlog.TreeHash(0, nil) // reads no hashes, so there is no error
		return h
	}
	h := t.roots[len(t.roots)-1]
	for i := len(t.roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.roots[i], h)
	}
	return h
}

// rootText writes a root as digests are written.
func rootText(t tree) string {
	return string(oci.FromSum(t.root()))
}
