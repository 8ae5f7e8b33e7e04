//go:build linux

package volume_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/fixture"
)

// refuses is a file that opens but whose beginning cannot be read, as on a scratched
// disc.
const refuses = "/proc/self/mem"

// TestIndexThatTheMediumRefuses wants volumes to be read without their index if that
// cannot be read.
func TestIndexThatTheMediumRefuses(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	base := cut(t, raw, int64(len(raw)/3+1))
	if err := errors.Join(os.Remove(base.Index()), os.Symlink(refuses, base.Index())); err != nil {
		t.Fatal(err)
	}
	rep := judge(t, base.Index(), fixture.Options())
	if failed := fixture.Failed(rep); len(failed) > 0 || !slices.Contains(fixture.Warned(rep), "media.index") {
		t.Errorf("failed %v, warned %v", failed, fixture.Warned(rep))
	}
}

// TestPipeNamedAsVolume wants a pipe to be refused at once wherever a file is named.
func TestPipeNamedAsVolume(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "app.tar.001")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	x := &volume.Index{Volumes: []volume.Volume{{Number: 1, Size: 4}}}
	_, one := volume.CheckOne(context.Background(), pipe, x, nil)
	_, index := volume.ReadIndex(pipe)
	for _, err := range []error{one, index} {
		if !errors.As(err, new(*fs.PathError)) {
			t.Errorf("%v", err)
		}
	}
}
