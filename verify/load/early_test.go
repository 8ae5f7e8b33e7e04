package load_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/load"
)

// TestRefusedPushesAreKnownEarly has a user who may push to one repository, or to none.
func TestRefusedPushesAreKnownEarly(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1", "multi:v1")
	m := newMemory()
	m.readOnly = map[string]bool{appRepo: true}
	o, read := plant, int64(0)
	var warned []string
	o.Warn = func(text string) {
		if warned = append(warned, text); read > 0 {
			t.Error("content was read before the refusal was known")
		}
	}
	opt := fixture.Options()
	opt.Progress = func(n int64) { read += n }
	rep, err := load.Bundle(t.Context(), open(t, raw), opt, m, o)
	if !errors.As(err, new(*load.Error)) || len(warned) != 1 || !strings.Contains(warned[0], "app:v1 will not be loaded") {
		t.Fatalf("error %v, warnings %q", err, warned)
	}
	if rep.Loaded.Images[0].Error == "" || rep.Loaded.Images[1].Error != "" || len(m.repo(appRepo).blobs) > 0 {
		t.Errorf("%+v", rep.Loaded.Images)
	}
	m, read = newMemory(), 0
	m.readOnly = map[string]bool{appRepo: true, strings.Replace(appRepo, "app", "multi", 1): true}
	rep, err = load.Bundle(t.Context(), open(t, raw), opt, m, o)
	if rep != nil || !errors.Is(err, oci.ErrDenied) || read > 0 {
		t.Errorf("report %v, error %v, %d bytes were read", rep, err, read)
	}
}

// TestWhatIsThereNeedsNoRightToPush loads again as a user who may only read.
func TestWhatIsThereNeedsNoRightToPush(t *testing.T) {
	m, raw, _ := appLoaded(t)
	m.readOnly = map[string]bool{appRepo: true}
	if _, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, plant); err != nil {
		t.Error(err)
	}
}

// TestANarrowedIndexIsKnownEarly wants a warning before content is read, and a note in the
// preview.
func TestANarrowedIndexIsKnownEarly(t *testing.T) {
	src := fixture.NewRegistry()
	req := fixture.Request(t, "multi:v1")
	req.Platforms = []oci.Platform{{OS: "linux", Architecture: "amd64"}}
	raw := fixture.Export(t, src, req)
	const want = "the index was exported without linux/arm64/v8; many registries refuse an index"
	o := plant
	var warned []string
	o.Warn = func(text string) { warned = append(warned, text) }
	m := newMemory()
	_, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, o)
	if !errors.As(err, new(*load.Error)) || len(warned) != 1 || !strings.Contains(warned[0], want) {
		t.Errorf("error %v, warnings %q", err, warned)
	}
	l, err := load.Preview(t.Context(), open(t, raw), fixture.Options(), newMemory(), plant)
	if err != nil || !strings.Contains(strings.Join(l.Images[0].Notes, ""), want) {
		t.Errorf("error %v, %+v", err, l)
	}
}

func TestAMappingThatAppliesToNoImage(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	o := plant
	o.Names.Map = []load.Mapping{{From: "ghcr.io/acme", To: "own"}}
	m := newMemory()
	unused := (*load.UnusedMappingError)(nil)
	_, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, o)
	if !errors.As(err, &unused) || unused.From != "ghcr.io/acme" || len(m.repos) > 0 {
		t.Errorf("error %v", err)
	}
	o.Names.Map[0].Optional = true
	if _, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, o); err != nil {
		t.Error(err)
	}
}

// TestBlobsCountForAnImageThatWasLoaded has two images with the same layers, of which the
// first fails.
func TestBlobsCountForAnImageThatWasLoaded(t *testing.T) {
	m := newMemory()
	f := fixture.Open(fixture.Bundle(t, "app:v1", "app:v2"))
	slices.SortFunc(f.Inventory.Images, func(a, b bundle.Image) int { return strings.Compare(a.Reference, b.Reference) })
	m.fault = func(request string) error {
		if request == "PUT manifest v1" {
			return errors.New("refused")
		}
		return nil
	}
	rep, err := load.Bundle(t.Context(), open(t, f.Build()), fixture.Options(), m, plant)
	if !errors.As(err, new(*load.Error)) {
		t.Fatal(err)
	}
	alone := newMemory()
	only, err := load.Bundle(t.Context(), open(t, fixture.Bundle(t, "app:v2")), fixture.Options(), alone, plant)
	if err != nil {
		t.Fatal(err)
	}
	count := func(b verify.BlobCounts) int { return b.Sent + b.Mounted + b.Present }
	if got, want := count(rep.Loaded.Images[1].Blobs), count(only.Loaded.Images[0].Blobs); got != want {
		t.Errorf("%d blobs are counted for the image that was loaded, want %d", got, want)
	}
}

// TestAListThatAnotherLoadReplaces has a load that replaces a list of referrers after it was
// read back.
func TestAListThatAnotherLoadReplaces(t *testing.T) {
	for settle, want := range map[time.Duration]int{0: 1, time.Millisecond: 0} {
		m := newMemory()
		replaced := false
		m.fault = func(request string) error {
			r := m.repo("registry.plant:5000/mirror/acme/bundle")
			if strings.HasPrefix(request, "HEAD blob") && r.tags["v1"] != "" && !replaced { // the end of read back
				replaced = true
				clear(r.referrers)
			}
			return nil
		}
		o := plant
		o.Settle = settle
		_, err := load.Bundle(t.Context(), open(t, fixture.Bundle(t, "bundle:v1")), fixture.Options(), m, o)
		if missing := lacking(m, []string{"bundle:v1"}); err != nil || len(missing) != want || !replaced {
			t.Errorf("settle %s: error %v, missing %q", settle, err, missing)
		}
	}
}

// TestUploadsThatEndedInAnErrorAreListed has a destination that stores blobs and answers
// with an error.
func TestUploadsThatEndedInAnErrorAreListed(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1", "multi:v1")
	raw[contentAt(t, raw)] ^= 1
	m := newMemory()
	ended := map[string]bool{}
	m.fault = func(request string) error {
		if d, ok := strings.CutPrefix(request, "PUT blob "); ok {
			ended[d] = true
			return errors.New("400")
		}
		return nil
	}
	rep, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, plant)
	if !errors.As(err, new(*verify.Error)) || len(rep.Loaded.Unreferenced) != len(ended) || len(ended) == 0 {
		t.Errorf("error %v; %d uploads ended, listed: %v", err, len(ended), rep.Loaded.Unreferenced)
	}
}
