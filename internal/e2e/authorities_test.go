package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"time"
)

// authority is a certificate with its key; issuer is nil for a root.
type authority struct {
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	issuer *authority
}

// newAuthority makes a P-256 key and a certificate for it, which is self-signed if
// issuer is nil.
func newAuthority(template *x509.Certificate, issuer *authority) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &authority{key: key, issuer: issuer}
	signer, parent := key, template
	if issuer != nil {
		signer, parent = issuer.key, issuer.cert
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 96)); err != nil {
		return nil, err
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	a.cert, err = x509.ParseCertificate(der)
	return a, err
}

// newRoot makes a self-signed authority.
func newRoot(name string) (*authority, error) {
	return newAuthority(&x509.Certificate{
		Subject:  pkix.Name{Organization: []string{"e2e"}, CommonName: name},
		IsCA:     true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil)
}

// newCodeSigningCA makes the intermediate certificate authority of Fulcio, and its
// root.
func newCodeSigningCA() (*authority, error) {
	root, err := newRoot("e2e Fulcio root")
	if err != nil {
		return nil, err
	}
	return newAuthority(&x509.Certificate{
		Subject:        pkix.Name{Organization: []string{"e2e"}, CommonName: "e2e Fulcio"},
		IsCA:           true,
		MaxPathLenZero: true,
		KeyUsage:       x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:    []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}, root)
}

// newStamper makes the key and certificate of a timestamp authority, and its root.
func newStamper() (*authority, error) {
	root, err := newRoot("e2e timestamp root")
	if err != nil {
		return nil, err
	}
	// RFC 3161, section 2.3, requires exactly one extended key usage, and marked
	// critical, which needs an explicit extension with crypto/x509.
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return nil, err
	}
	return newAuthority(&x509.Certificate{
		Subject:         pkix.Name{Organization: []string{"e2e"}, CommonName: "e2e timestamps"},
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}, root)
}

// root returns the last certificate of the chain.
func (a *authority) root() *authority {
	for a.issuer != nil {
		a = a.issuer
	}
	return a
}

// chain returns the certificates as PEM, the root last.
func (a *authority) chain() []byte {
	var text []byte
	for ; a != nil; a = a.issuer {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})...)
	}
	return text
}

// write writes the private key and the chain to files.
func (a *authority) write(keyFile, chainFile string) error {
	return errors.Join(writePrivate(keyFile, a.key), os.WriteFile(chainFile, a.chain(), 0o644))
}
