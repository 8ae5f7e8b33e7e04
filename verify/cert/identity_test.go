package cert

import (
	"crypto/x509"
	"crypto/x509/pkix"
	stdasn1 "encoding/asn1"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte/asn1"
)

func with(extensions ...pkix.Extension) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.ExtraExtensions = extensions }
}

// named returns a certificate whose subject alternative names are exactly these.
func named(names ...[]byte) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.EmailAddresses, c.ExtraExtensions = nil, []pkix.Extension{san(names...)} }
}

func email(address string) []byte { return der(asn1.Tag(1).ContextSpecific(), []byte(address)) }

func TestReadIdentity(t *testing.T) {
	root := newCA(t, "root", nil)
	v1, v2 := raw(1, "https://a.example"), text(8, "https://a.example")
	for name, test := range map[string]struct {
		change            func(*x509.Certificate)
		san, kind, issuer string
	}{
		"both issuers": {with(v1, v2), "dev@example.org", SANEmail, "https://a.example"},
		"old issuer":   {with(v1), "dev@example.org", SANEmail, "https://a.example"},
		"new issuer":   {with(v2), "dev@example.org", SANEmail, "https://a.example"},
		"no issuer":    {with(), "dev@example.org", SANEmail, ""},
		"URI": {func(c *x509.Certificate) {
			c.EmailAddresses, c.URIs = nil, []*url.URL{{Scheme: "https", Host: "example.org", Path: "/w@refs/x"}}
		}, "https://example.org/w@refs/x", SANURI, "https://issuer.example"},
		"user name": {named(otherName(oidOtherName, der(asn1.UTF8String, []byte("dev!example.org")))),
			"dev!example.org", SANUsername, ""},
		"unknown extensions": {
			with(v2, raw(99, "\x00"), pkix.Extension{Id: stdasn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8, 1},
				Value: []byte{1}}),
			"dev@example.org", SANEmail, "https://a.example",
		},
	} {
		id, err := ReadIdentity(newLeaf(t, root, test.change))
		if err != nil || id.SAN != test.san || id.SANKind != test.kind || id.Issuer != test.issuer {
			t.Errorf("%s: got %+v, %v", name, id, err)
		}
	}
}

func TestReadIdentityIssuersDisagree(t *testing.T) {
	root := newCA(t, "root", nil)
	for _, pair := range [][2]string{
		{"https://a.example", "https://b.example"}, {"https://a.example", "https://A.example"},
		{"https://a.example", ""}, {"", "https://a.example"},
	} {
		_, err := ReadIdentity(newLeaf(t, root, with(raw(1, pair[0]), text(8, pair[1]))))
		var issuer *IssuerError
		if !errors.As(err, &issuer) || issuer.V1 != pair[0] || issuer.V2 != pair[1] {
			t.Errorf("%q: got %v, want *IssuerError", pair, err)
		}
	}
}

func TestReadIdentityRefuses(t *testing.T) {
	root := newCA(t, "root", nil)
	utf8 := func(s string) []byte { return der(asn1.UTF8String, []byte(s)) }
	for name, test := range map[string]struct {
		change       func(*x509.Certificate)
		what, reason string
	}{
		"no name": {func(c *x509.Certificate) { c.EmailAddresses = nil }, "subject alternative name",
			"exactly one, found none"},
		"two e-mails": {func(c *x509.Certificate) { c.EmailAddresses = []string{"a@x.org", "b@x.org"} },
			"subject alternative name", "found more"},
		"e-mail and URI": {func(c *x509.Certificate) { c.URIs = []*url.URL{{Scheme: "https", Host: "x.org"}} },
			"subject alternative name", "found more"},
		"e-mail and user": {named(email("a@x.org"), otherName(oidOtherName, utf8("u"))),
			"subject alternative name", "found more"},
		"DNS name": {func(c *x509.Certificate) { c.EmailAddresses, c.DNSNames = nil, []string{"x.org"} },
			"subject alternative name", "of another kind"},
		"IP address": {func(c *x509.Certificate) {
			c.EmailAddresses, c.IPAddresses = nil, []net.IP{{1, 2, 3, 4}}
		}, "subject alternative name", "of another kind"},
		"line end":       {named(email("a@x.org\nb")), "subject alternative name", "printable"},
		"NUL":            {named(email("a@x.org\x00.evil")), "subject alternative name", "printable"},
		"empty user":     {named(otherName(oidOtherName, utf8(""))), "subject alternative name", "printable"},
		"user not UTF-8": {named(otherName(oidOtherName, utf8("\xff"))), "subject alternative name", "printable"},
		"other otherName": {named(otherName(oid(8), utf8("u"))), "subject alternative name",
			"otherName: want the type"},
		"user in IA5String": {named(otherName(oidOtherName, der(asn1.IA5String, []byte("u")))),
			"subject alternative name", "one UTF8String"},
		"two in otherName": {named(otherName(oidOtherName, append(utf8("u"), utf8("v")...))),
			"subject alternative name", "one UTF8String"},
		"raw issuer V2": {with(raw(8, "https://a.example")), "Issuer (V2)", "one UTF8String"},
		"trailing issuer V2": {with(pkix.Extension{Id: oid(8), Value: append(utf8("a"), 0)}), "Issuer (V2)",
			"one UTF8String"},
		"issuer line end": {with(raw(1, "https://a.example\n")), "Issuer", "printable"},
		"trigger in IA5": {with(pkix.Extension{Id: oid(20), Value: der(asn1.IA5String, []byte("push"))}),
			"Build Trigger", "one UTF8String"},
		"ref not UTF-8": {with(text(14, "\xc3\x28")), "Source Repository Ref", "printable"},
	} {
		id, err := ReadIdentity(newLeaf(t, root, test.change))
		t.Run(name, func(t *testing.T) {
			wantFormat(t, err, test.what, test.reason)
			if id != nil {
				t.Errorf("an error and %+v", id)
			}
		})
	}
}

func workflow() *Identity {
	return &Identity{
		SAN: "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main", SANKind: SANURI,
		Issuer: "https://token.example", Extensions: []Extension{
			{numberTrigger, "", "push"}, {numberSHA, "", "abc"}, {numberName, "", "Release"},
			{numberRepository, "", "acme/app"}, {numberRef, "", "refs/heads/main"},
		},
	}
}

func TestPolicyMatches(t *testing.T) {
	id := workflow()
	for name, policy := range map[string]Policy{
		"exact":            {SAN: id.SAN, Issuer: id.Issuer},
		"patterns":         {SANRegexp: `https://github\.com/acme/.*`, IssuerRegexp: `https://[a-z]+\.example`},
		"own anchors":      {SANRegexp: `^https://github\.com/acme/.*$`, Issuer: id.Issuer},
		"choice":           {SANRegexp: `x|https://github\.com/acme/.*|y`, Issuer: id.Issuer},
		"case-insensitive": {SANRegexp: `(?i)HTTPS://GITHUB\.COM/.*`, Issuer: id.Issuer},
		"workflow": {
			SAN: id.SAN, Issuer: id.Issuer,
			GitHubWorkflow: GitHubWorkflow{Trigger: "push", SHA: "abc", Name: "Release", Repository: "acme/app",
				Ref: "refs/heads/main"},
		},
	} {
		if err := policy.Match(id); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPolicyMismatches(t *testing.T) {
	id := workflow()
	exact := func(w GitHubWorkflow) Policy { return Policy{SAN: id.SAN, Issuer: id.Issuer, GitHubWorkflow: w} }
	silent := &Identity{SAN: id.SAN}
	for name, test := range map[string]struct {
		id       *Identity
		policy   Policy
		what     string
		expected string
	}{
		"other identity":  {id, Policy{SAN: "dev@example.org", Issuer: id.Issuer}, "identity", `"dev@example.org"`},
		"identity begins": {id, Policy{SAN: id.SAN[:40], Issuer: id.Issuer}, "identity", `"` + id.SAN[:40] + `"`},
		"identity's case": {id, Policy{SAN: strings.ToUpper(id.SAN), Issuer: id.Issuer}, "identity",
			`"` + strings.ToUpper(id.SAN) + `"`},
		"pattern inside": {id, Policy{SANRegexp: `github\.com/acme`, Issuer: id.Issuer}, "identity",
			`all of it matches github\.com/acme`},
		"pattern at start": {id, Policy{SANRegexp: `https://github\.com/acme/`, Issuer: id.Issuer}, "identity",
			`all of it matches https://github\.com/acme/`},
		"choice inside": {id, Policy{SANRegexp: `https://git|main`, Issuer: id.Issuer}, "identity",
			`all of it matches https://git|main`},
		"multi-line": {&Identity{SAN: "x\ndev", Issuer: id.Issuer}, Policy{SANRegexp: `(?m)^dev$`,
			Issuer: id.Issuer}, "identity", `all of it matches (?m)^dev$`},
		"pattern's case": {id, Policy{SANRegexp: `HTTPS://.*`, Issuer: id.Issuer}, "identity", `all of it matches HTTPS://.*`},
		"other issuer": {id, Policy{SAN: id.SAN, Issuer: "https://other.example"}, "issuer",
			`"https://other.example"`},
		"issuer inside":    {id, Policy{SAN: id.SAN, IssuerRegexp: `token`}, "issuer", `all of it matches token`},
		"no issuer at all": {silent, Policy{SAN: id.SAN, IssuerRegexp: `.*`}, "issuer", `all of it matches .*`},
		"other trigger": {id, exact(GitHubWorkflow{Trigger: "pull_request"}), "GitHub Workflow Trigger",
			`"pull_request"`},
		"other commit":   {id, exact(GitHubWorkflow{SHA: "ab"}), "GitHub Workflow SHA", `"ab"`},
		"other workflow": {id, exact(GitHubWorkflow{Name: "release"}), "GitHub Workflow Name", `"release"`},
		"other repository": {id, exact(GitHubWorkflow{Repository: "acme/app2"}), "GitHub Workflow Repository",
			`"acme/app2"`},
		"other ref": {id, exact(GitHubWorkflow{Ref: "refs/heads/dev"}), "GitHub Workflow Ref",
			`"refs/heads/dev"`},
		"no such extensions": {&Identity{SAN: id.SAN, Issuer: id.Issuer}, exact(GitHubWorkflow{Ref: "x"}),
			"GitHub Workflow Ref", `"x"`},
	} {
		err := test.policy.Match(test.id)
		var mismatch *MismatchError
		if !errors.As(err, &mismatch) || mismatch.What != test.what || mismatch.Expected != test.expected {
			t.Errorf("%s: got %v, want *MismatchError about %s, expected %s", name, err, test.what, test.expected)
		}
	}
}

func TestInvalidPolicy(t *testing.T) {
	for name, test := range map[string]struct {
		policy       Policy
		what, reason string
	}{
		"nothing":        {Policy{}, "identity", "found neither"},
		"no issuer":      {Policy{SAN: "a"}, "issuer", "found neither"},
		"no identity":    {Policy{Issuer: "a"}, "identity", "found neither"},
		"both":           {Policy{SAN: "a", SANRegexp: "a", Issuer: "a"}, "identity", "found both"},
		"broken pattern": {Policy{SANRegexp: "(", Issuer: "a"}, "identity", "missing closing"},
		"escape":         {Policy{SANRegexp: "a)|(?:.*", Issuer: "a"}, "identity", "unexpected )"},
		"open quote":     {Policy{SAN: "a", IssuerRegexp: `\Qa`}, "issuer", "missing closing"},
	} {
		for _, err := range []error{test.policy.Validate(), test.policy.Match(workflow())} {
			var policy *PolicyError
			if !errors.As(err, &policy) || policy.What != test.what || !strings.Contains(policy.Reason, test.reason) {
				t.Errorf("%s: got %v, want *PolicyError", name, err)
			}
		}
	}
}
