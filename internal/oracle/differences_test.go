package oracle

import "strings"

// difference describes a change by the end of its path and by its kind.
type difference struct{ path, kind string }

// differences lists changes that gapseal accepts and sigstore-go rejects, and why
// gapseal is right. Each row is a deliberate decision; any other difference fails
// the test. There is none at present.
var differences = map[difference]string{}

// differs returns the row to which a case belongs.
func differs(c *testCase) (difference, bool) {
	for d := range differences {
		path, _, _ := strings.Cut(c.what, ": ")
		if c.kind() == d.kind && strings.HasSuffix(path, d.path) {
			return d, true
		}
	}
	return difference{}, false
}
