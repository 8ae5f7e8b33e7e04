package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	mem "github.com/google/go-containerregistry/pkg/registry"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/load"
)

// faultSeed makes the faults of TestLoadFaults the same each time.
const faultSeed = 20261127

// loadedImages have children, signatures and attestations by tag, and referrers.
var loadedImages = []string{"app:v1", "multi:v1", "bundle:v1", "both:v1"}

// TestLoadFaults loads a bundle into a registry with faults, 200 times, each with up to
// five reruns. A run that reports success must have brought everything. Otherwise each
// image of which something is missing must say so, and after the last run it must name
// something that is missing.
func TestLoadFaults(t *testing.T) {
	raw := fixture.Bundle(t, loadedImages...)
	count := map[string]int{}
	cases := uint64(200)
	if testing.Short() {
		cases = 40
	}
	for n := range cases {
		f := newFaulty(t, n)
		var rep *verify.Report
		var err error
		for run := range 6 {
			if rep, err = f.load(raw, run); err == nil {
				break
			}
		}
		f.server.Close()
		switch {
		case err == nil:
			count["complete"]++
			count[fmt.Sprintf("complete after %d reruns", f.run)]++
		case rep == nil:
			t.Errorf("seed %d, case %d (%s): no report after 5 reruns: %v", faultSeed, n, f, err)
		default:
			count["named: "+f.kind]++
			f.wantNamed(rep.Loaded)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("seed %d: %v", faultSeed, count)
	if count["complete"] < int(cases)/2 || count["complete"] == count["complete after 0 reruns"] {
		t.Error("these faults are too many or too few to show anything")
	}
}

// faulty is a registry with faults: some that pass, and for some cases one that stays.
type faulty struct {
	*lab
	n    uint64
	api  bool
	rate float64
	kind string // the fault that stays
	run  int

	came    map[string]int      // how often each request came
	dropped map[oci.Digest]bool // referrers that the API does not list
}

// The faults that stay.
const (
	manifestRefused = "a manifest is refused"
	referrerDropped = "a referrer is dropped"
	tagMoved        = "a tag is moved"
)

func newFaulty(t *testing.T, n uint64) *faulty {
	f := &faulty{n: n, api: n%2 == 0, came: map[string]int{}, dropped: map[oci.Digest]bool{}}
	f.rate = []float64{0.01, 0.05, 0.2}[n%3]
	if n%5 == 0 {
		f.kind = []string{manifestRefused, referrerDropped, tagMoved}[n/5%3]
	}
	f.lab = newLab(t, mem.WithReferrersSupport(f.api))
	f.disturb = f.answer
	if all := f.memory; f.api {
		f.memory = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/referrers/") {
				f.referrers(w, r, all)
				return
			}
			all.ServeHTTP(w, r)
		})
	}
	return f
}

func (f *faulty) String() string {
	return fmt.Sprintf("referrers API %t, rate %v, %s", f.api, f.rate, f.kind)
}

// roll returns random numbers for this occurrence of a request. They do not depend on the
// order of requests that come side by side.
func (f *faulty) roll(what string) *rand.Rand {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.came[what]++
	h := fnv.New64a()
	fmt.Fprint(h, f.n, f.run, what, f.came[what])
	return rand.New(rand.NewPCG(faultSeed, h.Sum64()))
}

// answer answers a request with a fault, or returns false.
func (f *faulty) answer(w http.ResponseWriter, r *http.Request) bool {
	what := r.Method + " " + strings.Split(r.URL.Path, "/uploads/")[0]
	rng := f.roll(what)
	if rng.Float64() < f.rate {
		switch rng.IntN(4) {
		case 0:
			refuse(w, http.StatusInternalServerError, "UNKNOWN")
		case 1:
			w.Header().Set("Retry-After", "0")
			refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS")
		case 2:
			_, _ = io.CopyN(io.Discard, r.Body, 100)
			panic(http.ErrAbortHandler) // the connection is cut before anything happens
		case 3:
			f.memory.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler) // and here the answer is lost
		}
		return true
	}
	_, name, isManifest := strings.Cut(r.URL.Path, "/manifests/")
	return isManifest && r.Method == http.MethodPut && f.put(w, r, name, rng)
}

// put has the fault that stays, or a referrer dropped now and then.
func (f *faulty) put(w http.ResponseWriter, r *http.Request, name string, rng *rand.Rand) bool {
	isDigest, isList := strings.HasPrefix(name, "sha256:"), len(name) == len("sha256-")+64
	drops := f.kind == referrerDropped || rng.Float64() < f.rate
	refused := f.kind == manifestRefused && isDigest && f.chosen(name)
	switch {
	case refused || rng.Float64() < f.rate/4:
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID")
		return true
	case isList && drops || rng.Float64() < f.rate/4:
		w.WriteHeader(http.StatusCreated) // a lie
		return true
	case isDigest:
		f.mu.Lock()
		defer f.mu.Unlock()
		f.dropped[oci.Digest(name)] = drops
	case f.kind == tagMoved && !isList && rng.IntN(2) == 0:
		f.memory.ServeHTTP(w, r)
		other := index(f.t)
		req := httptest.NewRequest(http.MethodPut, r.URL.Path, bytes.NewReader(other))
		req.Header.Set("Content-Type", oci.TypeIndex)
		f.memory.ServeHTTP(httptest.NewRecorder(), req)
		return true
	}
	return false
}

// chosen reports whether a manifest is among those that the registry refuses.
func (f *faulty) chosen(digest string) bool {
	h := fnv.New64a()
	fmt.Fprint(h, f.n, digest)
	return h.Sum64()%6 == 0
}

// referrers answers with the list of a registry, from which the dropped are missing.
func (f *faulty) referrers(w http.ResponseWriter, r *http.Request, all http.Handler) {
	rec := httptest.NewRecorder()
	all.ServeHTTP(rec, r)
	var list struct{ Manifests []oci.Descriptor }
	if err := json.Unmarshal(rec.Body.Bytes(), &list); err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	list.Manifests = slices.DeleteFunc(list.Manifests, func(d oci.Descriptor) bool { return f.dropped[d.Digest] })
	f.mu.Unlock()
	w.Header().Set("Content-Type", oci.TypeIndex)
	_, _ = w.Write(index(f.t, list.Manifests...))
}

// load loads the bundle once, and checks what it reports.
func (f *faulty) load(raw []byte, run int) (*verify.Report, error) {
	f.t.Helper()
	f.mu.Lock()
	f.run = run
	f.mu.Unlock()
	r, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.Limits{})
	if err != nil {
		f.t.Fatal(err)
	}
	host := strings.TrimPrefix(f.server.URL, "http://")
	o := load.Options{Names: load.Names{Host: host}}
	rep, err := load.Bundle(f.t.Context(), r, fixture.Options(), f.target(), o)
	if rep == nil {
		return nil, err
	}
	for _, img := range rep.Loaded.Images {
		missing := f.lacks(f.t, strings.TrimPrefix(img.Reference, fixture.Host))
		if (err == nil || img.Error == "" || img.ReadBack) && missing != nil {
			f.t.Errorf("seed %d, case %d (%s), run %d: %s is reported as loaded, and lacks %q",
				faultSeed, f.n, f, f.run, img.Reference, missing)
		}
	}
	return rep, err
}

// wantNamed wants each image of which something is missing to name it.
func (f *faulty) wantNamed(l *verify.Loaded) {
	f.t.Helper()
	for _, img := range l.Images {
		missing := f.lacks(f.t, strings.TrimPrefix(img.Reference, fixture.Host))
		named := slices.ContainsFunc(missing, func(path string) bool {
			name := path[strings.LastIndexAny(path, "/ ")+1:]
			return strings.Contains(string(img.Error), name)
		})
		if missing != nil && !named {
			f.t.Errorf("seed %d, case %d (%s): %s lacks %q, and the error names none of it:\n%s",
				faultSeed, f.n, f, img.Reference, missing, img.Error)
		}
	}
}

// get asks the registry for a document, past all faults.
func (l *lab) get(path string) (int, []byte) {
	rec := httptest.NewRecorder()
	l.memory.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec.Code, rec.Body.Bytes()
}

// lacks compares an image with that of the source: every manifest, tag, blob and entry in
// a list of referrers. It does not look at what the code under test reports.
func (l *lab) lacks(t *testing.T, img string) []string {
	t.Helper()
	name, tag, _ := strings.Cut(img, ":")
	c := comparison{l, fixture.NewRegistry(), "/v2/acme/" + name, fixture.Host + name, nil}
	c.manifest(t, tag, c.src.Tags[fixture.Host+img].Digest)
	return c.missing
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
