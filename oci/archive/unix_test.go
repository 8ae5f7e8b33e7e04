//go:build unix

package archive_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gapseal/gapseal/oci/archive"
)

// Nothing waits for the other end of a pipe that stands in a folder.
func TestFolderDoesNotWaitForAPipe(t *testing.T) {
	for _, name := range []string{"oci-layout", "index.json"} {
		dir, _, _ := layoutOf(t)
		pipe(t, filepath.Join(dir, name))
		if _, err := archive.OpenLayout(dir); err == nil || !strings.Contains(err.Error(), "found a named pipe") {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir, p, root := layoutOf(t)
	l := openLayout(t, dir)
	pipe(t, filepath.Join(dir, "blobs/sha256", root.Digest.Hex()))
	if _, err := l.Write(t.Context(), p, nil); err == nil || !strings.Contains(err.Error(), "a named pipe") {
		t.Errorf("a blob: %v", err)
	}
	if err := l.Check(p); err == nil || !strings.Contains(err.Error(), "found a named pipe") {
		t.Errorf("the check of a blob: %v", err)
	}
}

func pipe(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
}
