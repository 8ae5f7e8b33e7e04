package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// testRegistry serves the images of testdata on loopback. Clients use it as a proxy,
// so that it is registry.example.com for them: a request to a proxy differs from one
// to a registry only in its first line.
type testRegistry struct {
	url     string
	handler http.Handler
	layers  map[string]bool
	arm     map[string]bool // digests of the images for arm64
	stuck   chan struct{}   // receives a value when a client has begun to wait

	mu      sync.Mutex
	release chan struct{}           // closed to let a client of late.plant:5000 go on
	plants  map[string]http.Handler // empty registries to load into, by host
}

func serveRegistry(t *testing.T) *testRegistry {
	t.Helper()
	r := &testRegistry{layers: map[string]bool{}, arm: map[string]bool{}, stuck: make(chan struct{}, 64),
		release: make(chan struct{})}
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	src := fixture.NewRegistry()
	for name, d := range src.Tags {
		repo, tag, _ := strings.Cut(strings.TrimPrefix(name, "registry.example.com/"), ":")
		r.push(t, handler, src, repo, tag, d)
	}
	r.handler = r.moods(handler)
	server := httptest.NewServer(r.handler)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// push uploads a manifest and everything below it, children first.
func (r *testRegistry) push(t *testing.T, h http.Handler, src *fixture.Registry, repo, tag string, d oci.Descriptor) {
	t.Helper()
	raw := src.Blobs[d.Digest]
	var m struct {
		Config            oci.Descriptor
		Layers, Manifests []oci.Descriptor
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	for _, child := range m.Manifests {
		if child.Platform != nil && child.Platform.Architecture == "arm64" {
			r.arm[string(child.Digest)] = true
		}
		r.push(t, h, src, repo, string(child.Digest), child)
	}
	for _, b := range append(m.Layers, m.Config) {
		if strings.Contains(b.MediaType, "tar") {
			r.layers[string(b.Digest)] = true
		}
		if blob, ok := src.Blobs[b.Digest]; ok {
			send(t, h, "POST", "/v2/"+repo+"/blobs/uploads/?digest="+string(b.Digest), "application/octet-stream", blob)
		}
	}
	send(t, h, "PUT", "/v2/"+repo+"/manifests/"+tag, d.MediaType, raw)
}

func send(t *testing.T, h http.Handler, method, target, mediaType string, body []byte) {
	t.Helper()
	req := httptest.NewRequest(method, target, bytes.NewReader(body))
	req.Header.Set("Content-Type", mediaType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	if w.Code != http.StatusCreated {
		t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
}

// moods gives a client of broken.example.com every manifest but no layer, lets a
// client of stuck.example.com wait for a layer and one of stuck.plant:5000 with an upload,
// and one of late.plant:5000 for a tag that it has set, answers a client of
// denied.example.com 403 for evidence that does not exist, and does not give a client of
// sparse.example.com the images for arm64.
func (r *testRegistry) moods(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		base := path.Base(req.URL.Path)
		layer := r.layers[base]
		switch {
		case req.Method == http.MethodConnect:
			http.Error(w, "no TLS here", http.StatusMethodNotAllowed)
		case req.Method == http.MethodPost && req.Host == "stuck"+plantSuffix:
			r.stuck <- struct{}{}
			<-req.Context().Done()
		case base == "v1" && req.Host == "late"+plantSuffix && r.tagged(req):
			r.stuck <- struct{}{}
			select {
			case <-req.Context().Done():
			case <-r.release:
				r.plant(req.Host).ServeHTTP(w, req)
			}
		case strings.HasSuffix(req.Host, plantSuffix):
			r.plant(req.Host).ServeHTTP(w, req)
		case layer && req.Host == "broken.example.com":
			http.NotFound(w, req)
		case req.Host == "denied.example.com" && strings.HasPrefix(base, "sha256-"):
			r.deny(w, req, h)
		case req.Host == "sparse.example.com" && r.arm[base]:
			http.NotFound(w, req)
		case layer && req.Host == "stuck.example.com":
			r.stuck <- struct{}{}
			<-req.Context().Done()
		default:
			h.ServeHTTP(w, req)
		}
	})
}

// plantSuffix ends the names of hosts each of which is a registry of its own, empty at
// first. Those that begin with api. keep lists of referrers.
const plantSuffix = ".plant:5000"

// tagged reports whether a request is to read a tag that is set.
func (r *testRegistry) tagged(req *http.Request) bool {
	w := httptest.NewRecorder()
	r.plant(req.Host).ServeHTTP(w, httptest.NewRequest(http.MethodHead, req.URL.Path, nil))
	return req.Method == http.MethodGet && w.Code == http.StatusOK
}

func (r *testRegistry) plant(host string) http.Handler {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.plants == nil {
		r.plants = map[string]http.Handler{}
	}
	if r.plants[host] == nil {
		r.plants[host] = registry.New(registry.Logger(log.New(io.Discard, "", 0)),
			registry.WithReferrersSupport(strings.HasPrefix(host, "api.")))
	}
	return r.plants[host]
}

// deny answers 403 where the registry would answer 404.
func (r *testRegistry) deny(w http.ResponseWriter, req *http.Request, h http.Handler) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	if rec.Code == http.StatusNotFound {
		http.Error(w, `{"errors":[{"code":"DENIED"}]}`, http.StatusForbidden)
		return
	}
	h.ServeHTTP(w, req)
}

func testdataKey(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs("../../testdata/keys/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
