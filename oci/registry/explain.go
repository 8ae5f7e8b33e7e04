package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// fetchError is an error with a message of its own. Its cause can be tested by
// errors.Is and errors.As, but is not shown: it may hold a URL with a token.
type fetchError struct {
	text  string
	cause error
}

func (e *fetchError) Error() string { return e.text }
func (e *fetchError) Unwrap() error { return e.cause }

// explain says what was requested, what came instead and what to do. A refusal
// matches [oci.ErrDenied]. It returns nil for nil.
func explain(what, repo string, err error) error {
	if err == nil {
		return nil
	}
	text := what + ": " + describe(err)
	if remedy := remedyFor(err, hostOf(repo)); remedy != "" {
		text += "; " + remedy
	}
	if isRefused(err) {
		err = fmt.Errorf("%w: %w", oci.ErrDenied, err)
	}
	return &fetchError{text, err}
}

func hostOf(repo string) string {
	r, err := name.NewRepository(repo)
	if err != nil {
		return "the registry"
	}
	if r.RegistryStr() == name.DefaultRegistry {
		return "docker.io"
	}
	return r.RegistryStr()
}

// aboutContent makes a 404 match [oci.ErrNotFound]. It makes another answer that would
// be the same next time match [oci.ErrDenied]. It is for answers about content, not for
// those of a token service.
func aboutContent(err error) error {
	var fault *transport.Error
	switch {
	case !errors.As(err, &fault) || isRefusal(fault):
		return err
	case fault.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w: %w", oci.ErrNotFound, err)
	case isFinal(fault.StatusCode):
		return &finalError{err}
	}
	return err
}

// finalError is an answer that does not say whether content exists, and that would be
// the same next time. It matches [oci.ErrDenied].
type finalError struct{ error }

func (e *finalError) Is(target error) bool { return target == oci.ErrDenied }
func (e *finalError) Unwrap() error        { return e.error }

// isFinal reports whether a repeated request would get the same status.
func isFinal(status int) bool {
	switch status {
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return true
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusMisdirectedRequest,
		http.StatusTooEarly, http.StatusTooManyRequests, 499:
		return false
	}
	return status >= 400 && status < 500
}

// isRefusal reports whether an answer refuses to say whether content exists, whatever
// its status.
func isRefusal(fault *transport.Error) bool {
	return isDenied(fault) || hasCode(fault, transport.TooManyRequestsErrorCode, transport.UnavailableErrorCode)
}

func isDenied(fault *transport.Error) bool {
	return fault.StatusCode == http.StatusUnauthorized || fault.StatusCode == http.StatusForbidden ||
		hasCode(fault, transport.UnauthorizedErrorCode, transport.DeniedErrorCode)
}

func hasCode(fault *transport.Error, codes ...transport.ErrorCode) bool {
	listed := func(d transport.Diagnostic) bool { return slices.Contains(codes, d.Code) }
	return slices.ContainsFunc(fault.Errors, listed)
}

func remedyFor(err error, host string) string {
	var connect *ConnectError
	var token *tokenError
	var fault *transport.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrMismatch), errors.Is(err, check.ErrTooLarge):
		return ""
	case errors.As(err, &connect):
		return remedyForConnection(connect, host)
	case errors.As(err, &fault) && !errors.As(err, &token) && isDenied(fault) && elsewhere(requestHost(fault), host):
		return pointsElsewhere(host, requestHost(fault))
	case errors.As(err, &fault):
		return remedyForFault(fault, host)
	}
	return ""
}

func requestHost(fault *transport.Error) string {
	if fault.Request == nil || fault.Request.URL == nil {
		return ""
	}
	return fault.Request.URL.Host
}

func pointsElsewhere(host, to string) string {
	return fmt.Sprintf("%s points to %s for a part of what it offers: allow that host in the firewall or proxy too",
		host, to)
}

// remedyForConnection says what to do outside of this program. The caller knows which
// option helps.
func remedyForConnection(e *ConnectError, host string) string {
	if elsewhere(e.Host, host) && e.Cause != CauseProxyLogin {
		return pointsElsewhere(host, e.Host)
	}
	switch e.Cause {
	case CauseExpired:
		return "check the clock of this host, or have the certificate renewed"
	case CauseProxy:
		return "allow " + e.Host + " in the proxy, or go around it for that host (NO_PROXY)"
	case CauseProxyLogin:
		return "put the user and password into the address of the proxy (HTTPS_PROXY)"
	case CauseUnknownHost:
		return "check the name, and whether a proxy has to look it up (HTTPS_PROXY)"
	case CauseRefused, CauseSilent, CauseUnreachable:
		return "check that " + e.Host + " can be reached from here (HTTPS_PROXY, NO_PROXY)"
	}
	return ""
}

// elsewhere reports whether a host is not that of the registry.
func elsewhere(host, registry string) bool {
	if registry == dockerHub {
		registry = dockerIndex
	}
	return host != "" && host != registry && withPort(host, "https") != withPort(registry, "https")
}

func remedyForFault(fault *transport.Error, host string) string {
	switch {
	case fault.StatusCode == http.StatusTooManyRequests:
		return "wait, or log in for a higher limit: docker login " + host
	case isDenied(fault):
		return "log in with: docker login " + host +
			"; many registries give the same answer for a repository that does not exist"
	case fault.StatusCode == http.StatusNotFound:
		return "check the name"
	case fault.StatusCode >= 500:
		return "the fault is with the server, try again later"
	}
	return ""
}

// describe returns the message of err without the user info and queries of URLs.
func describe(err error) string {
	text := err.Error()
	var request *url.Error
	var fault *transport.Error
	if errors.As(err, &request) {
		text = strings.Replace(text, request.Error(), describe(request.Err), 1) // without the URL
	}
	if errors.As(err, &fault) {
		text = strings.Replace(text, fault.Error(), describeFault(fault), 1) // without the body
	}
	text, _, _ = strings.Cut(text, "\n") // what follows may be the answer of a token service
	return check.Clip(printable(urls.ReplaceAllStringFunc(text, safeURLText)))
}

// printable removes what could control a terminal from the text of a server.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

func describeFault(fault *transport.Error) string {
	var b strings.Builder
	if fault.Request != nil {
		fmt.Fprintf(&b, "%s %s: ", fault.Request.Method, safeURL(fault.Request.URL))
	}
	fmt.Fprintf(&b, "%d %s", fault.StatusCode, http.StatusText(fault.StatusCode))
	for _, d := range fault.Errors {
		fmt.Fprintf(&b, ", %q (%q)", d.Code, check.Clip(d.Message))
	}
	return check.Clip(b.String())
}

var urls = regexp.MustCompile(`[a-z]+://[^\s"'<>]+`)

func safeURLText(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(a URL)"
	}
	return safeURL(u)
}

// safeURL returns a URL without what may be secret: user info, query and fragment.
func safeURL(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
