package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
)

// guard is a registry with a token service that asks for authorisation. It answers
// with these statuses, 200 if zero.
type guard struct {
	*lab
	schemes       []string // the WWW-Authenticate headers; a Bearer realm is %s
	tokenForUser  int      // to the token service, from a client with credentials
	tokenForAll   int      // to the token service, from a client without
	pullByUser    int      // of content, with the user's token or password
	pullByAll     int      // of content, with a token for all or without authorisation
	pingForAll    int      // of /v2/, without authorisation; 401 if zero
	tokens        atomic.Int64
	authorization func(path, header string) // called with each request; may be nil
}

func newGuard(t *testing.T, g *guard) *guard {
	g.lab = newLab(t)
	if g.schemes == nil {
		g.schemes = []string{`Bearer realm="%s",service="guard"`}
	}
	g.putManifest("v1", oci.TypeIndex, index(t))
	g.disturb = g.answer
	return g
}

func (g *guard) answer(w http.ResponseWriter, r *http.Request) bool {
	header := r.Header.Get("Authorization")
	if g.authorization != nil {
		g.authorization(r.URL.Path, header)
	}
	user := header == "Bearer user" || header == basic("me", "pw")
	anyone := header == "Bearer anyone" || header == "" && !strings.Contains(g.schemes[0], "Bearer")
	pull := r.URL.Path != "/v2/" && r.URL.Path != "/token"
	switch {
	case r.URL.Path == "/token":
		g.tokens.Add(1)
		g.token(w, header)
	case r.URL.Path == "/v2/" && g.pingForAll != 0 || user && !pull:
		w.WriteHeader(max(g.pingForAll, 200))
	case user && pull && g.pullByUser != 0:
		g.refuse(w, g.pullByUser)
	case anyone && pull && g.pullByAll != 0:
		g.refuse(w, g.pullByAll)
	case pull && (user || anyone):
		return false
	default:
		g.refuse(w, 401)
	}
	return true
}

func (g *guard) token(w http.ResponseWriter, header string) {
	status, token := g.tokenForAll, "anyone"
	if header != "" {
		status, token = g.tokenForUser, "user"
	}
	if status != 0 {
		refuse(w, status, "DENIED")
		return
	}
	fmt.Fprintf(w, `{"token":%q}`, token)
}

func (g *guard) refuse(w http.ResponseWriter, status int) {
	if status == 401 {
		for _, s := range g.schemes {
			w.Header().Add("WWW-Authenticate", strings.Replace(s, "%s", g.server.URL+"/token", 1))
		}
	}
	code := "DENIED"
	if status == 404 {
		code = "MANIFEST_UNKNOWN"
	}
	refuse(w, status, code)
}

// pull gets the manifest with stored credentials, and returns the notes.
func (g *guard) pull() (notes []string, err error) {
	s := g.source(Options{Keychain: password("pw"), OnNote: func(n string) { notes = append(notes, n) }})
	_, _, err = s.Manifest(context.Background(), g.repo, "v1")
	return notes, err
}

func TestAuthorisation(t *testing.T) {
	const basicScheme = `Basic realm="a, b"`
	byPassword := func(byUser, byAll int) *guard {
		return &guard{schemes: []string{basicScheme}, pullByUser: byUser, pullByAll: byAll}
	}
	for name, c := range map[string]struct {
		guard     *guard
		anonymous bool // it is said that the credentials were refused
		status    int  // of the error
	}{
		"token":                          {guard: &guard{}},
		"password":                       {guard: &guard{schemes: []string{basicScheme}}},
		"both in one header":             {guard: &guard{schemes: []string{basicScheme + `, Bearer realm="%s"`}}},
		"both in two headers":            {guard: &guard{schemes: []string{basicScheme, `Bearer realm="%s"`}}},
		"with a third":                   {guard: &guard{schemes: []string{"Negotiate", `NTLM, Bearer realm="%s"`}}},
		"asked for at the manifest only": {guard: &guard{pingForAll: 200}},

		"the token service refuses the user":      {guard: &guard{tokenForUser: 401}, anonymous: true},
		"the token service forbids the user":      {guard: &guard{tokenForUser: 403}, anonymous: true},
		"the registry refuses the user's token":   {guard: &guard{pullByUser: 401}, anonymous: true},
		"the registry forbids the user's token":   {guard: &guard{pullByUser: 403}, anonymous: true},
		"the registry forbids the password":       {guard: byPassword(403, 0), anonymous: true},
		"the registry refuses the password":       {guard: byPassword(401, 0), anonymous: true},
		"refused at the manifest only":            {guard: &guard{pingForAll: 200, tokenForUser: 401}, anonymous: true},
		"the repository is not public":            {guard: &guard{pullByUser: 403, pullByAll: 401}, status: 403},
		"hidden from those without credentials":   {guard: &guard{pullByUser: 403, pullByAll: 404}, status: 403},
		"no token for anyone":                     {guard: &guard{tokenForUser: 401, tokenForAll: 403}, status: 401},
		"neither password nor anonymous":          {guard: byPassword(403, 401), status: 403},
		"absent, which is no reason to try again": {guard: &guard{pullByUser: 404}, status: 404},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuard(t, c.guard)
			notes, err := g.pull()
			if c.anonymous != (len(notes) == 1) || len(notes) > 1 {
				t.Errorf("noted %q", notes)
			}
			var fault *transport.Error
			switch {
			case c.status == 0 && err != nil:
				t.Error(err)
			case c.status != 0 && (!errors.As(err, &fault) || fault.StatusCode != c.status):
				t.Errorf("got %v, want %d", err, c.status)
			case c.status != 0 && errors.Is(err, oci.ErrDenied) != (c.status != 404):
				t.Errorf("got %v", err)
			}
			if n := g.tokens.Load(); n > 4 {
				t.Errorf("%d tokens were requested", n)
			}
		})
	}
}

// TestRefusalOfOneTagIsNoReasonToLogOut asks without credentials at most once, and
// not once the credentials have been of use.
func TestRefusalOfOneTagIsNoReasonToLogOut(t *testing.T) {
	g := newGuard(t, &guard{})
	s := g.source(Options{Keychain: password("pw")})
	if _, _, err := s.Manifest(context.Background(), g.repo, "v1"); err != nil {
		t.Fatal(err)
	}
	g.pullByUser = 403
	for range 3 {
		if _, _, err := s.Manifest(context.Background(), g.repo, "sig"); !errors.Is(err, oci.ErrDenied) {
			t.Errorf("got %v", err)
		}
	}
	if n := g.requests("/manifests/sig"); n != 3 {
		t.Errorf("%d requests", n)
	}
}

func TestExpiredTokenIsRenewed(t *testing.T) {
	g := newGuard(t, &guard{})
	s := g.source(Options{Keychain: password("pw")})
	for range 2 {
		if _, _, err := s.Manifest(context.Background(), g.repo, "v1"); err != nil {
			t.Fatal(err)
		}
		s.repos[g.repo].client.Transport.(*access).header = "Bearer expired"
	}
	if n := g.tokens.Load(); n != 2 {
		t.Errorf("%d tokens were requested", n)
	}
}

func TestUnsupportedScheme(t *testing.T) {
	g := newGuard(t, &guard{schemes: []string{"Negotiate"}})
	_, err := g.pull()
	wantText(t, err, `asks for the authentication scheme "negotiate"; Basic and Bearer are supported`)
}

func TestIdentityToken(t *testing.T) {
	for name, oauth := range map[string]bool{"OAuth 2": true, "GET only": false} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.putManifest("v1", oci.TypeIndex, index(t))
			l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
				_, given, _ := r.BasicAuth()
				switch {
				case r.URL.Path == "/token" && r.Method == http.MethodPost && !oauth:
					w.WriteHeader(404)
				case r.URL.Path == "/token" && (r.FormValue("refresh_token") == "identity" || given == "identity"):
					if r.FormValue("scope") != "repository:acme/app:pull" {
						t.Errorf("scope %q", r.FormValue("scope"))
					}
					fmt.Fprint(w, `{"access_token":"good"}`)
				case r.Header.Get("Authorization") == "Bearer good":
					return false
				default:
					w.Header().Set("WWW-Authenticate", `Bearer realm="`+l.server.URL+`/token"`)
					w.WriteHeader(401)
				}
				return true
			}
			s := l.source(Options{Keychain: keychain{IdentityToken: "identity"}})
			if _, _, err := s.Manifest(context.Background(), l.repo, "v1"); err != nil {
				t.Error(err)
			}
		})
	}
}

type keychain authn.AuthConfig

func (k keychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return authn.FromConfig(authn.AuthConfig(k)), nil
}

func TestBadTokenServices(t *testing.T) {
	page := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, body) }
	}
	for name, c := range map[string]struct {
		realm  string // empty for that of the lab
		answer http.HandlerFunc
		want   string
	}{
		"login page": {"", page("<html>hush"), "sent no token, but a web page"},
		"no token":   {"", page(`{"refresh_token":"hush"}`), "sent no token, but 24 bytes"},
		"too large":  {"", page(strings.Repeat(" ", maxToken+1)), "sent more than 65536 bytes in the place of a token"},
		"link-local": {"http://169.254.169.254/token", nil, "at the link-local address 169.254.169.254"},
		"user info":  {"https://a:hush@b.example/token", nil, "with a malformed address"},
		"no host":    {"/token", nil, "with a malformed address"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			realm := c.realm
			if realm == "" {
				realm = l.server.URL + "/token"
			}
			l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/token" {
					c.answer(w, r)
					return true
				}
				w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`"`)
				w.WriteHeader(401)
				return true
			}
			_, _, err := l.source(Options{Keychain: password("pw")}).Manifest(context.Background(), l.repo, "v1")
			wantText(t, err, c.want)
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("a secret shows: %v", err)
			}
		})
	}
}

func TestTokenServiceWithoutTLS(t *testing.T) {
	l, server := tlsLab(t)
	l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+strings.Replace(server.URL, "https", "http", 1)+`"`)
		w.WriteHeader(401)
		return true
	}
	_, _, err := l.source(Options{AllowInsecure: true}).Manifest(context.Background(), l.repo, "v1")
	wantText(t, err, "names a token service without TLS")
}

// TestCredentialsStayWithTheirRegistry follows a redirect to another host, which asks
// for authorisation of its own and gets that of anyone.
func TestCredentialsStayWithTheirRegistry(t *testing.T) {
	content := noise(1000)
	elsewhere := newGuard(t, &guard{})
	elsewhere.authorization = func(path, header string) {
		if header != "" && header != "Bearer anyone" {
			t.Errorf("%s got %s", path, header)
		}
	}
	elsewhere.putBlob(content)
	l := newLab(t)
	l.requireToken("pw")
	guarded := l.disturb
	d := l.putBlob(content)
	path := "/v2/acme/app/blobs/" + string(d.Digest)
	l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
		if guarded(w, r) {
			return true
		}
		if r.URL.Path != path {
			return false
		}
		http.Redirect(w, r, elsewhere.server.URL+path, http.StatusTemporaryRedirect)
		return true
	}
	rc, err := l.source(Options{Keychain: password("pw")}).Blob(context.Background(), l.repo, d)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if got, err := io.ReadAll(rc); err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}
