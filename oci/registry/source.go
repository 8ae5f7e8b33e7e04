package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
var ErrMismatch = oci.ErrMismatch

// Options say how registries are reached, whether to read or to write. The zero
// value speaks TLS with the certificate authorities of the system, and uses the
// proxy of the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), the credentials of
// Docker or Podman, and the certificates in their certs.d folders.
type Options struct {
	// AllowHTTP allows plain HTTP where a registry has no TLS. For hosts on loopback
	// and private (RFC 1918) addresses it is always allowed, as in other registry
	// tools, but for a [Target] with credentials, which are sent to loopback only.
	AllowHTTP bool
	// AllowInsecure accepts any TLS certificate.
	AllowInsecure bool
	// CACert holds certificates in PEM to trust in addition to those of the system.
	CACert []byte
	// ClientCert and ClientKey are a client certificate and its key, in PEM, for the
	// registries that want one. An empty ClientKey means that ClientCert holds both.
	// They are not shown to other hosts, such as the storage behind a registry.
	ClientCert, ClientKey []byte
	// CertsDirs are folders with certificates by host, as Docker defines them: in
	// HOST[:PORT], authorities (*.crt) and client certificates (NAME.cert with
	// NAME.key). Of several folders for a host the first is used. Nil means
	// [DefaultCertsDirs].
	CertsDirs []string
	// UserAgent is the first part of the User-Agent header; "gapseal" if empty.
	UserAgent string
	// Keychain finds credentials. Nil means the most specific entry of the Docker
	// configuration, or of Podman's, including their credential helpers.
	Keychain authn.Keychain
	// MaxManifest is the budget of one manifest that is read, in bytes; 0 means that
	// of [oci.DefaultLimits].
	MaxManifest int64
	// Proxy returns the proxy for a request, nil for none. Nil means
	// [http.ProxyFromEnvironment].
	Proxy func(*http.Request) (*url.URL, error)
	// OnNote is called with each thing that a person should know and that is no
	// error, once: a credential helper that is missing, credentials that a registry
	// refused. It may be nil, and is called from several goroutines.
	OnNote func(note string)
	// OnWait is called while a peer is silent, first after 10 s and then once a
	// minute. what is what is waited for, such as "an answer of ghcr.io". It may be
	// nil, and is called from several goroutines.
	OnWait func(what string, silence time.Duration)
}

func (o *Options) note(format string, args ...any) {
	if o.OnNote != nil {
		o.OnNote(fmt.Sprintf(format, args...))
	}
}

func (o *Options) certsDirs() []string {
	if o.CertsDirs == nil {
		return DefaultCertsDirs()
	}
	return o.CertsDirs
}

// noteOnce returns f without its repetitions.
func noteOnce(f func(string)) func(string) {
	if f == nil {
		return nil
	}
	var said sync.Map
	return func(note string) {
		if _, again := said.LoadOrStore(note, true); !again {
			f(note)
		}
	}
}

// Source reads from any number of registries. It is safe for concurrent use, and
// it keeps its connections and one authorisation for each repository.
type Source struct {
	names       []name.Option
	opts        Options
	network     *network
	redirect    func(*http.Request, []*http.Request) error
	maxManifest int64
	pace        pace
	write       bool // whether to ask for the right to push, too

	mu    sync.Mutex
	repos map[string]*repository
}

// New returns a Source. The error reports certificates in opts that cannot be used.
func New(opts Options) (*Source, error) { return newSource(opts, defaultPace) }

func newSource(opts Options, p pace) (*Source, error) {
	opts.OnNote = noteOnce(opts.OnNote)
	if opts.UserAgent == "" {
		opts.UserAgent = "gapseal"
	}
	n, err := newNetwork(opts, p)
	if err != nil {
		return nil, err
	}
	s := &Source{
		opts: opts, network: n, maxManifest: opts.MaxManifest, pace: p,
		redirect: redirectPolicy(opts.AllowHTTP), repos: make(map[string]*repository),
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
	access *access
	scheme string // by which the registry is reached

	withoutReferrers atomic.Bool // the registry answered that it has no referrers API

	mountsMu sync.Mutex
	mounts   map[string]*http.Client // by what their tokens are good for, too
}

// open returns a repository, with a client that is authorised to use it.
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
	access, err := s.access(ctx, r.name)
	if err != nil {
		return nil, err
	}
	if err := access.begin(ctx); err != nil {
		return nil, err
	}
	r.scheme = access.scheme
	r.access = access
	r.client = &http.Client{Transport: access, CheckRedirect: s.redirect}
	return r, nil
}

// access prepares requests about a repository.
func (s *Source) access(ctx context.Context, repo name.Repository) (*access, error) {
	login, from, err := s.login(ctx, repo)
	if err != nil {
		return nil, fmt.Errorf("find credentials for %s: %w", repo.RegistryStr(), err)
	}
	host := repo.RegistryStr()
	network, err := s.network.to(host)
	if err != nil {
		return nil, err
	}
	scope := transport.PullScope
	if s.write {
		scope = transport.PushScope
	}
	return &access{
		host: host, scope: repo.Scope(scope), plainHTTP: repo.Scheme() == "http", loginOnly: s.write,
		allowHTTP: s.opts.AllowHTTP,
		inner:     transport.NewUserAgent(&retrier{network, s.pace, s.opts.OnWait}, s.opts.UserAgent),
		redirect:  s.redirect, note: s.opts.note, login: login, from: from,
	}, nil
}

// login finds credentials, and the file that they are from.
func (s *Source) login(ctx context.Context, repo name.Repository) (found authn.AuthConfig, from string, err error) {
	if s.opts.Keychain == nil {
		found, from = dockerCredentials(ctx, repo, s.opts.note)
		return found, from, nil
	}
	auth, err := authn.Resolve(ctx, s.opts.Keychain, repo)
	if err != nil {
		return found, "", err
	}
	resolved, err := authn.Authorization(ctx, auth)
	if err != nil {
		return found, "", err
	}
	return *resolved, "", nil
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
