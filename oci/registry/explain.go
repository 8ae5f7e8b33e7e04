package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
)

// fetchError is an error in words of our own. The causes stay reachable for
// errors.Is and errors.As, but their texts may hold whole URLs, whose queries
// carry tokens.
type fetchError struct {
	text  string
	cause error
}

func (e *fetchError) Error() string { return e.text }
func (e *fetchError) Unwrap() error { return e.cause }

// explain says what was being fetched, what came instead and what to do.
func explain(what, repo string, err error) error {
	text := what + ": " + describe(err)
	if remedy := remedyFor(err, hostOf(repo)); remedy != "" {
		text += "; " + remedy
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

// orNotFound makes a registry's 404 match [oci.ErrNotFound]. It is for answers
// about content: a 404 from elsewhere, a token service say, is no such answer.
func orNotFound(err error) error {
	var fault *transport.Error
	if errors.As(err, &fault) && fault.StatusCode == http.StatusNotFound && !isRefusal(fault) {
		return fmt.Errorf("%w: %w", oci.ErrNotFound, err)
	}
	return err
}

// isRefusal reports an answer that keeps to itself what there is, whatever its
// status.
func isRefusal(fault *transport.Error) bool {
	return isDenied(fault) || hasCode(fault, transport.TooManyRequestsErrorCode, transport.UnavailableErrorCode)
}

func isDenied(fault *transport.Error) bool {
	return fault.StatusCode == http.StatusUnauthorized || fault.StatusCode == http.StatusForbidden ||
		hasCode(fault, transport.UnauthorizedErrorCode, transport.DeniedErrorCode)
}

func hasCode(fault *transport.Error, codes ...transport.ErrorCode) bool {
	return slices.ContainsFunc(fault.Errors, func(d transport.Diagnostic) bool { return slices.Contains(codes, d.Code) })
}

func remedyFor(err error, host string) string {
	var cert *tls.CertificateVerificationError
	var fault *transport.Error
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrMismatch), errors.Is(err, ErrTooLarge):
		return ""
	case errors.As(err, &cert): // before the fault of an attempt by plain HTTP that may have followed
		return "give the authority of " + host + " with --registry-cacert"
	case errors.As(err, &fault):
		return remedyForFault(fault, host)
	case errors.Is(err, http.ErrSchemeMismatch):
		return host + " speaks plain HTTP: allow that with --allow-http-registry"
	case errors.As(err, &dns), errors.As(err, &op), errors.Is(err, errStalled), errors.Is(err, context.DeadlineExceeded):
		return "check that " + host + " can be reached from here (HTTPS_PROXY, NO_PROXY)"
	}
	return ""
}

func remedyForFault(fault *transport.Error, host string) string {
	switch {
	case fault.StatusCode == http.StatusTooManyRequests:
		return "wait, or log in for a higher limit: docker login " + host
	case isDenied(fault):
		return "log in with: docker login " + host + "; many registries answer alike for a repository that does not exist"
	case fault.StatusCode == http.StatusNotFound:
		return "check the name"
	case fault.StatusCode >= 500:
		return "the fault is with the server, try again later"
	}
	return ""
}
