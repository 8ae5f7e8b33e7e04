package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/verify/check"
)

const maxToken = 64 << 10 // bytes of a token service's answer

// token requests a token from the service that a challenge names (the distribution
// project's token authentication).
func (a *access) token(ctx context.Context, login authn.AuthConfig, c challenge) (string, error) {
	realm, err := a.realm(c.params["realm"])
	if err != nil {
		return "", err
	}
	query := realm.Query()
	if service := c.params["service"]; service != "" {
		query.Set("service", service)
	}
	if login.IdentityToken != "" {
		token, err := a.exchange(ctx, realm, query, login.IdentityToken)
		var fault *transport.Error
		if !errors.As(err, &fault) || fault.StatusCode != http.StatusNotFound &&
			fault.StatusCode != http.StatusMethodNotAllowed {
			return token, err
		}
		login.Username, login.Password = "<token>", login.IdentityToken // a service without OAuth 2
	}
	query["scope"] = a.scopes
	realm.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, realm.String(), nil)
	if err != nil {
		return "", err
	}
	if login.Username != "" || login.Password != "" {
		req.Header.Set("Authorization", basic(login.Username, login.Password))
	}
	return readToken(&http.Client{Transport: a.inner, CheckRedirect: a.redirect}, req)
}

// realm reads the address of a token service. Credentials are sent there, so it must
// be as safe as the registry.
func (a *access) realm(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return nil, fmt.Errorf("%s names a token service with a malformed address", a.host)
	case u.Scheme != "https" && (u.Scheme != "http" || a.scheme != "http"):
		return nil, fmt.Errorf("%s names a token service without TLS, %s", a.host, safeURL(u))
	case isLinkLocal(u.Hostname()):
		return nil, fmt.Errorf("%s names a token service at the link-local address %s", a.host, u.Hostname())
	}
	return u, nil
}

// exchange requests a token for an identity token, by OAuth 2.
func (a *access) exchange(ctx context.Context, realm *url.URL, query url.Values, identity string) (string, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {identity}, "client_id": {"gapseal"},
		"service": query["service"], "scope": {strings.Join(a.scopes, " ")}}
	body := strings.NewReader(form.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, realm.String(), body)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return readToken(&http.Client{Transport: a.inner, CheckRedirect: stay}, req)
}

// tokenError reports that a token service gave no token.
type tokenError struct {
	host  string
	cause error
}

func (e *tokenError) Error() string {
	return fmt.Sprintf("the token service %s gave no token: %v", e.host, e.cause)
}

func (e *tokenError) Unwrap() error { return e.cause }

// readToken sends a request to a token service. An error does not repeat the answer.
func readToken(client *http.Client, req *http.Request) (string, error) {
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if err := statusError(resp); err != nil {
		return "", &tokenError{req.URL.Host, err}
	}
	raw, err := readAll(resp, maxToken)
	if errors.Is(err, check.ErrTooLarge) {
		return "", fmt.Errorf("the token service %s sent more than %d bytes in the place of a token", req.URL.Host,
			maxToken)
	}
	if err != nil {
		return "", &tokenError{req.URL.Host, err}
	}
	var answer struct {
		Token  string `json:"token"`
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Token+answer.Access == "" {
		return "", fmt.Errorf("the token service %s sent no token, but %s", req.URL.Host, whatCame(resp, raw))
	}
	if answer.Access != "" {
		return answer.Access, nil
	}
	return answer.Token, nil
}
