package oracle

import (
	"os"
	"slices"
	"strconv"
	"testing"
)

// TestFresh is TestOracle for what was signed a minute ago: the directory that
// GAPSEAL_ORACLE_FRESH names, laid out as README.md says. A third of the bytes is
// changed, and no row of a table need occur. GAPSEAL_ORACLE_STRIDE=n takes each
// n-th of the changes alone, others of each sample.
func TestFresh(t *testing.T) {
	dir := os.Getenv("GAPSEAL_ORACLE_FRESH")
	if dir == "" {
		t.Skip("GAPSEAL_ORACLE_FRESH names no directory")
	}
	samples := readSamples(t, dir)
	if len(samples) == 0 {
		t.Fatalf("%s: no bundle.json below it", dir)
	}
	y, n, tried, all := newTally(), freshStride(t), 0, 0
	for i, s := range samples {
		s.fresh = true
		y.asItIs(t, s)
		if s.expect {
			cases := slices.Concat(bundleCases(s, 3), anchorCases(s))
			some := every(n, i, cases)
			compare(some, y)
			tried, all = tried+len(some), all+len(cases)
		}
	}
	t.Logf("tried %d of %d changes, to %d samples", tried, all, len(samples))
	y.report(t, false)
}

func freshStride(t *testing.T) int {
	t.Helper()
	text := os.Getenv("GAPSEAL_ORACLE_STRIDE")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("GAPSEAL_ORACLE_STRIDE=%q: want a number from 1 on", text)
	}
	return n
}

// every takes each n-th case, from one that skip decides.
func every(n, skip int, cases []*testCase) (list []*testCase) {
	for i := skip % n; i < len(cases); i += n {
		list = append(list, cases[i])
	}
	return list
}
