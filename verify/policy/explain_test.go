package policy_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/policy"
)

// Alternatives must not read as demands that all have to be met, nor a pinned
// digest as one of several that are allowed.
func TestExplainNamesAlternatives(t *testing.T) {
	p, err := policy.Parse([]byte(imagesRule("digests: ['"+appV1+"', '"+another+"']")+"seal: {keys: [{file: "+
		"cosign.pub}, {file: other.pub}]}\n"), key)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := p.Explain(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"must be sealed with one of the keys " + p.SealKeys[0].Fingerprint() + " (keys/cosign.pub) or " +
			p.SealKeys[1].Fingerprint() + " (keys/other.pub).\n",
		"  Its digest must be " + appV1 + " or " + another + ".\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, &b)
		}
	}
}
