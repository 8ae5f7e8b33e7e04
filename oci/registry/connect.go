package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gapseal/gapseal/verify/check"
)

// Cause says why a host could not be reached.
type Cause string

// The causes that call for different remedies. The certificate is that of the host,
// unless it is said to be the client's.
const (
	CauseUnknownAuthority  Cause = "unknown authority"           // it is of an authority that is not trusted
	CauseExpired           Cause = "certificate not valid now"   // it has expired, or is not valid yet
	CauseWrongName         Cause = "certificate of another host" // it names other hosts
	CauseCertificate       Cause = "bad certificate"             // it is wrong in another way
	CauseClientCertificate Cause = "client certificate wanted"   // the host was shown none
	CauseClientRefused     Cause = "client certificate refused"  // the host does not accept the one it was shown
	CausePlainHTTP         Cause = "plain HTTP"                  // the host does not speak TLS
	CauseProxy             Cause = "proxy"                       // the proxy refused, or could not be reached
	CauseProxyLogin        Cause = "proxy login"                 // the proxy wants a login
	CauseUnknownHost       Cause = "unknown host"                // there is no host of that name
	CauseRefused           Cause = "connection refused"          // nothing accepts connections at the port
	CauseSilent            Cause = "silent"                      // an answer did not come in time
	CauseUnreachable       Cause = "unreachable"                 // there is no connection, for another reason
)

// ConnectError reports that a host could not be reached. The host may be that of the
// registry, or one that the registry points to for its tokens or its blobs.
type ConnectError struct {
	Host  string // with its port, unless that is the one of its scheme
	Proxy string // the proxy on the way, without its user info; empty for none
	Cause Cause
	Err   error // what the operating system or the TLS library reported

	text string
}

// Error says what is wrong, without a secret.
func (e *ConnectError) Error() string { return e.text }

// Unwrap returns the error that was found.
func (e *ConnectError) Unwrap() error { return e.Err }

// explainConnection makes err a [ConnectError] if it is about reaching host. own holds
// what is known about client certificates; nil for a host that is shown none.
func explainConnection(err error, host string, proxy *url.URL, own *ownNetwork) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	e := &ConnectError{Host: host, Err: err}
	if proxy != nil {
		e.Proxy = shownProxy(proxy)
	}
	if e.explainProxy() || e.explainCertificate() || e.explainTLS(own) || e.explainNetwork() {
		return e
	}
	return err
}

func (e *ConnectError) is(c Cause, format string, args ...any) bool {
	e.Cause = c
	e.text = check.Clip(printable(fmt.Sprintf(format, args...))) // names in certificates come from outside
	return true
}

func (e *ConnectError) explainProxy() bool {
	var tunnel *tunnelError
	var op *net.OpError
	var silent *silentError
	proxy := "the proxy " + e.Proxy
	switch {
	case errors.As(e.Err, &tunnel) && tunnel.login:
		return e.is(CauseProxyLogin, "%s wants a login (%s)", proxy, tunnel.status)
	case errors.As(e.Err, &tunnel):
		return e.is(CauseProxy, "%s refused to connect to %s (%s)", proxy, e.Host, tunnel.status)
	case e.Proxy != "" && errors.As(e.Err, &silent):
		return e.is(CauseSilent, "%v", silent)
	case errors.As(e.Err, &op) && op.Op == "proxyconnect":
		return e.is(CauseProxy, "%s cannot be reached: %v", proxy, op.Err)
	case errors.As(e.Err, &op) && op.Op == "socks connect":
		return e.is(CauseProxy, "%s did not connect to %s: %v", proxy, e.Host, op.Err)
	}
	return false
}

func (e *ConnectError) explainCertificate() bool {
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var other *tls.CertificateVerificationError
	switch {
	case errors.As(e.Err, &name):
		return e.is(CauseWrongName, "the certificate of %s is for another host: it names %s",
			e.Host, namesOf(name.Certificate))
	case errors.As(e.Err, &invalid) && invalid.Reason == x509.Expired:
		return e.is(CauseExpired, "the certificate of %s %s", e.Host, validityOf(invalid.Cert))
	case errors.As(e.Err, &authority):
		return e.is(CauseUnknownAuthority, "the certificate of %s is of an authority that is not trusted here: %s",
			e.Host, issuerOf(authority.Cert))
	case errors.As(e.Err, &other):
		return e.is(CauseCertificate, "the certificate of %s is not acceptable: %v", e.Host, other.Err)
	}
	return false
}

func namesOf(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > 5:
		return strings.Join(names[:5], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

func validityOf(c *x509.Certificate) string {
	now := time.Now()
	if now.Before(c.NotBefore) {
		return fmt.Sprintf("is valid from %s on, and the clock of this host says %s",
			c.NotBefore.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("expired on %s, and the clock of this host says %s",
		c.NotAfter.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
}

func issuerOf(c *x509.Certificate) string {
	if c == nil {
		return "unknown"
	}
	return c.Issuer.String()
}

func (e *ConnectError) explainTLS(own *ownNetwork) bool {
	var record tls.RecordHeaderError
	var op *net.OpError
	if errors.As(e.Err, &record) && string(record.RecordHeader[:]) == "HTTP/" {
		e.Err = http.ErrSchemeMismatch
		return e.is(CausePlainHTTP, "%s speaks plain HTTP", e.Host)
	}
	refused := errors.As(e.Err, &op) && op.Op == "remote error"
	wanted := own != nil && own.wanted.Load()
	switch {
	// Some servers close the connection instead of saying what they want.
	case wanted && (refused || isBroken(e.Err) && !own.shown.Load()):
		return e.needsCertificate(own)
	case refused:
		return e.is(CauseUnreachable, "%s ended the TLS handshake (%v)", e.Host, op.Err)
	case errors.As(e.Err, &record):
		return e.is(CauseUnreachable, "%s does not speak TLS", e.Host)
	}
	return false
}

// needsCertificate reports that the host wants a client certificate: any, or another
// than own has.
func (e *ConnectError) needsCertificate(own *ownNetwork) bool {
	switch {
	case own.shown.Load():
		return e.is(CauseClientRefused, "%s does not accept the client certificate (%v)", e.Host, e.Err)
	case len(own.pairs) > 0:
		return e.is(CauseClientRefused, "%s wants a client certificate of another authority (%v)", e.Host, e.Err)
	}
	return e.is(CauseClientCertificate, "%s wants a client certificate (%v)", e.Host, e.Err)
}

// refusedCertificate returns an error if the answer to the first request means that the
// server wants a client certificate. Some servers complete the TLS handshake without
// one, and then answer 400 with a page, or 495 or 496 (nginx).
func refusedCertificate(req *http.Request, resp *http.Response, own *ownNetwork) error {
	if own == nil || !own.wanted.Load() || req.URL.Path != "/v2/" {
		return nil
	}
	page := resp.StatusCode == http.StatusBadRequest && mediaTypeOf(resp) == "text/html"
	const noCertificate, badCertificate = 496, 495
	if !page && resp.StatusCode != noCertificate && resp.StatusCode != badCertificate {
		return nil
	}
	e := &ConnectError{Host: req.URL.Host, Err: errors.New(resp.Status)}
	e.needsCertificate(own)
	return e
}

func (e *ConnectError) explainNetwork() bool {
	var silent *silentError
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(e.Err, &silent):
		return e.is(CauseSilent, "%v", silent)
	case errors.As(e.Err, &dns) && dns.IsNotFound:
		return e.is(CauseUnknownHost, "there is no host %s", dns.Name)
	case errors.As(e.Err, &dns):
		return e.is(CauseUnreachable, "the name %s cannot be looked up: %s", dns.Name, dns.Err)
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return e.is(CauseRefused, "%s refuses connections", e.Host)
	case errors.As(e.Err, &op) && op.Op == "dial":
		return e.is(CauseUnreachable, "%s cannot be reached: %v", e.Host, op.Err)
	case isBroken(e.Err):
		return e.is(CauseUnreachable, "%s broke the connection off (%v)", e.Host, e.Err)
	}
	return false
}

// shownProxy returns the address of a proxy without its user info.
func shownProxy(u *url.URL) string { return u.Scheme + "://" + u.Host }
