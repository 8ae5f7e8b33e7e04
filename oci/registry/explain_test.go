package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/verify/check"
)

func TestNoSecretsInErrors(t *testing.T) {
	u, err := url.Parse("https://me:hush@cdn.example/blob?X-Amz-Signature=hush#hush")
	if err != nil {
		t.Fatal(err)
	}
	fault := &transport.Error{StatusCode: 403, Request: &http.Request{Method: "GET", URL: u}}
	for _, cause := range []error{
		fault,
		&url.Error{Op: "Get", URL: u.String(), Err: errors.New("refused a redirect to " + u.String())},
		&url.Error{Op: "Get", URL: u.String(), Err: &url.Error{Op: "Get", URL: u.String(), Err: fault}},
		fmt.Errorf("broken off: %w", &url.Error{Op: "Get", URL: u.String(), Err: errors.New("EOF")}),
		errors.New("no token in bearer response:\n{\"refresh_token\":\"hush\"}"),
	} {
		text := explain("blob", "cdn.example/app", cause).Error()
		if strings.Contains(text, "hush") || !strings.HasPrefix(text, "blob: ") {
			t.Errorf("got %s", text)
		}
		if prefix := "broken off: "; strings.HasPrefix(cause.Error(), prefix) && !strings.Contains(text, prefix) {
			t.Errorf("lost its context: %s", text)
		}
	}
	_, _, err = (&lab{t: t}).source(Options{}).Manifest(context.Background(), "me:hush@ghcr.io/acme/app", "v1")
	wantText(t, err, "leave out the digest, or the user info")
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("the password shows: %v", err)
	}
}

func TestHostileMessagesAreQuotedAndShort(t *testing.T) {
	hostile := transport.Diagnostic{Code: "X\x1b[2J", Message: strings.Repeat("long", 1000)}
	fault := &transport.Error{StatusCode: 400, Errors: []transport.Diagnostic{hostile}}
	text := explain("blob", "ghcr.io/app", fault).Error()
	if strings.Contains(text, "\x1b") || len(text) > 600 {
		t.Errorf("got %d bytes: %s", len(text), text)
	}
}

func TestRemedies(t *testing.T) {
	for want, err := range map[string]error{
		"docker login docker.io":   &transport.Error{StatusCode: 401},
		"check the name":           &transport.Error{StatusCode: 404},
		"wait, or log in":          &transport.Error{StatusCode: 429},
		"try again later":          &transport.Error{StatusCode: 502},
		"can be reached from here": &ConnectError{Host: "index.docker.io", Cause: CauseRefused},
		"points to cdn.example":    &ConnectError{Host: "cdn.example", Cause: CauseRefused},
	} {
		wantText(t, explain("manifest", "alpine", &url.Error{Op: "Get", Err: err}), want)
	}
	if got := explain("manifest", "alpine", context.Canceled).Error(); got != "manifest: context canceled" {
		t.Errorf("got %s", got)
	}
}

func TestPassingErrors(t *testing.T) {
	for err, want := range map[error]bool{
		&silentError{}: true,
		&net.OpError{Op: "read", Err: errors.New("reset")}:         true,
		&net.OpError{Op: "dial", Err: errors.New("refused")}:       false,
		&net.OpError{Op: "remote error", Err: errors.New("TLS")}:   false,
		&net.DNSError{IsNotFound: true}:                            false,
		&net.DNSError{IsTemporary: true}:                           true,
		&net.DNSError{IsTimeout: true}:                             true,
		errors.New("http2: server sent GOAWAY"):                    true,
		errors.New("stream error: stream ID 3; INTERNAL_ERROR"):    true,
		errors.New("x509: certificate signed by unknown authorit"): false,
	} {
		if got := passingError(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestRetryAfterForms(t *testing.T) {
	for v, want := range map[string]time.Duration{
		"": -1, "7": 7 * time.Second, "-7": -1, "1.5": -1, "99999999999999": -1,
		"Mon, 02 Jan 2006 15:04:05 GMT": 0,
	} {
		got, ok := retryAfter(&http.Response{Header: http.Header{"Retry-After": {v}}})
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: got %v, want %v", v, got, want)
		}
	}
}

func FuzzDescribe(f *testing.F) {
	f.Add("https://me:hush@a.example/p?q=hush")
	f.Add("see <a href='http://a?hush'> \x1b[2J")
	f.Fuzz(func(t *testing.T, text string) {
		got := describe(errors.New(text))
		if got != check.Clip(got) {
			t.Errorf("%d bytes", len(got))
		}
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("unprintable: %q", got)
		}
	})
}
