package trust

import (
	"crypto/x509"
	"time"
)

// Authority is what certificate and timestamp authorities have in common.
type Authority struct {
	Name     string // subject of the first certificate (RFC 2253), or else the URI
	URI      string // as the trusted root says; may be empty
	Operator string // who runs it, as the trusted root says; mostly empty

	// Chain holds at least one certificate. Each is signed by the next; the
	// last is the trust anchor, which need not be signed by itself.
	Chain []*x509.Certificate

	From, To time.Time // when the whole chain was in use, both ends included; a zero To is open
}

// CertificateAuthority issues certificates to those who sign without a key of
// their own. The first certificate of its chain is the issuing one.
type CertificateAuthority struct{ Authority }

// TimestampAuthority signs timestamps (RFC 3161). The first certificate of its
// chain is the one it signs with.
type TimestampAuthority struct{ Authority }

// Anchor returns the last certificate of the chain.
func (a *Authority) Anchor() *x509.Certificate { return a.Chain[len(a.Chain)-1] }

// CheckWindow answers whether the trusted root holds the authority valid at t;
// both ends of the window belong to it. If not, the error is a [*WindowError].
// The validity of the certificates is another question.
func (a *Authority) CheckWindow(t time.Time) error { return checkWindow(a.From, a.To, t) }
