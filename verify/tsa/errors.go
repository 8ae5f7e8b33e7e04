package tsa

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gapseal/gapseal/verify/check"
)

// ErrSignature reports that a token that is otherwise in order was not signed by
// the authority that it names.
var ErrSignature = errors.New("timestamp does not verify under the authority's certificate")

// AlgorithmError reports that a digest algorithm is not reliable. What is
// "imprint", "signer's digest" or "signing certificate's digest", Found the
// algorithm's name or OID.
type AlgorithmError struct {
	What  string
	Found string
}

// Error names the algorithm and those that are reliable.
func (e *AlgorithmError) Error() string {
	return fmt.Sprintf("timestamp: %s algorithm: want SHA-256, SHA-384 or SHA-512, found %s", e.What, e.Found)
}

// ImprintError reports that a timestamp is over other bytes than the signature
// that is judged. Both fields are lower-case hex digests by the algorithm of the
// imprint.
type ImprintError struct {
	Expected string
	Found    string
}

// Error names both imprints.
func (e *ImprintError) Error() string {
	return fmt.Sprintf("timestamp is over other bytes than this signature: expected imprint %s, found %s", e.Expected,
		e.Found)
}

// AuthorityError reports that no trusted authority signs with the certificate
// that the token names. Trusted lists the names of the trusted authorities.
type AuthorityError struct {
	Issuer  string // of the signer's certificate, as RFC 2253 writes it
	Serial  string // of the signer's certificate, lower-case hex
	Trusted []string
}

// Error names the certificate found and the trusted authorities.
func (e *AuthorityError) Error() string {
	trusted := strings.Join(e.Trusted, "; ")
	if trusted == "" {
		trusted = "none"
	}
	return fmt.Sprintf("timestamp is by an authority that is not trusted: its certificate has the serial number %s "+
		"by %q; trusted: %s",
		e.Serial, e.Issuer, trusted)
}

// SignerError reports that a token has the issuer and serial number of an
// authority's certificate, but means another certificate. Both fields are
// "sha256:" and the hex of the certificate's SHA-256; Found may be another
// digest of it.
type SignerError struct {
	Expected string
	Found    string
}

// Error names both certificates.
func (e *SignerError) Error() string {
	return fmt.Sprintf("timestamp names another certificate than the authority's: expected %s, found %s", e.Expected,
		e.Found)
}

// ValidityError reports that a certificate of the authority's chain was not
// valid at the time that the token states. Both ends belong to the validity.
type ValidityError struct {
	Certificate         string // its subject, as RFC 2253 writes it
	NotBefore, NotAfter time.Time
	At                  time.Time
}

// Error names the certificate, its validity and the time.
func (e *ValidityError) Error() string {
	return fmt.Sprintf("certificate %q of the timestamp authority is valid from %s to %s, not at %s", e.Certificate,
		e.NotBefore.UTC().Format(time.RFC3339),
		e.NotAfter.UTC().Format(time.RFC3339),
		e.At.UTC().Format(time.RFC3339Nano))
}

// UsageError reports that the authority's certificate is not for timestamps,
// according to RFC 3161, section 2.3, or to a constraint of its chain.
type UsageError struct {
	Certificate string // its subject, as RFC 2253 writes it
	Reason      string
}

// Error names the certificate and says why it may not stamp.
func (e *UsageError) Error() string {
	return fmt.Sprintf("certificate %q is not one for timestamps: %s", e.Certificate, e.Reason)
}

// malformed returns a [*check.FormatError] about a part of a timestamp.
func malformed(what, format string, args ...any) error {
	return check.Malformed("timestamp: "+what, format, args...)
}
