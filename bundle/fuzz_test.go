package bundle_test

import (
	"bytes"
	"runtime"
	"slices"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify/check"
)

// FuzzReader reads arbitrary bytes as a bundle. There must be no panic, memory must
// stay bounded, and a file and a pipe must agree on whether anything is wrong. Bytes
// without a fault must be those that a plan of their own content is written as, so
// that one content has one form. Only the bundles that were signed may verify; where
// no seal key is pinned, they may have any seal.
func FuzzReader(f *testing.F) {
	good := fixture.Bundle(f, "unsigned:v1")
	f.Add(good)
	verified := [][]byte{fixture.Bundle(f, "app:v1"), fixture.Bundle(f, "multi:v1")}
	f.Add(verified[0])
	f.Add(verified[1])
	f.Add(fixture.NewSealer().SealedBundle(verified[0]))
	f.Add(good[:len(good)-1024])
	f.Add(append(bytes.Clone(good), 0))
	f.Add(good[:5000])
	f.Add([]byte{})
	f.Add([]byte("\x1f\x8b"))
	f.Add(fixture.Entry("oci-layout", '2', "/etc/passwd", ""))
	f.Add(fixture.Entry("index.json", '0', "", "{}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		readers := read(t, raw, nil)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20+200*uint64(len(raw))+2*48<<20 {
			t.Errorf("%d bytes allocated for %d bytes of input", used, len(raw))
		}
		file, pipe := readers["file"], readers["pipe"]
		if (len(file.Faults()) == 0) != (len(pipe.Faults()) == 0) {
			t.Errorf("file finds %v, pipe finds %v", file.Faults(), pipe.Faults())
		}
		if len(file.Faults()) == 0 {
			canonical(t, file, raw)
			rep := fixture.Verify(t, raw, fixture.Options())
			signed := unsealed(raw)
			if rep.Verdict == check.Verified && !bytes.Equal(signed, verified[0]) && !bytes.Equal(signed, verified[1]) {
				t.Error("verified, and not one of the bundles that were signed")
			}
		}
	})
}

// unsealed returns a good bundle without its seal.
func unsealed(raw []byte) []byte {
	f := fixture.Open(raw)
	f.Seal = nil
	return f.Build()
}

// canonical compares a bundle with one that the forge builds from its content. The
// forge derives everything that follows from the documents.
func canonical(t *testing.T, r *bundle.Reader, raw []byte) {
	g := r.Walk()
	if slices.ContainsFunc(g.Faults, func(f *check.Fault) bool { return !f.Warn }) ||
		len(g.Blobs) != len(r.Inventory.Blobs) {
		return // a fault that verify reports
	}
	for i, b := range g.Blobs {
		if !slices.Equal(b.Roles, r.Inventory.Blobs[i].Roles) {
			return
		}
	}
	if again := fixture.Open(raw).Build(); !bytes.Equal(again, raw) {
		t.Errorf("nothing is wrong with these %d bytes, and the same content is also written in another way", len(raw))
	}
}
