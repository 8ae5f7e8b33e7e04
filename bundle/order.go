package bundle

import (
	"cmp"
	"slices"

	"github.com/gapseal/gapseal/oci"
)

// kindOrder puts signatures first, then attestations and SBOMs, then everything
// else: cosign reads the first signatures that it finds.
var kindOrder = map[oci.Kind]int{oci.KindSignature: -3, oci.KindAttestation: -2, oci.KindSBOM: -1}

// orderEvidence returns evidence in canonical order: first the evidence of the
// root, then that of each child, by kind and digest. Each piece is followed by the
// evidence about that piece, and none occurs twice. Evidence whose subject is not
// reached is left out; tooDeep reports that some was left out for its depth.
func orderEvidence(tree []TreeNode, all []Evidence, depth int64) (ordered []Evidence, tooDeep bool) {
	o := &ordering{bySubject: map[oci.Digest][]Evidence{}, done: map[oci.Digest]bool{}, ordered: []Evidence{}}
	for _, ev := range all {
		o.bySubject[ev.Subject] = append(o.bySubject[ev.Subject], ev)
	}
	for _, n := range tree {
		o.visit(n.Digest, depth)
	}
	return o.ordered, o.tooDeep
}

type ordering struct {
	bySubject map[oci.Digest][]Evidence
	done      map[oci.Digest]bool
	ordered   []Evidence
	tooDeep   bool
}

func (o *ordering) visit(subject oci.Digest, depth int64) {
	evs := o.bySubject[subject]
	if o.done[subject] || len(evs) == 0 {
		return
	}
	if depth == 0 {
		o.tooDeep = true
		return
	}
	o.done[subject] = true
	slices.SortFunc(evs, compareEvidence)
	for _, ev := range slices.Compact(evs) {
		o.ordered = append(o.ordered, ev)
		o.visit(ev.Digest, depth-1)
	}
}

func compareEvidence(a, b Evidence) int {
	return cmp.Or(cmp.Compare(kindOrder[a.Kind], kindOrder[b.Kind]), cmp.Compare(a.Digest, b.Digest),
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.MediaType, b.MediaType), cmp.Compare(a.Size, b.Size))
}
