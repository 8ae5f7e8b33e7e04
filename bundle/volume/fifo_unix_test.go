//go:build unix

package volume_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// TestPipeBesideVolumes puts a named pipe with the name of an index beside volumes.
// Opening it would block forever.
func TestPipeBesideVolumes(t *testing.T) {
	dir := t.TempDir()
	x := &volume.Index{Schema: volume.Schema, Whole: volume.Whole{Size: 4, Digest: oci.FromBytes([]byte("good"))},
		Volumes: []volume.Volume{{Number: 1, Size: 4, Digest: oci.FromBytes([]byte("good"))}}}
	raw, err := x.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	index := filepath.Join(dir, "app.volumes.json")
	for name, content := range map[string][]byte{index: raw, filepath.Join(dir, "app.tar.001"): []byte("bad")} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "other.volumes.json"), 0o600); err != nil {
		t.Skip(err)
	}
	s, err := volume.Find(index, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.Faults) != 1 || s.Faults[0].ID != check.MediaSize {
		t.Errorf("%v", s.Faults)
	}
}
