package registry

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
)

// plainOnly answers as a registry without TLS that wants a login.
type plainOnly struct{ sent []string }

func (p *plainOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "https" {
		return nil, http.ErrSchemeMismatch
	}
	p.sent = append(p.sent, req.Header.Get("Authorization"))
	return &http.Response{StatusCode: http.StatusUnauthorized, Request: req, Body: io.NopCloser(strings.NewReader("")),
		Header: http.Header{"Www-Authenticate": {`Basic realm="r"`}}}, nil
}

// Credentials that may push are not sent without TLS, unless that was allowed.
func TestCredentialsInTheClear(t *testing.T) {
	login := authn.AuthConfig{Username: "plant", Password: "secret"}
	for name, c := range map[string]struct {
		access  *access
		refused bool
		note    bool
	}{
		"to push":           {&access{host: "10.9.9.9:5000", loginOnly: true, login: login}, true, false},
		"to push, allowed":  {&access{host: "10.9.9.9:5000", loginOnly: true, login: login, allowHTTP: true}, false, false},
		"to push, no login": {&access{host: "10.9.9.9:5000", loginOnly: true}, false, false},
		"to loopback":       {&access{host: "127.0.0.1:5000", loginOnly: true, login: login}, false, false},
		"to IPv6 loopback":  {&access{host: "[::1]:5000", loginOnly: true, login: login}, false, false},
		"to localhost":      {&access{host: "localhost:5000", loginOnly: true, login: login}, false, false},
		"to read":           {&access{host: "10.9.9.9:5000", login: login}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			network, notes := &plainOnly{}, 0
			c.access.plainHTTP, c.access.inner = true, network
			c.access.note = func(string, ...any) { notes++ }
			err := c.access.begin(t.Context())
			var connect *ConnectError
			if refused := errors.As(err, &connect) && connect.Cause == CausePlainHTTP; refused != c.refused || !refused && err != nil {
				t.Errorf("refused %v (%v)", refused, err)
			}
			if c.refused && c.access.header != "" || c.note != (notes == 1) {
				t.Errorf("header %q, %d notes", c.access.header, notes)
			}
		})
	}
}
