package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/verify/check"
)

func TestFetch(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	var flaky atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/key", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "key") })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/key", http.StatusFound)
	})
	mux.HandleFunc("/down", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL, http.StatusFound)
	})
	mux.HandleFunc("/full", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(make([]byte, maxFetch)) })
	mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(make([]byte, maxFetch+1)) })
	mux.HandleFunc("/none", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	mux.HandleFunc("/flaky", func(w http.ResponseWriter, r *http.Request) {
		if flaky.Add(1) < 3 {
			w.WriteHeader(503)
		}
	})
	server := unstarted(t, mux)
	server.StartTLS()
	rt := &retrier{inner: server.Client().Transport, pace: fast}

	isStatus := func(code int) func(error) bool {
		return func(err error) bool {
			var fault *transport.Error
			return errors.As(err, &fault) && fault.StatusCode == code
		}
	}
	says := func(part string) func(error) bool {
		return func(err error) bool { return err != nil && strings.Contains(err.Error(), part) }
	}
	none := func(err error) bool { return err == nil }
	for _, c := range []struct {
		url  string
		size int
		want func(error) bool
	}{
		{server.URL + "/key", 3, none}, {server.URL + "/moved", 3, none}, {server.URL + "/flaky", 0, none},
		{server.URL + "/full", maxFetch, none},
		{server.URL + "/big", 0, func(err error) bool { return errors.Is(err, check.ErrTooLarge) }},
		{server.URL + "/down?token=hush", 0, says("refused a redirect from https")},
		{server.URL + "/none", 0, isStatus(204)}, {server.URL + "/missing?token=hush", 0, isStatus(404)},
		{strings.Replace(server.URL, "https://", "https://me:hush@", 1) + "/missing", 0, isStatus(404)},
		{plain.URL, 0, says("want a URL of the form https://")},
		{"https:///key", 0, says("want a URL of the form https://")},
		{"file:///etc/passwd", 0, says("want a URL of the form https://")},
		{"https://me:hush@[::1", 0, says("malformed URL")},
	} {
		got, err := fetch(context.Background(), c.url, rt)
		if !c.want(err) || len(got) != c.size {
			t.Errorf("%s: %d bytes, %v", c.url, len(got), err)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("a secret shows: %v", err)
		}
	}
	for _, opts := range []Options{{}, {AllowInsecure: true}} {
		if _, err := Fetch(context.Background(), server.URL+"/key", opts); err == nil ||
			!strings.Contains(err.Error(), "certificate") {
			t.Errorf("an unknown certificate: %v", err)
		}
	}
}

// TestFetchWithCertificates fetches from a host that wants a client certificate, and is
// redirected to another one, which is shown none.
func TestFetchWithCertificates(t *testing.T) {
	a := newAuthority(t, "corp")
	server, _ := a.issue(forLoopback())
	_, pair := a.issue(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	shown := make(chan int, 1)
	other := unstarted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown <- len(r.TLS.PeerCertificates)
	}))
	other.TLS = &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequestClientCert}
	other.StartTLS()
	l := newLab(t)
	l.on("", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, other.URL, http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "key")
	})
	repo := l.serve(&tls.Config{
		Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool(),
	})
	host, _, _ := strings.Cut(repo, "/")
	dir := t.TempDir()
	for file, content := range map[string][]byte{"ca.crt": a.pem, "me.cert": pair[0], "me.key": pair[1]} {
		write(t, string(content), dir, host, file)
	}
	given := Options{CACert: a.pem, ClientCert: pair[0], ClientKey: pair[1], CertsDirs: []string{}}
	for _, opts := range []Options{given, {CertsDirs: []string{dir}}} {
		got, err := Fetch(context.Background(), "https://"+host+"/key", opts)
		if err != nil || string(got) != "key" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := Fetch(context.Background(), "https://"+host+"/moved", given); err != nil {
		t.Error(err)
	} else if n := <-shown; n != 0 {
		t.Error("another host was shown the certificate")
	}
	given.ClientCert, given.ClientKey = nil, nil
	_, err := Fetch(context.Background(), "https://"+host+"/key", given)
	wantCause(t, err, CauseClientCertificate, "wants a client certificate")
}
