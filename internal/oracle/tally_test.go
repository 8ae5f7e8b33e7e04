package oracle

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tally counts the verdicts of both sides on all cases. It is safe for concurrent
// use.
type tally struct {
	sync.Mutex
	cases, accepted, rejected int
	stricter                  map[string]int // by the name of the reason
	byCheck                   map[string]int // the same by the first failed check
	harmless                  map[change]int
	differs                   map[difference]int
	example                   map[any]string // of each of these
	lenient                   []string
}

func newTally() *tally {
	return &tally{
		stricter: map[string]int{},
		byCheck:  map[string]int{},
		harmless: map[change]int{},
		differs:  map[difference]int{},
		example:  map[any]string{},
	}
}

func (y *tally) add(c *testCase, g, o answer) {
	y.Lock()
	defer y.Unlock()
	y.cases++
	switch {
	case g.accepted && o.accepted:
		y.accepted++
		if c.what != "" && !strings.HasPrefix(c.class, "root:") { // one bundle does not use most of a root
			note(y, y.harmless, changeOf(c), c.String())
		}
	case g.accepted:
		if d, ok := differs(c); ok {
			note(y, y.differs, d, c.String())
			break
		}
		y.lenient = append(y.lenient, fmt.Sprintf("%v: sigstore-go: %s", c, o.cause))
	case o.accepted:
		name, _ := reasonFor(g.cause, c.class)
		note(y, y.stricter, name, fmt.Sprintf("%v: %s", c, g.detail))
		y.byCheck[g.cause]++
	default:
		y.rejected++
	}
}

// note counts one case, and keeps the first as an example.
func note[R comparable](y *tally, counts map[R]int, r R, example string) {
	if counts[r]++; y.example[r] == "" {
		y.example[r] = example
	}
}

// merge adds the counts of another tally.
func (y *tally) merge(other *tally) {
	y.cases += other.cases
	y.accepted += other.accepted
	y.rejected += other.rejected
	y.lenient = append(y.lenient, other.lenient...)
	mergeCounts(y.stricter, other.stricter)
	mergeCounts(y.byCheck, other.byCheck)
	mergeCounts(y.harmless, other.harmless)
	mergeCounts(y.differs, other.differs)
	for r, e := range other.example {
		y.example[r] = e
	}
}

func mergeCounts[R comparable](to, from map[R]int) {
	for r, n := range from {
		to[r] += n
	}
}

// report fails for each case in which gapseal is more lenient, and for everything
// that the tables do not explain. If all cases were tried, it also fails for rows
// that never occurred.
func (y *tally) report(t *testing.T, all bool) {
	t.Helper()
	for i, c := range y.lenient {
		if i == 200 {
			t.Errorf("and %d more", len(y.lenient)-i)
			break
		}
		t.Errorf("more lenient: %s", c)
	}
	explained(t, y, "stricter", y.stricter, stricterRows(), all)
	explained(t, y, "accepted by both", y.harmless, harmless, all)
	explained(t, y, "another policy", y.differs, differences, all)
	t.Logf("cases: %d, agreements: %d (both accept %d, both reject %d), stricter: %d (%s), other policy: %d, "+
		"more lenient: %d", y.cases, y.accepted+y.rejected, y.accepted, y.rejected,
		sum(y.stricter), list(y.byCheck), sum(y.differs), len(y.lenient))
}

// explained requires everything that was found to have a row in the table.
func explained[R comparable](t *testing.T, y *tally, what string, found map[R]int, table map[R]string, all bool) {
	t.Helper()
	for r, n := range found {
		if table[r] == "" {
			t.Errorf("%s, but no row says why: %+v (%d cases), such as %s", what, r, n, y.example[r])
		}
	}
	for r := range table {
		if all && found[r] == 0 {
			t.Errorf("%s: the row %+v never occurs", what, r)
		}
	}
}

func sum[R comparable](counts map[R]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func list(counts map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}
