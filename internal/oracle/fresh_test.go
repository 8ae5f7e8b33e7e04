package oracle

import (
	"os"
	"slices"
	"strconv"
	"testing"
)

// TestFresh is like TestOracle for samples that were just signed, in the
// directory that GAPSEAL_ORACLE_FRESH names; README.md describes its layout. It
// changes every third byte, and does not require every row of a table to occur.
// With GAPSEAL_ORACLE_STRIDE=n it tries every n-th change, beginning at another
// one for each sample.
func TestFresh(t *testing.T) {
	dir := os.Getenv("GAPSEAL_ORACLE_FRESH")
	if dir == "" {
		t.Skip("GAPSEAL_ORACLE_FRESH names no directory")
	}
	samples := readSamples(t, dir)
	if len(samples) == 0 {
		t.Fatalf("%s contains no bundle.json", dir)
	}
	y := newTally()
	n := freshStride(t)
	tried, all := 0, 0
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
		t.Fatalf("GAPSEAL_ORACLE_STRIDE=%q: want a positive number", text)
	}
	return n
}

// every returns every n-th case, beginning with number skip modulo n.
func every(n, skip int, cases []*testCase) (list []*testCase) {
	for i := skip % n; i < len(cases); i += n {
		list = append(list, cases[i])
	}
	return list
}
