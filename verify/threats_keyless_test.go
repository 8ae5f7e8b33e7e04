package verify_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
)

var (
	keyless       = fixture.Flavour{Keyless: true}
	keylessRekor2 = fixture.Flavour{Keyless: true, Rekor2: true, Stamped: true}
)

// leaf changes the certificate before it is issued and logged.
func leaf(change func(*x509.Certificate)) fixture.BundleStages {
	return fixture.BundleStages{Flavour: keyless, Leaf: func(m *fixture.Making) { change(m.Leaf) }}
}

// fulcio is a Sigstore with another chain below its root, and with another root if
// that is changed.
func fulcio(issuer, root func(*x509.Certificate)) *fixture.Sigstore {
	return sigstore().With(func(s *fixture.Sigstore) {
		top := s.Fulcio[1]
		if root != nil {
			top = fixture.NewAuthority("fulcio root", nil, fixture.AsCA, root)
		}
		s.Fulcio = []*fixture.Authority{fixture.NewAuthority("fulcio", top, fixture.AsCA, issuer), top}
	})
}

func until(d time.Duration) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotAfter = fixture.SignedAt.Add(d) }
}

func since(d time.Duration) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotBefore = fixture.SignedAt.Add(d) }
}

func same(*x509.Certificate) {}

// signedAt signs, logs and stamps so long after SignedAt.
func signedAt(of fixture.Flavour, d time.Duration) fixture.BundleStages {
	return fixture.BundleStages{Flavour: of, Body: func(m *fixture.Making) { m.At = m.At.Add(d) }, Token: func(m *fixture.Making) { m.Token.At = m.At }}
}

func policy(change func(*cert.Policy)) func(*verify.Options) {
	return func(o *verify.Options) { p := *o.Identities[0]; change(&p); o.Identities = []*cert.Policy{&p} }
}

func TestKeylessChainThreats(t *testing.T) {
	unpinned := fixture.NewSigstore(t)
	forger := sigstore().With(func(s *fixture.Sigstore) { s.Fulcio = unpinned.Fulcio })
	renamed := sigstore().With(func(s *fixture.Sigstore) {
		root := fixture.NewAuthority("another root", nil, fixture.AsCA)
		s.Fulcio = []*fixture.Authority{fixture.NewAuthority("another", root, fixture.AsCA), root}
	})
	window := func(from, to time.Duration) func(*trustroot.TrustedRoot) {
		return func(r *trustroot.TrustedRoot) { r.CertificateAuthorities[0].ValidFor = fixture.Window(from, to) }
	}
	modernThreats(t, "cert", []modern{
		{name: "cert chain to untrusted root of the same name", by: forger, made: fixture.BundleStages{Flavour: keyless}, want: "cert.chain"},
		{name: "cert chain to untrusted root of another name", by: renamed, made: fixture.BundleStages{Flavour: keyless}, want: "cert.chain"},
		{name: "Rekor v2: cert chain to untrusted root", by: forger, made: fixture.BundleStages{Flavour: keylessRekor2}, want: "cert.chain"},
		{name: "no certificate authority is trusted", root: func(r *trustroot.TrustedRoot) { r.CertificateAuthorities = nil }, made: fixture.BundleStages{Flavour: keyless}, want: "cert.chain"},
		{name: "root inside bundle", by: forger, made: olderBundle(forger.Fulcio), want: "cert.encoding cert.chain"},
		{name: "an older bundle with the chain of the trusted root", made: olderBundle(sigstore().Fulcio), want: "cert.encoding"},
		{name: "an older bundle whose chain goes on with no certificate", want: "cert.encoding", made: olderBundle([]*fixture.Authority{{Cert: &x509.Certificate{Raw: []byte("covert")}}})},
		{name: "issued by a leaf", want: "cert.chain", made: fixture.BundleStages{Flavour: keyless, Leaf: func(m *fixture.Making) {
			m.Issuer = fixture.NewAuthority("leaf", m.Issuer, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
		}}},
		{name: "intermediate expired at signing time (CVE-2026-24122)", trust: fulcio(until(-time.Second), nil), made: fixture.BundleStages{Flavour: keyless}, want: "cert.chain"},
		{name: "Rekor v2: intermediate expired at signing time", trust: fulcio(until(-time.Second), nil), made: fixture.BundleStages{Flavour: keylessRekor2}, want: "cert.chain"},
		{name: "intermediate not yet valid at signing time", trust: fulcio(since(time.Second), nil), made: fixture.BundleStages{Flavour: keyless}, want: "cert.chain"},
		{name: "root expired at signing time", trust: fulcio(same, until(-time.Second)), made: fixture.BundleStages{Flavour: keyless}, want: "cert.chain"},
		{name: "intermediate that expires at signing time", trust: fulcio(until(0), nil), made: fixture.BundleStages{Flavour: keyless}},
		{name: "intermediate that may not issue for code", trust: fulcio(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, nil), made: fixture.BundleStages{Flavour: keyless}, want: "cert.chain"},
		{name: "root that constrains names", trust: fulcio(same, func(c *x509.Certificate) {
			c.PermittedEmailAddresses, c.PermittedDNSDomainsCritical = []string{"example.org"}, true
		}), made: fixture.BundleStages{Flavour: keyless}, want: "cert.chain"},
		{name: "authority no longer in use at signing time", root: window(-time.Hour, -time.Second), made: fixture.BundleStages{Flavour: keyless}, want: "cert.chain"},
		{name: "authority not yet in use at signing time", root: window(time.Second, time.Hour), made: fixture.BundleStages{Flavour: keyless}, want: "cert.chain"},
		{name: "both ends of the authority's window belong to it", root: window(0, 0), made: fixture.BundleStages{Flavour: keyless}},
	})
}

// olderBundle makes a Sigstore bundle of version 0.2, which holds a chain.
func olderBundle(chain []*fixture.Authority) fixture.BundleStages {
	const older = "application/vnd.dev.sigstore.bundle+json;version=0.2"
	return fixture.BundleStages{Flavour: keyless,
		Bundle: func(m *fixture.Making) {
			list := []*common.X509Certificate{{RawBytes: m.Cert}}
			for _, a := range chain {
				list = append(list, &common.X509Certificate{RawBytes: a.Cert.Raw})
			}
			m.Bundle.MediaType = older
			m.Bundle.VerificationMaterial.Content = &bundlepb.VerificationMaterial_X509CertificateChain{X509CertificateChain: &common.X509CertificateChain{Certificates: list}}
		},
		Manifest: func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), fixture.TypeSigstoreBundle, older)) },
	}
}

func TestKeylessTimeThreats(t *testing.T) {
	const five = 5 * time.Minute
	unlogged := fixture.Flavour{Keyless: true, Unlogged: true}
	waive := func(o *verify.Options) { o.IgnoreTlog = true }
	noTSA := func(r *trustroot.TrustedRoot) { r.TimestampAuthorities = nil }
	modernThreats(t, "cert", []modern{
		{name: "integratedTime after notAfter", made: signedAt(keyless, five+time.Second), want: "cert.chain"},
		{name: "integratedTime before notBefore", made: signedAt(keyless, -five-time.Second), want: "cert.chain"},
		{name: "integratedTime is notAfter", made: signedAt(keyless, five)},
		{name: "integratedTime is notBefore", made: signedAt(keyless, -five)},
		{name: "Rekor v2: timestamp after notAfter", made: signedAt(keylessRekor2, five+time.Second), want: "cert.chain"},
		{name: "Rekor v2: timestamp before notBefore", made: signedAt(keylessRekor2, -five-time.Second), want: "cert.chain"},
		{name: "Rekor v2: timestamp is notAfter", made: signedAt(keylessRekor2, five)},
		{name: "logged within, stamped after notAfter", want: "cert.chain", made: fixture.BundleStages{Flavour: fixture.Flavour{Keyless: true, Stamped: true}, Token: func(m *fixture.Making) { m.Token.At = m.At.Add(time.Hour) }}},
		{name: "stamped within, logged after notAfter", want: "cert.chain", made: fixture.BundleStages{Flavour: fixture.Flavour{Keyless: true, Stamped: true}, Body: func(m *fixture.Making) { m.At = m.At.Add(time.Hour) }}},
		{name: "Rekor v2: the only timestamp is by an authority not trusted", root: noTSA, made: fixture.BundleStages{Flavour: keylessRekor2}, want: "cert.chain", warn: "policy.reference-unbound"},
	})
	modernThreats(t, "cert", []modern{
		{name: "Rekor v1 with a proof and no promise: no trusted time", made: promiseless(keyless), want: "cert.chain"},
		{name: "Rekor v1 with a proof and a timestamp", made: promiseless(fixture.Flavour{Keyless: true, Stamped: true})},
	})
	for _, c := range []modern{
		{name: "expired leaf without SET and without TSA", made: fixture.BundleStages{Flavour: fixture.Flavour{Keyless: true, Rekor2: true}}, want: "cert.chain"},
		{name: "expired leaf without a log and without TSA", made: fixture.BundleStages{Flavour: unlogged}, opt: waive, want: "cert.chain"},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, "cert") })
	}
	c := modern{made: fixture.BundleStages{Flavour: unlogged}, want: "rekor.present cert.chain"}
	c.run(t, "rekor")
	unlogged.Stamped = true
	c = modern{made: fixture.BundleStages{Flavour: unlogged}, opt: waive, warn: "rekor.present policy.reference-unbound policy.waiver"}
	c.run(t, "")
}

// promiseless is an entry of Rekor v1 with an inclusion proof and without a promise.
func promiseless(of fixture.Flavour) fixture.BundleStages {
	return entry(of, func(e *rekorpb.TransparencyLogEntry) { e.InclusionPromise, e.IntegratedTime = nil, 0 })
}
