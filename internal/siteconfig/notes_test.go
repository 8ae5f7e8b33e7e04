package siteconfig_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/internal/siteconfig"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/trust"
)

// An image that a document always refuses is named, and no other.
func TestRefusedImagesAreNamed(t *testing.T) {
	key, identity := fixture.Options(), *identified(t)
	key.Keys = []*trust.Key{fixture.Key("cosign.pub")}
	root := identified(t)
	key.Anchors = root.Anchors
	identity.Identities[0].SANRegexp, identity.Identities[0].SAN = "", "dev@lab.test"
	for _, kind := range []string{"policy.json", "kyverno", "policy-controller"} {
		for _, c := range []struct {
			forms   siteconfig.Forms
			options *verify.Options
			refused bool
		}{
			{siteconfig.Forms{}, &key, true},
			{siteconfig.Forms{}, &identity, true},
			{siteconfig.Forms{Tag: true}, &key, false},
			{siteconfig.Forms{Tag: true, Bundle: true}, &key, false},
			{siteconfig.Forms{Bundle: true}, &key, true},
			{siteconfig.Forms{Bundle: true}, &identity, kind != "policy-controller"},
		} {
			s := newSite(t, c.options, nil)
			if err := s.Add(reference(t, "app:v1"), c.forms, c.options, nil); err != nil {
				t.Fatal(err)
			}
			write(t, kind, s)
			notes := strings.Join(s.Notes, "\n")
			if strings.Contains(notes, "will refuse what has") != c.refused ||
				strings.Contains(notes, fixture.Host+"app:v1") != c.refused {
				t.Errorf("%s, %+v: want refused %v, notes %q", kind, c.forms, c.refused, s.Notes)
			}
		}
	}
}

// A policy names the oldest parser that reads all of it.
func TestPolicyNamesItsParser(t *testing.T) {
	one, two := fixture.Options(), fixture.Options()
	two.Keys = append(two.Keys, fixture.Key("other.pub"))
	loose := fixture.Options()
	loose.LogOptional = true
	for want, options := range map[string][]*verify.Options{
		"5.22 (Podman 4.2)": {&loose}, "5.24 (Podman 4.4)": {&loose, &one}, "5.33 (Podman 5.3)": {&one, &two, &loose},
	} {
		s := newSite(t, &one, nil)
		for i, o := range options {
			ref := reference(t, fmt.Sprintf("app%d:v1", i))
			if err := s.Add(ref, siteconfig.Forms{Tag: true}, o, nil); err != nil {
				t.Fatal(err)
			}
		}
		write(t, "policy.json", s)
		if notes := strings.Join(s.Notes, "\n"); !strings.Contains(notes, want) {
			t.Errorf("want %q, notes %q", want, s.Notes)
		}
	}
}

// Only a log of the root that issued a certificate may have logged the signature, as in
// gapseal verify.
func TestPolicyTakesTheLogsOfTheIssuer(t *testing.T) {
	o := identified(t)
	o.Identities[0].SANRegexp, o.Identities[0].SAN = "", "dev@lab.test"
	one := write(t, "policy.json", newSite(t, o, nil, images[0]))
	o.More = append(o.More, verify.Domain{Logs: []trust.Log{fixture.NewSigner(t).LogKey()}})
	s := newSite(t, o, nil, images[0])
	if two := write(t, "policy.json", s); two != one {
		t.Errorf("a log of another root counts:\n%s", two)
	}
	if !strings.Contains(strings.Join(s.Notes, "\n"), "do not ask whether certificates are logged") {
		t.Errorf("notes %q", s.Notes)
	}
}
