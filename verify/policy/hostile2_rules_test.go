package policy_test

import (
	"testing"

	"github.com/gapseal/gapseal/verify/policy"
)

func TestHostile2Rules(t *testing.T) {
	h := "schema: gapseal.policy/v1\n"
	for name, text := range map[string]string{
		"seal none":       h + "images:\n  - match: a.b/c\nseal: {keys: []}\n",
		"seal empty":      h + "images:\n  - match: a.b/c\nseal: {}\n",
		"digests none":    h + "images:\n  - match: a.b/c\n    digests: []\n",
		"only none":       h + "images:\n  - match: a.b/c\n    onlyPlatforms: []\n",
		"required none":   h + "images:\n  - match: a.b/c\ntransfer: {required: []}\n",
		"shadowed":        h + "images:\n  - match: \"**\"\n  - match: a.b/c\n    required: true\n",
		"hub":             h + "images:\n  - match: docker.io/nginx\n",
		"index hub":       h + "images:\n  - match: index.docker.io/library/nginx\n",
		"upper tagged":    h + "images:\n  - match: GHCR.io/Acme/app:v1\n",
		"upper port":      h + "images:\n  - match: Localhost:5000/App\n",
		"two colons":      h + "images:\n  - match: a.b/c:d:e\n",
		"empty tag":       h + "images:\n  - match: \"a.b/c:\"\n",
		"trailing slash":  h + "images:\n  - match: a.b/c/\n",
		"scheme":          h + "images:\n  - match: https://a.b/c\n",
		"question":        h + "images:\n  - match: a.b/c?\n",
		"brackets":        h + "images:\n  - match: a.b/[cd]\n",
		"star all":        h + "images:\n  - match: \"*\"\n",
		"no rules":        h + "images: []\n",
		"signers twice":   h + "images:\n  - match: a.b/c\n    signers: 2\n    keys: [{fingerprint: \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}, {fingerprint: \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}]\n",
		"maxAge negative": h + "images:\n  - match: a.b/c\n    maxAge: -3d\n",
		"images limit 0":  h + "images:\n  - match: a.b/c\nlimits: {images: 0}\n",
		"bytes 0":         h + "images:\n  - match: a.b/c\nlimits: {bytes: 0}\n",
		"dup key":         h + "images:\n  - match: a.b/c\n    required: true\n    required: false\n",
		"yes":             h + "images:\n  - match: a.b/c\n    required: yes\n",
		"annotation num":  h + "images:\n  - match: a.b/c\n    annotations: {a: 1}\n",
		"empty anno":      h + "images:\n  - match: a.b/c\n    annotations: {}\n",
		"platform upper":  h + "images:\n  - match: a.b/c\n    onlyPlatforms: [Linux/AMD64]\n",
		"draft false":     h + "draft: false\nimages:\n  - match: a.b/c\n",
		"fmt trailing":    h + "images:\n  - match: a.b/c\n...\nunlisted: judge\n",
	} {
		p, err := policy.Parse([]byte(text), nil)
		ok := "REFUSED"
		if err == nil {
			ok = "TAKEN"
		}
		_ = p
		t.Logf("%-16s %s %v", name, ok, err)
	}
}
