package tsa

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	stdasn1 "encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/digitorus/pkcs7"

	"github.com/gapseal/gapseal/verify/trust"
)

// identity is a certificate with its key.
type identity struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// now is the time of this run in whole seconds, because the library that makes
// tokens puts the time of signing into them.
var now = time.Now().UTC().Truncate(time.Second)

var serial int64

// issue makes a certificate, valid for an hour around now. change, if any, alters
// its template. A nil issuer means self-signed.
func issue(t testing.TB, name string, issuer *identity, change func(*x509.Certificate)) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), BasicConstraintsValid: true,
	}
	change(template)
	parent := &identity{template, key}
	if issuer != nil {
		parent = issuer
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{cert, key}
}

func asCA(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }

// asTSA is what RFC 3161 requires. The extension is given explicitly, because the
// one that crypto/x509 adds is not critical.
func asTSA(c *x509.Certificate) {
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.ExtraExtensions = []pkix.Extension{usages(true, 8)}
}

// usages returns the extension extended key usage with some of id-kp.
func usages(critical bool, numbers ...int) pkix.Extension {
	var oids []stdasn1.ObjectIdentifier
	for _, n := range numbers {
		oids = append(oids, stdasn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, n})
	}
	der, err := stdasn1.Marshal(oids)
	if err != nil {
		panic(err)
	}
	return pkix.Extension{Id: oidExtKeyUsage, Critical: critical, Value: der}
}

// authority returns a trusted authority with throwaway certificates.
func authority(chain ...*identity) trust.TimestampAuthority {
	a := trust.Authority{Name: chain[0].cert.Subject.String(), From: now.Add(-2 * time.Hour)}
	for _, id := range chain {
		a.Chain = append(a.Chain, id.cert)
	}
	return trust.TimestampAuthority{Authority: a}
}

// stamp describes a token. Its zero value describes a good one.
type stamp struct {
	signer    *identity
	at        time.Time
	imprint   stdasn1.ObjectIdentifier
	digest    []byte
	signerAlg stdasn1.ObjectIdentifier
	content   stdasn1.ObjectIdentifier
	version   int
	trailing  []byte
	certs     []*x509.Certificate // in the token, before the signer's if that is in it
	carry     bool                // the signer's certificate
	attrs     []pkcs7.Attribute
	signers   int
	bare      bool // without signed attributes
	status    int
}

func stampBy(signer *identity) stamp {
	digest := sha256.Sum256(signature)
	return stamp{
		signer: signer, at: now, imprint: oidSHA256, digest: digest[:], signerAlg: oidSHA256,
		content: oidTSTInfo, version: 1, signers: 1,
	}
}

// signature is what is stamped.
var signature = []byte("a signature")

func (s stamp) info(t testing.TB) []byte {
	t.Helper()
	var info tstInfo
	info.Version, info.Policy, info.Serial, info.Time = s.version, stdasn1.ObjectIdentifier{1, 2,
		3}, big.NewInt(7), s.at
	info.Imprint.Algorithm.Algorithm, info.Imprint.Digest = s.imprint, s.digest
	der, err := stdasn1.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	return append(der, s.trailing...)
}

func (s stamp) make(t testing.TB) []byte {
	t.Helper()
	signed, err := pkcs7.NewSignedData(s.info(t))
	if err != nil {
		t.Fatal(err)
	}
	signed.SetDigestAlgorithm(s.signerAlg)
	signed.SetContentType(s.content)
	signed.GetSignedData().Version = 3
	for _, cert := range s.certs {
		signed.AddCertificate(cert)
	}
	for range s.signers {
		if s.bare {
			err = signed.SignWithoutAttr(s.signer.cert, s.signer.key, pkcs7.SignerInfoConfig{})
		} else {
			err = signed.AddSigner(s.signer.cert, s.signer.key, pkcs7.SignerInfoConfig{
				ExtraSignedAttributes: s.attrs, SkipCertificates: !s.carry,
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	token, err := signed.Finish()
	if err != nil {
		t.Fatal(err)
	}
	response, err := stdasn1.Marshal(struct {
		Status struct{ Code int }
		Token  stdasn1.RawValue
	}{struct{ Code int }{s.status}, stdasn1.RawValue{FullBytes: token}})
	if err != nil {
		t.Fatal(err)
	}
	return response
}
