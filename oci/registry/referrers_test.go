package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	memory "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

func (l *lab) referrers(subject oci.Digest) ([]oci.Descriptor, error) {
	return l.source(Options{}).Referrers(context.Background(), l.repo, subject)
}

func fallback(d oci.Digest) string { return "sha256-" + d.Hex() }

func wantReferrers(t *testing.T, got []oci.Descriptor, want ...oci.Descriptor) {
	t.Helper()
	slices.SortFunc(want, func(a, b oci.Descriptor) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
	same := func(a, b oci.Descriptor) bool {
		return a.Digest == b.Digest && a.Size == b.Size && a.MediaType == b.MediaType
	}
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestReferrersOfAPIAndTag(t *testing.T) {
	for _, api := range []bool{true, false} {
		t.Run(fmt.Sprintf("api %v", api), func(t *testing.T) {
			l := newLab(t, memory.WithReferrersSupport(api))
			subject := l.putManifest("v1", oci.TypeManifest, []byte(`{"schemaVersion":2}`))
			got, err := l.referrers(subject)
			if err != nil || len(got) != 0 {
				t.Fatalf("of none: %v, %v", got, err)
			}
			a := l.putReferrer(subject, "a")
			b := l.putReferrer(subject, "b")
			tagged := l.putReferrer(oci.FromBytes([]byte("other")), "tagged")
			l.putManifest(fallback(subject), oci.TypeIndex, index(t, tagged, b))
			want := []oci.Descriptor{tagged, b}
			if api {
				want = append(want, a)
			}
			got, err = l.referrers(subject)
			if err != nil {
				t.Fatal(err)
			}
			wantReferrers(t, got, want...)
		})
	}
}

func TestReferrersOfUnknownRepository(t *testing.T) {
	l := newLab(t, memory.WithReferrersSupport(true))
	got, err := l.referrers(oci.EmptyDigest)
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAbsentAPIIsRequestedOnce(t *testing.T) {
	for code, want := range map[string]int{"METHOD_UNKNOWN": 1, "UNSUPPORTED": 1, "NAME_UNKNOWN": 3,
		"MANIFEST_UNKNOWN": 3} {
		l := newLab(t)
		l.on("/referrers/"+string(oci.EmptyDigest),
			func(w http.ResponseWriter, r *http.Request) { refuse(w, 404, code) })
		s := l.source(Options{})
		for range 3 {
			if _, err := s.Referrers(context.Background(), l.repo, oci.EmptyDigest); err != nil {
				t.Fatal(err)
			}
		}
		if n := l.requests("/referrers/"); n != want {
			t.Errorf("%s: %d requests to the API, want %d", code, n, want)
		}
		if n := l.requests("/manifests/sha256-"); n != 3 {
			t.Errorf("%s: %d requests for the tag", code, n)
		}
	}
}

func TestReferrersPages(t *testing.T) {
	l := newLab(t)
	var all []oci.Descriptor
	for i := range 5 {
		all = append(all, oci.Descriptor{MediaType: oci.TypeManifest, Digest: oci.FromBytes([]byte{byte(i)}), Size: 1})
	}
	l.on("/referrers/"+string(oci.EmptyDigest), func(w http.ResponseWriter, r *http.Request) {
		var from int
		_, _ = fmt.Sscanf(r.URL.Query().Get("last"), "%d", &from)
		if from+2 < len(all) {
			w.Header().Set("Link", fmt.Sprintf(`<%s?last=%d>; rel="next"`, r.URL.Path, from+2))
		}
		w.Header().Set("Content-Type", oci.TypeIndex)
		_, _ = w.Write(index(t, all[from:min(from+2, len(all))]...))
	})
	got, err := l.referrers(oci.EmptyDigest)
	if err != nil {
		t.Fatal(err)
	}
	wantReferrers(t, got, all...)
}

// TestNoReferrerIsDroppedSilently wants an error, and not an empty list, for a list
// that a registry cannot or will not return.
func TestNoReferrerIsDroppedSilently(t *testing.T) {
	api, tag := "/referrers/"+string(oci.EmptyDigest), "/manifests/"+fallback(oci.EmptyDigest)
	status := func(code int, name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { refuse(w, code, name) }
	}
	page := func(mediaType, body, link string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			if link != "" {
				w.Header().Set("Link", "<"+link+`>; rel="next"`)
			}
			fmt.Fprint(w, body)
		}
	}
	isStatus := func(want int) func(error) bool {
		return func(err error) bool {
			var fault *transport.Error
			return errors.As(err, &fault) && fault.StatusCode == want
		}
	}
	says := func(part string) func(error) bool {
		return func(err error) bool { return err != nil && strings.Contains(err.Error(), part) }
	}
	empty := `{"schemaVersion":2,"mediaType":"` + oci.TypeIndex + `","manifests":[]}`
	badDigest := strings.Replace(empty, "[]", `[{"mediaType":"x","digest":"sha256:../..","size":1}]`, 1)
	badSize := strings.Replace(empty, "[]", `[{"mediaType":"x","digest":"`+string(oci.EmptyDigest)+`","size":-1}]`, 1)
	for name, c := range map[string]struct {
		path   string
		answer http.HandlerFunc
		want   func(error) bool
	}{
		"api 401":            {api, status(401, "UNAUTHORIZED"), isStatus(401)},
		"api 403":            {api, status(403, "DENIED"), isStatus(403)},
		"api 404 but denied": {api, status(404, "DENIED"), isStatus(404)},
		"api 429":            {api, status(429, "TOOMANYREQUESTS"), isStatus(429)},
		"api 500":            {api, status(500, "UNKNOWN"), isStatus(500)},
		"api 501":            {api, status(501, "UNSUPPORTED"), isStatus(501)},
		"api not json":       {api, page(oci.TypeIndex, "<html>", ""), says("want an index of referrers")},
		"api bad digest":     {api, page(oci.TypeIndex, badDigest, ""), says("entry 0 of the list")},
		"api bad size":       {api, page(oci.TypeIndex, badSize, ""), says("negative size")},
		"api endless pages": {api, page(oci.TypeIndex, empty, "/v2/acme/app"+api),
			func(err error) bool { return errors.Is(err, check.ErrTooLarge) }},
		"api page elsewhere": {api, page(oci.TypeIndex, empty, "http://192.0.2.1/v2/"), says("on another host")},
		"api page is gone":   {api, page(oci.TypeIndex, empty, "/v2/acme/app/referrers/gone"), isStatus(404)},
		"api oversized": {api, page(oci.TypeIndex, strings.Repeat(" ", maxReferrers+1), ""),
			func(err error) bool { return errors.Is(err, check.ErrTooLarge) }},
		"api oversized pages": {api, page(oci.TypeIndex, strings.Repeat(" ", maxReferrers/4)+empty, "/v2/acme/app"+api),
			func(err error) bool {
				return errors.Is(err, check.ErrTooLarge) && strings.Contains(err.Error(), "bytes")
			}},
		"tag 401": {tag, status(401, "UNAUTHORIZED"), isStatus(401)},
		"tag 403": {tag, status(403, "DENIED"), isStatus(403)},
		"tag 503": {tag, status(503, "UNAVAILABLE"), isStatus(503)},
		"tag is a manifest": {tag, page(oci.TypeManifest, `{"schemaVersion":2,"mediaType":"`+oci.TypeManifest+`"}`,
			""), says(oci.TypeManifest)},
		"tag is something": {tag, page(oci.TypeManifest, `{"schemaVersion":2}`, ""),
			says("want an index of referrers")},
		"tag with bad digest": {tag, page(oci.TypeIndex, badDigest, ""), says("fallback tag sha256-")},
		"tag with two answers": {tag, page(oci.TypeIndex, strings.Replace(empty, "[]", `[],"manifests":[]`, 1), ""),
			says("duplicate")},
		"tag too deep": {tag, page(oci.TypeIndex, strings.Replace(empty, "[]", strings.Repeat("[", 100), 1),
			""), func(err error) bool { return errors.Is(err, strict.ErrTooDeep) }},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.on(c.path, c.answer)
			got, err := l.referrers(oci.EmptyDigest)
			if !c.want(err) || errors.Is(err, oci.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			if got != nil {
				t.Errorf("with the error came %v", got)
			}
			wantText(t, err, "referrers of "+l.repo+"@"+string(oci.EmptyDigest)+": ")
		})
	}
}

// TestForeignPageIsNoAPI reads from a host without the API, which answers any path
// with a page of its own.
func TestForeignPageIsNoAPI(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"html":       func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>welcome</html>") },
		"plain 404":  http.NotFound,
		"400":        func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(400) },
		"405":        func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(405) },
		"empty json": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			tagged := l.putReferrer(oci.EmptyDigest, "a")
			l.putManifest(fallback(oci.EmptyDigest), oci.TypeIndex, index(t, tagged))
			l.on("/referrers/"+string(oci.EmptyDigest), answer)
			got, err := l.referrers(oci.EmptyDigest)
			if err != nil {
				t.Fatal(err)
			}
			wantReferrers(t, got, tagged)
		})
	}
}

// TestLenientLists accepts a list with a plain JSON media type, and null for an empty
// one, as some registries send them.
func TestLenientLists(t *testing.T) {
	l := newLab(t)
	d := oci.Descriptor{MediaType: oci.TypeManifest, Digest: oci.FromBytes([]byte("a")), Size: 1}
	body := index(t, d)
	l.on("/referrers/"+string(oci.EmptyDigest), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
	got, err := l.referrers(oci.EmptyDigest)
	if err != nil {
		t.Fatal(err)
	}
	wantReferrers(t, got, d)
	body = []byte(`{"schemaVersion":2,"mediaType":"` + oci.TypeIndex + `","manifests":null}`)
	if got, err := l.referrers(oci.EmptyDigest); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestReferrersOfBadDigest(t *testing.T) {
	l := newLab(t)
	_, err := l.referrers("sha256:../../v1")
	wantText(t, err, "want 64 lower-case hex digits")
	if n := l.requests(""); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestLinkNext(t *testing.T) {
	for header, want := range map[string]string{
		`</v2/a?n=1&last=x>; rel="next"`:                 "/v2/a?n=1&last=x",
		`</p,q;r>; rel=next`:                             "/p,q;r",
		`</a>; rel="prev", </b>; rel="next"`:             "/b",
		`</a>; title="x"; REL="last next", </b>; rel=up`: "/a",
		`</a>; rel="nextish"`:                            "",
		`</a>`:                                           "",
		`</a; rel="next"`:                                "",
		``:                                               "",
	} {
		if got := linkNext([]string{header}); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
	if got := linkNext([]string{`</a>; rel=prev`, `</b>; rel=next`}); got != "/b" {
		t.Errorf("second header: got %q", got)
	}
}

func FuzzNextPage(f *testing.F) {
	f.Add(`</v2/a?last=x>; rel="next"`)
	f.Add(`<https://other.example/a>; rel="next"`)
	f.Add(`<//other.example/a>; rel=next, <>; rel=next`)
	f.Fuzz(func(t *testing.T, header string) {
		l := &lab{t: t}
		s := l.source(Options{})
		r, err := s.find("registry.example:5000/acme/app")
		if err != nil {
			t.Fatal(err)
		}
		base := r.url("referrers", string(oci.EmptyDigest))
		next, err := nextPage(base, []string{header})
		if err == nil && next != nil && (next.Host != base.Host || next.Scheme != base.Scheme || next.User != nil) {
			t.Errorf("leads to %s", next)
		}
	})
}

func FuzzParseReferrers(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"` + string(oci.EmptyDigest) + `","size":2}]}`))
	f.Add([]byte(`{"mediaType":"` + oci.TypeIndex + `"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := parseReferrers(raw)
		if err != nil && list != nil {
			t.Error("a list and an error")
		}
		for _, d := range list {
			if _, err := oci.ParseDigest(string(d.Digest)); err != nil || d.Size < 0 {
				t.Errorf("let through %+v", d)
			}
		}
	})
}
