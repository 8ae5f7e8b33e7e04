// Package registry reads manifests, blobs and referrers from registries that
// speak the OCI distribution protocol. It is the only package that talks to a
// network, and it judges nothing: what it hands out is as the registry sent
// it, save that a manifest asked for by digest has that digest.
//
// "Not there" is said only of what a registry answered 404 to. Whatever it
// refused, or could not answer, is an error of its own: an export must not
// take evidence it was not allowed to see for evidence that is not there.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
)

// ErrMismatch says that a registry sent other content than was asked for: a
// manifest with another digest, a blob of another size.
var ErrMismatch = errors.New("not the content that was asked for")

// ErrTooLarge says that a document is larger than its budget.
var ErrTooLarge = errors.New("larger than allowed")

// Options say how registries are reached. The zero value speaks TLS with the
// system's certificate authorities, uses the proxy of the environment
// (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) and the Docker keychain.
type Options struct {
	// AllowHTTP also tries plain HTTP. Hosts on loopback and private (RFC 1918)
	// addresses get that without being asked, as with other registry tools.
	AllowHTTP bool
	// AllowInsecure accepts any TLS certificate.
	AllowInsecure bool
	// CACert holds PEM certificates to trust beside the system's.
	CACert []byte
	// UserAgent opens the User-Agent header; "gapseal" if empty.
	UserAgent string
	// Keychain finds credentials; nil means [authn.DefaultKeychain], which
	// reads Docker's config.json and asks its credential helpers.
	Keychain authn.Keychain
	// MaxManifest is the budget of one manifest in bytes; 0 means that of
	// [oci.DefaultLimits].
	MaxManifest int64
}

// Source reads from any number of registries. It is safe for concurrent use
// and keeps connections, and one authorisation per repository, for its life.
type Source struct {
	names       []name.Option
	keychain    authn.Keychain
	base        http.RoundTripper // retries, but does not authenticate
	redirect    func(*http.Request, []*http.Request) error
	maxManifest int64
	pace        pace

	mu    sync.Mutex
	repos map[string]*repository
}

// New returns a Source. It fails if CACert holds no certificate.
func New(opts Options) (*Source, error) { return newSource(opts, defaultPace) }

func newSource(opts Options, p pace) (*Source, error) {
	network, err := newTransport(opts)
	if err != nil {
		return nil, err
	}
	if opts.UserAgent == "" {
		opts.UserAgent = "gapseal"
	}
	s := &Source{
		keychain: opts.Keychain, maxManifest: opts.MaxManifest, pace: p,
		base:     transport.NewUserAgent(&retrier{inner: network, pace: p}, opts.UserAgent),
		redirect: redirectPolicy(opts.AllowHTTP), repos: make(map[string]*repository),
	}
	if s.keychain == nil {
		s.keychain = authn.DefaultKeychain
	}
	if s.maxManifest == 0 {
		s.maxManifest = oci.DefaultLimits().Manifest
	}
	if opts.AllowHTTP {
		s.names = append(s.names, name.Insecure)
	}
	return s, nil
}

// repository is one repository and the authorised client for it.
type repository struct {
	name   name.Repository
	pace   pace
	gate   chan struct{} // held while client is made: one handshake, however many callers
	client *http.Client

	withoutReferrers atomic.Bool // the registry has said that it has no referrers API
}

// open returns the repository, authorised to read from.
func (s *Source) open(ctx context.Context, repo string) (*repository, error) {
	r, err := s.find(repo)
	if err != nil {
		return nil, err
	}
	select {
	case r.gate <- struct{}{}:
		defer func() { <-r.gate }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if r.client != nil {
		return r, nil
	}
	auth, err := authn.Resolve(ctx, s.keychain, r.name)
	if err != nil {
		return nil, fmt.Errorf("find credentials for %s: %w", r.name.RegistryStr(), err)
	}
	rt, err := transport.NewWithContext(ctx, r.name.Registry, auth, s.base, []string{r.name.Scope(transport.PullScope)})
	if err != nil {
		return nil, err
	}
	r.client = &http.Client{Transport: rt, CheckRedirect: s.redirect}
	return r, nil
}

func (s *Source) find(repo string) (*repository, error) {
	parsed, err := s.parse(repo)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[parsed.Name()]
	if r == nil {
		r = &repository{name: parsed, pace: s.pace, gate: make(chan struct{}, 1)}
		s.repos[parsed.Name()] = r
	}
	return r, nil
}
