package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// memory is a destination in memory. As a strict registry does, it refuses a manifest
// whose parts it lacks.
type memory struct {
	mu    sync.Mutex
	repos map[string]*repository
	api   bool // it keeps lists of referrers itself
	mount bool
	// fault is asked before each request, and drop after a manifest or a list was stored: it
	// may then be lost. Both may be nil.
	fault func(request string) error
	// readOnly are repositories that accept no pushes.
	readOnly map[string]bool
	drop     func(request string) bool
	sent     int // uploads begun
	puts     int
	open     int // uploads that were not ended
}

type repository struct {
	blobs     map[oci.Digest][]byte
	manifests map[oci.Digest][]byte
	tags      map[string]oci.Digest
	referrers map[oci.Digest][]oci.Descriptor
}

func newMemory() *memory { return &memory{repos: map[string]*repository{}, mount: true} }

// begin locks, and asks for a fault.
func (m *memory) begin(ctx context.Context, format string, args ...any) error {
	m.mu.Lock()
	if m.fault != nil {
		if err := m.fault(fmt.Sprintf(format, args...)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (m *memory) repo(name string) *repository {
	r := m.repos[name]
	if r == nil {
		r = &repository{map[oci.Digest][]byte{}, map[oci.Digest][]byte{}, map[string]oci.Digest{},
			map[oci.Digest][]oci.Descriptor{}}
		m.repos[name] = r
	}
	return r
}

func (m *memory) CanPush(_ context.Context, repo string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.readOnly[repo] {
		return oci.ErrDenied
	}
	return nil
}

func (m *memory) HasBlob(ctx context.Context, repo string, d oci.Descriptor) (bool, error) {
	defer m.mu.Unlock()
	if err := m.begin(ctx, "HEAD blob %s", d.Digest); err != nil {
		return false, err
	}
	b, ok := m.repo(repo).blobs[d.Digest]
	return ok && int64(len(b)) == d.Size, nil
}

func (m *memory) Mount(ctx context.Context, repo, from string, d oci.Descriptor) (bool, error) {
	defer m.mu.Unlock()
	if err := m.begin(ctx, "mount %s", d.Digest); err != nil {
		return false, err
	}
	b, ok := m.repo(from).blobs[d.Digest]
	if !m.mount || !ok {
		return false, nil
	}
	m.repo(repo).blobs[d.Digest] = b
	return true, nil
}

func (m *memory) Blob(ctx context.Context, repo string, d oci.Descriptor) (io.ReadCloser, error) {
	defer m.mu.Unlock()
	if err := m.begin(ctx, "GET blob %s", d.Digest); err != nil {
		return nil, err
	}
	b, ok := m.repo(repo).blobs[d.Digest]
	if !ok {
		return nil, oci.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (m *memory) Upload(ctx context.Context, repo string, d oci.Descriptor) (oci.Upload, error) {
	defer m.mu.Unlock()
	if err := m.begin(ctx, "POST blob %s", d.Digest); err != nil {
		return nil, err
	}
	m.sent++
	m.open++
	return &upload{m: m, repo: repo, d: d}, nil
}

type upload struct {
	m    *memory
	repo string
	d    oci.Descriptor
	bytes.Buffer
}

func (u *upload) Write(b []byte) (int, error) {
	defer u.m.mu.Unlock()
	if err := u.m.begin(context.Background(), "PATCH blob %s", u.d.Digest); err != nil {
		return 0, err
	}
	return u.Buffer.Write(b)
}

func (u *upload) Commit(ctx context.Context) error {
	defer u.m.mu.Unlock()
	err := u.m.begin(ctx, "PUT blob %s", u.d.Digest)
	u.m.open--
	if err != nil {
		return err
	}
	if oci.FromBytes(u.Bytes()) != u.d.Digest {
		return errors.New("the digest is wrong")
	}
	u.m.repo(u.repo).blobs[u.d.Digest] = u.Bytes()
	return nil
}

func (u *upload) Cancel(context.Context) error {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	u.m.open--
	return nil
}

func (m *memory) Manifest(ctx context.Context, repo, name string) ([]byte, string, error) {
	defer m.mu.Unlock()
	if err := m.begin(ctx, "GET manifest %s", name); err != nil {
		return nil, "", err
	}
	r := m.repo(repo)
	d := oci.Digest(name)
	if !strings.HasPrefix(name, "sha256:") {
		d = r.tags[name]
	}
	raw, ok := r.manifests[d]
	if !ok {
		return nil, "", oci.ErrNotFound
	}
	var doc struct {
		MediaType string `json:"mediaType"`
	}
	_ = json.Unmarshal(raw, &doc) // a test may store anything
	return raw, doc.MediaType, nil
}

func (m *memory) PutManifest(ctx context.Context, repo, name, mediaType string, raw []byte) error {
	defer m.mu.Unlock()
	if err := m.begin(ctx, "PUT manifest %s", name); err != nil {
		return err
	}
	m.puts++
	parsed, _ := oci.ParseManifest(raw, mediaType)
	if parsed == nil {
		return errors.New("not a manifest")
	}
	r, d := m.repo(repo), oci.FromBytes(raw)
	if err := r.complete(parsed); err != nil {
		return err
	}
	if m.drop != nil && m.drop("manifest "+name) {
		return nil
	}
	r.manifests[d] = raw
	if !strings.HasPrefix(name, "sha256:") {
		r.tags[name] = d
	}
	if parsed.Subject != nil && m.api && (m.drop == nil || !m.drop("referrer")) {
		r.refer(parsed.Subject.Digest, oci.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(raw))})
	}
	return nil
}

// complete refuses a manifest whose parts are missing.
func (r *repository) complete(m *oci.Manifest) error {
	parts := m.Layers
	if !oci.IsIndex(m.MediaType) {
		parts = append(parts[:len(parts):len(parts)], m.Config)
	}
	for _, b := range parts {
		if _, ok := r.blobs[b.Digest]; !ok {
			return fmt.Errorf("BLOB_UNKNOWN %s", b.Digest)
		}
	}
	for _, child := range m.Manifests {
		if _, ok := r.manifests[child.Digest]; !ok {
			return fmt.Errorf("MANIFEST_UNKNOWN %s", child.Digest)
		}
	}
	return nil
}

func (r *repository) refer(subject oci.Digest, d oci.Descriptor) {
	has := slices.ContainsFunc(r.referrers[subject], func(o oci.Descriptor) bool { return o.Digest == d.Digest })
	if !has {
		r.referrers[subject] = append(r.referrers[subject], d)
	}
}

func (m *memory) HasReferrersAPI(ctx context.Context, _ string, d oci.Digest) (bool, error) {
	defer m.mu.Unlock()
	return m.api, m.begin(ctx, "HEAD referrers %s", d)
}

func (m *memory) Referrers(ctx context.Context, repo string, d oci.Digest) ([]oci.Descriptor, error) {
	defer m.mu.Unlock()
	if err := m.begin(ctx, "GET referrers %s", d); err != nil {
		return nil, err
	}
	return slices.Clone(m.repo(repo).referrers[d]), nil
}

func (m *memory) AddReferrers(ctx context.Context, repo string, subject oci.Digest, add []oci.Descriptor) error {
	defer m.mu.Unlock()
	if err := m.begin(ctx, "PUT referrers %s", subject); err != nil {
		return err
	}
	if m.api {
		return errors.New("the API keeps the list")
	}
	for _, d := range add {
		if m.drop == nil || !m.drop("referrer") {
			m.repo(repo).refer(subject, d)
		}
	}
	return nil
}

// reachable counts what a client can get by name or digest.
func (m *memory) reachable() (n int) {
	for _, r := range m.repos {
		n += len(r.manifests) + len(r.tags) + len(r.referrers)
	}
	return n
}

// lacks compares a repository of the destination with the one that an image came from:
// everything that the source has for the image must be there. It does not look at what
// the code under test reports.
func (m *memory) lacks(src *fixture.Registry, from, tag, to string) (missing []string) {
	r := m.repo(to)
	var want func(name string, d oci.Digest)
	want = func(name string, d oci.Digest) {
		if !bytes.Equal(r.manifests[d], src.Blobs[d]) {
			missing = append(missing, name+" "+string(d))
		}
		var doc struct {
			Config            oci.Descriptor
			Layers, Manifests []oci.Descriptor
		}
		if err := json.Unmarshal(src.Blobs[d], &doc); err != nil {
			panic(err)
		}
		for _, c := range doc.Manifests {
			want("child", c.Digest)
		}
		for _, b := range append(doc.Layers, doc.Config) {
			if b.Digest != "" && !bytes.Equal(r.blobs[b.Digest], src.Blobs[b.Digest]) {
				missing = append(missing, "blob "+string(b.Digest))
			}
		}
		for _, suffix := range []string{".sig", ".att", ".sbom"} {
			name := "sha256-" + d.Hex() + suffix
			if ev, ok := src.Tags[from+":"+name]; ok {
				want("evidence", ev.Digest)
				if r.tags[name] != ev.Digest {
					missing = append(missing, "tag "+name)
				}
			}
		}
		list, err := src.Referrers(context.Background(), from, d)
		if err != nil {
			panic(err)
		}
		for _, ev := range list {
			want("referrer", ev.Digest)
			if !slices.ContainsFunc(r.referrers[d], func(o oci.Descriptor) bool { return o.Digest == ev.Digest }) {
				missing = append(missing, "entry for "+string(ev.Digest))
			}
		}
	}
	root := src.Tags[from+":"+tag].Digest
	want("root", root)
	if r.tags[tag] != root {
		missing = append(missing, "tag "+tag)
	}
	return missing
}

func TestTheComparisonSeesWhatIsMissing(t *testing.T) {
	if got := newMemory().lacks(fixture.NewRegistry(), fixture.Host+"multi", "v1", "x"); len(got) < 10 {
		t.Errorf("of an empty repository it only misses %q", got)
	}
}
