package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// The login at the destinations, and the line of an htpasswd file for it.
const (
	operator     = "operator"
	operatorPass = "plant"
	operatorLine = operator + ":$2b$05$/7r/NSyOiuiPxZDzgUsr4u4Dlr6HEW5ZVzNp0W/74LcVEMNSsw4YK\n"
)

// destination is a registry to load into: behind TLS with a private CA, and with a login.
type destination struct {
	name string
	host string // host:port
	ca   string // the path of the certificate of the CA
	api  registryAPI
	env  []string // of programs that log in

	next     http.Handler // the registry itself
	ownLogin bool         // it checks the login

	mu   sync.Mutex
	sent int                 // requests that begin to store a blob
	seen func(*http.Request) // called with each request, unless nil
}

// destinations starts the three kinds of registries.
func destinations(t *testing.T) []*destination {
	t.Helper()
	return []*destination{
		startDestination(t, "Distribution", startDistribution(t), true),
		startDestination(t, "olareg", forward(t, startOlareg(t), nil), false),
		startDestination(t, "go-containerregistry", newRegistry(), false),
	}
}

// newRegistry returns go-containerregistry's registry, with the referrers API.
func newRegistry() http.Handler {
	return registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))
}

// startDestination puts TLS before a registry, and a login unless it has its own.
func startDestination(t *testing.T, name string, next http.Handler, ownLogin bool) *destination {
	t.Helper()
	dir := t.TempDir()
	d := &destination{name: name, ca: filepath.Join(dir, "ca.pem"), next: next, ownLogin: ownLogin}
	server := httptest.NewUnstartedServer(d)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, d.ca)}}
	server.StartTLS()
	t.Cleanup(server.Close)
	d.host = server.Listener.Addr().String()

	login := base64.StdEncoding.EncodeToString([]byte(operator + ":" + operatorPass))
	config := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, d.host, login)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	d.env = []string{"DOCKER_CONFIG=" + dir}
	d.api = registryAPI{"https://" + d.host, &http.Client{Transport: trusting(t, d.ca)}, true}
	return d
}

// ServeHTTP checks the login, and counts.
func (d *destination) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, given := r.BasicAuth()
	if !d.ownLogin && (user != operator || password != operatorPass) {
		w.Header().Set("WWW-Authenticate", `Basic realm="plant"`)
		http.Error(w, `{"errors": [{"code": "UNAUTHORIZED"}]}`, http.StatusUnauthorized)
		return
	}
	d.mu.Lock()
	if given && r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/blobs/uploads/") {
		d.sent++
	}
	seen := d.seen
	d.mu.Unlock()
	if seen != nil {
		seen(r)
	}
	d.next.ServeHTTP(w, r)
}

// begun returns how many blobs were begun to be stored.
func (d *destination) begun() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sent
}

// onRequest has see called with each request that logs in.
func (d *destination) onRequest(see func(*http.Request)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = see
}

const plantConfig = `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %q}
auth: {htpasswd: {realm: plant, path: %q}}
http: {addr: %q, tls: {certificate: %q, key: %q}}
`

// startDistribution starts a Distribution of its own with TLS and an htpasswd file.
func startDistribution(t *testing.T) http.Handler {
	t.Helper()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	certificate := serverCertificate(t, in("ca.pem"))
	writePEM(t, in("tls.pem"), "CERTIFICATE", certificate.Certificate[0])
	writePEM(t, in("tls.key"), "PRIVATE KEY", ok(x509.MarshalPKCS8PrivateKey(certificate.PrivateKey))(t))
	addr := net.JoinHostPort("127.0.0.1", ok(freePort())(t))
	config := fmt.Sprintf(plantConfig, in("data"), in("htpasswd"), addr, in("tls.pem"), in("tls.key"))
	for name, text := range map[string]string{"htpasswd": operatorLine, "config.yml": config} {
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tcp := func() error { return accepts(addr) }
	startService(t, tcp, "registry", "serve", in("config.yml"))
	return forward(t, "https://"+addr, trusting(t, in("ca.pem")))
}

// startOlareg starts an olareg, which has the referrers API, and returns its URL.
func startOlareg(t *testing.T) string {
	t.Helper()
	port := ok(freePort())(t)
	startService(t, func() error { return answers(loopback(port) + "/v2/") },
		"olareg", "serve", "--addr", "127.0.0.1", "--port", port, "--store-type", "mem")
	return loopback(port)
}

// startService runs a tool until the test ends, and waits until it is ready.
func startService(t *testing.T, ready func() error, name string, args ...string) {
	t.Helper()
	s := ok(stack.serveTo(filepath.Join(t.TempDir(), name+".log"), name, args...))(t)
	t.Cleanup(s.stop)
	if err := s.await(ready); err != nil {
		t.Fatal(err)
	}
}

func accepts(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// forward returns a proxy for a registry.
func forward(t *testing.T, target string, transport http.RoundTripper) http.Handler {
	t.Helper()
	to := ok(url.Parse(target))(t)
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
		},
		Transport: transport,
		ErrorLog:  log.New(io.Discard, "", 0),
	}
}

// trusting returns a transport that trusts only the CA in a file.
func trusting(t *testing.T, ca string) *http.Transport {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ok(os.ReadFile(ca))(t)) {
		t.Fatalf("%s holds no certificate", ca)
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return (&net.Dialer{Timeout: stopLimit}).DialContext(ctx, network, addr)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// serverCertificate makes a CA, writes its certificate to a file, and returns a
// certificate by it for 127.0.0.1.
func serverCertificate(t *testing.T, caFile string) tls.Certificate {
	t.Helper()
	key := func() *ecdsa.PrivateKey { return ok(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t) }
	template := func(name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		}
	}
	ca, caKey := template("plant CA"), key()
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caDER := ok(x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey))(t)
	writePEM(t, caFile, "CERTIFICATE", caDER)
	leaf, leafKey := template("registry.plant"), key()
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der := ok(x509.CreateCertificate(rand.Reader, leaf, ca, leafKey.Public(), caKey))(t)
	return tls.Certificate{Certificate: [][]byte{der, caDER}, PrivateKey: leafKey}
}
