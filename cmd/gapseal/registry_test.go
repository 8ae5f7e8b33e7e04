package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
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
	stuck   chan struct{} // receives a value when a client has begun to wait
}

func serveRegistry(t *testing.T) *testRegistry {
	t.Helper()
	r := &testRegistry{layers: map[string]bool{}, stuck: make(chan struct{}, 64)}
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

// moods gives a client of broken.example.com every manifest but no layer, and lets
// a client of stuck.example.com wait for a layer.
func (r *testRegistry) moods(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		layer := r.layers[path.Base(req.URL.Path)]
		switch {
		case req.Method == http.MethodConnect:
			http.Error(w, "no TLS here", http.StatusMethodNotAllowed)
		case layer && req.Host == "broken.example.com":
			http.NotFound(w, req)
		case layer && req.Host == "stuck.example.com":
			r.stuck <- struct{}{}
			<-req.Context().Done()
		default:
			h.ServeHTTP(w, req)
		}
	})
}
