package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

func TestManifestByTagAndDigest(t *testing.T) {
	l := newLab(t)
	raw := index(t)
	d := l.putManifest("v1", oci.TypeIndex, raw)
	for _, id := range []string{"v1", string(d)} {
		got, mediaType, err := l.manifest(id)
		if err != nil || !bytes.Equal(got, raw) || mediaType != oci.TypeIndex {
			t.Errorf("%s: %q %s %v", id, got, mediaType, err)
		}
	}
}

// TestTheDocumentDecidesItsType wants the media type of the document, whatever type
// the registry gives it.
func TestTheDocumentDecidesItsType(t *testing.T) {
	named := func(mediaType string) string { return `{"schemaVersion":2,"mediaType":"` + mediaType + `"}` }
	for _, c := range []struct{ body, stated, want string }{
		{named(oci.TypeManifest), "application/json", oci.TypeManifest},
		{named(oci.TypeManifest), "text/html; charset=utf-8", oci.TypeManifest},
		{named(oci.TypeManifest), oci.TypeDockerManifest, oci.TypeManifest},
		{named(oci.TypeDockerList), "application/octet-stream", oci.TypeDockerList},
		{named(oci.TypeIndex), "", oci.TypeIndex},
		{`{"schemaVersion":2,"manifests":[]}`, "application/json", oci.TypeIndex},
		{`{"schemaVersion":2,"config":{},"layers":[]}`, "text/plain", oci.TypeManifest},
		{" \n{\"layers\":[]}", "", oci.TypeManifest},
		{`{"manifests":[],"layers":[]}`, "application/json", "application/json"},
		{`{"layers":[],"layers":[]}`, "text/html", oci.TypeManifest},
		{`{"manifests":[],"manifests":[]}`, oci.TypeIndex, oci.TypeIndex},
		{"{}", oci.TypeManifest + "; charset=utf-8", oci.TypeManifest},
		{"{}", strings.ToUpper(oci.TypeManifest) + ";", oci.TypeManifest},
	} {
		l := newLab(t)
		l.on("/manifests/v1", func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = []string{c.stated}
			fmt.Fprint(w, c.body)
		})
		if _, got, err := l.manifest("v1"); err != nil || got != c.want {
			t.Errorf("%s as %q: got %q, %v", c.body, c.stated, got, err)
		}
	}
}

// TestAnswersThatAreNoManifest wants a message that says what came, and no digest of
// it.
func TestAnswersThatAreNoManifest(t *testing.T) {
	for name, c := range map[string]struct{ body, mediaType, encoding, want string }{
		"login page":  {"<!DOCTYPE html><title>Sign in</title>", "text/html", "", "a web page from 127.0.0.1:"},
		"page":        {"\n <HTML>", oci.TypeManifest, "", "a web page from"},
		"nothing":     {"", oci.TypeManifest, "", "an empty answer"},
		"text":        {"not json", "text/plain; charset=utf-8", "", `8 bytes of type "text/plain"`},
		"list":        {"[]", "", "", "2 bytes of no stated type"},
		"compressed":  {"\x1f\x8b\x08\x00", oci.TypeManifest, "gzip", `an answer encoded as "gzip"`},
		"mislabelled": {`{"schemaVersion":2,"mediaType":"` + oci.TypeIndex + `"}`, oci.TypeIndex, "gzip", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.on("/manifests/v1", func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("Accept-Encoding"); got != "identity" {
					t.Errorf("asks for the encoding %q", got)
				}
				w.Header()["Content-Type"] = []string{c.mediaType}
				if c.encoding != "" {
					w.Header().Set("Content-Encoding", c.encoding)
				}
				fmt.Fprint(w, c.body)
			})
			_, _, err := l.manifest("v1")
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantText(t, err, c.want)
			if !errors.Is(err, oci.ErrNoManifest) || strings.Contains(err.Error(), "sha256:") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestNotFoundIsNotRefused wants only a plain 404 to mean that an object does not
// exist.
func TestNotFoundIsNotRefused(t *testing.T) {
	for _, c := range []struct {
		status   int
		code     string
		notFound bool
	}{
		{404, "MANIFEST_UNKNOWN", true}, {404, "NAME_UNKNOWN", true}, {404, "NOT_FOUND", true},
		{404, "DENIED", false}, {404, "UNAUTHORIZED", false},
		{401, "UNAUTHORIZED", false}, {403, "DENIED", false}, {403, "MANIFEST_UNKNOWN", false},
		{400, "MANIFEST_UNKNOWN", false}, {405, "UNSUPPORTED", false}, {406, "X", false},
		{410, "MANIFEST_UNKNOWN", false}, {412, "PROJECTPOLICYVIOLATION", false}, {451, "DENIED", false},
		{400, "TOOMANYREQUESTS", false}, {501, "UNSUPPORTED", false}, {505, "X", false}, {425, "X", false},
		{429, "TOOMANYREQUESTS", false}, {500, "UNKNOWN", false}, {503, "MANIFEST_UNKNOWN", false},
	} {
		l := newLab(t)
		l.on("/manifests/v1", func(w http.ResponseWriter, r *http.Request) { refuse(w, c.status, c.code) })
		_, _, err := l.manifest("v1")
		if got := errors.Is(err, oci.ErrNotFound); got != c.notFound {
			t.Errorf("%d %s: not found is %v: %v", c.status, c.code, got, err)
		}
		passing := slices.Contains([]int{425, 429, 500, 503}, c.status) || c.code == "TOOMANYREQUESTS"
		denied := !passing && !c.notFound
		if got := errors.Is(err, oci.ErrDenied); got != denied {
			t.Errorf("%d %s: denied is %v: %v", c.status, c.code, got, err)
		}
		var fault *transport.Error
		if !errors.As(err, &fault) || fault.StatusCode != c.status {
			t.Errorf("%d %s: the cause is lost: %v", c.status, c.code, err)
		}
		wantText(t, err, "manifest "+l.repo+":v1: ", fmt.Sprint(c.status), c.code, "said the registry")
	}
}

func TestAbsentTagAndRepository(t *testing.T) {
	l := newLab(t)
	_, _, err := l.manifest("v1")
	wantText(t, err, "NAME_UNKNOWN", "check the name")
	l.putManifest("v1", oci.TypeIndex, index(t))
	_, _, err2 := l.manifest("v2")
	wantText(t, err2, "MANIFEST_UNKNOWN")
	if !errors.Is(err, oci.ErrNotFound) || !errors.Is(err2, oci.ErrNotFound) {
		t.Errorf("%v; %v", err, err2)
	}
}

// TestBrokenHandshakeIsNotNotFound wants a 404 that is not about content not to mean
// that content does not exist.
func TestBrokenHandshakeIsNotNotFound(t *testing.T) {
	l := newLab(t)
	l.on("/v2/", func(w http.ResponseWriter, r *http.Request) { refuse(w, 404, "MANIFEST_UNKNOWN") })
	_, _, err := l.manifest("v1")
	wantText(t, err, "404")
	if errors.Is(err, oci.ErrNotFound) {
		t.Errorf("a host without a registry passes for a missing tag: %v", err)
	}
}

func TestWrongDigest(t *testing.T) {
	l := newLab(t)
	want := oci.FromBytes([]byte("what was requested"))
	l.on("/manifests/"+string(want), func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "something else") })
	_, _, err := l.manifest(string(want))
	if !errors.Is(err, ErrMismatch) {
		t.Fatalf("got %v", err)
	}
	wantText(t, err, string(want), "14 bytes of type")
	if strings.Contains(err.Error(), oci.FromBytes([]byte("something else")).Hex()) {
		t.Errorf("names a digest that no image has: %v", err)
	}
	if n := l.requests("/manifests/"); n != 1 {
		t.Errorf("%d requests for the same wrong content", n)
	}
}

func TestOversizedManifest(t *testing.T) {
	limit := oci.DefaultLimits().Manifest
	l := newLab(t)
	var sent atomic.Int64
	chunk := make([]byte, 1<<16)
	for name, size := range map[string]int64{"announced": limit + 1, "endless": 0} {
		l.on("/manifests/v1", func(w http.ResponseWriter, r *http.Request) {
			sent.Store(0)
			if size > 0 {
				w.Header().Set("Content-Length", fmt.Sprint(size))
			}
			for {
				n, err := w.Write(chunk)
				if err != nil {
					return
				}
				sent.Add(int64(n))
			}
		})
		if _, _, err := l.manifest("v1"); !errors.Is(err, check.ErrTooLarge) {
			t.Errorf("%s: got %v", name, err)
		}
		// In addition come the bytes that both ends of the connection buffer.
		if got := sent.Load(); got > limit+16<<20 {
			t.Errorf("%s: took %d bytes of a manifest limited to %d", name, got, limit)
		}
	}
}

func TestManifestBudgetCanBeRaised(t *testing.T) {
	l := newLab(t)
	raw := append(bytes.Repeat([]byte(" "), 1998), "{}"...)
	l.putManifest("v1", oci.TypeManifest, raw)
	for limit, want := range map[int64]error{1999: check.ErrTooLarge, 2000: nil} {
		_, _, err := l.source(Options{MaxManifest: limit}).Manifest(context.Background(), l.repo, "v1")
		if !errors.Is(err, want) {
			t.Errorf("limit %d: got %v, want %v", limit, err, want)
		}
	}
}

func TestPassingFaultsAreRetried(t *testing.T) {
	raw := index(t)
	for name, fault := range map[string]http.HandlerFunc{
		"503": func(w http.ResponseWriter, r *http.Request) { refuse(w, 503, "UNAVAILABLE") },
		"429": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "0")
			refuse(w, 429, "TOOMANYREQUESTS")
		},
		"408":   func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(408) },
		"reset": func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		"cut body": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
			_, _ = w.Write(raw[:10])
		},
		"cut error message": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(404)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.putManifest("v1", oci.TypeIndex, raw)
			var n atomic.Int64
			l.on("/manifests/v1", func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) <= 2 {
					fault(w, r)
					return
				}
				l.memory.ServeHTTP(w, r)
			})
			got, _, err := l.manifest("v1")
			if err != nil || !bytes.Equal(got, raw) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestRetriesAreBounded(t *testing.T) {
	l := newLab(t)
	l.on("/manifests/v1", func(w http.ResponseWriter, r *http.Request) { refuse(w, 503, "UNAVAILABLE") })
	_, _, err := l.manifest("v1")
	wantText(t, err, "503", "try again later")
	if n := l.requests("/manifests/v1"); n != fast.tries {
		t.Errorf("%d requests, want %d", n, fast.tries)
	}
}

func TestLongRetryAfterIsNotWaitedFor(t *testing.T) {
	l := newLab(t)
	l.on("/manifests/v1", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "3600")
		refuse(w, 429, "TOOMANYREQUESTS")
	})
	_, _, err := l.manifest("v1")
	wantText(t, err, "429", "wait, or log in")
	if n := l.requests("/manifests/v1"); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestBadNames(t *testing.T) {
	l := newLab(t)
	s := l.source(Options{})
	host, _, _ := strings.Cut(l.repo, "/")
	for _, c := range []struct{ repo, id, want string }{
		{l.repo, "../v1", "not a tag"}, {l.repo, "", "not a tag"}, {l.repo, ".hidden", "not a tag"},
		{l.repo, strings.Repeat("x", 129), "not a tag"},
		{l.repo, "sha256:../../v1", "want 64 lower-case hex digits"},
		{l.repo, "sha512:" + strings.Repeat("a", 128), "no other algorithm is supported"},
		{host + "/../app", "v1", "single separators"}, {host + "/App", "v1", "can only contain the characters"},
		{host + "/a//b", "v1", "single separators"}, {host + "/app@sha256", "v1", `has no "@"`},
		{"", "v1", "must be specified"},
	} {
		_, _, err := s.Manifest(context.Background(), c.repo, c.id)
		wantText(t, err, c.want)
	}
	if n := l.requests(""); n != 0 {
		t.Errorf("%d requests were sent for names that cannot be", n)
	}
}
