package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/gapseal/gapseal/verify/check"
)

// Authority is what certificate and timestamp authorities have in common.
type Authority struct {
	Name     string // subject of the first certificate (RFC 2253), or else the URI
	URI      string // as the trusted root says; may be empty
	Operator string // who runs it, as the trusted root says; mostly empty

	// Chain holds at least one certificate. Each is signed by the next; the
	// last is the trust anchor, which need not be self-signed.
	Chain []*x509.Certificate

	From, To time.Time // when the whole chain was in use, both ends included; a zero To is open
}

// CertificateAuthority issues certificates to signers who have no key of their
// own. The first certificate of its chain is the issuing one.
type CertificateAuthority struct{ Authority }

// TimestampAuthority signs timestamps (RFC 3161). The first certificate of its
// chain is the one it signs with.
type TimestampAuthority struct{ Authority }

// Anchor returns the last certificate of the chain.
func (a *Authority) Anchor() *x509.Certificate { return a.Chain[len(a.Chain)-1] }

// Fingerprint returns "sha256:" and the hex of the SHA-256 of the anchor's DER.
func (a *Authority) Fingerprint() string {
	sum := sha256.Sum256(a.Anchor().Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// CheckWindow checks that the trusted root declares the authority valid at t.
// Both ends of the window belong to it. If not, the error is a [*WindowError].
// The validity of the certificates must be checked separately.
func (a *Authority) CheckWindow(t time.Time) error { return checkWindow(a.From, a.To, t) }

// maxChain is the budget for the certificates of one authority.
const maxChain = 8

func readCA(what string, in *trustroot.CertificateAuthority) (*CertificateAuthority, error) {
	authority, err := readAuthority(what, in)
	if err != nil {
		return nil, err
	}
	for i, cert := range authority.Chain {
		if !cert.BasicConstraintsValid || !cert.IsCA {
			return nil, check.Malformed(what, "certChain.certificates[%d]: want a certificate authority's, found "+
				"one that may not issue", i)
		}
	}
	return &CertificateAuthority{*authority}, nil
}

// readTSA requires a chain with the certificate that signs the timestamps,
// because otherwise any certificate under the anchor would do, and with the
// certificate of its issuer.
func readTSA(what string, in *trustroot.CertificateAuthority) (*TimestampAuthority, error) {
	authority, err := readAuthority(what, in)
	if err != nil {
		return nil, err
	}
	want := ""
	switch {
	case authority.Chain[0].IsCA:
		want = "the certificate that signs the timestamps first"
	case len(authority.Chain) == 1:
		want = "the certificate of its issuer as well" // sigstore-go refuses it, too
	default:
		return &TimestampAuthority{*authority}, nil
	}
	return nil, &UnsupportedError{What: named(what, in.GetUri()) + ": certChain",
		Found: authority.Chain[0].Subject.String(), Want: want}
}

func readAuthority(what string, in *trustroot.CertificateAuthority) (*Authority, error) {
	chain, err := readChain(what, in)
	if err != nil {
		return nil, err
	}
	from, to, err := readWindow(what, "validFor", in.GetValidFor())
	if err != nil {
		return nil, err
	}
	name := chain[0].Subject.String()
	if name == "" {
		name = in.GetUri()
	}
	return &Authority{Name: name, URI: in.GetUri(), Operator: in.GetOperator(), Chain: chain, From: from, To: to}, nil
}

func readChain(what string, in *trustroot.CertificateAuthority) ([]*x509.Certificate, error) {
	certs := in.GetCertChain().GetCertificates()
	if len(certs) == 0 {
		return nil, check.Malformed(what, "certChain: want at least one certificate, found none")
	}
	if len(certs) > maxChain {
		return nil, check.TooLarge(what+": certChain: certificates", len(certs), maxChain)
	}
	chain := make([]*x509.Certificate, 0, len(certs))
	for i, raw := range certs {
		cert, err := x509.ParseCertificate(raw.GetRawBytes())
		if err != nil {
			return nil, check.Malformed(what, "certChain.certificates[%d]: want a certificate: %v", i, err)
		}
		chain = append(chain, cert)
	}
	return chain, checkChain(what, in.GetUri(), chain)
}

// checkChain requires keys that this package supports, and the order of the
// file: each certificate is signed by the one after it.
func checkChain(what, uri string, chain []*x509.Certificate) error {
	for i, cert := range chain {
		if err := checkCertKey(cert); err != nil {
			return fmt.Errorf("%s: certChain.certificates[%d]: %w", named(what, uri), i, err)
		}
	}
	for i, cert := range chain[:len(chain)-1] {
		err := cert.CheckSignatureFrom(chain[i+1])
		var insecure x509.InsecureAlgorithmError
		if errors.Is(err, x509.ErrUnsupportedAlgorithm) || errors.As(err, &insecure) {
			return &UnsupportedError{
				What:  fmt.Sprintf("%s: certChain.certificates[%d]: signature algorithm", named(what, uri), i),
				Found: cert.SignatureAlgorithm.String(), Want: "one with SHA-256 or better",
			}
		}
		if err != nil {
			return check.Malformed(what, "certChain.certificates[%d]: want it signed by the next: %v", i, err)
		}
	}
	return nil
}

// checkCertKey reports a weak key as an unsupported one.
func checkCertKey(cert *x509.Certificate) error {
	if cert.PublicKey == nil { // an algorithm that crypto/x509 does not know
		return &UnsupportedError{What: "key type", Found: "of an algorithm unknown to crypto/x509",
			Want: "ECDSA, RSA or Ed25519"}
	}
	key, err := NewKey(cert.PublicKey)
	if err != nil {
		return err
	}
	var weak *WeakKeyError
	if errors.As(key.CheckStrength(), &weak) {
		return &UnsupportedError{What: "key", Found: weak.Key, Want: weak.Want}
	}
	return nil
}

// named adds an entry's name, as the file gives it, to its place in the file.
func named(what, name string) string {
	if name == "" {
		return what
	}
	return fmt.Sprintf("%s %q", what, check.Clip(name))
}
