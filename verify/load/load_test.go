package load_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/load"
)

// images are those of testdata that verify, in all shapes of evidence: signatures and
// attestations by tag, referrers, both, several platforms, Docker's schema.
var images = []string{"app:v1", "app:v2", "multi:v1", "dockerv2:v1", "bundle:v1", "both:v1"}

var plant = load.Options{Names: load.Names{Host: "registry.plant:5000", Prefix: "mirror"}}

func open(t testing.TB, raw []byte) *bundle.Reader {
	t.Helper()
	r, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lacking returns what a destination lacks of some images.
func lacking(m *memory, list []string) (missing []string) {
	src := fixture.NewRegistry()
	for _, img := range list {
		name, tag, _ := strings.Cut(img, ":")
		for _, what := range m.lacks(src, fixture.Host+name, tag, "registry.plant:5000/mirror/acme/"+name) {
			missing = append(missing, img+": "+what)
		}
	}
	return missing
}

func TestEverythingArrives(t *testing.T) {
	raw := fixture.Bundle(t, images...)
	for name, m := range map[string]*memory{
		"api": {api: true, mount: true}, "fallback": {mount: true}, "no mounts": {},
	} {
		m.repos = map[string]*repository{}
		for _, how := range []string{"file", "again", "pipe"} {
			r := open(t, raw)
			if how == "pipe" {
				var err error
				if r, err = bundle.OpenStream(bytes.NewReader(raw), oci.Limits{}); err != nil {
					t.Fatal(err)
				}
				m.repos = map[string]*repository{}
			}
			m.sent, m.puts = 0, 0
			rep, err := load.Bundle(t.Context(), r, fixture.Options(), m, plant)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, how, err)
			}
			if missing := lacking(m, images); missing != nil {
				t.Errorf("%s, %s: missing: %q", name, how, missing)
			}
			if how == "again" && m.sent+m.puts > 0 {
				t.Errorf("%s: loading again sends %d blobs and %d manifests", name, m.sent, m.puts)
			}
			if !rep.Loaded.Complete || len(rep.Loaded.Images) != len(images) || m.open != 0 {
				t.Errorf("%s, %s: %d uploads open, result %+v", name, how, m.open, rep.Loaded)
			}
			checkResults(t, rep.Loaded, how == "again")
		}
	}
}

func checkResults(t *testing.T, l *verify.Loaded, again bool) {
	t.Helper()
	before, blobs := "absent", 0
	if again {
		before = "same"
	}
	for _, img := range l.Images {
		if !img.ReadBack || img.Error != "" || img.Before != before || img.Evidence == 0 {
			t.Errorf("%+v", img)
		}
		if again && img.Blobs.Sent+img.Blobs.Mounted > 0 {
			t.Errorf("sent again: %+v", img)
		}
		blobs += img.Blobs.Sent + img.Blobs.Present + img.Blobs.Mounted
	}
	if blobs < 20 {
		t.Errorf("only %d blobs are counted", blobs)
	}
}

// TestNothingBeforeTheVerdict looks at the destination at each write before the verdict:
// no manifest may be there, and content must have been sent by then.
func TestNothingBeforeTheVerdict(t *testing.T) {
	raw := fixture.Bundle(t, images...)
	m := newMemory()
	opt := fixture.Options()
	total := int64(0)
	opt.Progress = func(n int64) {
		m.mu.Lock()
		defer m.mu.Unlock()
		total += n
		if m.reachable() > 0 {
			t.Error("something can be reached before the verdict")
		}
	}
	if _, err := load.Bundle(t.Context(), open(t, raw), opt, m, plant); err != nil {
		t.Fatal(err)
	}
	if total == 0 || m.reachable() == 0 {
		t.Error("nothing was seen")
	}
}

// attack is a bundle that must not be loaded.
type attack struct {
	raw  []byte
	opt  verify.Options
	want check.ID
}

func attacks(t *testing.T) map[string]attack {
	whole := fixture.Bundle(t, "app:v1", "multi:v1")
	flipped := bytes.Clone(whole)
	flipped[contentAt(t, whole)] ^= 1
	return map[string]attack{
		"a flipped layer":   {flipped, fixture.Options(), check.BlobDigest},
		"a truncated pipe":  {whole[:len(whole)-3000], fixture.Options(), check.ContainerTruncated},
		"cut in a layer":    {whole[:contentAt(t, whole)], fixture.Options(), check.ContainerTruncated},
		"an unsigned image": {fixture.Bundle(t, "app:v1", "unsigned:v1"), fixture.Options(), check.PolicyUnsigned},
		"another key":       {fixture.Bundle(t, "app:v1", "wrongkey:v1"), fixture.Options(), "trust.key"},
	}
}

// contentAt returns the offset of a byte in the last layer.
func contentAt(t *testing.T, raw []byte) (at int) {
	r := open(t, raw)
	for _, f := range fixture.Files(raw) {
		if d := oci.FromBytes(f.Data); r.Has(d) && r.Meta[d] == nil && d != oci.FromBytes(r.Index) {
			at = bytes.LastIndex(raw, f.Data) + 1
		}
	}
	if at == 0 {
		t.Fatal("the bundle has no content")
	}
	return at
}

func TestARejectedBundleLeavesNothing(t *testing.T) {
	for name, a := range attacks(t) {
		for _, how := range []string{"file", "pipe"} {
			m := newMemory()
			r := open(t, a.raw)
			if how == "pipe" {
				var err error
				if r, err = bundle.OpenStream(bytes.NewReader(a.raw), oci.Limits{}); err != nil {
					t.Fatal(err)
				}
			}
			rep, err := load.Bundle(t.Context(), r, a.opt, m, plant)
			if !errors.As(err, new(*verify.Error)) || rep == nil {
				t.Fatalf("%s, %s: error %v", name, how, err)
			}
			if got := strings.Join(fixture.Failed(rep), " "); !strings.Contains(got, string(a.want)) {
				t.Errorf("%s, %s: failed %s, want %s", name, how, got, a.want)
			}
			if m.reachable() > 0 || m.open != 0 {
				t.Errorf("%s, %s: %d things can be reached, %d uploads are open", name, how, m.reachable(), m.open)
			}
			if got, want := unreferenced(rep), stored(m); got != want {
				t.Errorf("%s, %s: %d unreferenced blobs are reported, %d are there", name, how, got, want)
			}
		}
	}
}

func unreferenced(rep *verify.Report) int {
	if rep.Loaded == nil {
		return 0
	}
	return len(rep.Loaded.Unreferenced)
}

func stored(m *memory) (n int) {
	for _, r := range m.repos {
		n += len(r.blobs)
	}
	return n
}

// swapped is a file that changes after its metadata was read.
type swapped struct {
	before, after []byte
	swap          atomic.Bool
}

func (s *swapped) ReadAt(p []byte, off int64) (int, error) {
	if s.swap.Load() {
		return bytes.NewReader(s.after).ReadAt(p, off)
	}
	return bytes.NewReader(s.before).ReadAt(p, off)
}

func TestAFileThatIsSwappedAfterOpenLeavesNothing(t *testing.T) {
	whole := fixture.Bundle(t, "app:v1", "multi:v1")
	after := bytes.Clone(whole)
	after[contentAt(t, whole)] ^= 1
	file := &swapped{before: whole, after: after}
	r, err := bundle.Open(file, int64(len(whole)), oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	file.swap.Store(true)
	m := newMemory()
	rep, err := load.Bundle(t.Context(), r, fixture.Options(), m, plant)
	if !errors.As(err, new(*verify.Error)) || m.reachable() > 0 || fixture.Failed(rep)[0] != string(check.BlobDigest) {
		t.Errorf("error %v, %d things can be reached", err, m.reachable())
	}
}

// TestAFileThatIsSwappedAfterTheVerdict lets uploads fail, so that blobs are read again
// after the verdict, and changes the file by then.
func TestAFileThatIsSwappedAfterTheVerdict(t *testing.T) {
	whole := fixture.Bundle(t, "app:v1")
	after := bytes.Clone(whole)
	after[contentAt(t, whole)] ^= 1
	file := &swapped{before: whole, after: after}
	r, err := bundle.Open(file, int64(len(whole)), oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	cut := false
	m.fault = func(request string) error {
		switch {
		case strings.HasPrefix(request, "PATCH") && !file.swap.Load():
			cut = true
			return errors.New("connection reset")
		case strings.HasPrefix(request, "HEAD blob") && cut: // after the verdict
			file.swap.Store(true)
		}
		return nil
	}
	rep, err := load.Bundle(t.Context(), r, fixture.Options(), m, plant)
	if rep == nil || rep.Verdict != check.Verified || !errors.As(err, new(*load.Error)) {
		t.Fatalf("error %v", err)
	}
	if m.reachable() > 0 {
		t.Error("an image with another layer can be reached")
	}
}

// TestFaults loads into a destination that fails at random, 200 times: it must never
// report success while something is missing, what is missing must be named, and five
// more runs over a destination that fails less must bring everything.
func TestFaults(t *testing.T) {
	some := []string{"app:v1", "multi:v1", "bundle:v1", "both:v1"}
	raw := fixture.Bundle(t, some...)
	runs := uint64(200)
	if testing.Short() {
		runs = 20
	}
	for seed := range runs {
		rng := rand.New(rand.NewPCG(seed, 1))
		m := newMemory()
		m.api, m.mount = seed%2 == 0, seed%3 != 0
		rate := []float64{0.2, 0.05, 0.01, 0.002, 0}
		var at float64
		m.fault = func(request string) error {
			if rng.Float64() < at {
				return fmt.Errorf("500 for %s", request)
			}
			return nil
		}
		m.drop = func(string) bool { return rng.Float64() < at/4 }
		done := false
		for run := range 5 {
			at = rate[run]
			r := open(t, raw)
			if seed%5 == 0 {
				var err error
				if r, err = bundle.OpenStream(bytes.NewReader(raw), oci.Limits{}); err != nil {
					t.Fatal(err)
				}
			}
			rep, err := load.Bundle(t.Context(), r, fixture.Options(), m, plant)
			missing := lacking(m, some)
			if err == nil && (missing != nil || !rep.Loaded.Complete) {
				t.Fatalf("seed %d, run %d: success, but missing: %q", seed, run, missing)
			}
			if err != nil && rep != nil {
				named(t, rep.Loaded)
			}
			if m.open != 0 {
				t.Fatalf("seed %d, run %d: %d uploads are open", seed, run, m.open)
			}
			done = err == nil
		}
		if !done {
			t.Fatalf("seed %d: not complete after 5 runs", seed)
		}
	}
}

// named wants each failed image to say why, and each other image to be read back.
func named(t *testing.T, l *verify.Loaded) {
	t.Helper()
	if l.Complete {
		t.Error("an error, and yet complete")
	}
	for _, img := range l.Images {
		if (img.Error == "") != img.ReadBack {
			t.Errorf("%+v", img)
		}
	}
}

func TestTagsThatExist(t *testing.T) {
	m := newMemory()
	all := open(t, fixture.Bundle(t, images...))
	if _, err := load.Bundle(t.Context(), all, fixture.Options(), m, plant); err != nil {
		t.Fatal(err)
	}
	app := m.repo("registry.plant:5000/mirror/acme/app")
	app.tags["v1"] = app.tags["v2"]
	was := app.tags["v2"]
	raw := fixture.Bundle(t, "app:v1", "multi:v1")
	rep, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, plant)
	failed := rep.Loaded.Images[0]
	if !errors.As(err, new(*load.Error)) || failed.Before != "other "+string(was) || failed.ReadBack {
		t.Fatalf("error %v, %+v", err, failed)
	}
	for _, want := range []string{string(was), failed.Digest} {
		if !strings.Contains(string(failed.Error), want) {
			t.Errorf("%s does not name %s", failed.Error, want)
		}
	}
	if other := rep.Loaded.Images[1]; other.Error != "" || !other.ReadBack || app.tags["v1"] != was {
		t.Errorf("the other image: %+v", other)
	}
	over := plant
	over.OverwriteTags = true
	if _, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, over); err != nil {
		t.Fatal(err)
	}
	if missing := lacking(m, []string{"app:v1", "multi:v1"}); missing != nil {
		t.Errorf("missing after overwriting: %q", missing)
	}
}

// TestATagThatIsMovedMeanwhile wants the error to name the tag, whether somebody moves it
// before it is set or after.
func TestATagThatIsMovedMeanwhile(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1", "app:v2")
	for when, nth := range map[string]int{"GET manifest v1": 2, "PUT manifest v1": 1} {
		m := newMemory()
		other := []byte("another manifest")
		asked, after := 0, false
		m.fault = func(request string) error {
			app := m.repo("registry.plant:5000/mirror/acme/app")
			if after {
				app.tags["v1"], after = oci.FromBytes(other), false
			}
			if request == when {
				if asked++; asked == nth {
					app.manifests[oci.FromBytes(other)] = other
					if after = when == "PUT manifest v1"; !after {
						app.tags["v1"] = oci.FromBytes(other)
					}
				}
			}
			return nil
		}
		rep, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, plant)
		moved := m.repo("registry.plant:5000/mirror/acme/app").tags["v1"] == oci.FromBytes(other)
		if moved != (err != nil) || err != nil && !strings.Contains(string(rep.Loaded.Images[0].Error), "v1") {
			t.Errorf("%s: moved: %v, error %v", when, moved, err)
		}
		if asked > 0 && !moved {
			t.Errorf("%s: the tag was not moved", when)
		}
	}
}

func TestCollisions(t *testing.T) {
	m := newMemory()
	o := plant
	for _, s := range []string{"registry.example.com/acme/app=one", "registry.example.com/acme/multi=one"} {
		mapping, err := load.ParseMapping(s)
		if err != nil {
			t.Fatal(err)
		}
		o.Names.Map = append(o.Names.Map, mapping)
	}
	_, err := load.Bundle(t.Context(), open(t, fixture.Bundle(t, "app:v1", "multi:v1")), fixture.Options(), m, o)
	want := "registry.plant:5000/mirror/one:v1"
	if c := (*load.CollisionError)(nil); !errors.As(err, &c) || c.Name != want || m.sent+m.puts > 0 {
		t.Errorf("error %v, %d blobs were sent", err, m.sent)
	}
}

func TestOnlySomeImages(t *testing.T) {
	m := newMemory()
	o := plant
	ref, err := oci.ParseReference(fixture.Host + "multi:v1")
	if err != nil {
		t.Fatal(err)
	}
	o.Only = []oci.Reference{ref}
	o.Names.TagAs = "stable"
	rep, err := load.Bundle(t.Context(), open(t, fixture.Bundle(t, images...)), fixture.Options(), m, o)
	if err != nil || len(rep.Loaded.Images) != 1 || len(rep.Images) != len(images) {
		t.Fatalf("error %v", err)
	}
	if len(m.repos) != 1 || m.repo("registry.plant:5000/mirror/acme/multi").tags["stable"] == "" {
		t.Errorf("repositories: %v", m.repos)
	}
}

func TestPreview(t *testing.T) {
	raw := fixture.Bundle(t, images...)
	m := newMemory()
	l, err := load.Preview(t.Context(), open(t, raw), fixture.Options(), m, plant)
	if err != nil || len(l.Images) != len(images) || m.sent+m.puts > 0 || l.Images[0].Before != "absent" {
		t.Fatalf("error %v, %+v", err, l)
	}
	bytesToSend := int64(0)
	for _, img := range l.Images {
		bytesToSend += img.Blobs.Bytes
	}
	if bytesToSend == 0 {
		t.Error("nothing would be sent")
	}
	_, err = load.Preview(t.Context(), open(t, fixture.Bundle(t, "unsigned:v1")), fixture.Options(), m, plant)
	if !errors.As(err, new(*verify.Error)) {
		t.Errorf("an unsigned image: error %v", err)
	}
}

// TestADestinationThatAnswersNothing wants no verdict and no reading of the content.
func TestADestinationThatAnswersNothing(t *testing.T) {
	down := errors.New("connection refused")
	m := newMemory()
	m.fault = func(string) error { return down }
	rep, err := load.Bundle(t.Context(), open(t, fixture.Bundle(t, images...)), fixture.Options(), m, plant)
	if rep != nil || !errors.Is(err, down) {
		t.Errorf("report %v, error %v", rep, err)
	}
}
