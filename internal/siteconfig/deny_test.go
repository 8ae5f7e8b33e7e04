package siteconfig_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/internal/siteconfig"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
)

const issuer = "https://accounts.example"

// A document that would admit a denied identity is not written.
func TestDeniedIdentities(t *testing.T) {
	exact := func(san string) *cert.Policy { return &cert.Policy{SAN: san, Issuer: issuer} }
	pattern := func(san string) *cert.Policy { return &cert.Policy{SANRegexp: san, Issuer: issuer} }
	for _, c := range []struct {
		allowed, denied *cert.Policy
		want            string // in the error; empty for none
	}{
		{exact("dev@lab.test"), exact("dev@lab.test"), "the policy denies each key and identity"},
		{exact("dev@lab.test"), pattern(".*@lab.test"), "the policy denies each key and identity"},
		{exact("dev@lab.test"), pattern("lab.test"), ""}, // an expression matches the whole value
		{exact("dev@lab.test"), exact("ops@lab.test"), ""},
		{exact("dev@lab.test"), &cert.Policy{SAN: "dev@lab.test", Issuer: "https://other"}, ""},
		{&cert.Policy{SAN: "dev@lab.test", IssuerRegexp: ".*"}, exact("dev@lab.test"), "would admit it"},
		{pattern(".*"), exact("dev@lab.test"), "would admit it"},
		{&cert.Policy{SANRegexp: ".*", IssuerRegexp: "https://other.*"}, exact("dev@lab.test"), ""},
		{pattern(".*@lab.test"), exact("dev@lab.test"), "would admit it"},
		{pattern(".*@lab.test"), exact("dev@else.test"), ""},
		{pattern(".*@lab.test"), pattern(".*@lab.test"), "the policy denies each key and identity"},
		{pattern(".*@lab.test"), pattern("dev@.*"), "would admit it"},
		{pattern(".*@lab.test"), pattern(".*@else.test"), ""},
		{pattern(`.*@lab\.test`), pattern(`.*@lap\.test`), ""},
		{pattern("^https://github.com/acme/.*"), pattern("https://github.com/evil/.*"), ""},
		{pattern("https://github.com/acme/.*"), pattern("https://github.com/a.*"), "would admit it"},
		{pattern("(?i)https://github.com/acme/.*"), pattern("HTTPS://GITHUB.COM/ACME/X"), "would admit it"},
		{pattern("a*b"), pattern("c*b"), "would admit it"},
		{pattern("a|b"), pattern("b|c"), "would admit it"},
	} {
		o := identified(t)
		o.Identities = []*cert.Policy{c.allowed}
		o.Policy = &verify.Policy{JudgeUnlisted: true, Deny: verify.Deny{Identities: []*cert.Policy{c.denied}}}
		s := newSite(t, o, nil)
		err := s.Add(reference(t, "app:v1"), tagged, o, nil)
		if err == nil {
			for _, kind := range []string{"kyverno", "policy-controller"} {
				if _, err = siteconfig.FindKind(kind).Write(s); err != nil {
					break
				}
			}
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s may sign, %s is denied: %v, want %q", c.allowed, c.denied, err, c.want)
		}
	}
}

// What a document cannot deny is noted.
func TestDenyNotes(t *testing.T) {
	o := identified(t)
	o.Keys = fixture.Options().Keys
	o.Policy = &verify.Policy{JudgeUnlisted: true, Deny: verify.Deny{
		Keys:       []string{fixture.Key("other.pub").Fingerprint()},
		Identities: []*cert.Policy{{SAN: "ops@lab.test", Issuer: issuer}},
	}}
	s := newSite(t, o, nil, images[0])
	write(t, "kyverno", s)
	notes := strings.Join(s.Notes, "\n")
	for _, want := range []string{"denied keys of certificates", "denied identities beside an accepted key"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes %q, want %q", notes, want)
		}
	}
}
