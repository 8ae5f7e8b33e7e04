package load_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/load"
)

// An interrupt after the verdict leaves a report that says how far each image came.
func TestAnInterruptedLoadIsReported(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	for name, c := range map[string]struct {
		at, want string // the first such request after the verdict is interrupted
	}{
		"blobs":     {"POST blob", "interrupted before a manifest of it was stored"},
		"manifests": {"PUT manifest sha256:", "interrupted while its manifests were stored"},
		"tag":       {"PUT manifest v1", "it may be set"},
		"read back": {"GET manifest v1", "it is stored, and its tag is set"},
	} {
		m := newMemory()
		ctx, cancel := context.WithCancel(t.Context())
		r := open(t, raw)
		m.fault = func(request string) error {
			after := true // the verdict
			if digest, blob := strings.CutPrefix(request, "POST blob "); blob {
				after = r.Meta[oci.Digest(digest)] != nil
			} else if strings.HasPrefix(request, "GET") {
				after = m.repo("registry.plant:5000/mirror/acme/app").tags["v1"] != ""
			}
			if after && strings.HasPrefix(request, c.at) {
				cancel()
				return context.Canceled
			}
			return nil
		}
		rep, err := load.Bundle(ctx, r, fixture.Options(), m, plant)
		cancel()
		if !errors.Is(err, context.Canceled) || rep == nil {
			t.Errorf("%s: report %v, error %v", name, rep != nil, err)
			continue
		}
		l := rep.Loaded
		if rep.Verdict != check.Verified || l.Complete || l.Unfinished != verify.LoadInterrupted || len(l.Images) != 1 {
			t.Errorf("%s: %s, %+v", name, rep.Verdict, l)
			continue
		}
		if img := l.Images[0]; img.ReadBack || !strings.Contains(string(img.Error), c.want) {
			t.Errorf("%s: read back %v, error %q, want %q", name, img.ReadBack, img.Error, c.want)
		}
	}
}

// Begin is called once, when nothing can be reached yet, and not if all is there.
func TestBeginComesBeforeTheFirstManifest(t *testing.T) {
	raw := fixture.Bundle(t, images...)
	m, calls := newMemory(), 0
	o := plant
	o.Begin = func(_ context.Context, rep *verify.Report) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		calls++
		if rep.Verdict != check.Verified || m.reachable() > 0 {
			t.Errorf("%s, %d things can be reached", rep.Verdict, m.reachable())
		}
		l := rep.Loaded
		if l.Complete || l.Unfinished != verify.LoadBegun || len(l.Images) != len(images) ||
			!strings.HasPrefix(string(l.Images[0].Error), "not stored yet") {
			t.Errorf("%+v", l)
		}
		return nil
	}
	for range 2 {
		rep, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, o)
		if err != nil || calls != 1 || rep.Loaded.Unfinished != "" {
			t.Errorf("%v, %d calls, %+v", err, calls, rep.Loaded)
		}
	}
}

var errNoRecord = errors.New("the register cannot be written")

func TestNothingIsStoredIfBeginFails(t *testing.T) {
	m, o := newMemory(), plant
	o.Begin = func(context.Context, *verify.Report) error { return errNoRecord }
	rep, err := load.Bundle(t.Context(), open(t, fixture.Bundle(t, images...)), fixture.Options(), m, o)
	if !errors.As(err, new(*load.Error)) || m.reachable() > 0 {
		t.Fatalf("%v; %d things can be reached", err, m.reachable())
	}
	for _, img := range rep.Loaded.Images {
		if img.Error != verify.Text(errNoRecord.Error()) {
			t.Errorf("%+v", img)
		}
	}
}

// An interrupt before the last look at lists of referrers: the images that have such lists
// are not complete.
func TestAnInterruptBeforeTheLastLook(t *testing.T) {
	m, o := newMemory(), plant
	o.Settle = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m.fault = func(request string) error {
		if strings.HasPrefix(request, "PUT referrers") {
			time.AfterFunc(time.Second, cancel)
		}
		return nil
	}
	rep, err := load.Bundle(ctx, open(t, fixture.Bundle(t, "app:v1", "bundle:v1")), fixture.Options(), m, o)
	if !errors.Is(err, context.Canceled) || rep == nil || rep.Loaded.Complete {
		t.Fatalf("%v, %+v", err, rep)
	}
	for _, img := range rep.Loaded.Images {
		late := strings.HasSuffix(img.Destination, "/bundle")
		if img.ReadBack == late || (img.Error != "") != late {
			t.Errorf("%+v", img)
		}
	}
}
