package registry

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

const maxMessage = 300 // characters shown of what a server says

// describe tells of err without user info and queries of URLs.
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
	text, _, _ = strings.Cut(text, "\n") // what follows may be a token service's answer
	return clip(printable(urls.ReplaceAllStringFunc(text, safeURLText)))
}

// printable keeps what a server says from steering a terminal.
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
		fmt.Fprintf(&b, ", %q (%q)", d.Code, clip(d.Message))
	}
	return clip(b.String())
}

func clip(s string) string {
	if r := []rune(s); len(r) > maxMessage {
		return string(r[:maxMessage]) + "…"
	}
	return s
}

var urls = regexp.MustCompile(`[a-z]+://[^\s"'<>]+`)

func safeURLText(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(a URL)"
	}
	return safeURL(u)
}

// safeURL leaves out what may be secret: user info, query and fragment.
func safeURL(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
