package registry

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
)

// requireToken puts a token service in front of the registry. If there is a password,
// tokens are issued to those who have it.
func (l *lab) requireToken(password string) {
	l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			if _, given, _ := r.BasicAuth(); given != password {
				refuse(w, 401, "UNAUTHORIZED")
				return true
			}
			fmt.Fprint(w, `{"token":"letmein"}`)
			return true
		}
		if r.Header.Get("Authorization") == "Bearer letmein" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+l.server.URL+`/token?secret=hush",service="lab"`)
		refuse(w, 401, "UNAUTHORIZED")
		return true
	}
}

type password string

func (p password) Resolve(authn.Resource) (authn.Authenticator, error) {
	return authn.FromConfig(authn.AuthConfig{Username: "me", Password: string(p)}), nil
}

func TestOneTokenForManyBlobs(t *testing.T) {
	l := newLab(t)
	l.requireToken("pw")
	s := l.source(Options{Keychain: password("pw")})
	var wg sync.WaitGroup
	for i := range 10 {
		d := l.putBlob([]byte{byte(i)})
		wg.Go(func() {
			rc, err := s.Blob(context.Background(), l.repo, d)
			if err != nil {
				t.Error(err)
				return
			}
			rc.Close()
		})
	}
	wg.Wait()
	if n := l.requests("/token"); n != 1 {
		t.Errorf("%d tokens were requested", n)
	}
}

func TestRefusedLogin(t *testing.T) {
	for name, keychain := range map[string]authn.Keychain{"wrong password": password("guess"),
		"anonymous": noCredentials{}} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.requireToken("pw")
			_, _, err := l.source(Options{Keychain: keychain}).Manifest(context.Background(), l.repo, "v1")
			var fault *transport.Error
			if !errors.As(err, &fault) || fault.StatusCode != 401 || errors.Is(err, oci.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			host, _, _ := strings.Cut(l.repo, "/")
			wantText(t, err, "401 Unauthorized", "docker login "+host)
			for _, secret := range []string{"hush", "guess"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q in: %v", secret, err)
				}
			}
		})
	}
}

func TestDockerConfig(t *testing.T) {
	l := newLab(t)
	l.requireToken("pw")
	raw := index(t)
	l.putManifest("v1", oci.TypeIndex, raw)
	host, _, _ := strings.Cut(l.repo, "/")
	config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte("me:pw")))
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", dir)
	t.Setenv("DOCKER_CONFIG", dir)
	s, err := newSource(Options{}, fast)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := s.Manifest(context.Background(), l.repo, "v1")
	if err != nil || !bytes.Equal(got, raw) {
		t.Errorf("got %q, %v", got, err)
	}
}

type brokenHelper struct{}

func (brokenHelper) Resolve(authn.Resource) (authn.Authenticator, error) {
	return nil, errors.New("helper crashed")
}

func TestBrokenCredentialHelper(t *testing.T) {
	l := newLab(t)
	_, _, err := l.source(Options{Keychain: brokenHelper{}}).Manifest(context.Background(), l.repo, "v1")
	wantText(t, err, "find credentials for 127.0.0.1:", "helper crashed")
}

// TestHandshakeIsTriedAgain wants the call after a failed handshake to try again.
func TestHandshakeIsTriedAgain(t *testing.T) {
	l := newLab(t)
	l.putManifest("v1", oci.TypeIndex, index(t))
	s := l.source(Options{})
	l.on("/v2/", func(w http.ResponseWriter, r *http.Request) { refuse(w, 403, "DENIED") })
	_, _, err := s.Manifest(context.Background(), l.repo, "v1")
	wantText(t, err, "403")
	l.disturb = nil
	if _, _, err := s.Manifest(context.Background(), l.repo, "v1"); err != nil {
		t.Error(err)
	}
}

func tlsLab(t *testing.T) (*lab, *httptest.Server) {
	l := newLab(t)
	server := unstarted(t, l)
	server.StartTLS()
	l.repo = strings.TrimPrefix(server.URL, "https://") + "/acme/app"
	l.putManifest("v1", oci.TypeIndex, index(t))
	return l, server
}

func TestCertificates(t *testing.T) {
	l, server := tlsLab(t)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, opts := range map[string]Options{"CACert": {CACert: ca}, "AllowInsecure": {AllowInsecure: true}} {
		if _, _, err := l.source(opts).Manifest(context.Background(), l.repo, "v1"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := l.manifest("v1")
	wantText(t, err, "certificate", "an authority that is not trusted here")
	if !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("the cause cannot be tested: %#v", err)
	}
	if _, err := New(Options{CACert: []byte("no PEM")}); err == nil ||
		!strings.Contains(err.Error(), "found no certificate") {
		t.Errorf("got %v", err)
	}
}

func TestRedirects(t *testing.T) {
	l, server := tlsLab(t)
	content := noise(1000)
	d := l.putBlob(content)
	secure := Options{AllowInsecure: true}
	blobs := "/v2/acme/app/blobs/" + string(d.Digest)
	for name, c := range map[string]struct {
		to   string
		opts Options
		want string // in the error, none if empty
	}{
		"to plain http": {l.server.URL + "/elsewhere" + blobs, secure,
			"refused a redirect from https to http://127.0.0.1"},
		"to plain http, waived": {l.server.URL + "/elsewhere" + blobs, Options{AllowInsecure: true, AllowHTTP: true},
			""},
		"to another path": {server.URL + "/elsewhere" + blobs, secure, ""},
		"to the cloud's host": {"https://169.254.169.254/latest?token=hush", secure,
			"refused a redirect to the link-local address 169.254.169.254"},
		"round and round": {server.URL + blobs, secure, "stopped after"},
	} {
		t.Run(name, func(t *testing.T) {
			l.seen = nil
			l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasPrefix(r.URL.Path, "/elsewhere") {
					_, _ = w.Write(content)
					return true
				}
				if r.URL.Path == blobs {
					http.Redirect(w, r, c.to, http.StatusTemporaryRedirect)
					return true
				}
				return false
			}
			rc, err := l.source(c.opts).Blob(context.Background(), l.repo, d)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				rc.Close()
				return
			}
			wantText(t, err, c.want)
			if n := l.requests("GET " + blobs); n > maxRedirects {
				t.Errorf("%d requests", n)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the token shows: %v", err)
			}
		})
	}
}

func TestUserAgent(t *testing.T) {
	l := newLab(t)
	var got string
	l.on("/manifests/v1", func(w http.ResponseWriter, r *http.Request) { got = r.UserAgent(); w.WriteHeader(404) })
	for given, want := range map[string]string{"": "gapseal ", "gapseal/v1": "gapseal/v1 "} {
		_, _, _ = l.source(Options{UserAgent: given}).Manifest(context.Background(), l.repo, "v1")
		if !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
