package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const maxRedirects = 10

// network makes connections. Each registry has connections of its own, so that its
// client certificate is shown to no other host.
type network struct {
	opts   Options
	pace   pace
	shared *http.Transport  // to every host that is not asked for as a registry
	given  *tls.Certificate // opts.ClientCert; nil for none

	mu  sync.Mutex
	own map[string]*ownNetwork // by the host of a registry
}

func newNetwork(opts Options, p pace) (*network, error) {
	n := &network{opts: opts, pace: p, own: map[string]*ownNetwork{}}
	if len(opts.ClientCert) > 0 || len(opts.ClientKey) > 0 {
		pair, err := clientPair(opts.ClientCert, opts.ClientKey)
		if err != nil {
			return nil, err
		}
		n.given = pair
	}
	conf, err := n.tlsConfig(nil)
	if err != nil {
		return nil, err
	}
	n.shared = n.transport(conf)
	return n, nil
}

// tlsConfig trusts the authorities of the system, those of opts.CACert, and extra.
func (n *network) tlsConfig(extra [][]byte) (*tls.Config, error) {
	conf := &tls.Config{InsecureSkipVerify: n.opts.AllowInsecure}
	if len(n.opts.CACert) == 0 && len(extra) == 0 {
		return conf, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificate authorities: %w", err)
	}
	if len(n.opts.CACert) > 0 && !pool.AppendCertsFromPEM(n.opts.CACert) {
		return nil, errors.New("registry CA: found no certificate, want PEM blocks of type CERTIFICATE")
	}
	for _, pem := range extra {
		pool.AppendCertsFromPEM(pem)
	}
	conf.RootCAs = pool
	return conf, nil
}

// transport makes connections. Its own limits are those of [pace], half as long
// again: a vigil ends a wait first, and they end what would go on without a request.
func (n *network) transport(conf *tls.Config) *http.Transport {
	later := func(d time.Duration) time.Duration { return d + d/2 }
	dialer := &net.Dialer{Timeout: later(n.pace.connect), KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  n.proxyOf,
		OnProxyConnectResponse: checkTunnel,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        conf,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    later(n.pace.handshake),
		ResponseHeaderTimeout:  later(n.pace.answer),
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    16,
		DisableCompression:     true, // digests are over the bytes as stored
		MaxResponseHeaderBytes: 1 << 20,
	}
}

// proxyOf returns the proxy for a request. The error does not repeat the variable,
// which may hold a password.
func (n *network) proxyOf(req *http.Request) (*url.URL, error) {
	find := n.opts.Proxy
	if find == nil {
		find = http.ProxyFromEnvironment
	}
	u, err := find(req)
	if err != nil {
		return nil, errors.New("the address of the proxy is malformed (HTTPS_PROXY, HTTP_PROXY)")
	}
	return u, nil
}

// to returns what sends the requests about the repositories of a registry: those to
// its own host, and those to the hosts that it points to.
func (n *network) to(host string) (http.RoundTripper, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	own := n.own[host]
	if own == nil {
		made, err := n.newOwn(host)
		if err != nil {
			return nil, err
		}
		own = made
		n.own[host] = own
	}
	return own, nil
}

func (n *network) close() {
	n.shared.CloseIdleConnections()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, own := range n.own {
		own.transport.CloseIdleConnections()
	}
}

// ownNetwork sends requests on behalf of the registry at host.
type ownNetwork struct {
	*network
	host      string
	transport *http.Transport
	pairs     []tls.Certificate // client certificates

	wanted atomic.Bool // the host asked for a client certificate
	shown  atomic.Bool // and was shown one
}

func (n *network) newOwn(host string) (*ownNetwork, error) {
	own := &ownNetwork{network: n, host: host}
	found := readCerts(n.opts.certsDirs(), host, n.opts.note)
	conf, err := n.tlsConfig(found.roots)
	if err != nil {
		return nil, err
	}
	if n.given != nil {
		own.pairs = append(own.pairs, *n.given)
	}
	own.pairs = append(own.pairs, found.pairs...)
	conf.GetClientCertificate = own.clientCertificate
	own.transport = n.transport(conf)
	return own, nil
}

// clientCertificate returns the first certificate that the server says it accepts. If
// it accepts none it is shown none: it may do without.
func (o *ownNetwork) clientCertificate(req *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	o.wanted.Store(true)
	for i := range o.pairs {
		if req.SupportsCertificate(&o.pairs[i]) == nil {
			o.shown.Store(true)
			return &o.pairs[i], nil
		}
	}
	return &tls.Certificate{}, nil
}

// RoundTrip implements [http.RoundTripper].
func (o *ownNetwork) RoundTrip(req *http.Request) (*http.Response, error) {
	if sameHost(req.URL, o.host) {
		return o.trip(o.transport, req, o)
	}
	return o.trip(o.shared, req, nil)
}

// RoundTrip sends a request that is not about a registry.
func (n *network) RoundTrip(req *http.Request) (*http.Response, error) {
	return n.trip(n.shared, req, nil)
}

// trip sends req and explains why its host could not be reached. own is nil for a
// host that is shown no client certificate.
func (n *network) trip(rt *http.Transport, req *http.Request, own *ownNetwork) (*http.Response, error) {
	proxy, err := n.proxyOf(req)
	if err != nil {
		return nil, err
	}
	resp, err := watchedTrip(rt, req, proxy, n.pace, n.opts.OnWait)
	if err == nil && resp.StatusCode == http.StatusProxyAuthRequired && proxy != nil {
		resp.Body.Close()
		err = &tunnelError{status: resp.Status, login: true}
	}
	if err != nil {
		return nil, explainConnection(err, req.URL.Host, proxy, own)
	}
	if err := refusedCertificate(req, resp, own); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// tunnelError reports that a proxy answered and did not connect to the host.
type tunnelError struct {
	status string // such as "403 Forbidden"
	login  bool   // the proxy wants a login
}

func (e *tunnelError) Error() string { return "the proxy answered " + e.status }

func checkTunnel(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &tunnelError{status: resp.Status, login: resp.StatusCode == http.StatusProxyAuthRequired}
}

// sameHost reports whether u leads to host, which names a port unless it is that of
// the scheme.
func sameHost(u *url.URL, host string) bool {
	return withPort(u.Host, u.Scheme) == withPort(host, u.Scheme)
}

func withPort(host, scheme string) string {
	u := url.URL{Host: host}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// redirectPolicy lets registries point to the storage behind them, but not from TLS
// to plain HTTP, nor to link-local addresses, where the machines of a cloud read
// their secrets.
func redirectPolicy(allowHTTP bool) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		last := via[len(via)-1]
		switch {
		case req.Method != last.Method:
			return fmt.Errorf("refused a redirect to %s, which would make a %s of a %s",
				safeURL(req.URL), req.Method, last.Method)
		case len(via) >= maxRedirects:
			return fmt.Errorf("stopped after %d redirects", maxRedirects)
		case last.URL.Scheme == "https" && req.URL.Scheme != "https" && !allowHTTP:
			return fmt.Errorf("refused a redirect from https to %s", safeURL(req.URL))
		case isLinkLocal(req.URL.Hostname()):
			return fmt.Errorf("refused a redirect to the link-local address %s", req.URL.Hostname())
		}
		return nil
	}
}

func isLinkLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLinkLocalUnicast()
}
