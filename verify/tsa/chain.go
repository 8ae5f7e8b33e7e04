package tsa

import (
	"crypto/x509"
	"crypto/x509/pkix"
	stdasn1 "encoding/asn1"
	"encoding/hex"
	"time"

	"github.com/gapseal/gapseal/verify/trust"
)

var oidExtKeyUsage = stdasn1.ObjectIdentifier{2, 5, 29, 37} // RFC 5280, section 4.2.1.12

// checkChain asks whether each certificate was valid at the time, the anchor
// included, and whether the first may sign timestamps.
func checkChain(a *trust.TimestampAuthority, at time.Time) error {
	for _, cert := range a.Chain {
		if at.Before(cert.NotBefore) || at.After(cert.NotAfter) {
			return &ValidityError{Certificate: cert.Subject.String(), NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, At: at}
		}
	}
	leaf := a.Chain[0]
	if reason := misuse(leaf); reason != "" {
		return &UsageError{Certificate: leaf.Subject.String(), Reason: reason}
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(a.Anchor())
	for _, cert := range a.Chain[1:] {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	if err != nil {
		return &UsageError{Certificate: leaf.Subject.String(), Reason: err.Error()}
	}
	return nil
}

// misuse holds the signer's certificate against RFC 3161, section 2.3: one
// extended key usage, time stamping, and critical.
func misuse(leaf *x509.Certificate) string {
	if leaf.IsCA {
		return "want a certificate that signs, found one that issues others"
	}
	only := len(leaf.ExtKeyUsage) == 1 && len(leaf.UnknownExtKeyUsage) == 0
	if !only || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping {
		return "want the extended key usage time stamping, and no other"
	}
	for _, extension := range leaf.Extensions {
		if extension.Id.Equal(oidExtKeyUsage) && extension.Critical {
			return ""
		}
	}
	return "want the extended key usage to be critical"
}

// nameOf writes a distinguished name as RFC 2253 does, or its DER in hex.
func nameOf(der []byte) string {
	var name pkix.RDNSequence
	if _, err := stdasn1.Unmarshal(der, &name); err != nil {
		return hex.EncodeToString(der)
	}
	return name.String()
}

func algorithmName(oid stdasn1.ObjectIdentifier) string {
	switch oid.String() {
	case "1.3.14.3.2.26":
		return "SHA-1"
	case "1.2.840.113549.2.5":
		return "MD5"
	}
	return oid.String()
}
