package oracle

import (
	"fmt"
	"slices"

	"github.com/gapseal/gapseal/internal/fixture"
)

// mutations returns all changes of one field of a document: those of
// fixture.JSONMutations, and changes of one bit in every stride-th byte of each
// value. The bits of a binary value are those of its bytes, not of its base64.
func mutations(text []byte, stride int) []fixture.Mutation {
	return append(fixture.JSONMutations(text), flips(text, stride)...)
}

func flips(text []byte, stride int) (list []fixture.Mutation) {
	for _, l := range leaves(text) {
		raw, encode := l.binary()
		if isJSON(raw) {
			for _, in := range flips(raw, stride) {
				changed := l.with(text, encode(in.JSON))
				list = append(list, fixture.Mutation{Path: l.inner(in.Path), Kind: in.Kind, JSON: changed})
			}
			continue
		}
		for kind, changed := range changes(raw, stride) {
			list = append(list, fixture.Mutation{Path: l.path, Kind: kind, JSON: l.with(text, encode(changed))})
		}
	}
	return list
}

// changes yields copies of raw with one bit changed, and copies that are one byte
// longer or shorter.
func changes(raw []byte, stride int) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		ends := map[string][]byte{"byte behind": append(slices.Clone(raw), 0), "byte before": append([]byte{0}, raw...)}
		if len(raw) > 0 {
			ends["byte less"] = raw[:len(raw)-1]
		}
		for kind, b := range ends {
			if !yield(kind, b) {
				return
			}
		}
		for i := 0; i < len(raw); i += stride {
			b := slices.Clone(raw)
			b[i] ^= 1 << (i % 7) // ASCII stays ASCII
			if !yield(fmt.Sprintf("bit of byte %d", i), b) {
				return
			}
		}
	}
}
