package tsa

import (
	"crypto"
	"encoding/hex"
)

// Distinct returns the results that count when several timestamps are asked
// for: the first of each authority. Authorities are one and the same when they
// share the operator (which sigstore/protobuf-specs names for this very
// question), the URI, the key that signs, or the key of the trust anchor.
func Distinct(results []*Result) []*Result {
	seen := map[string]bool{}
	var distinct []*Result
	for _, r := range results {
		known := false
		for _, mark := range r.marks() {
			known = known || seen[mark]
			seen[mark] = true
		}
		if !known {
			distinct = append(distinct, r)
		}
	}
	return distinct
}

// marks returns what identifies the authority, each with a prefix of its own.
func (r *Result) marks() []string {
	a := r.Authority
	key := func(spki []byte) string { return "key " + hex.EncodeToString(sum(crypto.SHA256, spki)) }
	marks := []string{key(a.Chain[0].RawSubjectPublicKeyInfo), key(a.Anchor().RawSubjectPublicKeyInfo)}
	if a.Operator != "" {
		marks = append(marks, "operator "+a.Operator)
	}
	if a.URI != "" {
		marks = append(marks, "uri "+a.URI)
	}
	return marks
}
