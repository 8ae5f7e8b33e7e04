package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

const maxRedirects = 10

func newTransport(opts Options) (*http.Transport, error) {
	conf := &tls.Config{InsecureSkipVerify: opts.AllowInsecure}
	if len(opts.CACert) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("read the system's certificate authorities: %w", err)
		}
		if !pool.AppendCertsFromPEM(opts.CACert) {
			return nil, errors.New("registry CA: found no certificate, want PEM blocks of type CERTIFICATE")
		}
		conf.RootCAs = pool
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       conf,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute, // a caching proxy may fetch first
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   16,
		DisableCompression:    true, // digests are over the bytes as stored
	}, nil
}

// redirectPolicy lets registries point to the storage behind them, but not
// from TLS to plain HTTP, nor to link-local addresses, where machines in a
// cloud keep their own secrets.
func redirectPolicy(allowHTTP bool) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		last := via[len(via)-1]
		switch {
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
