package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	memory "github.com/google/go-containerregistry/pkg/registry"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

func TestHasBlob(t *testing.T) {
	l := newLab(t)
	target := l.target()
	d := l.putBlob(noise(1000))
	other := d
	other.Size++
	absent := describeBytes([]byte("absent"))
	for _, c := range []struct {
		d    oci.Descriptor
		want bool
	}{{d, true}, {other, false}, {absent, false}} {
		has, err := target.HasBlob(t.Context(), l.repo, c.d)
		if has != c.want || err != nil {
			t.Errorf("%v: %v, %v", c.d, has, err)
		}
	}
	l.on(string(d.Digest), status(403, "DENIED"))
	if _, err := target.HasBlob(t.Context(), l.repo, d); !errors.Is(err, oci.ErrDenied) {
		t.Error(err)
	}
}

// TestBlobInStorageThatAnswersNoHead has a registry that points to addresses that are
// signed for GET. The storage refuses what it does not have in the same way.
func TestBlobInStorageThatAnswersNoHead(t *testing.T) {
	content := noise(1000)
	for name, c := range map[string]struct {
		get  http.HandlerFunc
		want bool
	}{
		"ranges":     {func(w http.ResponseWriter, r *http.Request) { serveContent(w, r, content) }, true},
		"no ranges":  {func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(content) }, true},
		"no length":  {func(w http.ResponseWriter, r *http.Request) { writeWithoutLength(w, content) }, true},
		"a page":     {func(w http.ResponseWriter, r *http.Request) { writeWithoutLength(w, noise(999)) }, false},
		"missing":    {status(403, ""), false},
		"not found":  {status(404, ""), false},
		"other size": {func(w http.ResponseWriter, r *http.Request) { serveContent(w, r, content[1:]) }, false},
	} {
		storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.WriteHeader(403)
				return
			}
			c.get(w, r)
		}))
		defer storage.Close()
		l := newLab(t)
		d := describeBytes(content)
		l.on(string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, storage.URL+"/signed", http.StatusTemporaryRedirect)
		})
		if has, err := l.target().HasBlob(t.Context(), l.repo, d); has != c.want || err != nil {
			t.Errorf("%s: %v, %v", name, has, err)
		}
	}
}

func serveContent(w http.ResponseWriter, r *http.Request, content []byte) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

func writeWithoutLength(w http.ResponseWriter, content []byte) {
	w.WriteHeader(200)
	w.(http.Flusher).Flush()
	_, _ = w.Write(content)
}

// TestHeadWithoutLength has a proxy that answers 200 to every HEAD.
func TestHeadWithoutLength(t *testing.T) {
	l := newLab(t)
	there := l.putBlob(noise(1000))
	l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodHead {
			w.WriteHeader(200)
		}
		return r.Method == http.MethodHead
	}
	for d, want := range map[*oci.Descriptor]bool{&there: true, new(describeBytes([]byte("absent"))): false} {
		if has, err := l.target().HasBlob(t.Context(), l.repo, *d); has != want || err != nil {
			t.Errorf("%v: %v, %v", d, has, err)
		}
	}
}

// TestReferrersOfAnAPIAlone has a registry that gained the API after a list was kept in the
// fallback tag. Clients ask the API alone.
func TestReferrersOfAnAPIAlone(t *testing.T) {
	l := newLab(t)
	subject := oci.FromBytes([]byte("subject"))
	l.putManifest(fallback(subject), oci.TypeIndex, index(t, l.putReferrer(subject, "a")))
	if list, err := l.target().Referrers(t.Context(), l.repo, subject); len(list) != 1 || err != nil {
		t.Errorf("without the API: %v, %v", list, err)
	}
	l.on("/referrers/"+string(subject), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", oci.TypeIndex)
		_, _ = w.Write(index(t))
	})
	if list, err := l.target().Referrers(t.Context(), l.repo, subject); len(list) != 0 || err != nil {
		t.Errorf("with the API: %v, %v", list, err)
	}
}

func TestMount(t *testing.T) {
	d := describeBytes(noise(1000))
	for code, want := range map[int]bool{201: true, 202: false, 404: false, 403: false, 400: false, 405: false} {
		l := newLab(t)
		l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				if q := r.URL.Query(); q.Get("mount") != string(d.Digest) || q.Get("from") != "acme/base" {
					t.Errorf("requested %s", r.URL)
				}
				w.Header().Set("Location", "/v2/acme/app/blobs/uploads/began?state=1")
				w.WriteHeader(code)
			}
			return r.Method == http.MethodPost || r.Method == http.MethodDelete
		}
		from := strings.Replace(l.repo, "acme/app", "acme/base", 1)
		done, err := l.target().Mount(t.Context(), l.repo, from, d)
		if done != want || err != nil {
			t.Errorf("%d: %v, %v", code, done, err)
		}
		if n := l.requests("DELETE /v2/acme/app/blobs/uploads/began?state=1"); n > 0 != (code == 202) {
			t.Errorf("%d: the upload that was begun was cancelled %d times", code, n)
		}
	}
	l := newLab(t)
	_, err := l.target().Mount(t.Context(), l.repo, "other.example/acme/app", d)
	wantText(t, err, "is in another registry")
}

// TestScopesOfTokens wants tokens for pushing, for a mount for pulling from the other
// repository, too, and nothing to be tried without credentials.
func TestScopesOfTokens(t *testing.T) {
	var mu sync.Mutex
	var scopes [][]string
	l := newLab(t)
	l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		switch header := r.Header.Get("Authorization"); {
		case r.URL.Path == "/token":
			scopes = append(scopes, r.URL.Query()["scope"])
			if header == "" {
				t.Error("a token was requested without credentials")
			}
			fmt.Fprintf(w, `{"token":"t%d"}`, len(r.URL.Query()["scope"]))
		case header == "":
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="s"`)
			refuse(w, 401, "UNAUTHORIZED")
		case r.Method == http.MethodPost && header == "Bearer t2":
			w.WriteHeader(201)
		default:
			refuse(w, 403, "DENIED")
		}
		return true
	}
	target, err := newTarget(Options{Keychain: keychain{Username: "me", Password: "pw"}, CertsDirs: []string{}},
		fast, smallSizes)
	if err != nil {
		t.Fatal(err)
	}
	from := strings.Replace(l.repo, "acme/app", "acme/base", 1)
	for range 2 {
		done, err := target.Mount(t.Context(), l.repo, from, describeBytes([]byte("a")))
		if !done || err != nil {
			t.Error(done, err)
		}
	}
	err = target.PutManifest(t.Context(), l.repo, "v1", oci.TypeIndex, index(t))
	wantText(t, err, "log in as a user who may push there: docker login "+hostOf(l.repo))
	want := [][]string{{"repository:acme/app:push,pull"},
		{"repository:acme/app:push,pull", "repository:acme/base:pull"}}
	if !slices.EqualFunc(scopes, want, slices.Equal) {
		t.Errorf("requested %q", scopes)
	}
}

// TestUploadsElsewhere sends no credentials to another host that an upload goes on at.
func TestUploadsElsewhere(t *testing.T) {
	storage := newStore(t)
	storage.uploads["1"] = nil
	var seen sync.Map
	answer := storage.disturb
	storage.disturb = func(w http.ResponseWriter, r *http.Request) bool {
		seen.Store(r.Method, r.Header.Get("Authorization"))
		return answer(w, r)
	}
	for name, location := range map[string]string{
		"other host": storage.server.URL + "/v2/acme/app/blobs/uploads/x?id=1",
		"relative":   "x?id=1", "absolute path": "/v2/acme/app/blobs/uploads/x?id=1&_state=a%2Fb",
	} {
		front := newLab(t)
		content := noise(1000)
		front.disturb = func(w http.ResponseWriter, r *http.Request) bool {
			switch {
			case r.Header.Get("Authorization") == "":
				w.Header().Set("WWW-Authenticate", "Basic")
				w.WriteHeader(401)
			case r.Method == http.MethodPost:
				w.Header().Set("Location", location)
				w.WriteHeader(202)
			case r.Method == http.MethodPut:
				if !strings.Contains(r.URL.RawQuery, strings.SplitN(location, "?", 2)[1]+"&digest=sha256") {
					t.Errorf("%s: the query became %s", name, r.URL.RawQuery)
				}
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(201)
			}
			return true
		}
		target, err := newTarget(Options{Keychain: keychain{Username: "me", Password: "pw"}, CertsDirs: []string{}},
			fast, smallSizes)
		if err != nil {
			t.Fatal(err)
		}
		if err := front.upload(target, content, 100); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if header, ok := seen.Load(http.MethodPut); header != "" || !ok {
		t.Errorf("the other host got %q, %v", header, ok)
	}
}

func TestBadLocations(t *testing.T) {
	for location, says := range map[string]string{
		"": "does not say where the upload goes on", "http://[::1": "malformed",
		"http://169.254.1.1/x": "link-local", "file:///etc/passwd": "malformed", "ftp://a.example/x": `scheme "ftp"`,
	} {
		l := newLab(t)
		l.on("/blobs/uploads/", func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Location"] = []string{location}
			w.WriteHeader(202)
		})
		wantText(t, l.upload(l.target(), noise(10), 10), says)
	}
}

func TestPutManifest(t *testing.T) {
	l := newLab(t)
	target := l.target()
	raw := []byte("{\"schemaVersion\":2,\n  \"mediaType\":\"" + oci.TypeIndex + `","manifests":[]}`)
	d := oci.FromBytes(raw)
	for _, id := range []string{string(d), "v1"} {
		if err := target.PutManifest(t.Context(), l.repo, id, oci.TypeIndex, raw); err != nil {
			t.Fatal(err)
		}
		got, mediaType, err := target.Manifest(t.Context(), l.repo, id)
		if string(got) != string(raw) || mediaType != oci.TypeIndex || err != nil {
			t.Errorf("%s: %q, %s, %v", id, got, mediaType, err)
		}
	}
	err := target.PutManifest(t.Context(), l.repo, string(oci.EmptyDigest), oci.TypeIndex, raw)
	if !errors.Is(err, ErrMismatch) {
		t.Error(err)
	}
	if err := target.PutManifest(t.Context(), l.repo, "-v1", oci.TypeIndex, raw); err == nil {
		t.Error("pushed a bad tag")
	}
}

func TestRefusedManifests(t *testing.T) {
	raw := index(t)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   []string
	}{
		"media type":      {status(415, ""), []string{"415", oci.TypeIndex, "nothing is converted"}},
		"invalid":         {status(400, "MANIFEST_INVALID"), []string{"MANIFEST_INVALID", "said the registry", "nothing is"}},
		"immutable":       {says(400, "TAG_INVALID", "the repository is immutable"), []string{"load under another tag"}},
		"immutable, 412":  {status(412, "PRECONDITION"), []string{"load under another tag"}},
		"children":        {status(404, "MANIFEST_BLOB_UNKNOWN"), []string{"all its platforms"}},
		"absent child":    {status(400, "MANIFEST_UNKNOWN"), []string{"all its platforms"}},
		"no repository":   {status(404, "NAME_UNKNOWN"), []string{"may have to be created"}},
		"no right":        {status(403, "DENIED"), []string{"log in as a user who may push there"}},
		"large":           {status(413, ""), []string{"client_max_body_size"}},
		"fault":           {status(503, "UNAVAILABLE"), []string{"503", "try again later"}},
		"another digest":  {stored("sha256:0"), []string{`it stored "sha256:0"`}},
		"moved elsewhere": {moved, []string{"would make a GET of a PUT"}},
	} {
		l := newLab(t)
		l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut {
				c.answer(w, r)
			}
			return r.Method == http.MethodPut
		}
		err := l.target().PutManifest(t.Context(), l.repo, "v1", oci.TypeIndex, raw)
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		wantText(t, err, append(c.says, "push manifest "+l.repo+":v1: ")...)
	}
}

func says(code int, name, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, name, message)
	}
}

func stored(digest string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Docker-Content-Digest", digest)
		w.WriteHeader(201)
	}
}

func moved(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }

// TestLostAnswerToAManifest stores the manifest and cuts the connection, or refuses to
// store it again.
func TestLostAnswerToAManifest(t *testing.T) {
	raw := index(t)
	l := newLab(t)
	n := 0
	l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		if n++; n > 1 {
			says(409, "DENIED_TAG", "immutable")(w, r)
			return true
		}
		l.memory.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	if err := l.target().PutManifest(t.Context(), l.repo, "v1", oci.TypeIndex, raw); err != nil || n != 2 {
		t.Errorf("%d requests, %v", n, err)
	}
}

func TestHasReferrersAPI(t *testing.T) {
	for _, api := range []bool{true, false} {
		l := newLab(t, memory.WithReferrersSupport(api))
		subject := l.putManifest("v1", oci.TypeIndex, index(t))
		has, err := l.target().HasReferrersAPI(t.Context(), l.repo, subject)
		if has != api || err != nil {
			t.Errorf("%v: %v, %v", api, has, err)
		}
	}
	l := newLab(t)
	subject := l.putManifest("v1", oci.TypeIndex, index(t))
	for name, answer := range map[string]http.HandlerFunc{
		"the subject": func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(index(t)) },
		"a page":      page("text/html", "<html>", ""),
	} {
		l.on("/referrers/"+string(subject), answer)
		if has, err := l.target().HasReferrersAPI(t.Context(), l.repo, subject); has || err != nil {
			t.Errorf("%s: %v, %v", name, has, err)
		}
	}
	l.on("/referrers/"+string(subject), status(403, "DENIED"))
	if _, err := l.target().HasReferrersAPI(t.Context(), l.repo, subject); !errors.Is(err, oci.ErrDenied) {
		t.Error(err)
	}
}

func TestAddReferrers(t *testing.T) {
	l := newLab(t)
	target := l.target()
	subject := l.putManifest("v1", oci.TypeIndex, index(t))
	a, b := l.putReferrer(subject, "a"), l.putReferrer(subject, "b")
	a.ArtifactType, a.Annotations = "application/x", map[string]string{"k": "v"}
	for range 2 {
		if err := target.AddReferrers(t.Context(), l.repo, subject, []oci.Descriptor{a}); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.requests("PUT /v2/acme/app/manifests/" + fallback(subject)); n != 1 {
		t.Errorf("written %d times", n)
	}
	// Another tool writes members and entries that are not known here.
	odd := `{"future":{"x": 1e3},"mediaType":"` + string(a.MediaType) + `","digest":"` + string(a.Digest) + `","size":` +
		fmt.Sprint(a.Size) + `}`
	l.putManifest(fallback(subject), oci.TypeIndex, []byte(`{"manifests":[`+odd+`],"schemaVersion":2,"mediaType":"`+
		oci.TypeIndex+`","annotations":{"who":"<me>"}}`))
	if err := target.AddReferrers(t.Context(), l.repo, subject, []oci.Descriptor{b, a, b}); err != nil {
		t.Fatal(err)
	}
	raw, _, err := target.Manifest(t.Context(), l.repo, fallback(subject))
	if err != nil || !json.Valid(raw) {
		t.Fatal(err)
	}
	for _, part := range []string{odd, `"annotations":{"who":"<me>"}`, string(b.Digest)} {
		if strings.Count(string(raw), part) != 1 {
			t.Errorf("want once %s in %s", part, raw)
		}
	}
	got, err := target.Referrers(t.Context(), l.repo, subject)
	if err != nil {
		t.Fatal(err)
	}
	wantReferrers(t, got, a, b)
}

// TestAddReferrersBesideOthers loses a race with another client at each write.
func TestAddReferrersBesideOthers(t *testing.T) {
	for races, want := range map[int]bool{0: true, 1: true, 3: true, 100: false} {
		l := newLab(t)
		subject := l.putManifest("v1", oci.TypeIndex, index(t))
		mine := l.putReferrer(subject, "mine")
		var theirs []oci.Descriptor
		for i := range 3 {
			theirs = append(theirs, l.putReferrer(subject, fmt.Sprint(i)))
		}
		n := 0
		l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPut || n >= races {
				return false
			}
			w.WriteHeader(201)
			l.putManifest(fallback(subject), oci.TypeIndex, index(t, theirs[n%3]))
			n++
			return true
		}
		err := l.target().AddReferrers(t.Context(), l.repo, subject, []oci.Descriptor{mine})
		if !want {
			wantText(t, err, "does not keep the list", string(mine.Digest))
			continue
		}
		if err != nil {
			t.Errorf("%d races: %v", races, err)
			continue
		}
		got, err := l.referrers(subject)
		if err != nil {
			t.Fatal(err)
		}
		wantReferrers(t, got, append(theirs[:min(races, 3)], mine)...)
	}
}

// TestFallbackTagOfSomethingElse wants what is no list of referrers to stay.
func TestFallbackTagOfSomethingElse(t *testing.T) {
	image := []byte(`{"schemaVersion":2,"mediaType":"` + oci.TypeManifest + `","config":{},"layers":[]}`)
	for name, raw := range map[string][]byte{"the subject": index(t), "an image": image} {
		l := newLab(t)
		subject := l.putManifest("v1", oci.TypeIndex, index(t))
		l.putManifest(fallback(subject), oci.TypeIndex, raw)
		err := l.target().AddReferrers(t.Context(), l.repo, subject, []oci.Descriptor{describeBytes([]byte("a"))})
		if !errors.Is(err, oci.ErrNoList) {
			t.Errorf("%s: %v", name, err)
		}
		wantText(t, err, "not overwritten", "add to the referrers list "+l.repo+":"+fallback(subject))
		if l.requests("PUT") != 0 {
			t.Errorf("%s: overwritten", name)
		}
	}
}

func TestLongFallbackList(t *testing.T) {
	l := newLab(t)
	subject := l.putManifest("v1", oci.TypeIndex, index(t))
	add := describeBytes([]byte("a"))
	add.Annotations = map[string]string{"a": strings.Repeat("x", 4<<20)}
	err := l.target().AddReferrers(t.Context(), l.repo, subject, []oci.Descriptor{add})
	if !errors.Is(err, check.ErrTooLarge) {
		t.Error(err)
	}
}

// TestCanPush wants refusals to be known, and nothing to be left behind.
func TestCanPush(t *testing.T) {
	for code, want := range map[int]string{
		202: "", 500: "", 403: "log in as a user who may push there", 401: "log in as a user who may push there",
		404: "may have to be created", 405: "does not accept pushes",
	} {
		l := newLab(t)
		l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				w.Header().Set("Location", "/v2/acme/app/blobs/uploads/began?state=1")
				w.WriteHeader(code)
			}
			return r.Method == http.MethodPost || r.Method == http.MethodDelete
		}
		err := l.target().CanPush(t.Context(), l.repo)
		if want == "" && err != nil {
			t.Errorf("%d: %v", code, err)
		} else if want != "" {
			wantText(t, err, want)
		}
		if denied := code == 401 || code == 403; denied != errors.Is(err, oci.ErrDenied) {
			t.Errorf("%d: %v", code, err)
		}
		if n := l.requests("DELETE /v2/acme/app/blobs/uploads/began?state=1"); n > 0 != (code == 202) {
			t.Errorf("%d: the upload was cancelled %d times", code, n)
		}
	}
}
