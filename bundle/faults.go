package bundle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// faultList collects faults. It keeps a bounded number of each kind, and counts the
// others.
type faultList struct {
	all   []*check.Fault
	count map[faultKind]int
}

// faultKind separates the warnings of a check from its faults that reject a bundle,
// so that warnings cannot crowd out those faults.
type faultKind struct {
	id   check.ID
	warn bool
}

// maxPerKind keeps a hostile file from filling memory with faults.
const maxPerKind = 100

func (l *faultList) add(f *check.Fault) {
	if l.count == nil {
		l.count = map[faultKind]int{}
	}
	k := faultKind{f.ID, f.Warn}
	if l.count[k]++; l.count[k] <= maxPerKind {
		l.all = append(l.all, f)
	}
}

// has reports whether one of ids failed. Warnings do not count.
func (l *faultList) has(ids ...check.ID) bool {
	return slices.ContainsFunc(ids, func(id check.ID) bool { return l.count[faultKind{id, false}] > 0 })
}

func (l *faultList) list() []*check.Fault {
	all := slices.Clone(l.all)
	byID := func(a, b faultKind) int { return cmp.Compare(a.id, b.id) }
	for _, k := range slices.SortedFunc(maps.Keys(l.count), byID) {
		if n := l.count[k] - maxPerKind; n > 0 {
			all = append(all, &check.Fault{ID: k.id, Warn: k.warn, Detail: fmt.Sprintf("and %d more like these", n)})
		}
	}
	return all
}

// digestFault reports a blob whose content has the digest got instead of want.
func digestFault(want, got oci.Digest) *check.Fault {
	return &check.Fault{ID: check.BlobDigest, Subject: string(want), Detail: "the content is not what its digest says",
		Expected: string(want), Found: string(got)}
}
