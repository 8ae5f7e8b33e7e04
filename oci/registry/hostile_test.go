package registry

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// flood writes text until the client has had enough.
func flood(w io.Writer, text string) {
	chunk := strings.Repeat(text, 1+1<<16/len(text))
	for {
		if _, err := io.WriteString(w, chunk); err != nil {
			return
		}
	}
}

// raw answers with bytes that net/http would not send.
func raw(answer func(w io.Writer)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		answer(buf)
		_ = buf.Flush()
	}
}

// answering has a head, and then body for ever.
func answering(head, body string) http.HandlerFunc {
	return raw(func(w io.Writer) {
		_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\n"+head)
		flood(w, body)
	})
}

func drip(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		_, _ = io.WriteString(w, " ")
		w.(http.Flusher).Flush()
		time.Sleep(time.Millisecond)
	}
}

// quietly returns a Source without credentials. It gives up early on a body that makes
// no progress, if that is what a test waits for.
func quietly(t *testing.T, early bool) *Source {
	t.Helper()
	p := fast
	if early {
		p.tries, p.silence = 2, 100*time.Millisecond
	}
	s, err := newSource(Options{Keychain: noCredentials{}, CertsDirs: []string{}}, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHostileManifests asks a registry that has no end for a manifest: the error says
// what was fetched and where, and neither memory nor time grows with what it sends.
func TestHostileManifests(t *testing.T) {
	log.SetOutput(io.Discard) // net/http shows what comes after an answer
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	deep := strings.Repeat("[", 1<<20)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	size := 300 << 20 // more than may be allocated
	if testing.Short() {
		size = 40 << 20 // with the race detector, packing takes most of the time
	}
	_, _ = z.Write(make([]byte, size))
	_ = z.Close()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error // nil for any
		says   string
	}{
		"endless": {func(w http.ResponseWriter, _ *http.Request) { flood(w, " ") }, check.ErrTooLarge,
			"the limit is 4194304 bytes"},
		"declared as 1 TiB": {answering("Content-Length: 1099511627776\r\n\r\n", " "), check.ErrTooLarge,
			"the limit is 4194304 bytes"},
		"more than was declared": {answering("Content-Length: 20\r\n\r\n", " "), oci.ErrNoManifest, "20 bytes"},
		"endless headers":        {answering("", "X-A: "+strings.Repeat("a", 1000)+"\r\n"), nil, "response headers exceeded"},
		"one endless header":     {answering("X-A: ", "a"), nil, "response headers exceeded"},
		"endless hints": {raw(func(w io.Writer) { flood(w, "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n") }), nil,
			"response headers exceeded"},
		"endless chunk extensions": {answering("Transfer-Encoding: chunked\r\n\r\n", "1;"+strings.Repeat("a", 3000)+"\r\n \r\n"),
			nil, "too much non-data"},
		"an encoding that was not asked for": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		}, oci.ErrNoManifest, `an answer encoded as "gzip", which was not asked for`},
		"an endless error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403); flood(w, "a") }, oci.ErrDenied,
			"403 Forbidden"},
		"an error that nests": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(404)
			_, _ = io.WriteString(w, `{"errors":`+deep[:maxErrorBody/2])
		}, oci.ErrNotFound, "404 Not Found"},
		"100,000 challenges": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", strings.Repeat(`Basic a="b",`, 80_000))
			w.WriteHeader(401)
		}, oci.ErrDenied, "401 Unauthorized"},
		"a redirect to itself": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}, nil,
			"stopped after 10 redirects"},
		"redirects that never end": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, fmt.Sprintf("%s?n=%d", r.URL.Path, time.Now().UnixNano()), http.StatusTemporaryRedirect)
		}, nil, "stopped after 10 redirects"},
		"a byte now and then": {drip, nil, "waited 100ms for the rest of an answer of 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.on("/manifests/v1", c.answer)
			s := quietly(t, name == "a byte now and then")
			var err error
			bounded(t, func() { _, _, err = s.Manifest(context.Background(), l.repo, "v1") })
			wantText(t, err, "manifest "+l.repo+":v1: ", c.says)
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// bounded wants f to take little memory and little time. It counts all the bytes that
// are allocated, those of the registry included.
func bounded(t *testing.T, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 {
		t.Errorf("%d MiB were allocated", n>>20)
	}
	if took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestDocumentsComeWithinATime reads a manifest that comes steadily, just fast enough
// not to be silent.
func TestDocumentsComeWithinATime(t *testing.T) {
	l := newLab(t)
	l.on("/manifests/v1", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, strings.Repeat(" ", enough))
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	})
	p := fast
	p.document = 300 * time.Millisecond
	s, err := newSource(Options{Keychain: noCredentials{}, CertsDirs: []string{}}, p)
	if err != nil {
		t.Fatal(err)
	}
	bounded(t, func() { _, _, err = s.Manifest(context.Background(), l.repo, "v1") })
	wantText(t, err, "manifest "+l.repo+":v1: ", "waited 300ms for the whole of a document of 127.0.0.1")
	if n := l.requests("/manifests/v1"); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// TestHostileTokenServices wants the error to name the token service.
func TestHostileTokenServices(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"endless":           {func(w http.ResponseWriter, _ *http.Request) { flood(w, "a") }, "sent more than 65536 bytes in the place of a token"},
		"declared as 1 GiB": {answering("Content-Length: 1073741824\r\n\r\n", "a"), "sent more than 65536 bytes in the place of a token"},
		"an endless error":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403); flood(w, "a") }, "gave no token"},
		"nests": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"x":`+strings.Repeat("[", 60_000))
		}, "sent no token"},
		"a byte now and then": {drip, "gave no token: the answer broke off: waited 100ms for the rest of an answer"},
		"redirects that never end": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, fmt.Sprintf("/token?n=%d", time.Now().UnixNano()), http.StatusTemporaryRedirect)
		}, "stopped after 10 redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			host, _, _ := strings.Cut(l.repo, "/")
			l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
				switch {
				case r.URL.Path == "/token":
					c.answer(w, r)
				case r.Header.Get("Authorization") == "":
					w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+host+`/token",service="s"`)
					w.WriteHeader(401)
				default:
					return false
				}
				return true
			}
			s := quietly(t, name == "a byte now and then")
			var err error
			bounded(t, func() { _, _, err = s.Manifest(context.Background(), l.repo, "v1") })
			wantText(t, err, "manifest "+l.repo+":v1: ", c.says)
			if errors.Is(err, check.ErrTooLarge) {
				t.Errorf("it is taken for the manifest: %v", err)
			}
		})
	}
}

// TestHostileListsOfReferrers asks for lists that are as large as they may be, or
// larger: what could be read comes with the reason.
func TestHostileListsOfReferrers(t *testing.T) {
	entry := func(i int64) string {
		return fmt.Sprintf(`{"digest":"%s"}`, oci.FromBytes(fmt.Appendf(nil, "%d", i)))
	}
	full := func(from int64) string {
		var b strings.Builder
		b.WriteString(`{"schemaVersion":2,"mediaType":"` + oci.TypeIndex + `","manifests":[` + entry(from))
		for i := from + 1; b.Len() < MaxReferrers-200; i++ {
			b.WriteString("," + entry(i))
		}
		return b.String() + "]}"
	}
	most := full(0)
	var n atomic.Int64
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
		least  int // entries that come with the error
	}{
		"as large as it may be": {page(oci.TypeIndex, most, ""), nil, 40_000},
		"pages as large as they may be": {func(w http.ResponseWriter, r *http.Request) {
			page(oci.TypeIndex, most, fmt.Sprintf("%s?n=%d", r.URL.Path, n.Add(1)))(w, r)
		}, check.ErrTooLarge, 40_000},
		"small pages that never end": {func(w http.ResponseWriter, r *http.Request) {
			i := n.Add(1)
			page(oci.TypeIndex, strings.Replace(emptyList, "[]", "["+entry(i)+"]", 1), fmt.Sprintf("%s?n=%d", r.URL.Path, i))(w, r)
		}, check.ErrTooLarge, maxReferrerPages},
		"endless":      {func(w http.ResponseWriter, _ *http.Request) { flood(w, " ") }, check.ErrTooLarge, 0},
		"nests":        {page(oci.TypeIndex, strings.Replace(emptyList, "[]", strings.Repeat("[", 1<<20), 1), ""), oci.ErrNoList, 0},
		"80,000 links": {page(oci.TypeIndex, emptyList, strings.Repeat(`a>; x="y", <`, 80_000)), nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.on("/referrers/"+string(oci.EmptyDigest), c.answer)
			var got []oci.Descriptor
			var err error
			bounded(t, func() { got, err = l.referrers(oci.EmptyDigest) })
			if !errors.Is(err, c.want) || len(got) < c.least {
				t.Errorf("%d entries, %v", len(got), err)
			}
			if c.want != nil {
				wantText(t, err, "referrers of "+l.repo+"@"+string(oci.EmptyDigest))
			}
		})
	}
}
