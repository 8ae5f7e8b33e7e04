package bundle_test

import (
	"bytes"
	"io"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// ending is a writer of a tap that notes how it was ended.
type ending struct {
	io.Writer
	end func(how string)
}

func (e ending) Close() error   { e.end("closed"); return nil }
func (e ending) Discard() error { e.end("discarded"); return nil }

// endings hashes a bundle, and returns how the writer of each blob was ended.
func endings(t *testing.T, r *bundle.Reader) map[oci.Digest]string {
	t.Helper()
	var mu sync.Mutex
	ends := map[oci.Digest]string{}
	err := r.Hash(t.Context(), func(d oci.Digest, _ int64) io.WriteCloser {
		return ending{io.Discard, func(how string) {
			mu.Lock()
			defer mu.Unlock()
			ends[d] += how
		}}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ends
}

// TestWhatIsNotTheBlobIsDiscarded wants a writer to learn that it did not get the blob:
// one bit of a layer differs, or the file ends inside it.
func TestWhatIsNotTheBlobIsDiscarded(t *testing.T) {
	whole := fixture.Bundle(t, "app:v1")
	layer := oci.Digest("")
	var at int
	for _, f := range fixture.Files(whole) {
		d := oci.FromBytes(f.Data)
		if r := open(t, whole); r.Meta[d] == nil && r.Inventory != nil && r.Has(d) {
			layer, at = d, bytes.Index(whole, f.Data)
		}
	}
	if layer == "" {
		t.Fatal("the bundle has no layer")
	}
	flipped := bytes.Clone(whole)
	flipped[at+1] ^= 1
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"whole": {whole, "closed"}, "flipped": {flipped, "discarded"}, "cut": {whole[:at+2], "discarded"},
	} {
		piped, err := bundle.OpenStream(bytes.NewReader(c.raw), oci.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for how, r := range map[string]*bundle.Reader{"file": open(t, c.raw), "pipe": piped} {
			ends := endings(t, r)
			if got := ends[layer]; got != c.want && !(how == "file" && name == "cut" && got == "") {
				t.Errorf("%s, %s: the layer was %q, want %q", name, how, got, c.want)
			}
			delete(ends, layer)
			for d, got := range ends {
				if got != "closed" {
					t.Errorf("%s, %s: %s was %q, want closed", name, how, d, got)
				}
			}
		}
	}
}

func open(t *testing.T, raw []byte) *bundle.Reader {
	t.Helper()
	r, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
