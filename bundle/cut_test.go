package bundle_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// TestTruncatedBundleReportsItsSize cuts a bundle at many places, and wants the
// report to give its size and, if the inventory can still be read, the size that it
// should have; the same for a file and a pipe.
func TestTruncatedBundleReportsItsSize(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	known := fixture.Offsets(raw)[5] // after the inventory
	for n := 98; n < len(raw); n += 97 {
		part := raw[:n]
		file, err := bundle.Open(bytes.NewReader(part), int64(n), oci.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		pipe, err := bundle.OpenStream(bytes.NewReader(part), oci.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		want := "more"
		if n > known {
			want = fmt.Sprintf("a file of %d bytes", len(raw))
		}
		for how, r := range map[string]*bundle.Reader{"file": file, "pipe": pipe} {
			if err := r.Hash(t.Context(), nil, nil); err != nil {
				t.Fatal(err)
			}
			f := cutFault(r)
			if f == nil {
				t.Errorf("%s of %d bytes: %v", how, n, r.Faults())
			} else if f.Found != fmt.Sprintf("%d bytes", n) || f.Expected != want {
				t.Errorf("%s of %d bytes: expected %s, found %s", how, n, f.Expected, f.Found)
			}
		}
	}
}

func cutFault(r *bundle.Reader) *check.Fault {
	for _, f := range r.Faults() {
		if f.ID == check.ContainerTruncated || f.ID == check.ContainerEnd {
			return f
		}
	}
	return nil
}
