package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
)

// TestExportWithCertificates exports from a registry that wants a client certificate,
// and has one of its own by an authority that is not trusted. Each failure names the
// flag that helps. The publisher's key is a file, or on the same server.
func TestExportWithCertificates(t *testing.T) {
	t.Parallel()
	plain := serveRegistry(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cosign.pub" {
			http.ServeFile(w, r, testdataKey(t, "cosign.pub"))
			return
		}
		plain.handler.ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	dir := t.TempDir()
	cert := pemFile(t, filepath.Join(dir, "cert.pem"), "CERTIFICATE", server.Certificate().Raw)
	der, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	key := pemFile(t, filepath.Join(dir, "key.pem"), "PRIVATE KEY", der)
	repo := strings.TrimPrefix(server.URL, "https://") + "/acme/app"
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{nil, "pass the certificate of that authority with --registry-cacert"},
		{[]string{"--registry-cacert", cert}, "pass the certificate with --registry-cert and --registry-key"},
		{[]string{"--registry-cacert", cert, "--registry-cert", cert, "--registry-key", key}, "wrote app.tar"},
	} {
		for _, publisher := range []string{testdataKey(t, "cosign.pub"), server.URL + "/cosign.pub"} {
			cmd := exec.CommandContext(t.Context(), "gapseal", append([]string{
				"export", repo + ":v1", "-o", "app.tar", "--accept-reference", repo + "=" + fixture.Host + "app",
				"--key", publisher, "--rekor-key", testdataKey(t, "rekor.pub"),
			}, c.flags...)...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "HOME="+dir, "DOCKER_CONFIG="+dir)
			out, err := cmd.CombinedOutput()
			unfolded := strings.Join(strings.Fields(string(out)), " ")
			if !strings.Contains(unfolded, c.want) || (err == nil) != strings.HasPrefix(c.want, "wrote") {
				t.Errorf("--key %s %v: %v\n%s", publisher, c.flags, err, out)
			}
		}
	}
}

// TestKeysAreNeverFetchedInsecurely wants the flags that loosen how registries are
// reached not to count for a key: it is what is trusted.
func TestKeysAreNeverFetchedInsecurely(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for key, want := range map[string]string{
		server.URL + "/cosign.pub": "pass the certificate of that authority with --registry-cacert",
		plain.URL + "/cosign.pub":  "https",
		strings.Replace(plain.URL, "http://", "https://", 1) + "/cosign.pub": "HTTP",
	} {
		cmd := exec.CommandContext(t.Context(), "gapseal", "export", "localhost/app:v1", "-o", "app.tar", "--key", key,
			"--allow-insecure-registry", "--allow-http-registry")
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		unfolded := strings.Join(strings.Fields(string(out)), " ")
		if err == nil || !strings.Contains(unfolded, want) || strings.Contains(unfolded, "allow that with") {
			t.Errorf("--key %s: %v\n%s", key, err, out)
		}
	}
}

// TestExportWithoutRefusedCredentials exports a public image although the stored
// credentials are refused, and says so.
func TestExportWithoutRefusedCredentials(t *testing.T) {
	t.Parallel()
	public := serveRegistry(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _, login := r.BasicAuth()
		switch {
		case login:
			w.WriteHeader(http.StatusForbidden)
		case r.URL.Path == "/v2/":
			w.Header().Set("WWW-Authenticate", `Negotiate, Basic realm="a, b"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			public.handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	host := strings.TrimPrefix(server.URL, "http://")
	config := `{"auths":{"` + host + `":{"username":"me","password":"old"}},` +
		`"credHelpers":{"` + host + `/acme":"absent"}}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "gapseal", "export", host+"/acme/app:v1", "-o", "app.tar",
		"--accept-reference", host+"/acme/app="+fixture.Host+"app",
		"--key", testdataKey(t, "cosign.pub"), "--rekor-key", testdataKey(t, "rekor.pub"))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "DOCKER_CONFIG="+dir)
	out, err := cmd.CombinedOutput()
	unfolded := strings.Join(strings.Fields(string(out)), " ")
	for _, want := range []string{
		"gapseal: note: the credential helper docker-credential-absent, which ", "is not installed: install it",
		"gapseal: note: " + host + " refused the stored credentials (403); going on without them", "wrote app.tar",
	} {
		if !strings.Contains(unfolded, want) {
			t.Errorf("want %q: %v\n%s", want, err, out)
		}
	}
}

func pemFile(t *testing.T, path, kind string, der []byte) string {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestWaitsAreNotRepeated wants several transfers that wait for one host to be one
// line.
func TestWaitsAreNotRepeated(t *testing.T) {
	var out, later bytes.Buffer
	var s speaker
	s.to(&out)
	for range 3 {
		s.wait("an answer of r.example", 10*time.Second)
		s.wait("an answer of q.example\x1b[2J", 10*time.Second)
	}
	want := "gapseal: waiting for an answer of r.example (10s so far)\n" +
		"gapseal: waiting for an answer of q.example\\x1b[2J (10s so far)\n"
	if got := out.String(); got != want {
		t.Errorf("got %s", got)
	}
	s.to(&later)
	s.note("r.example refused the stored credentials")
	if got := later.String(); !strings.HasPrefix(got, "gapseal: note: r.example") {
		t.Errorf("got %s", got)
	}
}
