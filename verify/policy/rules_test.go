package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/testdata"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/policy"
	"github.com/gapseal/gapseal/verify/trust"
)

// key reads the public keys of testdata under the names that the policies below
// use.
func key(name string) (raw []byte, path string, err error) {
	if name == "missing.pub" {
		return nil, "", errors.New("no such file")
	}
	path = "keys/" + name
	raw, err = testdata.FS.ReadFile(path)
	return raw, path, err
}

// trusted returns options that pin no key: the policy says who may sign.
func trusted(t *testing.T) verify.Options {
	t.Helper()
	raw, err := testdata.FS.ReadFile("keys/trusted_root.json")
	if err != nil {
		t.Fatal(err)
	}
	root, err := trust.ParseTrustedRoot(raw)
	if err != nil {
		t.Fatal(err)
	}
	opt := fixture.Options()
	opt.Keys = nil
	opt.Logs, opt.CAs, opt.CTLogs, opt.TSAs = root.Logs, root.CAs, root.CTLogs, root.TSAs
	return opt
}

const (
	host   = fixture.Host
	signed = "keys: [{file: cosign.pub}]"
	byDev  = "identities: [{identity: dev@lab.test, issuer: 'http://127.0.0.1:8888'}]"
)

// imagesRule returns a policy with one rule for all images.
func imagesRule(lines ...string) string {
	return "schema: gapseal.policy/v1\nimages:\n  - match: '" + host + "*'\n    " + strings.Join(lines, "\n    ") + "\n"
}

type ruleCase struct {
	name   string
	images string // of testdata, separated by spaces
	policy string
	record *verify.Transfer
	want   string // ids of the failed checks
}

func (c *ruleCase) run(t *testing.T) {
	t.Helper()
	p, err := policy.Parse([]byte(c.policy), key)
	if err != nil {
		t.Fatalf("%v\n%s", err, c.policy)
	}
	req := fixture.Request(t, strings.Fields(c.images)...)
	req.Keys = nil
	raw := fixture.Export(t, fixture.NewRegistry(), req)
	opt := trusted(t)
	opt.Policy, opt.SealKeys, opt.Transfer = &p.Policy, p.SealKeys, c.record
	rep := fixture.Verify(t, raw, opt)
	if got := strings.Join(fixture.Failed(rep), " "); got != c.want {
		for _, f := range rep.Failures {
			t.Logf("%s: %s (%s, %s)", f.ID, f.Detail, f.Expected, f.Found)
		}
		t.Errorf("failed [%s], want [%s]", got, c.want)
	}
	if rep.Policy == nil || !strings.HasPrefix(rep.Policy.Digest, "sha256:") {
		t.Errorf("the report does not name the policy: %+v", rep.Policy)
	}
}

const (
	appV1   = "sha256:4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226"
	another = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
)

// TestRules satisfies and violates each rule.
func TestRules(t *testing.T) {
	for _, c := range []ruleCase{
		{name: "key", images: "app:v1", policy: imagesRule(signed)},
		{name: "another key", images: "app:v1", policy: imagesRule("keys: [{file: other.pub}]"), want: "trust.key"},
		{name: "one key of two", images: "app:v1", policy: imagesRule("keys: [{file: other.pub}, {file: cosign.pub}]")},
		{name: "fingerprint", images: "app:v1", policy: imagesRule("keys: [{fingerprint: '" +
			fixture.Key("cosign.pub").Fingerprint() + "'}]")},
		{name: "fingerprint in upper case", images: "app:v1", policy: imagesRule("keys: [{fingerprint: '" +
			strings.ToUpper(fixture.Key("cosign.pub").Fingerprint()) + "'}]")},
		{name: "another fingerprint", images: "app:v1", policy: imagesRule("keys: [{fingerprint: '" + another +
			"'}]"), want: "trust.key"},
		{name: "pem", images: "app:v1", policy: imagesRule("keys:", "  - pem: |",
			"      "+strings.ReplaceAll(fixture.Key("cosign.pub").PEM(), "\n", "\n          "))},
		{name: "no one may sign", images: "app:v1", policy: imagesRule("required: true"), want: "trust.unanchored"},
		{name: "identity", images: "keyless:v1", policy: imagesRule(byDev)},
		{name: "another identity", images: "keyless:v1",
			policy: imagesRule("identities: [{identity: eve@lab.test, issuer: 'http://127.0.0.1:8888'}]"), want: "cert.identity"},
		{name: "one identity of two", images: "keyless:v1",
			policy: imagesRule("identities: [{identity: eve@lab.test, issuer: 'http://127.0.0.1:8888'}, " +
				"{identityRegexp: '.*@lab[.]test', issuerRegexp: 'http://.*'}]")},
		{name: "a regular expression that matches a part", images: "keyless:v1",
			policy: imagesRule("identities: [{identityRegexp: 'dev', issuerRegexp: 'http://.*'}]"), want: "cert.identity"},
		{name: "key or identity, by the key", images: "app:v1", policy: imagesRule(signed, byDev)},
		{name: "key or identity, by the identity", images: "keyless:v1", policy: imagesRule(signed, byDev)},
		{name: "key or identity, by neither", images: "wrongkey:v1", policy: imagesRule(signed, byDev),
			want: "trust.key"},
		{name: "annotations", images: "app:v1", policy: imagesRule(signed, "annotations: {repo: acme/app}")},
		{name: "other annotations", images: "app:v1", policy: imagesRule(signed, "annotations: {repo: evil/app}"),
			want: "policy.annotations"},
		{name: "attestation", images: "app:v1", policy: imagesRule(signed,
			"attestations: [{type: slsaprovenance1, count: 1}]")},
		{name: "more attestations", images: "app:v1", policy: imagesRule(signed,
			"attestations: [{type: slsaprovenance1, count: 2}]"), want: "policy.attestation"},
		{name: "platform", images: "multi:v1", policy: imagesRule(signed, "platforms: [linux/amd64]")},
		{name: "another platform", images: "multi:v1", policy: imagesRule(signed, "platforms: [linux/s390x]"),
			want: "manifest.narrowed"},
		{name: "only platforms", images: "multi:v1", policy: imagesRule(signed,
			"onlyPlatforms: [linux/amd64, linux/arm64]")},
		{name: "a platform too many", images: "multi:v1", policy: imagesRule(signed, "onlyPlatforms: [linux/amd64]"),
			want: "policy.platform"},
		{name: "digest", images: "app:v1", policy: imagesRule(signed, "digests: ['"+another+"', '"+appV1+"']")},
		{name: "another digest", images: "app:v1", policy: imagesRule(signed, "digests: ['"+another+"']"),
			want: "policy.digest"},
		{name: "one signer", images: "app:v1", policy: imagesRule(signed, "signers: 1")},
		{name: "two signers", images: "twokeys:v1",
			policy: imagesRule("keys: [{file: cosign.pub}, {file: other.pub}]", "signers: 2")},
		{name: "two demanded, one signed", images: "app:v1",
			policy: imagesRule("keys: [{file: cosign.pub}, {file: other.pub}]", "signers: 2"), want: "policy.signers"},
		{name: "age", images: "app:v1", policy: imagesRule(signed, "maxAge: 30d")},
		{name: "too old", images: "app:v1", policy: imagesRule(signed, "maxAge: 1h"), want: "policy.age"},
		{name: "not before", images: "app:v1", policy: imagesRule(signed, "notBefore: 2026-11-01")},
		{name: "too early", images: "app:v1", policy: imagesRule(signed, "notBefore: 2026-11-24"), want: "policy.age"},
		{name: "not after", images: "app:v1", policy: imagesRule(signed, "notAfter: 2026-11-24")},
		{name: "too late", images: "app:v1", policy: imagesRule(signed, "notAfter: 2026-11-01"), want: "policy.age"},
		{name: "inclusion", images: "bundle:v1", policy: imagesRule(signed, "inclusion: true")},
		{name: "no inclusion proof", images: "app:v1", policy: imagesRule(signed, "inclusion: true"),
			want: "rekor.inclusion"},
		{name: "children signed", images: "multi:v1", policy: imagesRule(signed, "childSignatures: true")},
		{name: "all signatures", images: "app:v1", policy: imagesRule(signed, "allSignatures: true")},
		{name: "all signatures, including one of another key", images: "twokeys:v1",
			policy: imagesRule(signed, "allSignatures: true"), want: "trust.key"},
		{name: "two logs", images: "app:v1", policy: imagesRule(signed, "logs: 2"), want: "rekor.threshold"},
		{name: "a timestamp", images: "app:v1", policy: imagesRule(signed, "timestamps: 1"), want: "tsa.threshold"},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

func whole(lines ...string) string { return imagesRule(signed) + strings.Join(lines, "\n") + "\n" }

// TestWholeBundle satisfies and violates each demand on the bundle as a whole.
func TestWholeBundle(t *testing.T) {
	first := "schema: gapseal.policy/v1\nimages:\n  - {match: " + host + "app, required: true, " + signed + "}\n"
	clean := &verify.Transfer{ID: "T-1", Scan: verify.Scan{Destination: verify.ScanClean}}
	dirty := &verify.Transfer{ID: "T-1", Scan: verify.Scan{Destination: "infected"}}
	required := whole("transfer: {required: [id, scan.destination]}")
	for _, c := range []ruleCase{
		{name: "listed", images: "app:v1", policy: first},
		{name: "unlisted", images: "app:v1 bundle:v1", policy: first, want: "policy.unlisted-image"},
		{name: "unlisted, judged by flags that pin nothing", images: "app:v1 bundle:v1",
			policy: first + "unlisted: judge\n", want: "trust.unanchored"},
		{name: "required and missing", images: "bundle:v1", policy: first, want: "policy.unlisted-image policy.image"},
		{name: "optional and missing", images: "app:v1", policy: first + "  - {match: " + host + "db, " + signed +
			"}\n"},
		{name: "the first rule that matches", images: "app:v1", policy: first + "  - {match: '" + host +
			"*', keys: [{file: other.pub}]}\n"},
		{name: "a tag of its own", images: "app:v1", policy: strings.Replace(first, "app,", "'app:v2',", 1),
			want: "policy.unlisted-image policy.image"},
		{name: "as many images as allowed", images: "app:v1 app:v2", policy: whole("limits: {images: 2}")},
		{name: "too many images", images: "app:v1 app:v2", policy: whole("limits: {images: 1}"), want: "policy.budget"},
		{name: "small enough", images: "app:v1", policy: whole("limits: {bytes: 1MiB}")},
		{name: "too large", images: "app:v1", policy: whole("limits: {bytes: 1KiB}"), want: "policy.budget"},
		{name: "no seal", images: "app:v1", policy: whole("seal: {keys: [{file: other.pub}]}"), want: "policy.seal"},
		{name: "record", images: "app:v1", policy: required, record: clean},
		{name: "no record", images: "app:v1", policy: required, want: "policy.transfer"},
		{name: "a field missing", images: "app:v1", policy: required, record: &verify.Transfer{ID: "T-1"},
			want: "policy.transfer"},
		{name: "a scan that found something", images: "app:v1", policy: required, record: dirty, want: "policy.scan"},
		{name: "malware, although no scan is required", images: "app:v1", policy: whole(), record: dirty,
			want: "policy.scan"},
		{name: "a failed scan that is not required", images: "app:v1", policy: whole(),
			record: &verify.Transfer{Scan: verify.Scan{Source: "failed"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.policy = strings.Replace(c.policy, "match: "+host+"'", "match: '"+host, 1)
			c.run(t)
		})
	}
}

// TestPolicyDigestBinds asserts that a digest which the policy pins binds the name
// of its rule, and no name that merely matches a pattern.
func TestPolicyDigestBinds(t *testing.T) {
	for match, want := range map[string]check.BoundBy{"app:v1": "policy", "app": "docker-reference",
		"*": "docker-reference", "app:*": "docker-reference", "app:v1*": "docker-reference"} {
		p, err := policy.Parse([]byte(strings.Replace(imagesRule(signed, "digests: ['"+appV1+"']"), host+"*",
			host+match, 1)), key)
		if err != nil {
			t.Fatal(err)
		}
		opt := trusted(t)
		opt.Policy = &p.Policy
		rep := fixture.Verify(t, fixture.Bundle(t, "app:v1"), opt)
		warned := strings.Contains(fmt.Sprint(fixture.Warned(rep)), "policy.reference-unbound")
		if got := rep.Images[0].BoundBy; rep.Verdict != check.Verified || got != want || warned != (want != "policy") {
			t.Errorf("%s: %s, bound by %s, warned %v", match, rep.Verdict, got, fixture.Warned(rep))
		}
	}
}
