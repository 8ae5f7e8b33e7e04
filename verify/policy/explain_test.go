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

func TestExplain(t *testing.T) {
	const rule = "schema: gapseal.policy/v1\nimages:\n  - match: a.b/c\n"
	for name, c := range map[string]struct{ text, want string }{
		"rule for any number": {rule, "For each image that matches a.b/c:"},
		"required": {rule + "    required: true\n",
			"At least one image that matches a.b/c must be in the bundle."},
		"key": {rule + "    keys: [{file: cosign.pub}]\n", " (ECDSA P-256)"},
		"identity pattern": {rule + "    identities: [{identityRegexp: .*, issuer: https://i.example}]\n",
			"    any identity that matches .*, vouched for by https://i.example"},
		"identity with a repository": {rule + "    identities: [{identity: a, issuer: https://i.example, " +
			"github: {repository: acme/app}}]\n",
			"    the identity a, vouched for by https://i.example, GitHub Workflow Repository acme/app"},
		"timestamps": {rule + "    timestamps: 2\n",
			"At least 2 distinct timestamp authorities must have stamped"},
		"attestations": {rule + "    attestations: [{type: vuln, count: 3}]\n",
			"At least 3 distinct attestations of type"},
		"platforms": {rule + "    platforms: [linux/amd64, linux/arm64]\n",
			"It must contain linux/amd64, linux/arm64."},
		"one day":    {rule + "    maxAge: 1d\n", "trusted time must be within the last day."},
		"hours":      {rule + "    maxAge: 12h\n", "trusted time must be within the last 12h0m0s."},
		"not before": {rule + "    notBefore: 2026-01-01\n", "Its trusted time must be 2026-01-01T00:00:00Z or later."},
		"not after":  {rule + "    notAfter: 2026-12-31\n", "Its trusted time must be 2026-12-31T00:00:00Z or earlier."},
		"child signatures": {rule + "    childSignatures: true\n",
			"Each platform must have a good signature of its own."},
		"all signatures": {rule + "    allSignatures: true\n", "Every signature found must be good."},
		"judge": {rule + "unlisted: judge\n",
			"An image that no rule below matches is judged without this policy."},
		"decimal size": {rule + "limits: {bytes: 4.7GB}\n", "A bundle of more than 4700 MB is refused."},
		"bytes":        {rule + "limits: {bytes: 4001}\n", "A bundle of more than 4001 bytes is refused."},
		"one seal key": {rule + "seal: {keys: [{file: cosign.pub}]}\n",
			"The bundle must be sealed with the key sha256:"},
		"rollback warns": {rule + "rollback: warn\n",
			"Anything older than the register has recorded causes a warning."},
	} {
		p, err := policy.Parse([]byte(c.text), key)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var b strings.Builder
		if err := p.Explain(&b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), c.want) {
			t.Errorf("%s: %q is not in\n%s", name, c.want, &b)
		}
	}
}
