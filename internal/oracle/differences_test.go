package oracle

import "strings"

// difference describes a change by the end of its path and by its kind.
type difference struct{ path, kind string }

// differences lists changes that gapseal accepts and sigstore-go rejects, and why
// gapseal is right. Each row is a deliberate decision; any other difference fails
// the test.
var differences = map[difference]string{
	{"root:/tlogs", "delete"}:  unlisted,
	{"root:/tlogs", "empty"}:   unlisted,
	{"root:/tlogs", "null"}:    unlisted,
	{"root:/ctlogs", "delete"}: unlisted,
	{"root:/ctlogs", "empty"}:  unlisted,
	{"root:/ctlogs", "null"}:   unlisted,
	{"root:/ctlogs/0", "drop"}: unlisted,
	{"/keyDetails", "wrong-type"}: "the number stands for a kind of key that is not supported: that entry of the root is " +
		"left out and reported, and the others are used",
}

const unlisted = "what the trusted root that issued the certificate does not list cannot be asked, as with GitHub's own " +
	"instance: that is reported; the test has sigstore-go demand it"

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
