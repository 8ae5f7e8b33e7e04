package oracle

import "strings"

// difference is a change by the end of its path, and what was done; all stands
// for whatever was done.
type difference struct{ path, kind string }

// differences are what gapseal accepts and sigstore-go rejects, and why it is
// right all the same. A row is a decision: whatever is not here fails the test.
// There is none.
var differences = map[difference]string{}

// differs returns the row that a case belongs to.
func differs(c *testCase) (difference, bool) {
	for d := range differences {
		path, _, _ := strings.Cut(c.what, ": ")
		if c.kind() == d.kind && strings.HasSuffix(path, d.path) {
			return d, true
		}
	}
	return difference{}, false
}
