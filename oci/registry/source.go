package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
)

// ErrMismatch reports that a registry sent other content than was requested: a
// manifest with another digest, or a blob of another size.
var ErrMismatch = errors.New("not the content that was requested")

// Options say how registries are reached, whether to read or to write. The zero
// value speaks TLS with the certificate authorities of the system, and uses the
// proxy of the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) and the credentials
// of Docker.
type Options struct {
	// AllowHTTP allows plain HTTP where a registry has no TLS. For hosts on loopback
	// and private (RFC 1918) addresses it is always allowed, as in other registry
	// tools.
	AllowHTTP bool
	// AllowInsecure accepts any TLS certificate.
	AllowInsecure bool
	// CACert holds certificates in PEM to trust in addition to those of the system.
	CACert []byte
	// UserAgent is the first part of the User-Agent header; "gapseal" if empty.
	UserAgent string
	// Keychain finds credentials; nil means [authn.DefaultKeychain], which
	// reads Docker's config.json and asks its credential helpers.
	Keychain authn.Keychain
	// MaxManifest is the budget of one manifest that is read, in bytes; 0 means that
	// of [oci.DefaultLimits].
	MaxManifest int64
}

// Source reads from any number of registries. It is safe for concurrent use, and
// it keeps its connections and one authorisation for each repository.
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

// New returns a Source. The error reports that opts.CACert holds no certificate.
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
	gate   chan struct{} // held while client is made, so that callers share one handshake
	client *http.Client

	withoutReferrers atomic.Bool // the registry answered that it has no referrers API
}

// open returns a repository, with a client that is authorised to read from it.
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

// The grammars of names and tags in the OCI distribution specification.
var (
	nameGrammar = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagGrammar  = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

func (s *Source) parse(repo string) (name.Repository, error) {
	if strings.Contains(repo, "@") { // the error does not repeat it: it may hold a password
		return name.Repository{}, errors.New(`a repository name has no "@": leave out the digest, or the user info`)
	}
	parsed, err := name.NewRepository(repo, s.names...)
	if err == nil && !nameGrammar.MatchString(parsed.RepositoryStr()) {
		err = errors.New("lower-case letters, digits and single separators (. _ - /) only")
	}
	if err != nil {
		return parsed, fmt.Errorf("repository name %q: %w", repo, err)
	}
	return parsed, nil
}

func isDigest(id string) bool { return strings.Contains(id, ":") }

func checkIdentifier(id string) error {
	if isDigest(id) {
		_, err := oci.ParseDigest(id)
		return err
	}
	if !tagGrammar.MatchString(id) {
		return errors.New(`not a tag: want up to 128 letters, digits, "_", "." and "-", not beginning with "." or "-"`)
	}
	return nil
}

// join names what is fetched, for messages. It leaves out what comes before an "@"
// in the repository, which may be a password.
func join(repo, id string) string {
	if i := strings.LastIndex(repo, "@"); i >= 0 {
		repo = "…" + repo[i:]
	}
	if isDigest(id) {
		return repo + "@" + id
	}
	return repo + ":" + id
}

const maxRedirects = 10

func newTransport(opts Options) (*http.Transport, error) {
	conf := &tls.Config{InsecureSkipVerify: opts.AllowInsecure}
	if len(opts.CACert) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("read the system's certificate authorities: %w", err)
		}
		if !pool.AppendCertsFromPEM(opts.CACert) {
			return nil, errors.New("registry CA: found no certificate, want PEM blocks of type CERTIFICATE")
		}
		conf.RootCAs = pool
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       conf,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute, // a caching proxy may fetch first
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   16,
		DisableCompression:    true, // digests are over the bytes as stored
	}, nil
}

// redirectPolicy lets registries point to the storage behind them, but not from TLS
// to plain HTTP, nor to link-local addresses, where the machines of a cloud read
// their secrets.
func redirectPolicy(allowHTTP bool) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		last := via[len(via)-1]
		switch {
		case len(via) >= maxRedirects:
			return fmt.Errorf("stopped after %d redirects", maxRedirects)
		case last.URL.Scheme == "https" && req.URL.Scheme != "https" && !allowHTTP:
			return fmt.Errorf("refused a redirect from https to %s", safeURL(req.URL))
		case isLinkLocal(req.URL.Hostname()):
			return fmt.Errorf("refused a redirect to the link-local address %s", req.URL.Hostname())
		}
		return nil
	}
}

func isLinkLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLinkLocalUnicast()
}
