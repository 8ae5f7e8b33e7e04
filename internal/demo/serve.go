package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// serve starts a registry on the loopback interface, and returns its address for
// use as an HTTP proxy. Through it, gapseal reaches this process under the name
// registry.example.com, for which the images were signed. A second registry, which is
// empty, answers as [plant].
func serve() (proxy string, err error) {
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	if err := fill(h, fixture.NewRegistry()); err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	second := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	both := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == plant {
			second.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
	go func() { _ = http.Serve(l, both) }() // ends with the process
	return "http://" + l.Addr().String(), nil
}

// fill pushes the test data as any client would, blobs first.
func fill(h http.Handler, r *fixture.Registry) error {
	for name, d := range r.Tags {
		i := strings.LastIndexByte(name, ':')
		repo := strings.TrimPrefix(name[:i], "registry.example.com")
		tag := name[i+1:]
		if err := push(h, r, repo, tag, d); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func push(h http.Handler, r *fixture.Registry, repo, tag string, d oci.Descriptor) error {
	raw := r.Blobs[d.Digest]
	var m struct {
		Config    *oci.Descriptor
		Layers    []oci.Descriptor
		Manifests []oci.Descriptor
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	for _, child := range m.Manifests {
		if err := push(h, r, repo, string(child.Digest), child); err != nil {
			return err
		}
	}
	if m.Config != nil {
		for _, b := range append(m.Layers, *m.Config) {
			url := "/v2" + repo + "/blobs/uploads/?digest=" + string(b.Digest)
			if err := request(h, http.MethodPost, url, "application/octet-stream", r.Blobs[b.Digest]); err != nil {
				return err
			}
		}
	}
	return request(h, http.MethodPut, "/v2"+repo+"/manifests/"+tag, d.MediaType, raw)
}

func request(h http.Handler, method, url, mediaType string, body []byte) error {
	req := httptest.NewRequest(method, url, bytes.NewReader(body))
	req.Header.Set("Content-Type", mediaType)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, req); w.Code != http.StatusCreated {
		return fmt.Errorf("%s %s: %d %s", method, url, w.Code, w.Body)
	}
	return nil
}
