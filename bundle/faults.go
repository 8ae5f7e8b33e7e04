package bundle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/gapseal/gapseal/verify/check"
)

// faultList keeps faults, a bounded number of each kind.
type faultList struct {
	all   []*check.Fault
	count map[faultKind]int
}

// faultKind keeps warnings from crowding out what rejects.
type faultKind struct {
	id   check.ID
	warn bool
}

// maxPerKind keeps a hostile file from filling memory with complaints.
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

// has reports whether there is a fault of one of ids that rejects.
func (l *faultList) has(ids ...check.ID) bool {
	return slices.ContainsFunc(ids, func(id check.ID) bool { return l.count[faultKind{id, false}] > 0 })
}

func (l *faultList) list() []*check.Fault {
	all := slices.Clone(l.all)
	for _, k := range slices.SortedFunc(maps.Keys(l.count), func(a, b faultKind) int { return cmp.Compare(a.id, b.id) }) {
		if n := l.count[k] - maxPerKind; n > 0 {
			all = append(all, &check.Fault{ID: k.id, Warn: k.warn, Detail: fmt.Sprintf("and %d more like these", n)})
		}
	}
	return all
}
