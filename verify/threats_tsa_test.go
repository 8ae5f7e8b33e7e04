package verify_test

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"testing"
	"time"

	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
)

var stamped = fixture.Flavour{Stamped: true}

// token changes the template of the timestamp.
func token(change func(*fixture.Making, *fixture.Token)) fixture.BundleStages {
	return fixture.BundleStages{Flavour: stamped, Token: func(m *fixture.Making) { change(m, m.Token) }}
}

// issuedBy is a token by a new certificate under the authority's root, which comes
// with that of the authority.
func issuedBy(change func(*x509.Certificate)) fixture.BundleStages {
	return token(func(m *fixture.Making, k *fixture.Token) {
		signer := fixture.NewAuthority("another", m.By.TSA[1], change)
		k.By, k.As, k.Carried = signer, signer.Cert, []*x509.Certificate{m.By.TSA[0].Cert, signer.Cert}
	})
}

// authority is a Sigstore with another timestamp authority.
func authority(signer, root func(*x509.Certificate)) *fixture.Sigstore {
	return sigstore().With(func(s *fixture.Sigstore) {
		top := fixture.NewAuthority("tsa root", nil, fixture.AsCA, root)
		s.TSA = []*fixture.Authority{fixture.NewAuthority("tsa", top, fixture.AsTSA, signer), top}
	})
}

func signCode(c *x509.Certificate) {
	c.KeyUsage, c.ExtKeyUsage, c.ExtraExtensions = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, nil
}

// uncritical has the right extended key usage, as crypto/x509 writes it.
func uncritical(c *x509.Certificate) {
	c.ExtKeyUsage, c.ExtraExtensions = []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}, nil
}

func TestTimestampThreats(t *testing.T) {
	private := sigstore().With(func(s *fixture.Sigstore) { s.TSA = fixture.NewSigstore(t).TSA })
	const bad = "tsa.timestamp"
	modernThreats(t, "tsa", []modern{
		{name: "TSA token over other signature", made: token(func(m *fixture.Making, k *fixture.Token) {
			other := *m
			other.Sign()
			k.Digest = fixture.NewToken(k.By, other.Signature).Digest
		}), want: bad},
		{name: "TSA token over the payload", made: token(func(m *fixture.Making, k *fixture.Token) { k.Digest = fixture.NewToken(k.By, m.Payload).Digest }), want: bad},
		{name: "TSA signer is not the leaf whose EKU is checked (CVE-2026-39984): named as itself", made: issuedBy(signCode)},
		{name: "TSA signer is another certificate of the root, with the EKU", made: issuedBy(fixture.AsTSA)},
		{name: "TSA signer is not the leaf whose EKU is checked: bears its name and number", made: token(func(m *fixture.Making, k *fixture.Token) {
			k.By = fixture.NewAuthority("tsa", m.By.TSA[1], signCode, numbered(m))
			k.Carried = []*x509.Certificate{m.By.TSA[0].Cert, k.By.Cert}
		}), want: bad},
		{name: "TSA signer is not the leaf: signs in its name, and comes alone", made: token(func(m *fixture.Making, k *fixture.Token) {
			k.By = fixture.NewAuthority("tsa", m.By.TSA[1], fixture.AsTSA, numbered(m))
			k.Carried = []*x509.Certificate{k.By.Cert}
		}), want: bad},
		{name: "TSA signer is not the leaf: signs in its name, without a certificate", made: token(func(m *fixture.Making, k *fixture.Token) {
			k.By = fixture.NewAuthority("tsa", m.By.TSA[1], fixture.AsTSA)
		}), want: bad},
		{name: "authority that is not trusted", by: private, made: fixture.BundleStages{Flavour: stamped}},
		{name: "trusted certificate without the EKU", trust: authority(signCode, same), made: fixture.BundleStages{Flavour: stamped}, want: bad},
		{name: "trusted certificate whose EKU is not critical", trust: authority(uncritical, same), made: fixture.BundleStages{Flavour: stamped}, want: bad},
		{name: "time after the TSA cert", trust: authority(until(-time.Second), same), made: fixture.BundleStages{Flavour: stamped}, want: bad},
		{name: "time before the TSA cert", trust: authority(since(time.Second), same), made: fixture.BundleStages{Flavour: stamped}, want: bad},
		{name: "time at the end of the TSA cert (inclusive end accepts)", trust: authority(until(0), same), made: fixture.BundleStages{Flavour: stamped}},
		{name: "time at the start of the TSA cert", trust: authority(since(0), same), made: fixture.BundleStages{Flavour: stamped}},
		{name: "time after the TSA's root", trust: authority(same, until(-time.Second)), made: fixture.BundleStages{Flavour: stamped}, want: bad},
		{name: "time after the trusted root's window", root: tsaWindow(-time.Hour, -time.Second), made: fixture.BundleStages{Flavour: stamped}, want: bad},
		{name: "time before the trusted root's window", root: tsaWindow(time.Second, time.Hour), made: fixture.BundleStages{Flavour: stamped}, want: bad},
		{name: "time at either end of the trusted root's window", root: tsaWindow(0, 0), made: fixture.BundleStages{Flavour: stamped}},
		{name: "time in the future of this host", made: token(func(_ *fixture.Making, k *fixture.Token) { k.At = k.At.Add(48 * time.Hour) }), want: bad},
		{name: "imprint algorithm SHA-1", made: token(func(m *fixture.Making, k *fixture.Token) {
			sum := sha1.Sum(m.Signature)
			k.Imprint, k.Digest = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, sum[:]
		}), want: bad},
		{name: "imprint cut short", made: token(func(_ *fixture.Making, k *fixture.Token) { k.Digest = k.Digest[:16] }), want: bad},
		{name: "trailing bytes", made: tokens(func(b []byte) []byte { return append(b, 0) }), want: bad},
		{name: "signature flipped", made: tokens(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), want: bad},
		{name: "no token at all", made: tokens(func([]byte) []byte { return []byte("stamp") }), want: bad},
		{name: "token over its budget", made: tokens(func(b []byte) []byte { return append(b, make([]byte, 64<<10)...) }), want: bad},
	})
	modernThreats(t, "signature", []modern{
		{name: "an empty token", made: tokens(func([]byte) []byte { return nil }), want: "signature.encoding"},
	})
}

// numbered gives a certificate the serial number of the authority's.
func numbered(m *fixture.Making) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.SerialNumber = m.By.TSA[0].Cert.SerialNumber }
}

func tsaWindow(from, to time.Duration) func(*trustroot.TrustedRoot) {
	return func(r *trustroot.TrustedRoot) { r.TimestampAuthorities[0].ValidFor = fixture.Window(from, to) }
}

// tokens changes the finished timestamps.
func tokens(change func([]byte) []byte) fixture.BundleStages {
	return fixture.BundleStages{Flavour: stamped, Bundle: func(m *fixture.Making) {
		stamp := m.Bundle.VerificationMaterial.TimestampVerificationData.Rfc3161Timestamps[0]
		stamp.SignedTimestamp = change(stamp.SignedTimestamp)
	}}
}

// A certificate whose only time is a wrong timestamp fails too.
func TestKeylessTimestampThreats(t *testing.T) {
	made := func(change func(*fixture.Making, *fixture.Token)) fixture.BundleStages {
		return fixture.BundleStages{Flavour: keylessRekor2, Token: func(m *fixture.Making) { change(m, m.Token) }}
	}
	const untimed = "tsa.timestamp cert.chain"
	modernThreats(t, "tsa", []modern{
		{name: "TSA token over other signature", made: made(func(_ *fixture.Making, k *fixture.Token) { k.Digest[0] ^= 1 }), want: untimed},
		{name: "time outside TSA cert", trust: authority(until(-time.Second), same), made: fixture.BundleStages{Flavour: keylessRekor2}, want: untimed},
		{name: "imprint algorithm SHA-1", want: untimed, made: made(func(m *fixture.Making, k *fixture.Token) {
			sum := sha1.Sum(m.Signature)
			k.Imprint, k.Digest = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, sum[:]
		})},
	})
	modernThreats(t, "cert", []modern{ // the token names an authority that is not trusted, so it gives no time
		{name: "TSA signer is not the leaf whose EKU is checked (CVE-2026-39984)", want: "cert.chain", made: made(func(m *fixture.Making, k *fixture.Token) {
			k.By = fixture.NewAuthority("tsa", m.By.TSA[1], signCode)
			k.As, k.Carried = k.By.Cert, []*x509.Certificate{m.By.TSA[0].Cert, k.By.Cert}
		})},
	})
}

// Of several timestamps each must be good, and none makes up for another.
func TestTimestampsTogether(t *testing.T) {
	second := func(of fixture.Flavour, make func(m *fixture.Making) *fixture.Token) fixture.BundleStages {
		return fixture.BundleStages{Flavour: of, Bundle: func(m *fixture.Making) {
			data := m.Bundle.VerificationMaterial.TimestampVerificationData
			data.Rfc3161Timestamps = append(data.Rfc3161Timestamps, &common.RFC3161SignedTimestamp{SignedTimestamp: make(m).Make()})
		}}
	}
	good := func(m *fixture.Making) *fixture.Token { return fixture.NewToken(m.By.TSA[0], m.Signature) }
	bad := func(m *fixture.Making) *fixture.Token {
		k := good(m)
		k.Digest[0] ^= 1
		return k
	}
	late := func(m *fixture.Making) *fixture.Token {
		k := good(m)
		k.At = k.At.Add(time.Hour)
		return k
	}
	unlogged := fixture.Flavour{Unlogged: true, Stamped: true}
	modernThreats(t, "tsa", []modern{
		{name: "a bad one beside a good one", made: second(stamped, bad), want: "tsa.timestamp"},
		{name: "a bad one beside a good one, under a certificate", made: second(keylessRekor2, bad), want: "tsa.timestamp"},
		{name: "two good ones of the same authority", made: second(stamped, good)},
	})
	modernThreats(t, "cert", []modern{
		{name: "a good one after the certificate's end beside one within", made: second(keylessRekor2, late), want: "cert.chain"},
	})
	c := modern{name: "two tokens of same TSA do not stand in for a log", made: second(unlogged, good), want: "rekor.present"}
	c.run(t, "rekor")
	c = modern{made: fixture.BundleStages{Flavour: fixture.Flavour{Unlogged: true, Stamped: true}}, want: "policy.age",
		opt: func(o *verify.Options) { o.IgnoreTlog, o.MaxAge = true, time.Hour }}
	c.run(t, "policy")
}
