package cert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	stdasn1 "encoding/asn1"
	"encoding/hex"
	"math/big"
	"testing"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/gapseal/gapseal/verify/trust"
)

// signing is the time at which throwaway certificates are used.
var signing = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type identity struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign makes a certificate from a template. A nil issuer means self-signed.
func sign(t testing.TB, template *x509.Certificate, key crypto.Signer, issuer *identity) *identity {
	t.Helper()
	if issuer == nil {
		issuer = &identity{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.cert, key.Public(), issuer.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{cert, key}
}

// newCA makes an authority's certificate, valid for a day around signing.
func newCA(t testing.TB, name string, issuer *identity, changes ...func(*x509.Certificate)) *identity {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: signing.Add(-24 * time.Hour), NotAfter: signing.Add(24 * time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
	for _, change := range changes {
		change(template)
	}
	return sign(t, template, newKey(t, elliptic.P256()), issuer)
}

// leafTemplate is a certificate as Fulcio issues them: for ten minutes, for one
// identity, with both forms of the issuer.
func leafTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: signing.Add(-5 * time.Minute), NotAfter: signing.Add(5 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		EmailAddresses:  []string{"dev@example.org"},
		ExtraExtensions: []pkix.Extension{raw(1, "https://issuer.example"), text(8, "https://issuer.example")},
	}
}

func newLeaf(t testing.TB, issuer *identity, changes ...func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := leafTemplate()
	for _, change := range changes {
		change(template)
	}
	return sign(t, template, newKey(t, elliptic.P256()), issuer).cert
}

func oid(number int) stdasn1.ObjectIdentifier {
	return append(oidFulcio[:len(oidFulcio):len(oidFulcio)], number)
}

// raw and text return Fulcio's extensions in the two encodings.
func raw(number int, value string) pkix.Extension {
	return pkix.Extension{Id: oid(number), Value: []byte(value)}
}

func text(number int, value string) pkix.Extension {
	return pkix.Extension{Id: oid(number), Value: der(asn1.UTF8String, []byte(value))}
}

func der(tag asn1.Tag, parts ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, part := range parts {
			b.AddBytes(part)
		}
	})
	return b.BytesOrPanic()
}

func mustOID(id stdasn1.ObjectIdentifier) []byte {
	var b cryptobyte.Builder
	b.AddASN1ObjectIdentifier(id)
	return b.BytesOrPanic()
}

// san returns the extension subject alternative name with the given names.
func san(names ...[]byte) pkix.Extension {
	return pkix.Extension{Id: oidSAN, Critical: true, Value: der(asn1.SEQUENCE, names...)}
}

// otherName returns a user name as Fulcio writes it.
func otherName(kind stdasn1.ObjectIdentifier, value []byte) []byte {
	zero := asn1.Tag(0).ContextSpecific().Constructed()
	return der(zero, mustOID(kind), der(zero, value))
}

// authority returns a trusted authority with a throwaway chain.
func authority(chain ...*identity) trust.CertificateAuthority {
	a := trust.Authority{Name: chain[0].cert.Subject.String(), From: signing.Add(-48 * time.Hour)}
	for _, id := range chain {
		a.Chain = append(a.Chain, id.cert)
	}
	return trust.CertificateAuthority{Authority: a}
}

// ctLog is a throwaway certificate transparency log.
type ctLog struct {
	trust.Log
	key *ecdsa.PrivateKey
}

func newLog(t testing.TB, curve elliptic.Curve) *ctLog {
	t.Helper()
	private := newKey(t, curve)
	key, err := trust.NewKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	id := sha256.Sum256(key.DER)
	return &ctLog{trust.Log{ID: hex.EncodeToString(id[:]), Key: *key, From: signing.Add(-time.Hour)}, private}
}

// promise makes a signed certificate timestamp for a certificate without one.
func (l *ctLog) promise(t testing.TB, leaf, issuer *x509.Certificate,
	changes ...func(*ct.SignedCertificateTimestamp)) []byte {
	t.Helper()
	sct := ct.SignedCertificateTimestamp{
		SCTVersion: ct.V1, LogID: ct.LogID{KeyID: sha256.Sum256(l.Key.DER)}, Timestamp: uint64(signing.UnixMilli()), Extensions: []byte{},
	}
	input, err := ct.SerializeSCTSignatureInput(sct, ct.LogEntry{Leaf: ct.MerkleTreeLeaf{
		TimestampedEntry: &ct.TimestampedEntry{
			Timestamp: sct.Timestamp, EntryType: ct.PrecertLogEntryType, Extensions: sct.Extensions,
			PrecertEntry: &ct.PreCert{IssuerKeyHash: sha256.Sum256(issuer.RawSubjectPublicKeyInfo),
				TBSCertificate: leaf.RawTBSCertificate},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(input)
	signature, err := l.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	sct.Signature = ct.DigitallySigned{Algorithm: tls.SignatureAndHashAlgorithm{Hash: tls.SHA256,
		Signature: tls.ECDSA}, Signature: signature}
	for _, change := range changes {
		change(&sct)
	}
	out, err := tls.Marshal(sct)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sctExtension encodes timestamps as a certificate holds them.
func sctExtension(scts ...[]byte) pkix.Extension {
	var b cryptobyte.Builder
	b.AddASN1(asn1.OCTET_STRING, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, sct := range scts {
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(sct) })
			}
		})
	})
	return pkix.Extension{Id: oidSCTs, Value: b.BytesOrPanic()}
}

// logged issues a leaf twice: as the logs see it, and with the timestamps that
// they return.
func logged(t testing.TB, ca *identity, promise func(leaf *x509.Certificate) pkix.Extension) *Chain {
	t.Helper()
	key, template := newKey(t, elliptic.P256()), leafTemplate()
	before := sign(t, template, key, ca).cert
	template.ExtraExtensions = append(template.ExtraExtensions, promise(before))
	leaf := sign(t, template, key, ca).cert
	return &Chain{Certificates: []*x509.Certificate{leaf, ca.cert}}
}
