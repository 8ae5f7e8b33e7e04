package report

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// TestTextOfKeysAndIdentities: where a policy lets one image be signed by a key
// and another by an identity, no signature is said to rest on what it does not.
func TestTextOfKeysAndIdentities(t *testing.T) {
	key, person := verify.Signature{Counts: true, Key: "sha256:0"}, verify.Signature{Counts: true, Identity: "release@acme.example"}
	const byKey, byPerson = "The signatures were verified against the specified public key", "The code-signing certificate was verified using"
	for name, c := range map[string]struct {
		made         []verify.Signature
		says, denies string
	}{
		"keys":       {[]verify.Signature{key, key}, byKey, "certificate authority"},
		"identities": {[]verify.Signature{person, person}, byPerson, "public key"},
		"both":       {[]verify.Signature{key, person, key}, "2 signatures: the signature was verified against the specified public key\n  - 1 signature: the code-signing certificate was verified using", byKey},
	} {
		rep := &verify.Report{Verdict: check.Verified}
		for _, s := range c.made {
			rep.Images = append(rep.Images, verify.Image{Signatures: []verify.Signature{s}})
		}
		got := render(t, rep)
		if !strings.Contains(got, c.says) || strings.Contains(got, c.denies) {
			t.Errorf("%s: want %q and not %q in\n%s", name, c.says, c.denies, got)
		}
	}
}

// TestWhatWasNotJudgedIsTold: where a report says that all is accounted for, it
// says too what nobody judged.
func TestWhatWasNotJudgedIsTold(t *testing.T) {
	const says = "was carried without being judged"
	for _, n := range []int64{0, 959} {
		rep := sample(t, "app:v1")
		rep.Totals.UnjudgedBytes = n
		for _, format := range []string{"text", "html"} {
			if got := strings.Join(strings.Fields(written(t, format, rep)), " "); strings.Contains(got, says) != (n > 0) {
				t.Errorf("%s with %d bytes not judged says %q: %v", format, n, says, n == 0)
			}
		}
	}
}
