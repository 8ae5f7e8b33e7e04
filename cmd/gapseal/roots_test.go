package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The PEM files of two folders are two roots, since what two instances vouch for must
// not be mixed. Those that are named one by one are one root.
func TestPEMFoldersAreRootsOfTheirOwn(t *testing.T) {
	key, err := os.ReadFile(filepath.Join("..", "..", "testdata", "keys", "rekor.pub"))
	if err != nil {
		t.Fatal(err)
	}
	var folders, files []string
	for range 2 {
		dir := t.TempDir()
		file := filepath.Join(dir, "rekor.pub")
		if err := os.WriteFile(file, key, 0o600); err != nil {
			t.Fatal(err)
		}
		folders, files = append(folders, dir), append(files, file)
	}
	for name, c := range map[string]struct {
		paths []string
		roots int
	}{
		"two folders":         {folders, 2},
		"two files":           {files, 1},
		"a folder and a file": {[]string{folders[0], files[1]}, 2},
	} {
		roots, err := readRoots("--trusted-root", c.paths)
		if err != nil || len(roots) != c.roots {
			t.Errorf("%s: %d roots, want %d (%v)", name, len(roots), c.roots, err)
		}
		for _, root := range roots {
			if root.Path == "" {
				t.Errorf("%s: a root without its path", name)
			}
		}
	}
}
