package cert

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// MaxCertificate is the budget for a certificate as it is found, in bytes. One
// of Fulcio's has about 2 KiB.
const MaxCertificate = 16 << 10

// Parse reads one certificate, in DER as Sigstore bundles hold it, or as one
// PEM block CERTIFICATE with nothing but white space around it, as cosign's
// annotation dev.sigstore.cosign/certificate does. The error matches
// [ErrTooLarge] beyond [MaxCertificate], and is a [*FormatError] otherwise.
func Parse(raw []byte) (*x509.Certificate, error) {
	if len(raw) > MaxCertificate {
		return nil, fmt.Errorf("certificate: %d bytes exceed the budget of %d: %w", len(raw), MaxCertificate, ErrTooLarge)
	}
	der := raw
	begin := []byte("-----BEGIN ")
	if text := bytes.TrimSpace(raw); bytes.HasPrefix(text, begin) {
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return nil, malformed("certificate", "want a PEM block CERTIFICATE without headers")
		}
		if len(rest) > 0 || bytes.Count(text, begin) > 1 {
			return nil, malformed("certificate", "want exactly one PEM block and nothing around it, found more")
		}
		der = block.Bytes
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, malformed("certificate", "want DER or PEM: %v", err)
	}
	return cert, nil
}
