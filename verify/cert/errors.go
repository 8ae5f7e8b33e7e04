package cert

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrNoTime reports that no trusted time is known at which to judge a
	// certificate.
	ErrNoTime = errors.New("no trusted time: a certificate is judged at the time of a log entry or timestamp, and " +
		"there is none")

	// ErrNoSCT reports that a certificate has no signed certificate timestamp.
	ErrNoSCT = errors.New("certificate has no signed certificate timestamp")
)

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

// IssuerError reports that the two extensions for the OpenID Connect issuer
// name different issuers.
type IssuerError struct {
	V1 string // 1.3.6.1.4.1.57264.1.1
	V2 string // 1.3.6.1.4.1.57264.1.8
}

// Error names both issuers.
func (e *IssuerError) Error() string {
	return fmt.Sprintf("certificate names two issuers: %q in the old extension, %q in the new", e.V1, e.V2)
}

// PolicyError reports that a policy requires nothing, or something that cannot
// be checked.
type PolicyError struct {
	What   string
	Reason string
}

// Error says what is wrong with which part of the policy.
func (e *PolicyError) Error() string { return e.What + ": " + e.Reason }

// MismatchError reports that an identity is not the one a policy wants. What is
// "identity", "issuer" or a name of Fulcio's extensions.
type MismatchError struct {
	What     string
	Expected string // a regular expression with its anchors, or the exact value
	Found    string
}

// Error names what differs, with both values.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("certificate has another %s: expected %s, found %q", e.What, e.Expected, e.Found)
}

// UnknownLogError reports that the certificate was entered only in logs that
// the trusted root does not list. Both fields hold log ids in lower-case hex.
type UnknownLogError struct {
	Found   []string
	Trusted []string
}

// Error names the logs found and the trusted ones.
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
