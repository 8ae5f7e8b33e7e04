package tsa

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gapseal/gapseal/verify/check"
)

var (
	// ErrSignature says that a token in order otherwise was not signed by the
	// authority it names.
	ErrSignature = errors.New("timestamp does not verify under the authority's certificate")
)

// AlgorithmError says that a digest algorithm is not one to rely on. What is
// "imprint" or "signer's digest", Found the algorithm's name or OID.
type AlgorithmError struct {
	What  string
	Found string
}

func (e *AlgorithmError) Error() string {
	return fmt.Sprintf("timestamp: %s algorithm: want SHA-256, SHA-384 or SHA-512, found %s", e.What, e.Found)
}

// ImprintError says that a timestamp is about other bytes than the signature at
// hand. Both are lower-case hex digests by the algorithm of the imprint.
type ImprintError struct {
	Expected string
	Found    string
}

func (e *ImprintError) Error() string {
	return fmt.Sprintf("timestamp is over other bytes than this signature: expected imprint %s, found %s", e.Expected, e.Found)
}

// AuthorityError says that no trusted authority signs with the certificate that
// the token names. Trusted lists the names of those there are.
type AuthorityError struct {
	Issuer  string // of the signer's certificate, as RFC 2253 writes it
	Serial  string // of the signer's certificate, lower-case hex
	Trusted []string
}

func (e *AuthorityError) Error() string {
	trusted := strings.Join(e.Trusted, "; ")
	if trusted == "" {
		trusted = "none"
	}
	return fmt.Sprintf("timestamp is by an authority that is not trusted: its certificate has the serial number %s by %q; trusted: %s",
		e.Serial, e.Issuer, trusted)
}

// SignerError says that a token bears the issuer and serial number of an
// authority's certificate, but means another certificate. Both are "sha256:"
// and the hex of the certificate's SHA-256, or in Found another digest of it.
type SignerError struct {
	Expected string
	Found    string
}

func (e *SignerError) Error() string {
	return fmt.Sprintf("timestamp names another certificate than the authority's: expected %s, found %s", e.Expected, e.Found)
}

// ValidityError says that a certificate of the authority's chain was not valid
// at the time the token states. Both ends belong to the validity.
type ValidityError struct {
	Certificate         string // its subject, as RFC 2253 writes it
	NotBefore, NotAfter time.Time
	At                  time.Time
}

func (e *ValidityError) Error() string {
	return fmt.Sprintf("certificate %q of the timestamp authority is valid from %s to %s, not at %s", e.Certificate,
		e.NotBefore.UTC().Format(time.RFC3339), e.NotAfter.UTC().Format(time.RFC3339), e.At.UTC().Format(time.RFC3339Nano))
}

// UsageError says that the authority's certificate is not one for timestamps,
// by RFC 3161, section 2.3, or by a constraint of its chain.
type UsageError struct {
	Certificate string // its subject, as RFC 2253 writes it
	Reason      string
}

func (e *UsageError) Error() string {
	return fmt.Sprintf("certificate %q is not one for timestamps: %s", e.Certificate, e.Reason)
}

func malformed(what, format string, args ...any) error {
	return check.Malformed("timestamp: "+what, format, args...)
}
