package registry

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// impatient gives up early, and reports a wait earlier.
func impatient() pace {
	p := fast
	p.tries = 2
	for _, limit := range []*time.Duration{&p.connect, &p.tunnel, &p.handshake, &p.answer, &p.silence} {
		*limit = 100 * time.Millisecond
	}
	for _, limit := range []*time.Duration{&p.notice, &p.remind} {
		*limit = 20 * time.Millisecond
	}
	return p
}

// silent accepts connections and says nothing.
func silent(t *testing.T) string {
	return listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
}

// TestSilentPeersAreGivenUp wants the wait for each step to be bounded, and what is
// waited for to be reported while it is waited for and in the error.
func TestSilentPeersAreGivenUp(t *testing.T) {
	plain := newLab(t)
	stuck := func(http.ResponseWriter, *http.Request) bool { time.Sleep(time.Second); return true }
	plain.disturb = stuck
	plainHost, _, _ := strings.Cut(plain.repo, "/")
	host := silent(t)
	for name, c := range map[string]struct {
		repo string
		opts Options
		want string
	}{
		"TLS handshake": {host + "/a", Options{}, "the TLS handshake with " + host},
		"answer":        {plain.repo, Options{}, "an answer of " + plainHost},
		"HTTP proxy": {"r.example/a", proxied("http", host),
			"the proxy http://" + host + " to connect to r.example"},
		"SOCKS proxy, mute": {"r.example/a", proxied("socks5", host),
			"the proxy socks5://" + host + " to connect to r.example"},
		"SOCKS proxy":          {"r.example/a", proxied("socks5", socks(t, -1)), " to connect to r.example"},
		"behind a SOCKS proxy": {"r.example/a", proxied("socks5", socks(t, 0)), "the TLS handshake with r.example"},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var waits []string
			c.opts.Keychain, c.opts.CertsDirs = noCredentials{}, []string{}
			c.opts.OnWait = func(what string, silence time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				waits = append(waits, what)
				if silence < 20*time.Millisecond {
					t.Errorf("reported after %s", silence)
				}
			}
			s, err := newSource(c.opts, impatient())
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = s.Manifest(context.Background(), c.repo, "v1")
			wantCause(t, err, CauseSilent, "waited 100ms for ", c.want)
			mu.Lock()
			defer mu.Unlock()
			if all := strings.Join(waits, "\n"); !strings.Contains(all, c.want) || len(waits) < 2 {
				t.Errorf("reported %q", all)
			}
		})
	}
}

func TestSilenceInsideOfABody(t *testing.T) {
	l := newLab(t)
	content := noise(50_000)
	d := l.putBlob(content)
	l.on(string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(content[:20_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	waits := make(chan string, 100)
	opts := Options{Keychain: noCredentials{}, CertsDirs: []string{}}
	opts.OnWait = func(what string, _ time.Duration) { waits <- what }
	s, err := newSource(opts, impatient())
	if err != nil {
		t.Fatal(err)
	}
	rc, err := s.Blob(context.Background(), l.repo, d)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	got, err := io.ReadAll(rc)
	wantText(t, err, "broken off after 20000 of 50000 bytes", "waited 100ms for the rest of an answer of 127.0.0.1")
	if !bytes.Equal(got, content[:20_000]) {
		t.Errorf("got %d bytes", len(got))
	}
	if what := <-waits; !strings.Contains(what, "the rest of an answer of 127.0.0.1") {
		t.Errorf("reported %s", what)
	}
}

// TestSlowIsNotSilent reads answers that take longer than each limit. What comes
// steadily is read, and a byte now and then is no progress.
func TestSlowIsNotSilent(t *testing.T) {
	for name, c := range map[string]struct {
		step int
		ok   bool
	}{"steadily": {enough, true}, "a byte now and then": {1, false}} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			content := noise(20 * c.step)
			d := l.putBlob(content)
			l.on(string(d.Digest), func(w http.ResponseWriter, r *http.Request) {
				for rest := content; len(rest) > 0; rest = rest[c.step:] {
					_, _ = w.Write(rest[:c.step])
					w.(http.Flusher).Flush()
					time.Sleep(10 * time.Millisecond)
				}
			})
			var reported atomic.Int64
			opts := Options{Keychain: noCredentials{}, CertsDirs: []string{}}
			opts.OnWait = func(string, time.Duration) { reported.Add(1) }
			s, err := newSource(opts, impatient())
			if err != nil {
				t.Fatal(err)
			}
			rc, err := s.Blob(context.Background(), l.repo, d)
			if err != nil {
				t.Fatal(err)
			}
			defer rc.Close()
			got, err := io.ReadAll(rc)
			switch {
			case c.ok && (err != nil || !bytes.Equal(got, content) || l.requests(string(d.Digest)) != 1):
				t.Errorf("got %d bytes, %v", len(got), err)
			case !c.ok:
				wantText(t, err, "waited 100ms for the rest of an answer of")
				if n := reported.Load(); n < 2 || n > 10 {
					t.Errorf("reported %d times", n)
				}
			}
		})
	}
}

// TestFilteredTLSPort wants a registry without TLS to be reached after one attempt
// with it, and no attempts with a peer that says nothing to be added up.
func TestFilteredTLSPort(t *testing.T) {
	var connections atomic.Int64
	host := listen(t, func(c net.Conn) {
		connections.Add(1)
		_, _ = io.Copy(io.Discard, c)
	})
	p := impatient()
	p.tries = 4
	s, err := newSource(Options{Keychain: noCredentials{}, CertsDirs: []string{}}, p)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Manifest(context.Background(), host+"/a", "v1")
	wantCause(t, err, CauseSilent, "the TLS handshake")
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections, want one with TLS and one without", n)
	}
}

// TestPassingFaultOfTLS wants a registry with TLS, on an address where plain HTTP may
// be used, to be asked again after a passing fault.
func TestPassingFaultOfTLS(t *testing.T) {
	l, _ := tlsLab(t)
	var n atomic.Int64
	l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" && n.Add(1) <= 2 {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	if _, _, err := l.source(Options{AllowInsecure: true}).Manifest(context.Background(), l.repo, "v1"); err != nil {
		t.Error(err)
	}
}

// TestPatience wants no further attempt once so much time has passed.
func TestPatience(t *testing.T) {
	l := newLab(t)
	l.on("/v2/", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		w.WriteHeader(503)
	})
	p := fast
	p.tries, p.patience = 1000, 50*time.Millisecond
	s, err := newSource(Options{Keychain: noCredentials{}, CertsDirs: []string{}}, p)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Manifest(context.Background(), l.repo, "v1")
	wantText(t, err, "503")
	if n := l.requests("/v2/"); n > 10 {
		t.Errorf("%d requests", n)
	}
}

func TestCancelledWait(t *testing.T) {
	host := silent(t)
	stop := errors.New("stopped by the user")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(20*time.Millisecond, func() { cancel(stop) })
	_, _, err := (&lab{t: t}).source(Options{}).Manifest(ctx, host+"/a", "v1")
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

// TestDocumentedLimits wants the table of docs/operating.md to be the defaults.
func TestDocumentedLimits(t *testing.T) {
	raw, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	p := defaultPace
	for what, d := range map[string]time.Duration{
		"a connection, name lookup included":      p.connect,
		"the proxy to connect to the registry":    p.tunnel,
		"the TLS handshake":                       p.handshake,
		"an answer, up to the end of its headers": p.answer,
		"the next 64 KiB of a body, or its end":   p.silence,
		"a whole manifest or list of referrers":   p.document,
	} {
		limit := fmt.Sprintf("%d s", d/time.Second)
		if d >= time.Minute {
			limit = fmt.Sprintf("%d min", d/time.Minute)
		}
		if row := fmt.Sprintf("| %s | %s |\n", what, limit); !strings.Contains(string(raw), row) {
			t.Errorf("no row %s", row)
		}
	}
	if want := fmt.Sprintf("After %d seconds", p.notice/time.Second); !strings.Contains(string(raw), want) {
		t.Errorf("no text %s", want)
	}
}

// TestDefaultsAreBounded guards against a limit that was forgotten, which would be
// zero.
func TestDefaultsAreBounded(t *testing.T) {
	p := defaultPace
	for _, d := range []time.Duration{
		p.connect, p.tunnel, p.handshake, p.answer, p.silence, p.patience, p.notice, p.remind,
	} {
		if d < 5*time.Second || d > 5*time.Minute {
			t.Errorf("%s in %+v", d, p)
		}
	}
	if p.document < p.answer+p.silence || p.document > 10*time.Minute {
		t.Errorf("%s for a document", p.document)
	}
	n, err := newNetwork(Options{}, p)
	if err != nil {
		t.Fatal(err)
	}
	tr := n.transport(&tls.Config{})
	if tr.TLSHandshakeTimeout <= p.handshake || tr.ResponseHeaderTimeout <= p.answer {
		t.Error("the limits of the transport come before those that report what was waited for")
	}
}

// TestNoReportAfterTheEnd wants a connection that is still being made for an exchange
// that has ended not to be reported.
func TestNoReportAfterTheEnd(t *testing.T) {
	p := impatient()
	v := newVigil(p, func(what string, _ time.Duration) { t.Errorf("reported %s", what) }, func(error) {})
	v.finish(nil)
	v.connecting("a connection", time.Minute)
	time.Sleep(2 * p.notice)
}

// TestLongPauseIsReported wants a pause that a server asks for to be visible.
func TestLongPauseIsReported(t *testing.T) {
	l := newLab(t)
	l.on("/v2/", func(w http.ResponseWriter, r *http.Request) {
		if l.requests("/v2/") == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(429)
		}
	})
	p := fast
	p.notice = 10 * time.Millisecond
	waits := make(chan string, 100)
	opts := Options{Keychain: noCredentials{}, CertsDirs: []string{}}
	opts.OnWait = func(what string, _ time.Duration) { waits <- what }
	s, err := newSource(opts, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.open(context.Background(), l.repo); err != nil {
		t.Fatal(err)
	}
	host, _, _ := strings.Cut(l.repo, "/")
	if what := <-waits; what != host+", which asks for a pause of 1s" {
		t.Errorf("reported %s", what)
	}
}
