package verify_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
	"time"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
)

func TestKeylessLeafThreats(t *testing.T) {
	modernThreats(t, "cert", []modern{
		{name: "EKU not codeSigning", made: leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), want: "cert.chain"},
		{name: "EKU time stamping", made: leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping} }), want: "cert.chain"},
		{name: "EKU any", made: leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }), want: "cert.chain"},
		{name: "no EKU", made: leaf(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), want: "cert.chain"},
		{name: "leaf with CA:true", made: leaf(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }), want: "cert.chain"},
		{name: "leaf that may sign certificates", made: leaf(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }), want: "cert.chain"},
		{name: "leaf that may not sign", made: leaf(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), want: "cert.chain"},
		{name: "leaf with an unknown critical extension", made: leaf(func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}})
		}), want: "cert.chain"},
		{name: "leaf with a weak key: P-224", want: "cert.chain", made: fixture.BundleStages{Flavour: keyless, Leaf: func(m *fixture.Making) { m.Key = ecdsaKey(p224) }}},
		{name: "a plain key where an identity was demanded", opt: func(o *verify.Options) {
			o.Keys, o.Identities = nil, []*cert.Policy{{SAN: fixture.SignerName, Issuer: fixture.IssuerName}}
		}, want: "cert.chain"},
	})
	raw := func(change func([]byte) []byte) fixture.BundleStages {
		return finished(keyless, func(b *bundlepb.Bundle) {
			c := b.VerificationMaterial.GetCertificate()
			c.RawBytes = change(bytes.Clone(c.RawBytes))
		})
	}
	modernThreats(t, "cert", []modern{
		{name: "certificate that is none", made: raw(func([]byte) []byte { return []byte("certificate") }), want: "cert.encoding"},
		{name: "certificate with trailing bytes", made: raw(func(b []byte) []byte { return append(b, 0) }), want: "cert.encoding"},
		{name: "certificate over its budget", made: raw(func(b []byte) []byte { return append(b, make([]byte, 16<<10)...) }), want: "cert.encoding"},
	})
	modernThreats(t, "signature", []modern{
		{name: "signed by another key than the certificate's", want: "signature.crypto", made: fixture.BundleStages{Flavour: keyless, Cert: func(m *fixture.Making) { m.Key = ecdsaKey(elliptic.P256()) }}},
	})
	modernThreats(t, "trust", []modern{
		{name: "a certificate's signature where a key was pinned", want: "trust.key", made: fixture.BundleStages{Flavour: keyless}, opt: func(o *verify.Options) {
			o.Identities, o.Keys = nil, append(o.Keys, sigstore().Public())
		}},
	})
	// An entry about another certificate proves no time for this one.
	const untimed = "rekor.key cert.chain"
	other := func(m *fixture.Making) { m.Cert = reissued(m) }
	modernThreats(t, "rekor", []modern{
		{name: "leaf cert differs from cert in Rekor body", made: about(keyless, other), want: untimed},
		{name: "Rekor v2: leaf cert differs from cert in Rekor body", made: about(keylessRekor2, other), want: "rekor.key"},
		{name: "body holds the bare key of the certificate", made: about(keyless, func(m *fixture.Making) { m.Cert = nil }), want: untimed},
		{name: "bundle holds another certificate for the key than was logged", want: untimed, made: fixture.BundleStages{Flavour: keyless, Bundle: func(m *fixture.Making) {
			m.Bundle.VerificationMaterial.GetCertificate().RawBytes = reissued(m)
		}}},
	})
}

// reissued is another good certificate for the same key and identity.
func reissued(m *fixture.Making) []byte { return sigstore().Certify(m.Key) }

func TestSCTThreats(t *testing.T) {
	promise := func(make func(m *fixture.Making, precert *x509.Certificate) [][]byte) fixture.BundleStages {
		return fixture.BundleStages{Flavour: keyless, Leaf: func(m *fixture.Making) {
			m.SCTs = func(precert *x509.Certificate) [][]byte { return make(m, precert) }
		}}
	}
	by := func(log *ecdsa.PrivateKey) fixture.BundleStages {
		return promise(func(m *fixture.Making, precert *x509.Certificate) [][]byte {
			return [][]byte{fixture.SCT(log, precert, m.Issuer.Cert)}
		})
	}
	unpinned := ecdsaKey(elliptic.P256())
	window := func(from, to time.Duration) func(*trustroot.TrustedRoot) {
		return func(r *trustroot.TrustedRoot) { r.Ctlogs[0].PublicKey.ValidFor = fixture.Window(from, to) }
	}
	modernThreats(t, "cert", []modern{
		{name: "SCT missing", made: promise(func(*fixture.Making, *x509.Certificate) [][]byte { return nil }), want: "cert.sct"},
		{name: "SCT by unknown log", made: by(unpinned), want: "cert.sct"},
		{name: "no certificate log is trusted", made: fixture.BundleStages{Flavour: keyless}, root: func(r *trustroot.TrustedRoot) { r.Ctlogs = nil }},
		{name: "SCT over another cert", want: "cert.sct", made: promise(func(m *fixture.Making, precert *x509.Certificate) [][]byte {
			return [][]byte{fixture.SCT(m.By.CT, m.Issuer.Cert, m.Issuer.Cert)}
		})},
		{name: "SCT for another issuer", want: "cert.sct", made: promise(func(m *fixture.Making, precert *x509.Certificate) [][]byte {
			return [][]byte{fixture.SCT(m.By.CT, precert, m.By.Fulcio[1].Cert)}
		})},
		{name: "SCT with trailing data", want: "cert.sct", made: promise(func(m *fixture.Making, precert *x509.Certificate) [][]byte {
			return [][]byte{append(fixture.SCT(m.By.CT, precert, m.Issuer.Cert), 0)}
		})},
		{name: "33 SCTs", want: "cert.sct", made: promise(func(m *fixture.Making, precert *x509.Certificate) (all [][]byte) {
			for range 33 {
				all = append(all, fixture.SCT(m.By.CT, precert, m.Issuer.Cert))
			}
			return all
		})},
		{name: "SCT when the log's key had expired", made: fixture.BundleStages{Flavour: keyless}, root: window(-time.Hour, -time.Second), want: "cert.sct"},
		{name: "SCT at the end of the log's window", made: fixture.BundleStages{Flavour: keyless}, root: window(0, 0)},
		{name: "SCT of a trusted log beside one of an unknown log", made: promise(func(m *fixture.Making, precert *x509.Certificate) [][]byte {
			return [][]byte{fixture.SCT(unpinned, precert, m.Issuer.Cert), fixture.SCT(m.By.CT, precert, m.Issuer.Cert)}
		})},
		{name: "Rekor v2: SCT missing", want: "cert.sct", made: fixture.BundleStages{Flavour: keylessRekor2, Leaf: func(m *fixture.Making) {
			m.SCTs = func(*x509.Certificate) [][]byte { return nil }
		}}},
	})
}

func TestIdentityThreats(t *testing.T) {
	plain := fixture.BundleStages{Flavour: keyless}
	san := func(pattern string) func(*verify.Options) {
		return policy(func(p *cert.Policy) { p.SAN, p.SANRegexp = "", pattern })
	}
	issuer := func(value, pattern string) func(*verify.Options) {
		return policy(func(p *cert.Policy) { p.Issuer, p.IssuerRegexp = value, pattern })
	}
	text, _ := asn1.MarshalWithParams("https://other.example.com", "utf8")
	modernThreats(t, "cert", []modern{
		{name: "another SAN", made: leaf(func(c *x509.Certificate) { c.EmailAddresses = []string{"eve@example.com"} }), want: "cert.identity"},
		{name: "SAN matches by regex substring only", made: plain, opt: san("example"), want: "cert.identity"},
		{name: "SAN matches by regex prefix only", made: plain, opt: san("dev@example"), want: "cert.identity"},
		{name: "SAN matches one branch of a regex by substring", made: plain, opt: san("other|example"), want: "cert.identity"},
		{name: "SAN regex that opens its anchors", made: plain, opt: san("other)|(?:.*"), want: "cert.identity"},
		{name: "SAN matches by regex in another case", made: plain, opt: san("DEV@EXAMPLE[.]COM"), want: "cert.identity"},
		{name: "SAN matches by regex", made: plain, opt: san(".*@example[.]com")},
		{name: "SAN in another case", made: plain, opt: policy(func(p *cert.Policy) { p.SAN = strings.ToUpper(p.SAN) }), want: "cert.identity"},
		{name: "SAN that only begins alike", made: leaf(func(c *x509.Certificate) { c.EmailAddresses = []string{fixture.SignerName + ".evil.example"} }), want: "cert.identity"},
		{name: "issuer another", made: plain, opt: issuer("https://other.example.com", ""), want: "cert.identity"},
		{name: "issuer matches by regex substring only", made: plain, opt: issuer("", "issuer"), want: "cert.identity"},
		{name: "issuer in another case", made: plain, opt: issuer(strings.ToUpper(fixture.IssuerName), ""), want: "cert.identity"},
		{name: "workflow demanded, and none named", made: plain, opt: policy(func(p *cert.Policy) { p.GitHubWorkflow.Repository = "acme/app" }), want: "cert.identity"},
		{name: "certificate names no issuer", made: leaf(func(c *x509.Certificate) { c.ExtraExtensions = nil }), want: "cert.identity"},
		{name: "two SANs, the good one first", made: leaf(func(c *x509.Certificate) { c.EmailAddresses = append(c.EmailAddresses, "eve@example.com") }), want: "cert.encoding"},
		{name: "two SANs, the good one last", made: leaf(func(c *x509.Certificate) { c.EmailAddresses = []string{"eve@example.com", fixture.SignerName} }), want: "cert.encoding"},
		{name: "no SAN, the name in the subject instead", made: leaf(func(c *x509.Certificate) {
			c.EmailAddresses, c.Subject = nil, pkix.Name{CommonName: fixture.SignerName}
		}), want: "cert.encoding"},
		{name: "SAN as a host name", made: leaf(func(c *x509.Certificate) { c.EmailAddresses, c.DNSNames = nil, []string{"example.com"} }), want: "cert.encoding"},
		{name: "two issuers that differ", made: leaf(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{c.ExtraExtensions[0], {Id: fixture.FulcioExtension(8), Value: text}}
		}), want: "cert.encoding"},
		{name: "issuer as raw text where DER is due", made: leaf(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: fixture.FulcioExtension(8), Value: []byte(fixture.IssuerName)}}
		}), want: "cert.encoding"},
	})
}
