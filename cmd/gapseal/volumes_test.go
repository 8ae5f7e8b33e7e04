package main

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

var allFiles = []string{"app.recovery.json", "app.tar.001", "app.tar.002", "app.tar.003", "app.tar.rec.001", "app.tar.rec.002", "app.volumes.json"}

// TestVolumesAreAllOrNothing stops a write of volumes with recovery after each
// number of bytes told, and wants nothing under any name; the next run is whole.
func TestVolumesAreAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	base := volume.Base(filepath.Join(dir, "app.tar"))
	c := &cutting{each: 10_000, percent: 30}
	plan, fetch := planned(t, "app:v1")
	stopped := 0
	for left := int64(1); left < 4*plan.Size; left += plan.Size / 7 {
		ctx, cancel := context.WithCancel(t.Context())
		told := int64(0)
		err := c.write(ctx, plan, fetch, base, 1, func(n int64) {
			if told += n; told >= left {
				cancel()
			}
		})
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

// TestAFailingSourceLeavesNoVolumes, and the volumes of an earlier export as
// they were.
func TestAFailingSourceLeavesNoVolumes(t *testing.T) {
	dir := t.TempDir()
	base := volume.Base(filepath.Join(dir, "app.tar"))
	c := &cutting{each: 10_000, percent: 30}
	plan, fetch := planned(t, "app:v1")
	if err := c.write(t.Context(), plan, fetch, base, 2, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(base.Volume(2))
	if err != nil {
		t.Fatal(err)
	}
	broken := func(context.Context, oci.Digest, int64) (io.ReadCloser, error) { return nil, io.ErrUnexpectedEOF }
	if err := c.write(t.Context(), plan, broken, base, 2, func(int64) {}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	after, err := os.ReadFile(base.Volume(2))
	if got := filesIn(t, dir); err != nil || !bytes.Equal(before, after) || !slices.Equal(got, allFiles) {
		t.Errorf("left %v, %v", got, err)
	}
}

// TestACommitThatFailsTakesBackWhatItNamed: a folder stands where the index
// would go.
func TestACommitThatFailsTakesBackWhatItNamed(t *testing.T) {
	dir := t.TempDir()
	base := volume.Base(filepath.Join(dir, "app.tar"))
	c := &cutting{each: 10_000}
	plan, fetch := planned(t, "app:v1")
	err := c.write(t.Context(), plan, fetch, base, 2, func(int64) {
		_ = os.MkdirAll(filepath.Join(base.Volume(3), "in the way"), 0o700)
	})
	if got := filesIn(t, dir); err == nil || !slices.Equal(got, []string{"app.tar.003"}) {
		t.Errorf("left %v, %v", got, err)
	}
}

// TestAKilledRunIsCleared: partial files of a run that is gone are removed by
// the next.
func TestAKilledRunIsCleared(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".app.tar.002.0123456789abcdef.partial", ".app.volumes.json.0123456789abcdef.partial", ".app.tar.rec.001.0123456789abcdef.partial"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plan, fetch := planned(t, "app:v1")
	c := &cutting{each: 10_000, percent: 30}
	if err := c.write(t.Context(), plan, fetch, volume.Base(filepath.Join(dir, "app.tar")), 2, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if got := filesIn(t, dir); !slices.Equal(got, allFiles) {
		t.Errorf("left %v", got)
	}
}

// TestARepairThatFailsLeavesNothing: the index of recovery blocks was changed,
// so that what is rebuilt cannot be what it says.
func TestARepairThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	base := volume.Base(filepath.Join(dir, "app.tar"))
	c := &cutting{percent: 30}
	plan, fetch := planned(t, "app:v1")
	if err := c.write(t.Context(), plan, fetch, base, 2, func(int64) {}); err != nil {
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
	rec[len(rec)-1] ^= 1 // so that the copy there does not count
	if err := os.WriteFile(base.Recovery(1), rec, 0o600); err != nil {
		t.Fatal(err)
	}
	code, stderr := captured(t, func() error {
		return repair(t.Context(), base.RecoveryIndex(), "", nil, stdio{os.Stdin, &output{file: null(t)}, null(t)})
	})
	if code != exitRejected || !strings.Contains(stderr, "media.recovery: what was rebuilt is not") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if got := filesIn(t, dir); !slices.Equal(got, []string{"app.recovery.json", "app.tar", "app.tar.rec.001"}) {
		t.Errorf("left %v", got)
	}
}

func null(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
