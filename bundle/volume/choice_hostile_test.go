package volume_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

// TestTheRightOneOfThree: two bad copies do not take a bundle from who has the
// good one too, in whatever folder that lies.
func TestTheRightOneOfThree(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	base := cut(t, raw, int64(len(raw)/3+1))
	good := read(t, base.Volume(2))
	bad, worse := slices.Clone(good), slices.Clone(good)
	bad[700] ^= 1
	worse[700] ^= 2
	for name, c := range map[string][3][]byte{
		"the first": {good, bad, worse}, "the second": {bad, good, worse}, "the last": {bad, worse, good},
	} {
		dirs := []string{t.TempDir(), t.TempDir()}
		for i, d := range append([]string{filepath.Dir(string(base))}, dirs...) {
			write(t, base.In(d).Volume(2), c[i])
		}
		rep := judge(t, base.Index(), fixture.Options(), dirs...)
		if failed := fixture.Failed(rep); len(failed) > 0 || !slices.Contains(fixture.Warned(rep), "media.duplicate") {
			t.Errorf("%s: failed %v, warned %v", name, failed, fixture.Warned(rep))
		}
	}
}

// TestVolumesThatWereRead: the report lists the files that the bundle was read
// from, whatever an index of another length says, and no others.
func TestVolumesThatWereRead(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	each := int64(len(raw)/3 + 1)
	for name, c := range map[string]struct{ listed, stray int64 }{
		"index of fewer":               {2 * each, 0},
		"a stray volume behind a gap":  {5 * each, 5},
		"a stray volume that is older": {int64(len(raw)), 4},
	} {
		base := cut(t, raw, each)
		write(t, base.Index(), read(t, cut(t, append(slices.Clone(raw), raw...)[:c.listed], each).Index()))
		if c.stray > 0 {
			write(t, base.Volume(int(c.stray)), raw[:each])
		}
		set, err := volume.Find(base.Index(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer set.Close()
		r, err := set.Bundle(oci.Limits{})
		if err != nil || !r.Sound() {
			t.Fatalf("%s: %v, %v", name, err, r.Faults())
		}
		if n := len(set.Found); n != 3 || set.Content().Size() != int64(len(raw)) {
			t.Errorf("%s: %d volumes of %d bytes are said to have been read", name, n, set.Content().Size())
		}
	}
}

// TestNoReportWhileVolumesAreBlamed: an interrupt while the volume at fault is
// sought ends in no report, as any other does.
func TestNoReportWhileVolumesAreBlamed(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	base := cut(t, raw, int64(len(raw)/3+1))
	edit(3, func(b []byte) []byte { b[600] ^= 1; return b })(t, base)
	set, err := volume.Find(base.Index(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	opt := fixture.Options()
	r, err := set.Bundle(oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var told atomic.Int64
	opt.Progress = func(n int64) {
		if told.Add(n) > int64(len(raw)) { // content is less than that: this is the second pass
			cancel()
		}
	}
	if rep, err := verify.Bundle(ctx, r, opt); rep != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("report %v, error %v after %d bytes", rep != nil, err, told.Load())
	}
}
