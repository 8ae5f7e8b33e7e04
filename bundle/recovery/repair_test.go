package recovery

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/verify/check"
)

// written writes app.tar as volumes with 50 percent of recovery into a folder.
func written(t *testing.T) volume.Base {
	t.Helper()
	plan, fetch := planned(t, "app:v1")
	base := volume.Base(filepath.Join(t.TempDir(), "app.tar"))
	if err := Write(t.Context(), plan, fetch, volume.Target{Base: base, Each: 10_000}, 50); err != nil {
		t.Fatal(err)
	}
	return base
}

func found(t *testing.T, base volume.Base) *Repair {
	t.Helper()
	r, err := Find(base.Index(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// flip changes one byte of a file, counted from its end if at is negative.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += len(raw)
	}
	raw[at] ^= 1
	if err := os.WriteFile(path, raw, 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestRepairIsAllOrNothing(t *testing.T) {
	base := written(t)
	flip(t, base.Volume(2), 100)
	stopped := 0
	for left := int64(1); ; left += 9_000 {
		dir := filepath.Join(t.TempDir(), "rebuilt")
		ctx, cancel := context.WithCancel(t.Context())
		var done atomic.Int64
		tell := func(n int64) {
			if done.Add(n) >= left {
				cancel()
			}
		}
		r := found(t, base)
		err := r.Scan(ctx, tell)
		if err == nil {
			_, err = r.Rebuild(ctx, dir, tell)
		}
		cancel()
		if err == nil {
			if got := filesIn(t, dir); !slices.Equal(got, []string{"app.tar.002"}) {
				t.Errorf("rebuilt: %v", got)
			}
			break
		}
		stopped++
		if _, gone := os.Stat(dir); !errors.Is(err, context.Canceled) || !errors.Is(gone, os.ErrNotExist) {
			t.Errorf("stopped after %d bytes: %v; the folder: %v", left, err, gone)
		}
	}
	if stopped < 3 {
		t.Errorf("stopped %d times", stopped)
	}
}

func TestRepairOverwritesNothing(t *testing.T) {
	base := written(t)
	flip(t, base.Volume(1), 600)
	if err := os.Remove(base.Index()); err != nil {
		t.Fatal(err)
	}
	for _, there := range []string{"app.tar.001", "app.volumes.json"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, there), []byte("kept"), 0o666); err != nil {
			t.Fatal(err)
		}
		r, err := Find(base.Volume(1), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Scan(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Rebuild(t.Context(), dir, nil); !errors.Is(err, os.ErrExist) {
			t.Errorf("%s: %v", there, err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, there))
		if got := filesIn(t, dir); err != nil || string(raw) != "kept" || len(got) != 1 {
			t.Errorf("%s: %q, %v, beside %v", there, raw, err, got)
		}
	}
}

// TestIndexesThatDisagree exchanges indexes, so that what would be rebuilt is not
// what both say.
func TestIndexesThatDisagree(t *testing.T) {
	base := written(t)
	plan, fetch := planned(t, "multi:v1")
	target := volume.Target{Base: base.In(t.TempDir()), Each: 10_000}
	if err := Write(t.Context(), plan, fetch, target, 50); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(target.Base.Index())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(base.Index(), raw, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = Find(base.Index(), nil)
	fault := (*check.Fault)(nil)
	if !errors.As(err, &fault) || fault.ID != check.MediaForeign {
		t.Errorf("an index of volumes of another bundle: %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	plan, fetch := planned(t, "app:v1")
	dir := t.TempDir()
	target := volume.Target{Base: volume.Base(filepath.Join(dir, "app.tar")), Each: 10_000}
	if err := Write(t.Context(), plan, fetch, target, 101); err == nil || len(filesIn(t, dir)) > 0 {
		t.Errorf("101 percent: %v, left %v", err, filesIn(t, dir))
	}
	stale := target.Base.Recovery(3)
	if err := os.WriteFile(stale, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	err := Write(t.Context(), plan, fetch, target, 30)
	if left := filesIn(t, dir); !errors.As(err, new(*volume.StaleError)) || len(left) != 1 {
		t.Errorf("a recovery volume of an earlier export: %v, left %v", err, left)
	}
}
