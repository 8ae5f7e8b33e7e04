package policy_test

import (
	"testing"

	"github.com/gapseal/gapseal/verify/policy"
)

// What looks like a demand and is none, and what can never match, is refused.
func TestDemandsNothing(t *testing.T) {
	const h = "schema: gapseal.policy/v1\nimages:\n  - match: a.b/c\n"
	const m = "schema: gapseal.policy/v1\nimages:\n  - match: "
	for name, text := range map[string]string{
		"no seal key":        h + "seal: {keys: []}\n",
		"empty seal":         h + "seal: {}\n",
		"no digest":          h + "    digests: []\n",
		"no platform":        h + "    onlyPlatforms: []\n",
		"no annotation":      h + "    annotations: {}\n",
		"no attestation":     h + "    attestations: []\n",
		"never asked":        m + "\"**\"\n  - match: a.b/c\n",
		"never asked, glob":  m + "a.b/*\n  - match: a.b/c:v1\n",
		"short Docker Hub":   m + "docker.io/nginx\n",
		"other Docker Hub":   m + "index.docker.io/library/nginx\n",
		"upper case":         m + "GHCR.io/Acme/app:v1\n",
		"upper case, port":   m + "localhost:5000/App\n",
		"two tags":           m + "a.b/c:d:e\n",
		"an empty tag":       m + "\"a.b/c:\"\n",
		"a slash at the end": m + "a.b/c/\n",
		"a URL":              m + "https://a.b/c\n",
		"a question mark":    m + "a.b/c?\n",
		"brackets":           m + "\"a.b/[cd]\"\n",
		"one key twice":      h + "    signers: 2\n    keys: [{fingerprint: \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}, {fingerprint: \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}]\n",
	} {
		if _, err := policy.Parse([]byte(text), nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
