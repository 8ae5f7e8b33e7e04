package register

import (
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gapseal/gapseal/oci"
)

// tree is the Merkle tree (RFC 6962) over the files of the entries, as far as
// it takes to add one more: the roots of its perfect subtrees, largest first.
type tree struct {
	size  int64
	roots []tlog.Hash
}

func (t *tree) add(raw []byte) {
	h := tlog.RecordHash(raw)
	for n := t.size; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(t.roots[len(t.roots)-1], h)
		t.roots = t.roots[:len(t.roots)-1]
	}
	t.roots = append(t.roots, h)
	t.size++
}

func (t *tree) root() tlog.Hash {
	if t.size == 0 {
		h, _ := tlog.TreeHash(0, nil) // nothing is read for it
		return h
	}
	h := t.roots[len(t.roots)-1]
	for i := len(t.roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.roots[i], h)
	}
	return h
}

// rootText writes a root the way digests are written.
func rootText(t tree) string {
	return string(oci.FromSum(t.root()))
}
