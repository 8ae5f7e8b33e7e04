package cert

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// Chain is a path from a signer's certificate to a trusted anchor.
type Chain struct {
	Certificates []*x509.Certificate // leaf, issuing certificate, …, anchor; at least two
	Authority    *trust.CertificateAuthority
	At           time.Time // when it was valid
}

// VerifyChain checks that one of the authorities issued leaf, and that the
// whole chain was valid at the trusted time at. The error
//
//   - is [ErrNoTime] for a zero time;
//   - is an [*UntrustedError] if no authority issued leaf;
//   - is a [*UsageError] if leaf is not for signing code;
//   - is or wraps a [*trust.WeakKeyError] or [*trust.UnsupportedError] for
//     leaf's key;
//   - is a [*ValidityError], which names the link, for a certificate that was
//     not valid;
//   - wraps a [*trust.WindowError] if the trusted root does not declare the
//     authority valid at that time.
func VerifyChain(leaf *x509.Certificate, cas []trust.CertificateAuthority, at time.Time) (*Chain, error) {
	if at.IsZero() {
		return nil, ErrNoTime
	}
	untrusted := &UntrustedError{Issuer: leaf.Issuer.String(), Reason: "no authority of that name is trusted"}
	var first error
	for i := range cas {
		ca := &cas[i]
		untrusted.Trusted = append(untrusted.Trusted, ca.Name)
		path, err := pathOf(leaf, ca.Chain)
		if err != nil {
			untrusted.Reason = err.Error()
		}
		if path == nil {
			continue
		}
		err = checkPath(path, ca, at)
		if err == nil {
			return &Chain{Certificates: path, Authority: ca, At: at}, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = untrusted
	}
	return nil, first
}

// Issued reports whether one of the authorities issued leaf, whenever that was.
func Issued(leaf *x509.Certificate, cas []trust.CertificateAuthority) bool {
	return slices.ContainsFunc(cas, func(ca trust.CertificateAuthority) bool {
		path, _ := pathOf(leaf, ca.Chain) // the error only says why there is none
		return path != nil
	})
}

// pathOf returns leaf and the part of the authority's chain that vouches for
// it, or nil. The links within the chain were checked when the trusted root was
// read. The error reports that leaf names an issuer that did not sign it; there
// is none for an unknown issuer.
func pathOf(leaf *x509.Certificate, chain []*x509.Certificate) ([]*x509.Certificate, error) {
	var forged error
	for i, issuer := range chain {
		if !bytes.Equal(leaf.RawIssuer, issuer.RawSubject) {
			continue
		}
		err := leaf.CheckSignatureFrom(issuer)
		if err == nil {
			return append([]*x509.Certificate{leaf}, chain[i:]...), nil
		}
		forged = fmt.Errorf("the authority of that name did not sign it: %w", err)
	}
	return nil, forged
}

// checkPath makes the checks that have an error of their own first, and then
// leaves the rest (name constraints, path lengths) to crypto/x509.
func checkPath(path []*x509.Certificate, ca *trust.CertificateAuthority, at time.Time) error {
	if err := checkLeaf(path[0]); err != nil {
		return err
	}
	for i, cert := range path {
		if at.Before(cert.NotBefore) || at.After(cert.NotAfter) {
			return &ValidityError{
				Link: linkName(i, len(path)), Certificate: cert.Subject.String(),
				NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, At: at,
			}
		}
	}
	if err := ca.CheckWindow(at); err != nil {
		return fmt.Errorf("certificate authority %q: %w", ca.Name, err)
	}
	return checkX509(path, at)
}

func linkName(i, length int) string {
	switch i {
	case 0:
		return Leaf
	case length - 1:
		return Anchor
	}
	return Intermediate
}

func checkLeaf(leaf *x509.Certificate) error {
	switch {
	case leaf.IsCA || leaf.KeyUsage&x509.KeyUsageCertSign != 0:
		return &UsageError{Reason: "want a certificate that signs, found one that issues others"}
	case leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return &UsageError{Reason: "want the key usage digital signature"}
	case !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageCodeSigning):
		return &UsageError{Reason: "want the extended key usage code signing"}
	}
	key, err := trust.NewKey(leaf.PublicKey)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	if err := key.CheckStrength(); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	return nil
}

func checkX509(path []*x509.Certificate, at time.Time) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(path[len(path)-1])
	for _, cert := range path[1 : len(path)-1] {
		between.AddCert(cert)
	}
	// crypto/x509 does not know Fulcio's otherName and reports the extension as
	// unhandled. ReadIdentity handles it.
	leaf := *path[0]
	leaf.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), oidSAN.Equal)
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	})
	if err != nil {
		return &UsageError{Reason: check.Clip(err.Error())}
	}
	return nil
}

// MaxCertificate is the budget for a certificate as it is found, in bytes.
// Fulcio's certificates have about 2 KiB.
const MaxCertificate = 16 << 10

// isDER reports whether raw begins as every certificate in DER, and no text, does:
// with a sequence of more than 127 bytes.
func isDER(raw []byte) bool { return len(raw) > 1 && raw[0] == 0x30 && raw[1] > 0x80 }

// Parse reads one certificate: in DER, as Sigstore bundles hold it, or as one PEM
// block CERTIFICATE, as cosign's annotation dev.sigstore.cosign/certificate does,
// with any other text around it. The error matches [check.ErrTooLarge] for more than
// [MaxCertificate] bytes, and is a [*check.FormatError] otherwise.
func Parse(raw []byte) (*x509.Certificate, error) {
	if len(raw) > MaxCertificate {
		return nil, check.TooLarge("certificate: bytes", len(raw), MaxCertificate)
	}
	der := raw
	if !isDER(raw) {
		blocks, err := strict.PEM(raw)
		if len(blocks) == 0 || blocks[0].Type != "CERTIFICATE" || len(blocks[0].Headers) > 0 {
			return nil, check.Malformed("certificate", "want a PEM block CERTIFICATE without headers")
		}
		if err != nil || len(blocks) > 1 {
			return nil, check.Malformed("certificate", "want exactly one PEM block, found more")
		}
		der = blocks[0].Bytes
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, check.Malformed("certificate", "want DER or PEM: %v", err)
	}
	return cert, nil
}

// ErrNoTime reports that no trusted time is known at which to judge a
// certificate.
var ErrNoTime = errors.New("no trusted time: a certificate is judged at the time of a log entry or timestamp, and " +
	"there is none")

// UntrustedError reports that no authority of the trusted root issued the
// certificate. Trusted lists the authorities of the root.
type UntrustedError struct {
	Issuer  string // as the certificate names it (RFC 2253)
	Reason  string
	Trusted []string
}

// Error names the issuer and the trusted authorities.
func (e *UntrustedError) Error() string {
	return fmt.Sprintf("certificate issued by %q: %s; trusted: %s", e.Issuer, e.Reason, list(e.Trusted))
}

// The links of a chain.
const (
	Leaf         = "leaf"
	Intermediate = "intermediate"
	Anchor       = "anchor"
)

// ValidityError reports that a certificate of the chain was not valid at the
// trusted time. Both ends belong to the validity.
type ValidityError struct {
	Link                string // Leaf, Intermediate or Anchor
	Certificate         string // its subject (RFC 2253); a Fulcio leaf has none
	NotBefore, NotAfter time.Time
	At                  time.Time
}

// Error names the certificate, its validity and the time.
func (e *ValidityError) Error() string {
	state := "not yet valid"
	if e.At.After(e.NotAfter) {
		state = "expired"
	}
	return fmt.Sprintf("%s certificate %q is %s at %s: valid from %s to %s", e.Link, e.Certificate, state,
		e.At.UTC().Format(time.RFC3339Nano),
		e.NotBefore.UTC().Format(time.RFC3339),
		e.NotAfter.UTC().Format(time.RFC3339))
}

// UsageError reports that a certificate is not for signing code, or that its
// chain does not allow it to be.
type UsageError struct{ Reason string }

// Error says why the certificate may not sign.
func (e *UsageError) Error() string { return "certificate is not for signing: " + e.Reason }

// list writes names, or that there are none.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "; ")
}
