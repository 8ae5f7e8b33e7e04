package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/policy"
)

// TestMalformed asserts that a malformed policy is refused, with the place.
func TestMalformed(t *testing.T) {
	const schema = "schema: gapseal.policy/v1\n"
	for _, c := range []struct {
		name, text   string
		line, column int
		says         string
	}{
		{"empty", "", 0, 0, "empty"},
		{"no YAML", "a: b: c", 1, 4, ""},
		{"a list", "- a", 1, 1, ""},
		{"another schema", "schema: gapseal.policy/v2\n", 1, 9, "want gapseal.policy/v1"},
		{"no schema", "name: x", 0, 0, "want gapseal.policy/v1"},
		{"a transfer record", "schema: gapseal.transfer/v1\nid: x\n", 1, 9, "want gapseal.policy/v1"},
		{"unknown key", schema + "imagse: [x]\n", 2, 1, `unknown key "imagse"`},
		{"unknown key in a rule", imagesRule(signed, "maxage: 1d"), 5, 5, `unknown key "maxage"`},
		{"key in another case", imagesRule("Keys: [x]"), 4, 5, `unknown key "Keys"`},
		{"key twice", imagesRule(signed, signed), 5, 5, "already defined"},
		{"anchor", schema + "name: &a x\n", 2, 7, "anchors"},
		{"alias", schema + "name: *a\n", 2, 7, "anchors"},
		{"merge", schema + "limits:\n  <<: {images: 1}\n", 3, 3, "anchors"},
		{"tag", schema + "name: !!binary aGk=\n", 2, 7, "tags"},
		{"second document", imagesRule(signed) + "---\n" + schema, 0, 0, "one YAML document"},
		{"draft", schema + "draft: true\n", 2, 8, "a draft"},
		{"no rules", schema, 0, 0, "at least one rule"},
		{"no pattern", schema + "images:\n  - " + signed + "\n", 0, 0, "match"},
		{"pattern without a registry", schema + "images:\n  - match: acme/app\n", 3, 12, "write the registry"},
		{"pattern without a slash", schema + "images:\n  - match: nginx:1\n", 3, 12,
			"write the registry too, such as docker.io/library/nginx:1"},
		{"pattern with a digest", schema + "images:\n  - match: ghcr.io/a@sha256:00\n", 3, 12, "want a repository"},
		{"pattern twice", imagesRule(signed) + "  - match: '" + host + "*'\n", 5, 12, "earlier rule"},
		{"key without anything", imagesRule("keys: [{}]"), 4, 12, "found none"},
		{"key in two ways", imagesRule("keys: [{file: cosign.pub, fingerprint: 'sha256:00'}]"), 4, 44, "one of file"},
		{"key file that is not there", imagesRule("keys: [{file: missing.pub}]"), 4, 19, "cannot be read"},
		{"no key file", imagesRule("keys: [{file: trusted_root.json}]"), 4, 19, ""},
		{"fingerprint too short", imagesRule("keys: [{fingerprint: 'sha256:00'}]"), 4, 26, ""},
		{"identity without an issuer", imagesRule("identities: [{identity: a@b.c}]"), 4, 29, "issuer"},
		{"regular expression", imagesRule("identities: [{identityRegexp: '(', issuer: x}]"), 4, 35, "identity"},
		{"signers", imagesRule(signed, "signers: two"), 5, 14, "from 1 to 1000"},
		{"more signers than keys", imagesRule(signed, "signers: 2"), 5, 14, "only 1 may sign"},
		{"logs", imagesRule(signed, "logs: 0"), 5, 11, "from 1 to 1000"},
		{"annotation of two values", imagesRule(signed, "annotations: {a: [b]}"), 5, 22, "single value"},
		{"attestation type", imagesRule(signed, "attestations: [{type: sbom}]"), 5, 27, "slsaprovenance"},
		{"attestation count", imagesRule(signed, "attestations: [{type: vuln, count: -1}]"), 5, 40, "from 1 to 1000"},
		{"platform", imagesRule(signed, "platforms: [amd64]"), 5, 17, ""},
		{"digest", imagesRule(signed, "digests: [sha256:abc]"), 5, 15, ""},
		{"age", imagesRule(signed, "maxAge: 1y"), 5, 13, "duration"},
		{"time", imagesRule(signed, "notBefore: yesterday"), 5, 16, "time"},
		{"times that exclude each other", imagesRule(signed, "notBefore: 2026-02-01", "notAfter: 2026-01-01"), 6, 15,
			"no signature"},
		{"flag", imagesRule(signed, "required: yes"), 5, 15, "true or false"},
		{"null", imagesRule("maxAge: ~"), 4, 13, "found none"},
		{"nothing", imagesRule(signed, "maxAge:"), 5, 13, "found none"},
		{"an empty list", imagesRule("digests: []"), 4, 14, "found none"},
		{"nothing in place of a list", imagesRule("keys:"), 4, 11, "found none"},
		{"unlisted", whole("unlisted: allow"), 5, 11, "refuse or judge"},
		{"rollback", whole("rollback: no"), 5, 11, "warn or refuse"},
		{"limit", whole("limits: {images: many}"), 5, 18, "positive number"},
		{"size", whole("limits: {bytes: 20GX}"), 5, 17, "want a size"},
		{"fingerprint of a seal", whole("seal: {keys: [{fingerprint: 'sha256:00'}]}"), 5, 29, "the key itself"},
		{"field of the record", whole("transfer: {required: [colour]}"), 5, 23, "no field"},
		{"field twice", whole("transfer: {required: [id, id]}"), 5, 27, "twice"},
		{"nested too deep", schema + "name: " + strings.Repeat("[", 100000) + "\n", 2, 23, "deep"},
		{"too large", strings.Repeat("#", policy.MaxFile+1), 0, 0, "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := policy.Parse([]byte(c.text), key)
			said := (*policy.Error)(nil)
			if p != nil || !errors.As(err, &said) {
				t.Fatalf("%v, %v", p, err)
			}
			if said.Line != c.line || said.Column != c.column || !strings.Contains(said.Message, c.says) {
				t.Errorf("%v, want line %d, column %d, %q", said, c.line, c.column, c.says)
			}
			if strings.Contains(said.Message, "\n") {
				t.Errorf("more than a line: %q", said.Message)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(imagesRule(signed, byDev, "signers: 1", "annotations: {a: b}", "platforms: [linux/amd64]")))
	f.Add([]byte(whole("limits: {images: 1, bytes: 1GiB}", "transfer: {required: [id]}", "rollback: refuse")))
	f.Add([]byte("schema: gapseal.transfer/v1\nid: 1\nhandOvers: [{from: a, to: b, at: 2026-01-01}]\nscan: " +
		"{source: clean}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, err := policy.Parse(raw, key); (p == nil) != (err != nil) {
			t.Errorf("%v, %v", p, err)
		}
		if r, err := policy.ParseTransfer(raw); (r == nil) != (err != nil) {
			t.Errorf("%v, %v", r, err)
		}
	})
}
