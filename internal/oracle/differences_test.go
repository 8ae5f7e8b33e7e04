package oracle

import "strings"

// difference is a change by the end of its path, and what was done; all stands
// for whatever was done.
type difference struct{ path, kind string }

// differences are what gapseal accepts and sigstore-go rejects, and why it is
// right all the same. A row is a decision: whatever is not here fails the test.
var differences = map[difference]string{
	{"/subject/0/digest/sha256", "beside-case"}:   otherDigest,
	{"/subject/0/digest/sha256", "behind-case"}:   otherDigest,
	{"/subject/0/digest/sha256", "beside-long-s"}: otherDigest,
	{"/subject/0/digest/sha256", "behind-long-s"}: otherDigest,
}

const otherDigest = "signed by the pinned signer: a digest of another algorithm beside the SHA-256, whose name differs by a letter from it. sigstore-go wants the value of every digest of a statement to be hex, even of algorithms that it does not know; gapseal reads the SHA-256 alone, since in-toto leaves the spelling of others to their algorithms"

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
