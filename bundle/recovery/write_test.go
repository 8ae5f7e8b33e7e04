package recovery

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

func planned(t *testing.T, image string) (*bundle.Plan, bundle.Fetch) {
	t.Helper()
	plan, fetch, err := bundle.Collect(t.Context(), fixture.NewRegistry(), fixture.Request(t, image))
	if err != nil {
		t.Fatal(err)
	}
	return plan, fetch
}

func filesIn(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

var allFiles = []string{"app.recovery.json", "app.tar.001", "app.tar.002", "app.tar.003", "app.tar.rec.001",
	"app.tar.rec.002", "app.volumes.json"}

// TestVolumesAreAllOrNothing cancels a write of volumes with recovery at
// different points, and wants no file under its name. The run that is not
// cancelled writes all of them.
func TestVolumesAreAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	base := volume.Base(filepath.Join(dir, "app.tar"))
	plan, fetch := planned(t, "app:v1")
	stopped := 0
	for left := int64(1); left < 4*plan.Size; left += plan.Size / 7 {
		ctx, cancel := context.WithCancel(t.Context())
		done := int64(0)
		err := Write(ctx, plan, fetch, volume.Target{Base: base, Each: 10_000, Workers: 1, Progress: func(n int64) {
			if done += n; done >= left {
				cancel()
			}
		}}, 30)
		cancel()
		got := filesIn(t, dir)
		if err == nil {
			if !slices.Equal(got, allFiles) {
				t.Errorf("written: %v", got)
			}
			break
		}
		stopped++
		if len(got) > 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("stopped after %d bytes: left %v, %v", left, got, err)
		}
	}
	if stopped < 3 {
		t.Errorf("stopped %d times", stopped)
	}
}

// TestAFailingSourceLeavesNoVolumes wants the volumes of an earlier export to
// stay as they were.
func TestAFailingSourceLeavesNoVolumes(t *testing.T) {
	dir := t.TempDir()
	base := volume.Base(filepath.Join(dir, "app.tar"))
	plan, fetch := planned(t, "app:v1")
	target := volume.Target{Base: base, Each: 10_000}
	if err := Write(t.Context(), plan, fetch, target, 30); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(base.Volume(2))
	if err != nil {
		t.Fatal(err)
	}
	broken := func(context.Context, oci.Digest, int64) (io.ReadCloser, error) { return nil, io.ErrUnexpectedEOF }
	if err := Write(t.Context(), plan, broken, target, 30); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	after, err := os.ReadFile(base.Volume(2))
	if got := filesIn(t, dir); err != nil || !bytes.Equal(before, after) || !slices.Equal(got, allFiles) {
		t.Errorf("left %v, %v", got, err)
	}
}

// TestACommitThatFailsTakesBackWhatItNamed puts a folder where the third volume
// would go.
func TestACommitThatFailsTakesBackWhatItNamed(t *testing.T) {
	dir := t.TempDir()
	base := volume.Base(filepath.Join(dir, "app.tar"))
	plan, fetch := planned(t, "app:v1")
	target := volume.Target{Base: base, Each: 10_000, Progress: func(int64) {
		_ = os.MkdirAll(filepath.Join(base.Volume(3), "in the way"), 0o700)
	}}
	err := Write(t.Context(), plan, fetch, target, 0)
	if got := filesIn(t, dir); err == nil || !slices.Equal(got, []string{"app.tar.003"}) {
		t.Errorf("left %v, %v", got, err)
	}
}

// TestAKilledRunIsCleared wants the partial files of a killed run to be removed
// by the next.
func TestAKilledRunIsCleared(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".app.tar.002.0123456789abcdef.partial", ".app.volumes.json.0123456789abcdef.partial",
		".app.tar.rec.001.0123456789abcdef.partial"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plan, fetch := planned(t, "app:v1")
	target := volume.Target{Base: volume.Base(filepath.Join(dir, "app.tar")), Each: 10_000}
	if err := Write(t.Context(), plan, fetch, target, 30); err != nil {
		t.Fatal(err)
	}
	if got := filesIn(t, dir); !slices.Equal(got, allFiles) {
		t.Errorf("left %v", got)
	}
}

// TestARepairThatFailsLeavesNothing changes the index of recovery blocks, so that
// no rebuilt file can match it.
func TestARepairThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	base := volume.Base(filepath.Join(dir, "app.tar"))
	plan, fetch := planned(t, "app:v1")
	if err := Write(t.Context(), plan, fetch, volume.Target{Base: base}, 30); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(base.RecoveryIndex())
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(raw, []byte(`"cells":["sha256:`)) + len(`"cells":["sha256:`)
	raw[at] = map[bool]byte{true: '1', false: '0'}[raw[at] == '0']
	if err := os.WriteFile(base.RecoveryIndex(), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	rec, err := os.ReadFile(base.Recovery(1))
	if err != nil {
		t.Fatal(err)
	}
	rec[len(rec)-1] ^= 1 // so that the copy of the index is not whole
	if err := os.WriteFile(base.Recovery(1), rec, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Find(base.RecoveryIndex(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Scan(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	_, err = r.Rebuild(t.Context(), filepath.Join(dir, "app.repaired"), quiet)
	if f := (*check.Fault)(nil); !errors.As(err, &f) || f.ID != check.MediaRecovery ||
		!strings.HasPrefix(f.Detail, "what was rebuilt is not") {
		t.Errorf("%v", err)
	}
	if got := filesIn(t, dir); !slices.Equal(got, []string{"app.recovery.json", "app.tar", "app.tar.rec.001"}) {
		t.Errorf("left %v", got)
	}
}
