package policy_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/policy"
)

// Whatever looks like a demand and demands nothing, or can never match, is
// refused.
func TestDemandsNothing(t *testing.T) {
	const h = "schema: gapseal.policy/v1\nimages:\n  - match: a.b/c\n"
	const m = "schema: gapseal.policy/v1\nimages:\n  - match: "
	for name, c := range map[string]struct{ text, says string }{
		"no seal key":         {h + "seal: {keys: []}\n", "found none"},
		"empty seal":          {h + "seal: {}\n", "found none"},
		"no digest":           {h + "    digests: []\n", "found none"},
		"no platform":         {h + "    onlyPlatforms: []\n", "found none"},
		"no annotation":       {h + "    annotations: {}\n", "found none"},
		"no attestation":      {h + "    attestations: []\n", "found none"},
		"never applies":       {m + "\"**\"\n  - match: a.b/c\n", "would never apply"},
		"never applies, glob": {m + "a.b/*\n  - match: a.b/c:v1\n", "would never apply"},
		"short Docker Hub":    {m + "docker.io/nginx\n", "would match nothing: the full name is"},
		"other Docker Hub": {m + "index.docker.io/library/nginx\n",
			"would match nothing: the full name is"},
		"upper case":         {m + "GHCR.io/Acme/app:v1\n", "want a repository in lower case"},
		"upper case, port":   {m + "localhost:5000/App\n", "want a repository in lower case"},
		"two tags":           {m + "a.b/c:d:e\n", "want a repository in lower case"},
		"an empty tag":       {m + "\"a.b/c:\"\n", "want a repository in lower case"},
		"a slash at the end": {m + "a.b/c/\n", "want a repository in lower case"},
		"a URL":              {m + "https://a.b/c\n", "want a repository in lower case"},
		"a question mark":    {m + "a.b/c?\n", "want a repository in lower case"},
		"brackets":           {m + "\"a.b/[cd]\"\n", "want a repository in lower case"},
		"one key twice": {h + "    signers: 2\n    keys: [{fingerprint: " +
			"\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}, {fingerprint: " +
			"\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}]\n", "is listed twice"},
		"one key twice, spelt differently": {h + "    signers: 2\n    keys: [{fingerprint: " +
			"\"SHA256:44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A\"}, {fingerprint: " +
			"\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}]\n", "is listed twice"},
	} {
		if _, err := policy.Parse([]byte(c.text), nil); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
