package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	mem "github.com/google/go-containerregistry/pkg/registry"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/load"
)

// faults is a registry that fails at random in every way that a client sees.
type faults struct {
	mu   sync.Mutex
	rng  *rand.Rand
	rate float64
	lab  *lab
}

// strike answers a request wrongly, or does not: 500, 429, a connection that is cut
// before or after the request was carried out, a manifest that is refused, and one that
// is accepted and dropped. Meanwhile somebody else sets the tag.
func (f *faults) strike(w http.ResponseWriter, r *http.Request) bool {
	f.mu.Lock()
	strikes, kind := f.rng.Float64() < f.rate, f.rng.IntN(7)
	f.mu.Unlock()
	manifest := r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/")
	switch {
	case !strikes:
		return false
	case kind == 0:
		refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS")
	case kind == 1:
		_, _ = io.CopyN(io.Discard, r.Body, 100)
		cutOff(w)
	case kind == 2:
		f.lab.memory.ServeHTTP(httptest.NewRecorder(), r)
		cutOff(w)
	case kind == 3 && manifest:
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID")
	case kind == 4 && manifest:
		w.WriteHeader(http.StatusCreated) // and drops it
	case kind == 5 && manifest && strings.HasSuffix(r.URL.Path, "/v1"):
		f.lab.memory.ServeHTTP(w, r)
		f.lab.do(http.MethodPut, r.URL.Path, oci.TypeIndex, []byte(`{"schemaVersion":2,"manifests":[]}`))
	default:
		refuse(w, http.StatusInternalServerError, "UNKNOWN")
	}
	return true
}

// cutOff ends a connection in the middle of an answer.
func cutOff(w http.ResponseWriter) {
	if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
		c.Close()
	}
}

// TestLoadIntoARegistryThatFails loads a bundle into a registry that fails at random, 200
// times. It must never report success while something is missing, and at most five runs,
// over fewer and fewer faults, must bring everything.
func TestLoadIntoARegistryThatFails(t *testing.T) {
	images := []string{"app:v1", "multi:v1", "both:v1"}
	raw := fixture.Bundle(t, images...)
	runs := uint64(200)
	if testing.Short() {
		runs = 20
	}
	for seed := range runs {
		l := newLab(t, mem.WithReferrersSupport(seed%2 == 0))
		f := &faults{rng: rand.New(rand.NewPCG(seed, 2)), lab: l}
		l.disturb = f.strike
		host := strings.TrimSuffix(l.repo, "/acme/app")
		complete := false
		for _, rate := range []float64{0.3, 0.15, 0.05, 0.01, 0} {
			f.rate = rate
			complete = l.load(t, raw, host, images)
		}
		if !complete {
			t.Fatalf("seed %d: not complete after five runs", seed)
		}
		l.server.Close()
	}
}

// load loads the bundle once, and compares the registry with the source. It reports
// whether everything is there.
func (l *lab) load(t *testing.T, raw []byte, host string, images []string) bool {
	t.Helper()
	r, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := load.Bundle(t.Context(), r, fixture.Options(), l.target(), load.Options{
		Names: load.Names{Host: host}, OverwriteTags: true,
	})
	missing := l.lacks(t, images)
	switch {
	case err == nil && (missing != nil || !rep.Loaded.Complete):
		t.Fatalf("success, and yet %q is missing", missing)
	case err != nil && rep != nil && !errors.As(err, new(*load.Error)):
		t.Fatalf("a good bundle: %v", err)
	case err != nil && rep != nil:
		for _, img := range rep.Loaded.Images {
			if img.ReadBack == (img.Error != "") {
				t.Fatalf("%+v", img)
			}
		}
	}
	return err == nil
}

// get asks the registry for a document, past all faults.
func (l *lab) get(path string) (int, []byte) {
	rec := httptest.NewRecorder()
	l.memory.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec.Code, rec.Body.Bytes()
}

// lacks compares the registry with the source of the images: every manifest, tag, blob
// and entry in a list of referrers.
func (l *lab) lacks(t *testing.T, images []string) (missing []string) {
	t.Helper()
	src := fixture.NewRegistry()
	for _, img := range images {
		name, tag, _ := strings.Cut(img, ":")
		c := comparison{l, src, "/v2/acme/" + name, fixture.Host + name, nil}
		c.manifest(t, tag, src.Tags[fixture.Host+img].Digest)
		missing = append(missing, c.missing...)
	}
	return missing
}

type comparison struct {
	*lab
	src      *fixture.Registry
	to, from string
	missing  []string
}

func (c *comparison) want(path string, raw []byte) {
	if code, got := c.get(path); code != http.StatusOK || !bytes.Equal(got, raw) {
		c.missing = append(c.missing, path)
	}
}

// manifest compares a manifest by its name and digest, and everything that belongs to it.
func (c *comparison) manifest(t *testing.T, name string, d oci.Digest) {
	t.Helper()
	c.want(c.to+"/manifests/"+name, c.src.Blobs[d])
	c.want(c.to+"/manifests/"+string(d), c.src.Blobs[d])
	var doc struct {
		Config            oci.Descriptor
		Layers, Manifests []oci.Descriptor
	}
	if err := json.Unmarshal(c.src.Blobs[d], &doc); err != nil {
		t.Fatal(err)
	}
	for _, child := range doc.Manifests {
		c.manifest(t, string(child.Digest), child.Digest)
	}
	for _, b := range append(doc.Layers, doc.Config) {
		if b.Digest != "" {
			c.want(c.to+"/blobs/"+string(b.Digest), c.src.Blobs[b.Digest])
		}
	}
	for _, suffix := range []string{".sig", ".att"} {
		tag := "sha256-" + d.Hex() + suffix
		if ev, ok := c.src.Tags[c.from+":"+tag]; ok {
			c.manifest(t, tag, ev.Digest)
		}
	}
	c.referrers(t, d)
}

func (c *comparison) referrers(t *testing.T, d oci.Digest) {
	t.Helper()
	want, err := c.src.Referrers(t.Context(), c.from, d)
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Manifests []oci.Descriptor }
	code, raw := c.get(c.to + "/referrers/" + string(d))
	if code != http.StatusOK {
		_, raw = c.get(c.to + "/manifests/sha256-" + d.Hex())
	}
	_ = json.Unmarshal(raw, &list) // what is no list has no entries
	for _, ev := range want {
		c.manifest(t, string(ev.Digest), ev.Digest)
		if !slices.ContainsFunc(list.Manifests, func(o oci.Descriptor) bool { return o.Digest == ev.Digest }) {
			c.missing = append(c.missing, "referrer "+string(ev.Digest))
		}
	}
}
