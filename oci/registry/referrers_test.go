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

// page answers with a document, and with a link to another page unless it is empty.
func page(mediaType, body, link string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		if link != "" {
			w.Header().Set("Link", "<"+link+`>; rel="next"`)
		}
		fmt.Fprint(w, body)
	}
}

// freshPages answers with a link to a page that was not asked for before.
func freshPages(padding string) http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		n++
		page(oci.TypeIndex, padding+emptyList, fmt.Sprintf("%s?n=%d", r.URL.Path, n))(w, r)
	}
}

func status(code int, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { refuse(w, code, name) }
}

const emptyList = `{"schemaVersion":2,"mediaType":"` + oci.TypeIndex + `","manifests":[]}`

// TestNoReferrerIsDroppedSilently wants an error for a list that a registry cannot or
// will not return. For a refusal, and for an answer that is no list, the error comes
// with what the other place lists.
func TestNoReferrerIsDroppedSilently(t *testing.T) {
	api, tag := "/referrers/"+string(oci.EmptyDigest), "/manifests/"+fallback(oci.EmptyDigest)
	listing := func(entries string) string { return strings.Replace(emptyList, "[]", entries, 1) }
	badDigest := listing(`[{"mediaType":"x","digest":"sha256:../..","size":1}]`)
	onePage := func(link string) http.HandlerFunc { return page(oci.TypeIndex, emptyList, link) }
	for name, c := range map[string]struct {
		path   string
		answer http.HandlerFunc
		want   error // nil for an error without a list
		says   string
	}{
		"api 401":            {api, status(401, "UNAUTHORIZED"), oci.ErrDenied, "401 Unauthorized"},
		"api 403":            {api, status(403, "DENIED"), oci.ErrDenied, "403 Forbidden"},
		"api 404 but denied": {api, status(404, "DENIED"), oci.ErrDenied, "404 Not Found"},
		"api 429":            {api, status(429, "TOOMANYREQUESTS"), nil, "429 Too Many Requests"},
		"api 500":            {api, status(500, "UNKNOWN"), nil, "500 Internal Server Error"},
		"api bad digest":     {api, page(oci.TypeIndex, badDigest, ""), oci.ErrNoList, "entry 0 of the list"},
		"api page again":     {api, onePage("/v2/acme/app" + api), oci.ErrNoList, "page 2 of the list is an earlier page again"},
		"api endless pages":  {api, freshPages(""), check.ErrTooLarge, "more than 1000 pages"},
		"api too deep":       {api, page("", listing(strings.Repeat("[", 100)), ""), oci.ErrNoList, "nest"},
		"api two answers":    {api, page("", listing(`[],"manifests":[]`), ""), oci.ErrNoList, "duplicate"},
		"api empty objects":  {api, page("", listing("["+strings.Repeat("{},", maxCommas/2)+"{}]"), ""), oci.ErrNoList, ""},
		"api nulls": {api, page("", listing("["+strings.Repeat("null,", maxCommas+1)+"null]"), ""), check.ErrTooLarge,
			"too many entries"},
		"api page elsewhere":  {api, onePage("http://192.0.2.1/v2/"), oci.ErrNoList, "on another host"},
		"api page is gone":    {api, onePage("/v2/acme/app/referrers/gone"), oci.ErrNoList, "page 2: "},
		"api oversized":       {api, page("", strings.Repeat(" ", MaxReferrers+1), ""), check.ErrTooLarge, "bytes"},
		"tag 401":             {tag, status(401, "UNAUTHORIZED"), oci.ErrDenied, "fallback tag sha256-"},
		"tag 403":             {tag, status(403, "DENIED"), oci.ErrDenied, "fallback tag sha256-"},
		"tag 503":             {tag, status(503, "UNAVAILABLE"), nil, "try again later"},
		"tag is something":    {tag, page(oci.TypeManifest, `{"schemaVersion":2}`, ""), oci.ErrNoList, "want an index"},
		"tag is a page":       {tag, page("text/html", "<html>", ""), oci.ErrNoList, "a web page"},
		"tag is empty":        {tag, page("text/html", "", ""), oci.ErrNoList, "an empty answer"},
		"tag is no content":   {tag, status(204, "NONE"), oci.ErrNoList, "204"},
		"tag with bad digest": {tag, page(oci.TypeIndex, badDigest, ""), oci.ErrNoList, "entry 0 of the list"},
		"tag is a manifest": {tag, page(oci.TypeManifest, `{"mediaType":"`+oci.TypeManifest+`"}`, ""), oci.ErrNoList,
			oci.TypeManifest},
		"tag with two answers": {tag, page("", listing(`[],"manifests":[]`), ""), oci.ErrNoList, "duplicate"},
		"tag too deep":         {tag, page("", listing(strings.Repeat("[", 100)), ""), oci.ErrNoList, "nest"},
		"api oversized pages":  {api, freshPages(strings.Repeat(" ", MaxReferrers/4)), check.ErrTooLarge, "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, memory.WithReferrersSupport(true))
			var want []oci.Descriptor
			referrer := l.putReferrer(oci.EmptyDigest, "a")
			if c.path == api {
				l.putManifest(fallback(oci.EmptyDigest), oci.TypeIndex, index(t, referrer))
			}
			if c.want != nil {
				want = append(want, referrer)
			}
			l.on(c.path, c.answer)
			got, err := l.referrers(oci.EmptyDigest)
			wantText(t, err, "referrers of "+l.repo+"@"+string(oci.EmptyDigest)+": ", c.says)
			if c.want != nil && !errors.Is(err, c.want) || errors.Is(err, oci.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			if isPartial(err) != (c.want != nil) {
				t.Errorf("the list can be used: %v", isPartial(err))
			}
			wantReferrers(t, got, want...)
		})
	}
}

// TestRefusedTwice wants both reasons if neither place can be read.
func TestRefusedTwice(t *testing.T) {
	l := newLab(t)
	l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.Contains(r.URL.Path, "/referrers/"):
			refuse(w, 403, "DENIED")
		case strings.Contains(r.URL.Path, "/manifests/"):
			fmt.Fprint(w, "<html>")
		default:
			return false
		}
		return true
	}
	got, err := l.referrers(oci.EmptyDigest)
	if len(got) != 0 || !errors.Is(err, oci.ErrDenied) || !errors.Is(err, oci.ErrNoList) {
		t.Errorf("got %v, %v", got, err)
	}
	wantText(t, err, "403 Forbidden", "a web page")
}

// TestTheSubjectIsNoList reads from registries that answer with the subject itself in
// the place of a list, as GitLab does for the fallback tag.
func TestTheSubjectIsNoList(t *testing.T) {
	for name, subject := range map[string][]byte{
		"manifest": []byte(`{"schemaVersion":2,"mediaType":"` + oci.TypeManifest + `"}`),
		"index":    index(t, oci.Descriptor{MediaType: oci.TypeManifest, Digest: oci.EmptyDigest, Size: 2}),
	} {
		for _, place := range []string{"/manifests/", "/referrers/"} {
			t.Run(name+place, func(t *testing.T) {
				l := newLab(t)
				d := oci.FromBytes(subject)
				id := fallback(d)
				if place == "/referrers/" {
					id = string(d)
				}
				l.on(place+id, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(subject) })
				if got, err := l.referrers(d); err != nil || len(got) != 0 {
					t.Errorf("got %v, %v", got, err)
				}
			})
		}
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
		"406":        func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(406) },
		"204":        func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) },
		"410":        func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(410) },
		"422":        func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(422) },
		"501":        func(w http.ResponseWriter, r *http.Request) { refuse(w, 501, "UNSUPPORTED") },
		"empty json": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") },
		"null list":  func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"manifests":null}`) },
		"nothing":    func(w http.ResponseWriter, r *http.Request) {},
		"index type": page(oci.TypeIndex, "<html>", ""),
		"login page": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			tagged := l.putReferrer(oci.EmptyDigest, "a")
			l.putManifest(fallback(oci.EmptyDigest), oci.TypeIndex, index(t, tagged))
			l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
				switch r.URL.Path {
				case "/v2/acme/app/referrers/" + string(oci.EmptyDigest):
					answer(w, r)
				case "/login":
					fmt.Fprint(w, "<html>user: password:")
				default:
					return false
				}
				return true
			}
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
		if err != nil && !errors.Is(err, oci.ErrNoList) {
			t.Error(err)
		}
		for _, d := range list {
			if _, err := oci.ParseDigest(string(d.Digest)); err != nil {
				t.Errorf("let through %+v", d)
			}
		}
	})
}
