package registry

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// access sends requests about one repository, with the authorisation that the
// registry asks for. It sends neither that nor the credentials to another host.
type access struct {
	host      string // of the registry
	scope     string // what tokens are requested for
	plainHTTP bool   // whether plain HTTP may be used
	allowHTTP bool   // also with credentials
	loginOnly bool   // whether a refusal of the stored credentials is final: a push is never anonymous
	inner     http.RoundTripper
	redirect  func(*http.Request, []*http.Request) error
	mounting  bool   // whether refusals are no fault: the blob is sent then
	from      string // file with the credentials; empty if it is not known
	note      func(format string, args ...any)

	mu     sync.Mutex
	scheme string
	login  authn.AuthConfig // zero for none
	header string           // Authorization; empty for none
	scopes []string
	proven bool // the registry has answered a request that was authorised with login
}

// begin finds out how the registry is reached and what authorisation it asks for.
func (a *access) begin(ctx context.Context) error {
	a.scopes = []string{a.scope}
	offered, err := a.reach(ctx)
	if err != nil || offered == nil {
		return err
	}
	if err := a.inTheClear(); err != nil {
		return err
	}
	a.header, err = a.authorise(ctx, a.login, offered)
	if !isRefused(err) || a.login == (authn.AuthConfig{}) {
		return err
	}
	if a.loginOnly {
		a.noteRefusal(http.StatusUnauthorized)
		return fmt.Errorf("the stored credentials were refused: %w", err)
	}
	header, retry := a.authorise(ctx, authn.AuthConfig{}, offered)
	if retry != nil {
		return fmt.Errorf("the stored credentials were refused: %w", err)
	}
	a.becomeAnonymous(header, err)
	return nil
}

// inTheClear refuses to send the stored credentials of somebody who may push without
// TLS, unless that was allowed: any host that answers at a private address would have them.
// Of those for reading it only takes note, since other tools send them too.
func (a *access) inTheClear() error {
	if a.scheme != "http" || a.login == (authn.AuthConfig{}) || a.allowHTTP || isLoopback(a.host) {
		return nil
	}
	if a.loginOnly {
		return &ConnectError{Host: a.host, Cause: CausePlainHTTP,
			text: a.host + " speaks plain HTTP, so the stored credentials would be sent without TLS"}
	}
	a.note("the stored credentials are sent to %s without TLS", a.host)
	return nil
}

func isLoopback(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// reach pings the registry, and sets the scheme by which it answers. It tries TLS
// first, and then plain HTTP, if that is allowed and the registry does not speak TLS.
func (a *access) reach(ctx context.Context) ([]challenge, error) {
	a.scheme = "https"
	if !a.plainHTTP {
		return a.ping(ctx)
	}
	offered, err := a.ping(impatiently(ctx))
	if err == nil || speaksTLS(ctx, err) {
		return offered, err
	}
	a.scheme = "http"
	if errors.Is(err, http.ErrSchemeMismatch) {
		return a.ping(ctx)
	}
	if offered, plain := a.ping(impatiently(ctx)); plain == nil || isAnswer(plain) {
		return offered, plain
	}
	a.scheme = "https"
	if passingError(err) && !errors.As(err, new(*silentError)) {
		return a.ping(ctx)
	}
	return nil, err
}

// speaksTLS reports whether plain HTTP must not be tried after err: the host speaks
// TLS, or the run was cancelled.
func speaksTLS(ctx context.Context, err error) bool {
	var connect *ConnectError
	if ctx.Err() != nil || isFault(err) {
		return true
	}
	if !errors.As(err, &connect) {
		return false
	}
	switch connect.Cause {
	case CauseUnknownAuthority, CauseExpired, CauseWrongName, CauseCertificate, CauseClientCertificate,
		CauseClientRefused:
		return true
	}
	return false
}

func isFault(err error) bool {
	var fault *transport.Error
	return errors.As(err, &fault)
}

// isAnswer reports whether err is the answer of a registry to plain HTTP. A 400 is not:
// servers that speak TLS answer that.
func isAnswer(err error) bool {
	var fault *transport.Error
	return errors.As(err, &fault) && fault.StatusCode != http.StatusBadRequest
}

func isRefused(err error) bool {
	var fault *transport.Error
	return errors.As(err, &fault) && isDenied(fault)
}

func (a *access) becomeAnonymous(header string, cause error) {
	var fault *transport.Error
	status := "an error"
	if errors.As(cause, &fault) {
		status = fmt.Sprint(fault.StatusCode)
	}
	a.login, a.header = authn.AuthConfig{}, header
	a.note("%s refused the stored credentials (%s); going on without them", a.host, status)
}

// ping requests the root of the API. It returns the challenges of the answer; nil if
// no authorisation is needed.
func (a *access) ping(ctx context.Context) ([]challenge, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.scheme+"://"+a.host+"/v2/", nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: a.inner, CheckRedirect: a.redirect}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody) // so that the connection can be used again
		return challengesOf(resp), nil
	}
	if err := statusError(resp); err != nil {
		return nil, err
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody)
	return nil, nil
}

// challengesOf returns the challenges of a 401. There is at least one: without a header
// it is Basic.
func challengesOf(resp *http.Response) []challenge {
	offered := parseChallenges(resp.Header.Values("WWW-Authenticate"))
	if len(offered) == 0 {
		return []challenge{{scheme: "basic"}} // some registries leave the header out
	}
	return offered
}

// authorise returns the Authorization header for login, by the best of the schemes
// that are offered. It is empty if no header would help.
func (a *access) authorise(ctx context.Context, login authn.AuthConfig, offered []challenge) (string, error) {
	if login.RegistryToken != "" {
		return "Bearer " + login.RegistryToken, nil
	}
	has := func(scheme string) func(challenge) bool {
		return func(c challenge) bool { return c.scheme == scheme }
	}
	if i := slices.IndexFunc(offered, has("bearer")); i >= 0 && offered[i].params["realm"] != "" {
		token, err := a.token(ctx, login, offered[i])
		return "Bearer " + token, err
	}
	if i := slices.IndexFunc(offered, has("basic")); i < 0 {
		return "", fmt.Errorf("%s asks for the authentication scheme %.40q; Basic and Bearer are supported",
			a.host, offered[0].scheme)
	}
	if login.Username == "" && login.Password == "" {
		return "", nil
	}
	return basic(login.Username, login.Password), nil
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// RoundTrip implements [http.RoundTripper]. It answers a challenge once, by a new
// token, since tokens expire. If the stored credentials are refused, and no request has
// succeeded with them yet, it tries without them, since the repository may be public.
func (a *access) RoundTrip(req *http.Request) (*http.Response, error) {
	if !sameHost(req.URL, a.host) || a.scheme == "https" && req.URL.Scheme != "https" {
		return a.elsewhere(req)
	}
	header := a.current()
	resp, err := a.send(req, header)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		resp, err = a.answer(req, resp, &header)
	}
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return a.tryAnonymous(req, resp)
	case resp.StatusCode < 400:
		a.prove(header)
	}
	return resp, nil
}

// withScope returns an access to the same repository whose tokens cover another scope
// as well.
func (a *access) withScope(scope string) *access {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := &access{host: a.host, scope: a.scope, plainHTTP: a.plainHTTP, loginOnly: a.loginOnly, inner: a.inner,
		mounting: true, redirect: a.redirect, note: a.note, scheme: a.scheme, login: a.login,
		scopes: []string{a.scope, scope}}
	if strings.HasPrefix(a.header, "Basic ") {
		b.header = a.header
	}
	return b
}

func (a *access) current() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.header
}

// prove notes that a request with header succeeded.
func (a *access) prove(header string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.proven = a.proven || header == a.header
}

func (a *access) send(req *http.Request, header string) (*http.Response, error) {
	out := req.Clone(req.Context())
	if header != "" {
		out.Header.Set("Authorization", header)
	}
	return a.inner.RoundTrip(out)
}

// again sends req once more, and returns the new answer in place of resp. If req cannot
// be repeated, it returns resp.
func (a *access) again(req *http.Request, resp *http.Response, header string) (*http.Response, error) {
	next, ok := replay(req)
	if !ok {
		return resp, nil
	}
	resp.Body.Close()
	return a.send(next, header)
}

// answer answers the challenge in resp, and sends req again with the new header.
func (a *access) answer(req *http.Request, resp *http.Response, header *string) (*http.Response, error) {
	next, err := a.renew(req.Context(), challengesOf(resp), *header)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	if next == *header {
		return resp, nil
	}
	*header = next
	return a.again(req, resp, next)
}

// renew returns the header to use in place of used, which was refused. If there is no
// other, it returns used.
func (a *access) renew(ctx context.Context, offered []challenge, used string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.header != used {
		return a.header, nil // another request has renewed it
	}
	for _, c := range offered {
		// Some services look at the first scope only.
		scope := c.params["scope"]
		if scope != "" && !slices.Contains(a.scopes, scope) && len(a.scopes) < maxChallenges {
			a.scopes = slices.Insert(a.scopes, 0, scope)
		}
	}
	header, err := a.authorise(ctx, a.login, offered)
	if isRefused(err) {
		return used, nil
	}
	if err != nil {
		return used, err
	}
	a.header = header
	return header, nil
}

// tryAnonymous repeats a refused request, this time without the stored credentials. If
// that does not help, it returns the refusal.
func (a *access) tryAnonymous(req *http.Request, refused *http.Response) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	next, ok := replay(req)
	if a.loginOnly && !a.mounting {
		a.noteRefusal(refused.StatusCode)
	}
	if a.loginOnly || a.proven || a.login == (authn.AuthConfig{}) || !ok {
		return refused, nil
	}
	a.proven = true // one attempt is enough
	body, err := io.ReadAll(io.LimitReader(refused.Body, maxErrorBody))
	refused.Body.Close()
	if err != nil {
		return nil, err
	}
	refused.Body = io.NopCloser(bytes.NewReader(body))
	header, err := a.anonymous(req.Context(), refused)
	if err != nil {
		return refused, nil
	}
	resp, err := a.send(next, header)
	if err != nil || resp.StatusCode >= 400 {
		if err == nil {
			resp.Body.Close()
		}
		return refused, nil
	}
	a.becomeAnonymous(header, &transport.Error{StatusCode: refused.StatusCode})
	return resp, nil
}

// noteRefusal says whose credentials a registry refused, if any: one that gets none answers
// in the same way.
func (a *access) noteRefusal(status int) {
	who, from := "", ""
	if a.login.Username != "" {
		who = " of " + strconv.Quote(a.login.Username)
	}
	if a.from != "" {
		from = " in " + a.from
	}
	if a.login == (authn.AuthConfig{}) {
		a.note("%s answered %d; no credentials for it are stored", a.host, status)
		return
	}
	a.note("%s answered %d to the stored credentials%s%s", a.host, status, who, from)
}

// anonymous returns the header of a client without credentials. It is empty unless
// the registry offers tokens.
func (a *access) anonymous(ctx context.Context, refused *http.Response) (string, error) {
	if refused.StatusCode == http.StatusUnauthorized {
		return a.authorise(ctx, authn.AuthConfig{}, challengesOf(refused))
	}
	offered, err := a.ping(ctx) // a 403 has no challenge
	if err != nil || offered == nil {
		return "", err
	}
	return a.authorise(ctx, authn.AuthConfig{}, offered)
}

// elsewhere sends a request to another host, to which the registry points. The request
// carries no credentials. If that host wants a token, an anonymous one is requested.
func (a *access) elsewhere(req *http.Request) (*http.Response, error) {
	resp, err := a.inner.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	other := &access{host: req.URL.Host, scheme: req.URL.Scheme, inner: a.inner, redirect: a.redirect}
	offered := challengesOf(resp)
	for _, c := range offered {
		if scope := c.params["scope"]; scope != "" {
			other.scopes = append(other.scopes, scope)
		}
	}
	header, err := other.authorise(req.Context(), authn.AuthConfig{}, offered)
	if err != nil || header == "" {
		return resp, nil
	}
	return other.again(req, resp, header)
}
