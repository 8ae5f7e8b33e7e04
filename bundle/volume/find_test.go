package volume_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

func TestCheckOne(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	base := cut(t, raw, int64(len(raw)/3+1))
	x, err := volume.ReadIndex(base.Index())
	if err != nil {
		t.Fatal(err)
	}
	good := read(t, base.Volume(2))
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	for name, c := range map[string]struct {
		number  int
		content []byte
		want    check.ID
	}{
		"good": {2, good, ""}, "damaged": {2, flipped, check.MediaDamaged}, "cut": {2, good[:10], check.MediaSize},
		"longer":  {2, append(bytes.Clone(good), 0), check.MediaSize},
		"another": {2, read(t, base.Volume(1)), check.MediaSwapped}, "no such number": {4, good, check.MediaForeign},
	} {
		path := base.In(t.TempDir()).Volume(c.number)
		write(t, path, c.content)
		v, err := volume.CheckOne(context.Background(), path, x, nil)
		f := &check.Fault{}
		if errors.As(err, &f); f.ID != c.want || (err == nil) != (c.want == "") || err == nil && v.Number != c.number {
			t.Errorf("%s: %v, volume %d", name, err, v.Number)
		}
	}
	_, err = volume.CheckOne(context.Background(), base.In(t.TempDir()).Volume(2), x, nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestANameWithoutTar opens volumes by their index, whose name does not show whether
// the bundle's name ends in .tar. The files that exist do.
func TestANameWithoutTar(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	base := cut(t, raw, 10_000)
	plain := volume.Base(filepath.Join(t.TempDir(), "app"))
	for n := 1; n <= 3; n++ {
		write(t, plain.Volume(n), read(t, base.Volume(n)))
	}
	write(t, plain.Index(), read(t, base.Index()))
	if failed := fixture.Failed(judge(t, plain.Index(), fixture.Options())); len(failed) > 0 {
		t.Errorf("failed %v", failed)
	}
}

func TestFindWithoutVolumes(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "folder.001"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"absent.001", "absent.volumes.json", "folder.001"} {
		path := (*fs.PathError)(nil)
		if set, err := volume.Find(filepath.Join(dir, name), nil); set != nil || !errors.As(err, &path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTheRightOneOfThree wants a bundle to verify if one of three copies of a volume
// is good, in whatever folder it lies.
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

// TestVolumesThatWereRead wants the report to list the files that the bundle was read
// from, even if the index lists more or fewer.
func TestVolumesThatWereRead(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	each := int64(len(raw)/3 + 1)
	for name, c := range map[string]struct{ listed, stray int64 }{
		"index of fewer":               {2 * each, 0},
		"a stray volume after a gap":   {5 * each, 5},
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
			t.Errorf("%s: %d volumes of %d bytes are reported as read", name, n, set.Content().Size())
		}
	}
}

// TestNoReportWhileVolumesAreBlamed interrupts the search for the volume at fault.
// There must be no report, as after any interrupt.
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
	var read atomic.Int64
	opt.Progress = func(n int64) {
		if read.Add(n) > int64(len(raw)) { // content is less than that: this is the second pass
			cancel()
		}
	}
	if rep, err := verify.Bundle(ctx, r, opt); rep != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("report %v, error %v after %d bytes", rep != nil, err, read.Load())
	}
}

// TestOpenBlobAcrossVolumes reads each blob of a bundle that lies in volumes.
func TestOpenBlobAcrossVolumes(t *testing.T) {
	base := cut(t, fixture.Bundle(t, "app:v1"), 3000)
	set, err := volume.Find(base.Index(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	b, err := set.Bundle(oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, blob := range b.Inventory.Blobs {
		r, err := b.OpenBlob(blob.Digest)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil || oci.FromBytes(raw) != blob.Digest {
			t.Errorf("%s: %d bytes, %v", blob.Digest, len(raw), err)
		}
	}
}
