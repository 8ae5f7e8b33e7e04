package bundle_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// openFile writes a bundle to a file and opens it.
func openFile(t *testing.T, raw []byte) (*bundle.Reader, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.tar")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := bundle.OpenFile(path, oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, path
}

// contentBlob returns the largest blob of a bundle that is not metadata.
func contentBlob(t *testing.T, r *bundle.Reader) (largest bundle.Blob) {
	t.Helper()
	for _, b := range r.Inventory.Blobs {
		if !b.Metadata() && b.Size > largest.Size {
			largest = b
		}
	}
	if largest.Size < 2 {
		t.Fatal("the bundle has no content to read")
	}
	return largest
}

func TestOpenBlobReadsEveryBlob(t *testing.T) {
	r, _ := openFile(t, fixture.Bundle(t, everything...))
	for range 2 { // before Hash and after it
		for _, b := range r.Inventory.Blobs {
			rc, err := r.OpenBlob(b.Digest)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(iotest.OneByteReader(rc))
			if err != nil || oci.FromBytes(raw) != b.Digest || int64(len(raw)) != b.Size {
				t.Errorf("%s: read %d bytes, %v", b.Digest, len(raw), err)
			}
			if _, err := rc.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("%s: a read after the end: %v", b.Digest, err)
			}
			rc.Close()
			if _, err := rc.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s: a read after Close: %v", b.Digest, err)
			}
		}
		if err := r.Hash(t.Context(), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.OpenBlob(oci.FromBytes([]byte("not in the bundle"))); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("a blob that the bundle does not hold: %v", err)
	}
}

// TestOpenBlobOfAFileThatChanges changes the file once it is hashed, before and
// after the blob is opened. A consumer that reads to the end must see a fault, and
// so must one that reads exactly as many bytes as the blob should have.
func TestOpenBlobOfAFileThatChanges(t *testing.T) {
	good := fixture.Bundle(t, "app:v1")
	for name, c := range map[string]struct {
		change func(path string, at int64) error
		want   check.ID
	}{
		"a byte": {func(path string, at int64) error {
			bad := bytes.Clone(good)
			bad[at] ^= 1
			return os.WriteFile(path, bad, 0o600)
		}, check.BlobDigest},
		"the end is missing": {os.Truncate, check.BlobSize},
	} {
		for _, opened := range []bool{false, true} {
			r, path := openFile(t, good)
			if err := r.Hash(t.Context(), nil, nil); err != nil {
				t.Fatal(err)
			}
			b := contentBlob(t, r)
			rc, err := r.OpenBlob(b.Digest)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(rc)
			if err != nil {
				t.Fatal(err)
			}
			at := int64(bytes.Index(good, raw)) + b.Size - 1
			rc, _ = r.OpenBlob(b.Digest)
			if err := c.change(path, at); err != nil {
				t.Fatal(err)
			}
			if !opened {
				rc, _ = r.OpenBlob(b.Digest)
			}
			f := (*check.Fault)(nil)
			n, err := io.ReadFull(rc, make([]byte, b.Size))
			if int64(n) == b.Size || !errors.As(err, &f) || f.ID != c.want {
				t.Errorf("%s, opened before: %v: %d of %d bytes, %v", name, opened, n, b.Size, err)
			}
			rc, _ = r.OpenBlob(b.Digest)
			if _, err := io.Copy(io.Discard, rc); !errors.As(err, &f) || f.ID != c.want {
				t.Errorf("%s, opened before: %v: read to the end: %v", name, opened, err)
			}
		}
	}
}

// TestOpenBlobOfAWrongBlob opens a blob that is damaged in the file from the
// start.
func TestOpenBlobOfAWrongBlob(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	r, _ := openFile(t, raw)
	b := contentBlob(t, r)
	rc, _ := r.OpenBlob(b.Digest)
	content, _ := io.ReadAll(rc)
	bad := bytes.Clone(raw)
	bad[bytes.Index(raw, content)] ^= 1
	r, _ = openFile(t, bad)
	rc, err := r.OpenBlob(b.Digest)
	if err != nil {
		t.Fatal(err)
	}
	f := (*check.Fault)(nil)
	if _, err := io.Copy(io.Discard, rc); !errors.As(err, &f) || f.ID != check.BlobDigest {
		t.Errorf("error %v", err)
	}
}

// TestOpenBlobOfAPipe opens metadata, which is in memory, and content, which is
// gone.
func TestOpenBlobOfAPipe(t *testing.T) {
	r, err := bundle.OpenStream(bytes.NewReader(fixture.Bundle(t, "app:v1")), oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range r.Inventory.Blobs {
		rc, err := r.OpenBlob(b.Digest)
		if !b.Metadata() {
			if !errors.Is(err, bundle.ErrStream) {
				t.Errorf("content: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := io.ReadAll(rc); err != nil || oci.FromBytes(raw) != b.Digest {
			t.Errorf("metadata: %d bytes, %v", len(raw), err)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenFileRefused(t *testing.T) {
	_, err := bundle.OpenFile(filepath.Join(t.TempDir(), "none.tar"), oci.Limits{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := bundle.OpenFile(t.TempDir(), oci.Limits{}); err == nil {
		t.Error("a folder: no error")
	}
}
