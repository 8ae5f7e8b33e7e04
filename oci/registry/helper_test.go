package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	memory "github.com/google/go-containerregistry/pkg/registry"

	"github.com/gapseal/gapseal/oci"
)

var fast = pace{
	tries: 4, first: time.Millisecond, maxPause: time.Second, patience: time.Minute,
	connect: 5 * time.Second, tunnel: 5 * time.Second, handshake: 5 * time.Second,
	answer: 5 * time.Second, silence: 5 * time.Second, document: time.Minute,
	notice: time.Minute, remind: time.Minute,
}

type noCredentials struct{}

func (noCredentials) Resolve(authn.Resource) (authn.Authenticator, error) {
	return authn.Anonymous, nil
}

// lab is an in-memory registry on 127.0.0.1 whose answers tests can replace.
type lab struct {
	t      *testing.T
	memory http.Handler
	server *httptest.Server
	repo   string

	connections atomic.Int64

	mu      sync.Mutex
	disturb func(w http.ResponseWriter, r *http.Request) bool // true if it has answered
	seen    []string                                          // "METHOD path?query"
}

func newLab(t *testing.T, opts ...memory.Option) *lab {
	t.Helper()
	l := &lab{t: t, memory: memory.New(append(opts, memory.Logger(log.New(io.Discard, "", 0)))...)}
	l.server = unstarted(t, l)
	l.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			l.connections.Add(1)
		}
	}
	l.server.Start()
	l.repo = strings.TrimPrefix(l.server.URL, "http://") + "/acme/app"
	return l
}

func unstarted(t *testing.T, h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	return s
}

func (l *lab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.seen = append(l.seen, r.Method+" "+r.URL.RequestURI())
	disturb := l.disturb
	l.mu.Unlock()
	if disturb == nil || !disturb(w, r) {
		l.memory.ServeHTTP(w, r)
	}
}

// on makes f answer requests whose path has that suffix.
func (l *lab) on(suffix string, f http.HandlerFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, suffix) {
			return false
		}
		f(w, r)
		return true
	}
}

// requests counts the requests whose "METHOD path?query" contains part.
func (l *lab) requests(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, s := range l.seen {
		if strings.Contains(s, part) {
			n++
		}
	}
	return n
}

func (l *lab) do(method, path, mediaType string, body []byte) {
	l.t.Helper()
	req := httptest.NewRequest(method, path, bytes.NewReader(body))
	req.Header.Set("Content-Type", mediaType)
	rec := httptest.NewRecorder()
	l.memory.ServeHTTP(rec, req)
	if rec.Code != http.StatusCreated {
		l.t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
}

func (l *lab) putManifest(id, mediaType string, raw []byte) oci.Digest {
	l.t.Helper()
	l.do("PUT", "/v2/acme/app/manifests/"+id, mediaType, raw)
	return oci.FromBytes(raw)
}

func (l *lab) putBlob(content []byte) oci.Descriptor {
	l.t.Helper()
	d := oci.Descriptor{Digest: oci.FromBytes(content), Size: int64(len(content))}
	l.do("POST", "/v2/acme/app/blobs/uploads/?digest="+string(d.Digest), "application/octet-stream", content)
	return d
}

// putReferrer stores a manifest about subject and returns its descriptor.
func (l *lab) putReferrer(subject oci.Digest, note string) oci.Descriptor {
	l.t.Helper()
	raw := toJSON(l.t, map[string]any{
		"schemaVersion": 2, "mediaType": oci.TypeManifest, "annotations": map[string]string{"note": note},
		"subject": oci.Descriptor{MediaType: oci.TypeManifest, Digest: subject, Size: 2},
		"config":  oci.Descriptor{MediaType: oci.TypeEmpty, Digest: oci.EmptyDigest, Size: 2},
	})
	d := l.putManifest(string(oci.FromBytes(raw)), oci.TypeManifest, raw)
	return oci.Descriptor{MediaType: oci.TypeManifest, Digest: d, Size: int64(len(raw))}
}

func index(t *testing.T, manifests ...oci.Descriptor) []byte {
	t.Helper()
	if manifests == nil {
		manifests = []oci.Descriptor{}
	}
	return toJSON(t, map[string]any{"schemaVersion": 2, "mediaType": oci.TypeIndex, "manifests": manifests})
}

func toJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (l *lab) source(opts Options) *Source {
	l.t.Helper()
	if opts.Keychain == nil {
		opts.Keychain = noCredentials{}
	}
	if opts.CertsDirs == nil {
		opts.CertsDirs = []string{}
	}
	s, err := newSource(opts, fast)
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

func (l *lab) manifest(id string) ([]byte, string, error) {
	return l.source(Options{}).Manifest(context.Background(), l.repo, id)
}

func (l *lab) blob(ctx context.Context, d oci.Descriptor) ([]byte, error) {
	rc, err := l.source(Options{}).Blob(ctx, l.repo, d)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(rc)
}

// refuse answers with an error in the form of the distribution specification.
func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fault := map[string]string{"code": code, "message": "said the registry"}
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{fault}})
}

// wantText wants each of parts in the message of err.
func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("want %q in: %v", p, err)
		}
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}
