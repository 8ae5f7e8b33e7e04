package siteconfig_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/internal/siteconfig"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// The documents trust a key for an image if and only if gapseal verify does, wherever
// signers are pinned.
func TestSignersAreThoseOfVerify(t *testing.T) {
	good, other := fixture.Key("cosign.pub"), fixture.Key("other.pub")
	keys := func(list ...*trust.Key) verify.Demands { return verify.Demands{Keys: list} }
	identity := verify.Demands{Identities: []*cert.Policy{{SAN: "dev@lab.test", Issuer: "https://accounts.example"}}}
	none := verify.Demands{}
	both := &verify.Demands{Keys: []*trust.Key{good, other}}
	denied := verify.Deny{Keys: []string{good.Fingerprint()}}
	for name, c := range map[string]struct {
		flags  verify.Demands
		rule   *verify.Demands // nil if no rule matches
		deny   verify.Deny
		failed string // checks of verify
	}{
		"flags":                   {flags: keys(good)},
		"flags and a rule":        {flags: keys(good), rule: &none},
		"a rule":                  {rule: both},
		"a fingerprint in a rule": {rule: &verify.Demands{Fingerprints: []string{good.Fingerprint()}}},
		"a rule replaces flags":   {flags: keys(other), rule: both},
		"a rule names another":    {flags: keys(good), rule: &verify.Demands{Keys: []*trust.Key{other}}, failed: "trust.key"},
		"a rule names a person":   {flags: keys(good), rule: &identity, failed: "cert.chain"},
		"denied, in flags":        {flags: keys(good, other), deny: denied, failed: "policy.deny"},
		"denied, in a rule":       {rule: both, deny: denied, failed: "policy.deny"},
	} {
		o := fixture.Options()
		o.Demands = c.flags
		o.Policy = &verify.Policy{JudgeUnlisted: true, Deny: c.deny}
		if c.rule != nil {
			o.Policy.Rules = []verify.Rule{{Pattern: fixture.Host + "app", Demands: *c.rule}}
		}
		failed := fixture.Failed(fixture.Verify(t, fixture.Bundle(t, "app:v1"), o))
		if (len(failed) == 0) != (c.failed == "") || c.failed != "" && !slices.Contains(failed, c.failed) {
			t.Errorf("%s: verify failed %v, want %q", name, failed, c.failed)
		}
		s := newSite(t, &o, nil)
		if err := s.Add(reference(t, "app:v1"), tagged, &o, []*trust.Key{good}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same := func(k *trust.Key) bool { return k.Fingerprint() == good.Fingerprint() }
		listed := slices.ContainsFunc(s.Images[0].Keys, same)
		if listed != (len(failed) == 0) {
			t.Errorf("%s: verify failed %v, and the documents trust the key: %v", name, failed, listed)
		}
	}
}

// tagged are the signatures of an image that has them in a .sig tag.
var tagged = siteconfig.Forms{Tag: true}

func reference(t *testing.T, image string) oci.Reference {
	t.Helper()
	ref, err := oci.ParseReference(fixture.Host + image)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// What a policy denies is not among the signers, and if nothing is left, that is said.
func TestDeniedSigners(t *testing.T) {
	o := identified(t)
	o.Identities = []*cert.Policy{{SAN: "dev@lab.test", Issuer: "https://accounts.example"}}
	o.Policy = &verify.Policy{JudgeUnlisted: true, Deny: verify.Deny{
		Identities: []*cert.Policy{{SANRegexp: "dev@.*", IssuerRegexp: ".*"}},
	}}
	s := newSite(t, o, nil)
	err := s.Add(reference(t, "app:v1"), tagged, o, nil)
	if err == nil || !strings.Contains(err.Error(), "the policy denies each key and identity") {
		t.Errorf("got %v", err)
	}
	o.Identities = append(o.Identities, &cert.Policy{SAN: "ops@lab.test", Issuer: "https://accounts.example"})
	if err := s.Add(reference(t, "app:v1"), tagged, o, nil); err != nil || len(s.Images[0].Identities) != 1 {
		t.Fatalf("%v, %v", err, s.Images)
	}
	write(t, "kyverno", s)
	if len(s.Notes) == 0 || !strings.Contains(s.Notes[0], "since the policy denies it: dev@lab.test") {
		t.Errorf("notes %q", s.Notes)
	}
}

// Each demand is written into the documents, or named as left out.
func TestNoDemandIsLeftOutSilently(t *testing.T) {
	written := []string{"Keys", "Fingerprints", "Identities", "LogOptional", "SignedAs"}
	values := map[string]any{
		"Vouch":        []verify.Vouch{{By: check.VouchedBySender}},
		"PayloadTypes": []string{"x"}, "NamesBound": true, "Signers": 2, "Annotations": map[string]string{"a": "b"},
		"MaxAge": time.Hour, "NotBefore": fixture.SignedAt, "NotAfter": fixture.SignedAt, "RequireLogs": 2,
		"RequireTimestamps": 1, "RequireInclusion": true, "RequireAll": true, "RequireChildren": true,
		"Attestations":  []verify.RequiredAttestation{{Name: "vuln"}},
		"Platforms":     []oci.Platform{{OS: "linux", Architecture: "amd64"}},
		"OnlyPlatforms": []oci.Platform{{OS: "linux", Architecture: "amd64"}},
		"Digests":       []oci.Digest{oci.EmptyDigest},
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[verify.Demands]()) {
		value, ok := values[field.Name]
		if !ok {
			if !slices.Contains(written, field.Name) {
				t.Errorf("%s: the test has no value", field.Name)
			}
			continue
		}
		var d verify.Demands
		reflect.ValueOf(&d).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(value))
		for _, inRule := range []bool{false, true} {
			o := fixture.Options()
			if inRule {
				o.Policy = &verify.Policy{Rules: []verify.Rule{{Pattern: "**", Demands: d}}}
			} else {
				d.Keys = o.Keys
				o.Demands = d
			}
			s := newSite(t, &o, nil, images[0])
			write(t, "kyverno", s)
			if len(s.Notes) == 0 || !strings.Contains(s.Notes[0], "left out, and judged only by gapseal verify: ") {
				t.Errorf("%s, in a rule: %v: notes %q", field.Name, inRule, s.Notes)
			}
		}
	}
	o := fixture.Options()
	o.Policy = &verify.Policy{JudgeUnlisted: true, Deny: verify.Deny{Digests: []oci.Digest{oci.EmptyDigest}}}
	s := newSite(t, &o, nil, images[0])
	write(t, "kyverno", s)
	if !strings.Contains(strings.Join(s.Notes, "\n"), "denied digests") {
		t.Errorf("notes %q", s.Notes)
	}
}

// Kyverno takes * and ? in exact values for wildcards, and verify does not.
func TestKyvernoGetsNoWildcard(t *testing.T) {
	for _, special := range []string{"https://github.com/acme/*", "https://github.com/acme/?", "{{a}}", "$(a)"} {
		o := identified(t)
		o.Identities = []*cert.Policy{{SAN: special, Issuer: special}}
		var policy struct {
			Spec struct {
				Rules []struct {
					VerifyImages []struct {
						Attestors []struct {
							Entries []struct{ Keyless map[string]any }
						}
					} `yaml:"verifyImages"`
				}
			}
		}
		files, err := siteconfig.FindKind("kyverno").Write(newSite(t, o, nil, images[0]))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(files[0].Text, &policy); err != nil {
			t.Fatal(err)
		}
		for _, e := range policy.Spec.Rules[0].VerifyImages[0].Attestors[0].Entries {
			for _, field := range []string{"subject", "issuer"} {
				re, _ := e.Keyless[field+"RegExp"].(string)
				if e.Keyless[field] != nil || re != "^(?:"+regexp.QuoteMeta(special)+")$" {
					t.Errorf("%s %q: found %v, regular expression %q", field, special, e.Keyless[field], re)
				}
			}
		}
		o = identified(t)
		o.Identities[0].GitHubWorkflow.Ref = special
		fails(t, "kyverno", newSite(t, o, nil, images[0]), "of githubWorkflowRef as it is written")
	}
}
