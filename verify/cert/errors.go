package cert

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrNoTime says that no trusted time is known at which to judge a
	// certificate.
	ErrNoTime = errors.New("no trusted time: a certificate is judged at the time of a log entry or timestamp, and there is none")

	// ErrNoSCT says that a certificate bears no signed certificate timestamp.
	ErrNoSCT = errors.New("certificate bears no signed certificate timestamp")
)

// UntrustedError says that no authority of the trusted root issued the
// certificate. Trusted lists those there are.
type UntrustedError struct {
	Issuer  string // as the certificate names it (RFC 2253)
	Reason  string
	Trusted []string
}

func (e *UntrustedError) Error() string {
	return fmt.Sprintf("certificate issued by %q: %s; trusted: %s", e.Issuer, e.Reason, list(e.Trusted))
}

// The links of a chain.
const (
	Leaf         = "leaf"
	Intermediate = "intermediate"
	Anchor       = "anchor"
)

// ValidityError says that a certificate of the chain was not valid at the
// trusted time. Both ends belong to the validity.
type ValidityError struct {
	Link                string // Leaf, Intermediate or Anchor
	Certificate         string // its subject (RFC 2253); a Fulcio leaf has none
	NotBefore, NotAfter time.Time
	At                  time.Time
}

func (e *ValidityError) Error() string {
	state := "not yet valid"
	if e.At.After(e.NotAfter) {
		state = "expired"
	}
	return fmt.Sprintf("%s certificate %q is %s at %s: valid from %s to %s", e.Link, e.Certificate, state,
		e.At.UTC().Format(time.RFC3339Nano), e.NotBefore.UTC().Format(time.RFC3339), e.NotAfter.UTC().Format(time.RFC3339))
}

// UsageError says that a certificate is not one for signing code, or that its
// chain does not let it be one.
type UsageError struct{ Reason string }

func (e *UsageError) Error() string { return "certificate is not one to sign with: " + e.Reason }

// IssuerError says that the two extensions which name the OpenID Connect issuer
// name two.
type IssuerError struct {
	V1 string // 1.3.6.1.4.1.57264.1.1
	V2 string // 1.3.6.1.4.1.57264.1.8
}

func (e *IssuerError) Error() string {
	return fmt.Sprintf("certificate names two issuers: %q in the old extension, %q in the new", e.V1, e.V2)
}

// PolicyError says that a policy asks for nothing, or for what cannot be asked.
type PolicyError struct {
	What   string
	Reason string
}

func (e *PolicyError) Error() string { return e.What + ": " + e.Reason }

// MismatchError says that an identity is not the one a policy asks for. What is
// "identity", "issuer" or a name of Fulcio's extensions.
type MismatchError struct {
	What     string
	Expected string // a regular expression with its anchors, or the exact value
	Found    string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("certificate has another %s: expected %s, found %q", e.What, e.Expected, e.Found)
}

// UnknownLogError says that the certificate was entered only in logs that the
// trusted root does not know. Both hold log ids, lower-case hex.
type UnknownLogError struct {
	Found   []string
	Trusted []string
}

func (e *UnknownLogError) Error() string {
	return fmt.Sprintf("certificate is in no trusted certificate transparency log: found %s; trusted: %s",
		list(e.Found), list(e.Trusted))
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "; ")
}
