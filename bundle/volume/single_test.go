package volume_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/fixture"
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
		"good": {2, good, ""}, "damaged": {2, flipped, check.MediaDamaged}, "cut": {2, good[:10], check.MediaSize}, "longer": {2, append(bytes.Clone(good), 0), check.MediaSize},
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
	if _, err := volume.CheckOne(context.Background(), base.In(t.TempDir()).Volume(2), x, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestANameWithoutTar: the index alone does not tell whether the bundle's name
// ends in .tar; what is there does.
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

func TestFindWhatIsNoSet(t *testing.T) {
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
