package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
)

// Target writes to any number of registries, and reads what they hold already. It is safe
// for concurrent use. It never converts anything: it stores the bytes that it was given.
//
// Target requests tokens for pulling and pushing. If a registry refuses the stored
// credentials, Target does not try without them.
type Target struct {
	source *Source
	memory *buffers

	mu     sync.Mutex
	faulty map[string]*atomic.Bool // by the host of a registry
	tags   map[string]*sync.Mutex
}

// NewTarget returns a Target. The error reports certificates in opts that cannot be
// used.
func NewTarget(opts Options) (*Target, error) {
	p := defaultPace
	// A registry may copy a large blob within its storage before it answers.
	p.answer = 10 * time.Minute
	return newTarget(opts, p, defaultSizes)
}

func newTarget(opts Options, p pace, sizes sizes) (*Target, error) {
	s, err := newSource(opts, p)
	if err != nil {
		return nil, err
	}
	s.write = true
	return &Target{source: s, memory: newBuffers(sizes),
		faulty: map[string]*atomic.Bool{}, tags: map[string]*sync.Mutex{}}, nil
}

// Manifest returns a manifest or index, as [Source.Manifest] does.
func (t *Target) Manifest(ctx context.Context, repo, tagOrDigest string) (raw []byte, mediaType string, err error) {
	return t.source.Manifest(ctx, repo, tagOrDigest)
}

// Blob opens a blob, as [Source.Blob] does.
func (t *Target) Blob(ctx context.Context, repo string, d oci.Descriptor) (io.ReadCloser, error) {
	return t.source.Blob(ctx, repo, d)
}

// Referrers lists the referrers of d where clients look for them: by the API if the registry
// has it, and otherwise in the fallback tag. It differs from [Source.Referrers], which
// joins both: a client that gets a list from the API never asks for the tag.
func (t *Target) Referrers(ctx context.Context, repo string, d oci.Digest) ([]oci.Descriptor, error) {
	list, err := t.referrers(ctx, repo, d)
	return list, explain("referrers of "+join(repo, string(d)), repo, err)
}

func (t *Target) referrers(ctx context.Context, repo string, d oci.Digest) ([]oci.Descriptor, error) {
	switch api, err := t.hasReferrersAPI(ctx, repo, d); {
	case err != nil:
		return nil, err
	case api:
		list, err := t.source.listedReferrers(ctx, repo, d)
		return union(list), err
	}
	list, err := t.source.taggedReferrers(ctx, repo, "sha256-"+d.Hex(), d)
	return union(list), err
}

// HasReferrersAPI reports whether the registry answers a request for the referrers of d
// with a list. If it does not, clients keep the list in the fallback tag: see
// [Target.AddReferrers].
func (t *Target) HasReferrersAPI(ctx context.Context, repo string, d oci.Digest) (bool, error) {
	has, err := t.hasReferrersAPI(ctx, repo, d)
	return has, explain("referrers of "+join(repo, string(d)), repo, err)
}

func (t *Target) hasReferrersAPI(ctx context.Context, repo string, d oci.Digest) (bool, error) {
	if _, err := oci.ParseDigest(string(d)); err != nil {
		return false, err
	}
	r, err := t.source.open(ctx, repo)
	if err != nil || r.withoutReferrers.Load() {
		return false, err
	}
	a, err := r.document(ctx, r.url("referrers", string(d)), oci.TypeIndex, MaxReferrers)
	switch {
	case err != nil:
		return false, err
	case r.lacksReferrers(a, d):
		return false, nil
	case a.fault != nil:
		return false, a.fault
	}
	return true, nil
}

// Mount makes the blob d of the repository from, of the same registry, a part of repo
// without sending it. It returns false if the registry answers that it did not, for any
// reason; the blob has to be sent then. The error is about reaching the registry.
func (t *Target) Mount(ctx context.Context, repo, from string, d oci.Descriptor) (bool, error) {
	done, err := t.mount(ctx, repo, from, d)
	return done, explain("mount blob "+join(repo, string(d.Digest))+" from "+from, repo, err)
}

func (t *Target) mount(ctx context.Context, repo, from string, d oci.Descriptor) (bool, error) {
	if err := checkBlob(d); err != nil {
		return false, err
	}
	r, err := t.source.open(ctx, repo)
	if err != nil {
		return false, err
	}
	source, err := t.source.find(from)
	if err != nil {
		return false, err
	}
	if source.name.RegistryStr() != r.name.RegistryStr() {
		return false, fmt.Errorf("%s is in another registry", from)
	}
	u := r.uploads()
	u.RawQuery = url.Values{"mount": {string(d.Digest)}, "from": {source.name.RepositoryStr()}}.Encode()
	resp, err := r.with(r.mounting(source)).request(ctx, http.MethodPost, u, nil, nil,
		http.StatusCreated, http.StatusAccepted)
	if err != nil {
		if isFault(err) {
			err = nil
		}
		return false, err
	}
	if resp.StatusCode == http.StatusCreated {
		return true, nil
	}
	// The registry began an upload, as the specification allows. It is not needed.
	if began, err := r.locationOf(resp); err == nil {
		_, _ = r.request(once(ctx), http.MethodDelete, began, nil, nil, http.StatusNoContent)
	}
	return false, nil
}

// mounting returns a client whose tokens are good for r and for reading from another
// repository.
func (r *repository) mounting(from *repository) *http.Client {
	r.mountsMu.Lock()
	defer r.mountsMu.Unlock()
	scope := from.name.Scope(transport.PullScope)
	c := r.mounts[scope]
	if c == nil {
		c = &http.Client{Transport: r.access.withScope(scope), CheckRedirect: r.client.CheckRedirect}
		if r.mounts == nil {
			r.mounts = map[string]*http.Client{}
		}
		r.mounts[scope] = c
	}
	return c
}

// with returns a copy of r for requests through another client.
func (r *repository) with(c *http.Client) *repository {
	return &repository{name: r.name, pace: r.pace, client: c, scheme: r.scheme}
}
