package bundle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/gapseal/gapseal/verify/check"
)

// faultList collects faults. Of each kind it keeps a bounded number.
type faultList struct {
	all   []*check.Fault
	count map[faultKind]int
}

// faultKind distinguishes warnings, so that they cannot crowd out the faults that
// reject a bundle.
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

// has reports whether one of ids failed, warnings aside.
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
