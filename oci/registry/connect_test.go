package registry

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/oci"
)

// authority issues certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{t: t}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true}
	pair, raw := a.issue(template)
	a.cert, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	a.pem, _ = raw[0], raw[1]
	return a
}

// issue completes a template. It returns the pair, and the certificate and key in PEM.
func (a *authority) issue(c *x509.Certificate) (tls.Certificate, [2][]byte) {
	a.t.Helper()
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	if c.NotBefore.IsZero() {
		c.NotBefore = time.Now().Add(-2 * time.Hour)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	raw := [2][]byte{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}
	pair, err := tls.X509KeyPair(raw[0], raw[1])
	if err != nil {
		a.t.Fatal(err)
	}
	return pair, raw
}

func forLoopback() *x509.Certificate {
	return &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"registry.example"}}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// serve starts a registry with TLS, and returns its repository.
func (l *lab) serve(conf *tls.Config) string {
	server := unstarted(l.t, l)
	server.TLS = conf
	server.StartTLS()
	return strings.TrimPrefix(server.URL, "https://") + "/acme/app"
}

func wantCause(t *testing.T, err error, cause Cause, parts ...string) {
	t.Helper()
	var connect *ConnectError
	if !errors.As(err, &connect) || connect.Cause != cause {
		t.Errorf("want the cause %q: %v", cause, err)
	}
	wantText(t, err, parts...)
}

func TestServerCertificates(t *testing.T) {
	a := newAuthority(t, "corp")
	other := forLoopback()
	other.IPAddresses = nil
	expired, early := forLoopback(), forLoopback()
	expired.NotAfter = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	expired.NotBefore = expired.NotAfter.Add(-time.Hour)
	early.NotBefore = time.Now().Add(time.Hour)
	early.NotAfter = early.NotBefore.Add(time.Hour)
	for name, c := range map[string]struct {
		cert  *x509.Certificate
		ca    []byte
		cause Cause
		says  string
	}{
		"unknown authority": {forLoopback(), nil, CauseUnknownAuthority,
			"an authority that is not trusted here: CN=corp"},
		"another name":  {other, a.pem, CauseWrongName, "for another host: it names registry.example"},
		"expired":       {expired, a.pem, CauseExpired, "expired on 2026-01-02T03:04:05Z"},
		"not yet valid": {early, a.pem, CauseExpired, "the clock of this host says"},
		"good":          {forLoopback(), a.pem, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.putManifest("v1", oci.TypeIndex, index(t))
			pair, _ := a.issue(c.cert)
			repo := l.serve(&tls.Config{Certificates: []tls.Certificate{pair}})
			_, _, err := l.source(Options{CACert: c.ca}).Manifest(context.Background(), repo, "v1")
			if c.cause == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantCause(t, err, c.cause, c.says)
		})
	}
}

// TestHostileCertificate wants what a certificate says not to control a terminal.
func TestHostileCertificate(t *testing.T) {
	a := newAuthority(t, "corp\x1b[2J"+strings.Repeat("x", 10_000))
	pair, _ := a.issue(forLoopback())
	l := newLab(t)
	repo := l.serve(&tls.Config{Certificates: []tls.Certificate{pair}})
	_, _, err := l.source(Options{}).Manifest(context.Background(), repo, "v1")
	var connect *ConnectError
	if !errors.As(err, &connect) || strings.Contains(connect.Error(), "\x1b") || len(connect.Error()) > 1000 {
		t.Errorf("got %q", err)
	}
}

func TestClientCertificate(t *testing.T) {
	a, foreign := newAuthority(t, "corp"), newAuthority(t, "other")
	server, _ := a.issue(forLoopback())
	client := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	_, good := a.issue(client)
	_, foreignPair := foreign.issue(client)
	_, bad := newAuthority(t, "corp").issue(client) // of another authority of that name
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		l := newLab(t)
		l.putManifest("v1", oci.TypeIndex, index(t))
		repo := l.serve(&tls.Config{Certificates: []tls.Certificate{server}, MaxVersion: version,
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool()})
		host, _, _ := strings.Cut(repo, "/")
		pull := func(opts Options) error {
			_, _, err := l.source(opts).Manifest(context.Background(), repo, "v1")
			return err
		}
		wantCause(t, pull(Options{CACert: a.pem}), CauseClientCertificate, host+" wants a client certificate")
		wantCause(t, pull(Options{CACert: a.pem, ClientCert: bad[0], ClientKey: bad[1]}), CauseClientRefused,
			"does not accept the client certificate")
		unfit := Options{CACert: a.pem, ClientCert: foreignPair[0], ClientKey: foreignPair[1]}
		wantCause(t, pull(unfit), CauseClientRefused, "wants a client certificate of another authority")
		if err := pull(Options{CACert: a.pem, ClientCert: good[0], ClientKey: good[1]}); err != nil {
			t.Error(err)
		}
		if err := pull(Options{CACert: a.pem, ClientCert: bytes.Join(good[:], nil)}); err != nil {
			t.Errorf("in one file: %v", err)
		}
		dir := t.TempDir()
		for file, content := range map[string][]byte{"ca.crt": a.pem, "me.cert": good[0], "me.key": good[1]} {
			write(t, string(content), dir, host, file)
		}
		if err := pull(Options{CertsDirs: []string{t.TempDir(), dir}}); err != nil {
			t.Errorf("certs.d: %v", err)
		}
	}
}

// TestServerThatWantsACertificateByHTTP agrees on TLS without a certificate, and then
// answers 400 with a page, as nginx does.
func TestServerThatWantsACertificateByHTTP(t *testing.T) {
	a := newAuthority(t, "corp")
	server, _ := a.issue(forLoopback())
	_, pair := a.issue(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	l := newLab(t)
	l.on("/v2/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(400)
	})
	repo := l.serve(&tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequestClientCert})
	_, _, err := l.source(Options{CACert: a.pem}).Manifest(context.Background(), repo, "v1")
	wantCause(t, err, CauseClientCertificate, "wants a client certificate (400 Bad Request)")
	opts := Options{CACert: a.pem, ClientCert: pair[0], ClientKey: pair[1]}
	_, _, err = l.source(opts).Manifest(context.Background(), repo, "v1")
	wantCause(t, err, CauseClientRefused, "does not accept the client certificate (400 Bad Request)")
}

func TestHostsThatDoNotSpeakHTTP(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(net.Conn)
		says  string
	}{
		"greeting": {func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n") }, " does not speak TLS"},
		"closing":  {func(net.Conn) {}, " broke the connection off ("},
		"alert": {func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte{21, 3, 1, 0, 2, 2, 40})
		}, " ended the TLS handshake (tls: handshake failure)"},
	} {
		t.Run(name, func(t *testing.T) {
			host := listen(t, c.serve)
			r, err := (&lab{t: t}).source(Options{}).network.to(host)
			if err != nil {
				t.Fatal(err)
			}
			_, err = r.RoundTrip(httptest.NewRequest("GET", "https://"+host+"/v2/", nil))
			wantCause(t, err, CauseUnreachable, host+c.says)
		})
	}
}

func TestUnusableClientCertificates(t *testing.T) {
	_, pair := newAuthority(t, "corp").issue(forLoopback())
	_, other := newAuthority(t, "corp").issue(forLoopback())
	for want, opts := range map[string]Options{
		"does not match":   {ClientCert: pair[0], ClientKey: other[1]},
		"client cert":      {ClientCert: []byte("x")},
		"failed to find":   {ClientKey: pair[1]},
		"encrypted; decry": {ClientCert: pair[0], ClientKey: []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")},
	} {
		_, err := New(opts)
		wantText(t, err, want)
	}
}

func TestUnusableCertsFolder(t *testing.T) {
	_, pair := newAuthority(t, "corp").issue(forLoopback())
	dir := t.TempDir()
	write(t, string(pair[0]), dir, "r.example:5000", "lonely.cert")
	write(t, "x", dir, "r.example:5000", "bad.cert")
	write(t, "x", dir, "r.example:5000", "bad.key")
	write(t, "x", dir, "file.example")
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	got := readCerts([]string{dir}, "r.example:5000", note)
	if len(got.pairs) != 0 || len(notes) != 2 || !strings.Contains(notes[0], "bad.cert: client certificate") ||
		!strings.Contains(notes[1], "lonely.key") {
		t.Errorf("noted %q", notes)
	}
	if readCerts([]string{dir}, "file.example", note); len(notes) != 3 {
		t.Errorf("noted %q", notes)
	}
	if readCerts([]string{dir}, "absent.example", note); len(notes) != 3 {
		t.Errorf("noted %q", notes)
	}
}

func TestDefaultCertsDirs(t *testing.T) {
	dir := home(t)
	got := strings.Join(DefaultCertsDirs(), "\n")
	for _, want := range []string{".config/docker", ".config/containers", ".docker"} {
		if !strings.Contains(got, filepath.Join(dir, want, "certs.d")) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "conf"))
	if got := DefaultCertsDirs()[0]; got != filepath.Join(dir, "conf", "docker", "certs.d") {
		t.Errorf("got %s", got)
	}
}

// TestClientCertificateStaysWithItsRegistry follows a redirect to storage that asks
// for a certificate, too, but must not see this one.
func TestClientCertificateStaysWithItsRegistry(t *testing.T) {
	a := newAuthority(t, "corp")
	server, _ := a.issue(forLoopback())
	_, pair := a.issue(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	content := noise(1000)
	shown := make(chan int, 1)
	storage := unstarted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown <- len(r.TLS.PeerCertificates)
		_, _ = w.Write(content)
	}))
	storage.TLS = &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequestClientCert}
	storage.StartTLS()
	l := newLab(t)
	d := l.putBlob(content)
	l.on(string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 {
			t.Error("the registry was shown no certificate")
		}
		http.Redirect(w, r, storage.URL, http.StatusTemporaryRedirect)
	})
	repo := l.serve(&tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAnyClientCert})
	opts := Options{CACert: a.pem, ClientCert: pair[0], ClientKey: pair[1]}
	rc, err := l.source(opts).Blob(context.Background(), repo, d)
	if err != nil {
		t.Fatal(err)
	}
	rc.Close()
	if n := <-shown; n != 0 {
		t.Error("the storage was shown the certificate")
	}
}

// unused is an address of loopback where nothing listens.
func unused(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestUnreachableRegistries(t *testing.T) {
	l := &lab{t: t}
	none := unused(t)
	_, _, err := l.source(Options{}).Manifest(context.Background(), none+"/a", "v1")
	wantCause(t, err, CauseRefused, none+" refuses connections", "check that "+none+" can be reached")
	_, _, err = l.source(Options{}).Manifest(context.Background(), "registry.invalid/a", "v1")
	wantCause(t, err, CauseUnknownHost, "there is no host registry.invalid")
	plain := newLab(t)
	r, err := plain.source(Options{}).network.to(strings.TrimPrefix(plain.server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.RoundTrip(httptest.NewRequest("GET", strings.Replace(plain.server.URL, "http:", "https:", 1), nil))
	wantCause(t, err, CausePlainHTTP, "speaks plain HTTP")
	if !errors.Is(err, http.ErrSchemeMismatch) {
		t.Errorf("the cause cannot be tested: %v", err)
	}
}

// TestTLSWithoutAgreement wants the fault of TLS in the message, and not that of the
// attempt without TLS: the server answers that with 400.
func TestTLSWithoutAgreement(t *testing.T) {
	pair, _ := newAuthority(t, "corp").issue(forLoopback())
	l := newLab(t)
	repo := l.serve(&tls.Config{Certificates: []tls.Certificate{pair}, MaxVersion: tls.VersionTLS11})
	_, _, err := l.source(Options{AllowHTTP: true}).Manifest(context.Background(), repo, "v1")
	wantCause(t, err, CauseUnreachable, "ended the TLS handshake (tls: protocol version not supported)")
}

// TestBadCertificateIsNoReasonForPlainHTTP wants an attempt without TLS only with a
// host that does not speak it.
func TestBadCertificateIsNoReasonForPlainHTTP(t *testing.T) {
	l, server := tlsLab(t)
	_, _, err := l.source(Options{AllowHTTP: true}).Manifest(context.Background(), l.repo, "v1")
	wantCause(t, err, CauseUnknownAuthority, strings.TrimPrefix(server.URL, "https://"))
	if n := l.requests(""); n != 0 {
		t.Errorf("%d requests without TLS", n)
	}
}

func TestBlockedStorage(t *testing.T) {
	l := newLab(t)
	content := noise(100)
	d := l.putBlob(content)
	none := unused(t)
	for name, c := range map[string]struct {
		to    string
		cause Cause
	}{
		"refused":      {"http://" + none + "/x?token=hush", CauseRefused},
		"no such host": {"http://storage.invalid/x?token=hush", CauseUnknownHost},
	} {
		l.on(string(d.Digest), func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, c.to, http.StatusTemporaryRedirect) })
		_, err := l.blob(context.Background(), d)
		to, _ := url.Parse(c.to)
		host, _, _ := strings.Cut(l.repo, "/")
		wantCause(t, err, c.cause, host+" points to "+to.Host+" for a part of what it offers: allow that host")
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: a secret shows: %v", name, err)
		}
	}
	forbidding := unstarted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }))
	forbidding.Start()
	l.on(string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, forbidding.URL, http.StatusTemporaryRedirect)
	})
	_, err := l.blob(context.Background(), d)
	wantText(t, err, "403 Forbidden", "points to "+strings.TrimPrefix(forbidding.URL, "http://"))
}

// TestStorageBlockedByTheProxy names the proxy and the host that it blocks.
func TestStorageBlockedByTheProxy(t *testing.T) {
	l := newLab(t)
	d := l.putBlob(noise(100))
	l.on(string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://storage.example/x?token=hush", http.StatusTemporaryRedirect)
	})
	proxy := unstarted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }))
	proxy.Start()
	opts := Options{Proxy: func(r *http.Request) (*url.URL, error) {
		if r.URL.Host != "storage.example" {
			return nil, nil
		}
		return url.Parse(strings.Replace(proxy.URL, "http://", "http://me:hush@", 1))
	}}
	_, err := l.source(opts).Blob(context.Background(), l.repo, d)
	host, _, _ := strings.Cut(l.repo, "/")
	wantCause(t, err, CauseProxy, "the proxy "+proxy.URL+" refused to connect to storage.example (403 Forbidden)",
		host+" points to storage.example for a part of what it offers")
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("a secret shows: %v", err)
	}
}

func TestWhatCameInThePlaceOfABlob(t *testing.T) {
	for want, header := range map[string][2]string{
		"a web page from 127.0.0.1": {"Content-Type", "text/html; charset=utf-8"},
		`an answer encoded as "br"`: {"Content-Encoding", "br"},
		"the registry has 5 bytes":  {"X-Other", "x"},
	} {
		l := newLab(t)
		d := l.putBlob(noise(100))
		l.on(string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(header[0], header[1])
			_, _ = io.WriteString(w, "hello")
		})
		_, err := l.blob(context.Background(), d)
		wantText(t, err, want)
		if !errors.Is(err, ErrMismatch) {
			t.Errorf("got %v", err)
		}
	}
}

// proxied returns Options for a proxy whose user info must not show.
func proxied(scheme, host string) Options {
	u := &url.URL{Scheme: scheme, Host: host, User: url.UserPassword("me", "hush")}
	return Options{Proxy: func(*http.Request) (*url.URL, error) { return u, nil }}
}

func TestRefusingProxies(t *testing.T) {
	answering := func(status int) string {
		s := unstarted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
		s.Start()
		return strings.TrimPrefix(s.URL, "http://")
	}
	const repo = "registry.example/a"
	none := unused(t)
	plain := proxied("http", answering(407))
	plain.AllowHTTP = true
	malformed := func(*http.Request) (*url.URL, error) { return nil, errors.New("hush") }
	for name, c := range map[string]struct {
		opts  Options
		cause Cause
		says  string
	}{
		"forbidden": {proxied("http", answering(403)), CauseProxy,
			"refused to connect to registry.example (403 Forbidden)"},
		"login": {proxied("http", answering(407)), CauseProxyLogin,
			"wants a login (407 Proxy Authentication Required)"},
		"absent":     {proxied("http", none), CauseProxy, "the proxy http://" + none + " cannot be reached: "},
		"socks":      {proxied("socks5", socks(t, 2)), CauseProxy, "did not connect to registry.example"},
		"malformed":  {Options{Proxy: malformed}, "", "the address of the proxy is malformed"},
		"no socks":   {proxied("socks5", none), CauseProxy, "the proxy socks5://" + none + " cannot be reached: "},
		"plain HTTP": {plain, CauseProxyLogin, "wants a login"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := (&lab{t: t}).source(c.opts).Manifest(context.Background(), repo, "v1")
			if c.cause == "" {
				wantText(t, err, c.says)
			} else {
				wantCause(t, err, c.cause, c.says)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the password shows: %v", err)
			}
		})
	}
}

// socks starts a SOCKS proxy that answers each request with a code (RFC 1928), 0 for a
// connection, or not at all if the code is negative.
func socks(t *testing.T, code int) string {
	return listen(t, func(c net.Conn) {
		buf := make([]byte, 512)
		if _, err := c.Read(buf); err != nil {
			return
		}
		_, _ = c.Write([]byte{5, 0})
		if _, err := c.Read(buf); err != nil || code < 0 {
			_, _ = c.Read(buf) // until the client closes
			return
		}
		_, _ = c.Write([]byte{5, byte(code), 0, 1, 0, 0, 0, 0, 0, 0})
		if code == 0 {
			_, _ = io.Copy(io.Discard, c) // connected to a host that says nothing
		}
	})
}

// listen serves connections on loopback until the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return ln.Addr().String()
}
