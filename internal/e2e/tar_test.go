package e2e

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// walkTar calls see with each entry of the bundle and the offset of its data.
func walkTar(t *testing.T, file string, see func(header *tar.Header, offset int64, data io.Reader)) {
	t.Helper()
	f := ok(os.Open(file))(t)
	defer f.Close()
	reader := tar.NewReader(f)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		// The reader does not buffer, so the data begins at the offset of the file.
		see(header, ok(f.Seek(0, io.SeekCurrent))(t), reader)
	}
}

// offsetOf returns the offset of a blob's data in the bundle.
func offsetOf(t *testing.T, file string, digest v1.Hash) int64 {
	t.Helper()
	found := int64(-1)
	walkTar(t, file, func(header *tar.Header, offset int64, _ io.Reader) {
		if header.Name == "blobs/"+digest.Algorithm+"/"+digest.Hex {
			found = offset
		}
	})
	if found < 0 {
		t.Fatalf("%s is not in the bundle", digest)
	}
	return found
}

// unpack unpacks the bundle into a new folder, and returns its path.
func unpack(t *testing.T, file string) string {
	t.Helper()
	dir := t.TempDir()
	root := ok(os.OpenRoot(dir))(t)
	defer root.Close()
	walkTar(t, file, func(header *tar.Header, _ int64, data io.Reader) {
		if err := root.MkdirAll(filepath.Dir(header.Name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := root.WriteFile(header.Name, ok(io.ReadAll(data))(t), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	return dir
}

// member returns the content of a file in the bundle.
func member(t *testing.T, file, name string) []byte {
	t.Helper()
	var content []byte
	walkTar(t, file, func(header *tar.Header, _ int64, data io.Reader) {
		if header.Name == name {
			content = ok(io.ReadAll(data))(t)
		}
	})
	if content == nil {
		t.Fatalf("%s is not in the bundle", name)
	}
	return content
}
