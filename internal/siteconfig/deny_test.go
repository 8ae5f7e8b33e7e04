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

// No name can break out of its line in a document, or change what a terminal shows.
func TestHiddenCharacters(t *testing.T) {
	o := fixture.Options()
	for _, c := range []string{"\u0085", "\u009b", "\u202e", "\u2028", "\x1b", "\r", "\xff"} {
		for _, kind := range siteconfig.Kinds {
			s := newSite(t, &o, nil)
			s.Domains[0].CAs, s.Domains[0].TSAs = labRoot(t).CAs, nil
			img := siteconfig.Image{From: reference(t, "app:v1"), Repo: "registry.plant:5000/mirror/a" + c + "b"}
			img.From.Repository = "a.b" + c + "c/app"
			img.Keys = o.Keys
			s.Images = append(s.Images, img)
			files, err := kind.Write(s)
			for _, f := range files {
				if strings.Contains(string(f.Text), c) {
					t.Errorf("%s: %q is in %s", kind.Name, c, f.Path)
				}
			}
			if err != nil && !strings.Contains(err.Error(), "a control character") && kind.Name != "containerd" {
				t.Errorf("%s, %q: %v", kind.Name, c, err)
			}
		}
	}
}

// That a program compares only the digest that was signed is said.
func TestNamesNote(t *testing.T) {
	o := identified(t)
	for kind, want := range map[string]bool{"kyverno": true, "policy-controller": true, "podman": false} {
		s := newSite(t, o, nil, images[0])
		write(t, kind, s)
		if strings.Contains(strings.Join(s.Notes, ""), "compares only the digest that was signed") != want {
			t.Errorf("%s: notes %q", kind, s.Notes)
		}
	}
}
