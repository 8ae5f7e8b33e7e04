package bundle_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// read opens raw as a file and as a pipe, and hashes all of it.
func read(t testing.TB, raw []byte, tap bundle.Tap) map[string]*bundle.Reader {
	t.Helper()
	file, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := bundle.OpenStream(bytes.NewReader(raw), oci.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	readers := map[string]*bundle.Reader{"file": file, "pipe": pipe}
	for how, r := range readers {
		if err := r.Hash(t.Context(), tap, nil); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
	}
	return readers
}

func faultIDs(r *bundle.Reader) (ids []check.ID) {
	for _, f := range r.Faults() {
		if !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

func TestReadsWhatWasWritten(t *testing.T) {
	p := plan(t, fixture.NewRegistry(), fixture.Request(t, everything...))
	raw := fixture.Bundle(t, everything...)
	for how, r := range read(t, raw, nil) {
		if len(r.Faults()) > 0 || !r.Whole() {
			t.Errorf("%s: faults %v", how, r.Faults())
		}
		size, blobs := r.Totals()
		if size != int64(len(raw)) || blobs != len(fixture.Files(raw))-2 || r.Identity() != p.Identity() {
			t.Errorf("%s: %d bytes, %d blobs, identity %s; want %d, %d, %s", how, size, blobs, r.Identity(), len(raw),
				len(fixture.Files(raw))-2, p.Identity())
		}
		for _, b := range r.Inventory.Blobs {
			if !r.Has(b.Digest) {
				t.Errorf("%s: %s is not there", how, b.Digest)
			}
			if _, held := r.Meta[b.Digest]; held != b.Metadata() {
				t.Errorf("%s: %s (%v) held in memory: %v", how, b.Digest, b.Roles, held)
			}
		}
		if r.Has(oci.FromBytes([]byte("nothing"))) {
			t.Errorf("%s: has what is not there", how)
		}
	}
}

// TestTapSeesEveryBlobOnce wants the tap to be given every blob once, in whatever
// role, and nothing else.
func TestTapSeesEveryBlobOnce(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1", "multi:v1")
	var mu sync.Mutex
	seen := map[oci.Digest][][]byte{}
	tap := func(d oci.Digest, size int64) io.WriteCloser {
		return &tapped{close: func(b []byte) {
			mu.Lock()
			defer mu.Unlock()
			seen[d] = append(seen[d], b)
			if int64(len(b)) != size {
				t.Errorf("%s: announced with %d bytes, given %d", d, size, len(b))
			}
		}}
	}
	read(t, raw, tap)
	for _, f := range fixture.Files(raw)[2:] {
		d := oci.FromBytes(f.Data)
		if len(seen[d]) != 2 || !bytes.Equal(seen[d][0], f.Data) || !bytes.Equal(seen[d][1], f.Data) {
			t.Errorf("%s: seen %d times by file and pipe together, want each once and whole", d, len(seen[d]))
		}
		delete(seen, d)
	}
	if len(seen) > 0 {
		t.Errorf("the tap was given %d blobs too many", len(seen))
	}
}

type tapped struct {
	bytes.Buffer
	close func([]byte)
}

func (w *tapped) Close() error { w.close(w.Bytes()); return nil }

func TestTapThatFails(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	r, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	err = r.Hash(t.Context(), func(oci.Digest, int64) io.WriteCloser { return refusing{} }, nil)
	if !errors.Is(err, errFull) {
		t.Errorf("error %v, want that of the tap", err)
	}
}

type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errFull }
func (refusing) Close() error              { return nil }

// TestReadErrors wants a read that the operating system refuses to be an error,
// wherever it happens, and not a fault of the bundle.
func TestReadErrors(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	for at := 0; at < len(raw); at += 300 {
		broken := brokenAt{raw, int64(at)}
		r, err := bundle.Open(broken, int64(len(raw)), oci.DefaultLimits())
		if err == nil {
			err = r.Hash(t.Context(), nil, nil)
		}
		if !errors.Is(err, errDown) {
			t.Fatalf("file broken at %d: error %v", at, err)
		}
		r, err = bundle.OpenStream(io.NewSectionReader(broken, 0, int64(len(raw))), oci.DefaultLimits())
		if err == nil {
			err = r.Hash(t.Context(), nil, nil)
		}
		if !errors.Is(err, errDown) {
			t.Fatalf("pipe broken at %d: error %v", at, err)
		}
	}
}

// brokenAt is a medium with a sector that cannot be read.
type brokenAt struct {
	raw []byte
	at  int64
}

func (b brokenAt) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= b.at {
		return copy(p, b.raw[off:]), nil
	}
	n := 0
	if off < b.at {
		n = copy(p, b.raw[off:b.at])
	}
	return n, errDown
}

// TestCutAnywhere wants a bundle that is cut to be refused as cut, wherever that is,
// by a file and a pipe alike.
func TestCutAnywhere(t *testing.T) {
	raw := fixture.Bundle(t, "unsigned:v1")
	for n := range len(raw) {
		if n%31 != 0 && n%512 != 0 {
			continue
		}
		got := map[string][]check.ID{}
		for how, r := range read(t, raw[:n], nil) {
			got[how] = faultIDs(r)
			if len(got[how]) == 0 || !r.Whole() != slices.Contains(got[how], check.ContainerTruncated) {
				t.Errorf("cut at %d, %s: faults %v, whole %v", n, how, got[how], r.Whole())
			}
			if !slices.Contains(got[how], check.ContainerTruncated) && !slices.Contains(got[how], check.ContainerEnd) {
				t.Errorf("cut at %d, %s: faults %v, none of them says so", n, how, got[how])
			}
		}
		if !slices.Equal(got["file"], got["pipe"]) {
			t.Errorf("cut at %d: file says %v, pipe says %v", n, got["file"], got["pipe"])
		}
	}
}

// TestNoByteIsFree flips a bit of every third byte, and adds a byte at the end. Each
// must be a fault.
func TestNoByteIsFree(t *testing.T) {
	raw := fixture.Bundle(t, "unsigned:v1")
	for i := 0; i < len(raw); i += 3 {
		changed := bytes.Clone(raw)
		changed[i] ^= 1 << (i % 8)
		refused(t, i, "changed", changed)
		if i%16 == 0 {
			refused(t, i, "added", slices.Insert(bytes.Clone(raw), i, 0))
			refused(t, i, "removed", slices.Delete(bytes.Clone(raw), i, i+1))
		}
	}
}

func refused(t *testing.T, i int, what string, raw []byte) {
	t.Helper()
	r, err := bundle.OpenStream(bytes.NewReader(raw), oci.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Hash(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if len(r.Faults()) == 0 {
		t.Errorf("byte %d %s: no fault", i, what)
	}
}
