package volume_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// cut writes a bundle as volumes of each bytes, with their index, into a folder of
// its own, and returns their base.
func cut(t testing.TB, raw []byte, each int64) volume.Base {
	t.Helper()
	base := volume.Base(filepath.Join(t.TempDir(), "app.tar"))
	sizes, err := volume.Split(int64(len(raw)), each)
	if err != nil {
		t.Fatal(err)
	}
	var files []volume.File
	for i, n := range sizes {
		write(t, base.Volume(i+1), raw[:n])
		raw = raw[n:]
		f, err := os.Open(base.Volume(i + 1))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, volume.File{ReaderAt: f, Size: n})
	}
	x, err := volume.Describe(context.Background(), files, nil)
	if err != nil {
		t.Fatal(err)
	}
	writeIndex(t, base, x)
	return base
}

func writeIndex(t testing.TB, base volume.Base, x *volume.Index) {
	t.Helper()
	doc, err := x.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	write(t, base.Index(), doc)
}

func write(t testing.TB, path string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// judge verifies a bundle from its volumes.
func judge(t testing.TB, path string, opt verify.Options, dirs ...string) *verify.Report {
	t.Helper()
	set, err := volume.Find(path, dirs)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	r, err := set.Bundle(oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := verify.Bundle(context.Background(), r, opt)
	if rep == nil {
		t.Fatal(err)
	}
	if (err == nil) != (rep.Verdict == check.Verified) || (len(fixture.Failed(rep)) == 0) != (err == nil) {
		t.Fatalf("verdict %s, error %v, failed %v", rep.Verdict, err, fixture.Failed(rep))
	}
	return rep
}
